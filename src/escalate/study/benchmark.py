"""The optimal benchmark beside a design: what complete information on as many patients would give, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.design import Design
from escalate.core.outcome import BINARY
from escalate.core.scenario import Scenario
from escalate.models import beta_binomial
from escalate.rules.eliminate import Eliminate
from escalate.study.metrics import SELECTION, Truths, selection_values

if TYPE_CHECKING:
    from escalate.study.optimal import Ties


@dataclass(frozen=True, eq=False)
class Benchmark:
    """The benchmark of a design under V scenarios; ties go as in the designs' own selection of the MTD.

    Parameters
    ----------
    patients
        With complete information: as many as the design may treat.
    bar
        Fewest DLTs among them that bar a dose, as the design's rule `eliminate` does; None where it has none.
    selected, selected_none
        Probability that each dose is selected, shape (V, J), and that none is, shape (V,).
    pcs, accuracy_index
        As for a design, shape (V,).

    References
    ----------
    O'Quigley J, Paoletti X, Maccario J (2002). Non-parametric optimal design in dose finding studies. Biostatistics 3:51-56.
    """

    patients: int
    bar: int | None
    selected: FloatArray
    selected_none: FloatArray
    pcs: FloatArray
    accuracy_index: FloatArray

    @classmethod
    def of(cls, design: Design, scenarios: Sequence[Scenario], ties: Ties = "selection") -> Self | None:
        """Return the benchmark, or None where the design has no target or grades outcomes; `ties` as in `optimal_selection`."""
        from escalate.study.optimal import optimal_selection  # noqa: PLC0415 - SciPy is slow to import

        if design.target is None or design.outcomes != BINARY:
            return None
        rates = np.array([scenario.dlt for scenario in scenarios])
        n, bar = design.max_patients, fewest_that_bar(design)
        found = optimal_selection(rates, design.target, n, bar, ties)
        counted = selection_values(design, rates, Truths.of(rates, design.target))
        # Rounding may carry a certain event beyond one.
        pcs = np.minimum((found * counted[:, SELECTION.index("pcs")]).sum(axis=1), 1.0)
        accuracy = 1 - (found * counted[:, SELECTION.index("accuracy_index")]).sum(axis=1)
        return cls(n, bar, found[:, :-1], found[:, -1], pcs, accuracy)


def fewest_that_bar(design: Design) -> int | None:
    """Return the fewest DLTs among `max_patients` at one dose for which a rule `eliminate` bars it, or None.

    Examples
    --------
    >>> from escalate.core.design import Design
    >>> doses = {"unit": "mg", "levels": (1.0, 2.0)}
    >>> frame = {"title": "a", "doses": doses, "target": 0.3, "max_patients": 6, "method": {"kind": "boin"}}
    >>> fewest_that_bar(Design.from_dict(frame)), fewest_that_bar(Design.from_dict({**frame, "rules": ()}))
    (4, None)
    """
    n = design.max_patients
    dlts = np.arange(n + 1)
    barred = np.zeros(n + 1, dtype=bool)
    for rule in design.rules:
        if isinstance(rule, Eliminate) and n >= rule.min_patients:
            prior = rule.prior or beta_binomial.UNIFORM
            barred |= beta_binomial.exceeds(np.full(n + 1, n), dlts, 1, design.target_rate, rule.cutoff, prior)
    return int(np.argmax(barred)) if barred.any() else None
