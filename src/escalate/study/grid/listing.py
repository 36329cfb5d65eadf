"""What the designs and the scenarios of a study are, as tables to join with the parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from escalate.core.errors import EscalateError
from escalate.study.calibration_axes import LEAST_INFORMATIVE, is_number
from escalate.study.grid.journal import SHORT

if TYPE_CHECKING:
    import pyarrow as pa

    from escalate.study.grid.study import Study

SOME: Final = 1000
"""Designs that are made at once."""


class _Listed(NamedTuple):
    title: str
    method: str
    target: float | None
    sha256: str
    choices: dict[str, Any]


def _of_design(study: Study, k: int) -> _Listed:
    try:
        member = study.designs[k]
    except EscalateError:
        # Reported as a failed job.
        return _Listed(f"design {k + 1}, which is none", "", None, "", {})
    design = member.design
    return _Listed(design.title, design.method.kind, design.target, design.sha256, dict(member.choices))


def designs_table(study: Study) -> pa.Table:
    """Return a row a design: number, the name of its parts, title, method, hash, and a column for each setting varied."""
    import pyarrow as pa  # noqa: PLC0415 - not needed otherwise

    # Some at a time, and of each what is written of it, not the design: there may be very many.
    starts = range(0, len(study.designs), SOME)
    return pa.concat_tables([_rows(study, range(start, min(start + SOME, len(study.designs)))) for start in starts])


def _rows(study: Study, which: range) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415

    members = [_of_design(study, k) for k in which]
    columns: dict[str, Any] = {
        "number": pa.array(range(which.start + 1, which.stop + 1), pa.int64()),
        "design": pa.array([each.sha256[:SHORT] for each in members], pa.string()),
        "title": pa.array([each.title for each in members], pa.string()),
        "method": pa.array([each.method for each in members], pa.string()),
        "target": pa.array([each.target for each in members], pa.float64()),
        "sha256": pa.array([each.sha256 for each in members], pa.string()),
    }
    for field, numeric in _fields(study).items():
        values = [each.choices.get(field) for each in members]
        if numeric:
            columns[field] = pa.array([None if value is None else float(value) for value in values], pa.float64())
        else:
            columns[field] = pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
    return pa.table(columns)


def _fields(study: Study) -> dict[str, bool]:
    """Return the settings that are varied, and whether each holds numbers alone in the designs."""
    found: dict[str, bool] = {}
    for axis in (axis for source in study.designs.sources for axis in source.axes):
        # The word stands for a number, which the design holds.
        numeric = all(is_number(value) or value == LEAST_INFORMATIVE for value in axis.values)
        found[axis.field] = found.get(axis.field, True) and numeric
    return found


def scenarios_table(study: Study) -> pa.Table:
    """Return a row a scenario: number, name, family, and its DLT probabilities."""
    import pyarrow as pa  # noqa: PLC0415

    every = study.scenarios
    return pa.table(
        {
            "number": pa.array(range(1, len(every) + 1), pa.int64()),
            "scenario": pa.array([scenario.name for scenario in every], pa.string()),
            "family": pa.array([scenario.family for scenario in every], pa.string()),
            "dlt": pa.array([list(scenario.dlt) for scenario in every], pa.list_(pa.float64())),
        }
    )
