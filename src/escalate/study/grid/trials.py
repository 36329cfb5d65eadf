"""Every random trial of a job, kept beside its means: what was selected, who was treated, why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from escalate.core.arrays import NONE, AnyArray
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.scenario import Scenario
from escalate.engine.automaton import Terminals
from escalate.engine.paired import CHUNK, Ends, Source
from escalate.study.characteristics import Characteristics
from escalate.study.counting import from_counts
from escalate.study.grid.parts import encoded
from escalate.study.results import DesignResult
from escalate.study.simulate import SIMULATION_STATES

if TYPE_CHECKING:
    import pyarrow as pa

    from escalate.study.grid.study import Study

MOST: Final = 10_000_000
"""Random trials of a design and scenario that may be kept one by one."""


def run_kept(study: Study, design: Design, scenarios: Sequence[Scenario]) -> tuple[DesignResult, bytes]:
    """Return the characteristics of random trials, as `simulate` has them, and these trials as a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415 - not needed otherwise

    assert study.trials is not None
    source = Source.of(design, min(study.max_states, SIMULATION_STATES))
    found, tables = [], []
    for k, scenario in enumerate(scenarios):
        ends = Ends(source)
        for first in range(0, study.trials, CHUNK):
            some, place = source.some(scenario, study.seed, first, min(CHUNK, study.trials - first))
            ends.add(some)
            tables.append(_rows(design, k, first, some.terminals, place))
        found.append(from_counts(design, scenario, *ends.merged(), study.trials))
    names = pa.array([scenario.name for scenario in scenarios], pa.string())
    whole = pa.concat_tables(tables)
    which = pa.DictionaryArray.from_arrays(whole["scenario"].combine_chunks(), names)
    whole = whole.set_column(0, "scenario", which)
    result = DesignResult(design, tuple(scenarios), Characteristics.join(found), source.n_states)
    return result, encoded(whole, words=("scenario", "stopped"))


def _rows(design: Design, scenario: int, first: int, terminals: Terminals, place: AnyArray) -> pa.Table:
    """Return a row a trial: number of the scenario, of the trial from 1, selected level, patients, DLTs, codes of what ended it."""
    import pyarrow as pa  # noqa: PLC0415

    tally, selected = terminals.tally, terminals.selected[place]
    bits, of_trial = np.unique(terminals.stops[place], return_inverse=True)
    ended = [_said(stop_codes(design), int(mask)) for mask in bits]
    return pa.table(
        {
            "scenario": pa.array(np.full(len(place), scenario, dtype=np.int32)),
            "trial": pa.array(np.arange(first + 1, first + len(place) + 1, dtype=np.int64)),
            "selected": pa.array((selected + 1).astype(np.int16), mask=selected == NONE),
            "patients": pa.array(tally.n_total[place].astype(np.int32)),
            "dlts": pa.array(tally.dlt.sum(axis=1)[place].astype(np.int32)),
            "stopped": pa.array(ended, pa.string()).take(pa.array(of_trial)),
        }
    )


def _said(codes: Sequence[str], bits: int) -> str:
    """Return codes with a comma between; a trial may end for more than one reason.

    Examples
    --------
    >>> _said(("max_patients", "method_done", "eliminate"), 0b101)
    'max_patients,eliminate'
    """
    return ",".join(code for k, code in enumerate(codes) if bits >> k & 1)
