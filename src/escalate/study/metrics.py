"""What operating characteristics are made of: the truth, the allocation of a trial, how it ended, and sums of these.

Definitions, with their sources, stand in docs/reference/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.plan import Plan
from escalate.engine.automaton import Terminals, state_keys

SAFE, TOXIC = 0.6, 1.4
"""Rates below 0.6 or above 1.4 times the target are under- and overdosing by a margin (Liu and Yuan 2015)."""
TIED = 1e-9


@dataclass(frozen=True, eq=False)
class Truths:
    """Which doses of V scenarios are what; each of shape (V, J), the last of shape (V,)."""

    mtd: Mask
    over: Mask
    under: Mask
    acceptable: Mask
    no_mtd: Mask

    @classmethod
    def of(cls, rates: FloatArray, target: float) -> Truths:
        """Sort the doses of scenarios by their true rates, shape (V, J).

        Examples
        --------
        >>> Truths.of(np.array([[0.05, 0.15, 0.30, 0.45, 0.60]]), 0.3).mtd.tolist()
        [[False, False, True, False, False]]
        """
        distance = np.abs(rates - target)
        return cls(
            mtd=distance <= distance.min(axis=1, keepdims=True) + TIED,
            over=rates > target + TIED,
            under=rates < SAFE * target - TIED,
            acceptable=(rates >= SAFE * target - TIED) & (rates <= TOXIC * target + TIED),
            no_mtd=rates[:, 0] > TOXIC * target + TIED,
        )


_BASIS = {
    "pca": "mtd",
    "overdose_allocated": "over",
    "underdose_allocated": "under",
    "risk_overdose_60": "over",
    "risk_overdose_80": "over",
    "risk_underdose_80": "under",
    "poor_allocation": "mtd",
    "risk_overdose_60_planned": "over",
    "risk_overdose_80_planned": "over",
}
"""Which doses each functional of the allocation counts."""
SHARES = tuple(_BASIS)
ACCURACY = ("accuracy_index", "accuracy_index_squared", "accuracy_index_overdose")
SELECTION = ("pcs", "pcs_nearest", "pas", "overdose_selected", "underdose_selected", *ACCURACY)
PER_TRIAL = ("selected_none", "mean_patients", "mean_dlts", "stopped_early", *SELECTION, *SHARES)
"""Metrics that are means, over trials, of a number that each trial has."""

HIGHER, LOWER = 1, -1
BETTER = {
    **dict.fromkeys(("pcs", "pcs_nearest", "pas", *ACCURACY, "pca", "efficiency"), HIGHER),
    **dict.fromkeys(
        ("overdose_selected", "underdose_selected", "mean_patients", "mean_dlts", "poor_allocation"), LOWER
    ),
    **dict.fromkeys((name for name in SHARES if name.startswith(("risk", "overdose", "underdose"))), LOWER),
}
"""Whether a higher or a lower value is better; what is not here is neither, whatever else is known."""


def _share(name: str, at: IntArray, total: IntArray, plan: Plan) -> FloatArray | Mask:
    """Return a functional of the allocation from patients at the doses that count and patients in all, each (T,)."""
    # Whole numbers: 18 of 30 is 60%, not 0.6000000000000001.
    match name:
        case "pca" | "overdose_allocated" | "underdose_allocated":
            return at / total
        case "risk_overdose_60":
            return 10 * at >= 6 * total
        case "risk_overdose_80" | "risk_underdose_80":
            return 10 * at >= 8 * total
        case "poor_allocation":
            return at * plan.n_doses < total
        case "risk_overdose_60_planned":
            return 10 * at > 6 * plan.max_patients
        case _:
            return 10 * at > 8 * plan.max_patients


def selection_values(plan: Plan, rates: FloatArray, truths: Truths) -> FloatArray:
    """Return what selecting each dose, or last none, counts for each of `SELECTION`, under V scenarios; shape (V, 8, J + 1).

    For the accuracy indices it is the loss, which one less the index is the mean of; NaN where every rate is the target.
    """
    nothing = np.zeros((len(rates), 1), dtype=bool)

    def among(which: Mask, none: Mask = nothing) -> FloatArray:
        return np.hstack([which, none]).astype(np.float64)

    no_mtd = truths.no_mtd[:, None]
    gap = rates - plan.target_rate
    found = [
        among(truths.mtd & ~no_mtd, no_mtd),
        among(truths.mtd),
        among(truths.acceptable),
        among(truths.over),
        among(truths.under),
    ]
    for rho in (np.abs(gap), gap**2, 2 * np.maximum(gap, 0) + np.maximum(-gap, 0)):
        total = rho.sum(axis=1, keepdims=True)
        found.append(np.hstack([rates.shape[1] * rho / np.where(total > 0, total, np.nan), nothing]))
    return np.stack(found, axis=1)


def allocation_values(terminals: Terminals, plan: Plan, truths: Truths | None) -> tuple[FloatArray, IntArray]:
    """Return the functionals that V scenarios need, and which of them is whose.

    Returns
    -------
    tuple
        Values of M functionals of each terminal (T, M), and for each scenario and each of `SHARES` its column (V, 9).
    """
    if truths is None:
        return np.zeros((len(terminals), 0)), np.zeros((0, 0), dtype=np.int64)
    n, total = terminals.tally.n, terminals.tally.n_total
    # Scenarios that sort the doses alike share their functionals: first doses weigh most, as in sorting row by row.
    weights = 1 << np.arange(plan.n_doses)[::-1]
    of_scenario: dict[str, IntArray] = {}
    at: dict[str, IntArray] = {}
    for basis in dict.fromkeys(_BASIS.values()):
        doses = getattr(truths, basis).astype(np.int64)
        _, first, of_scenario[basis] = np.unique(doses @ weights, return_index=True, return_inverse=True)
        at[basis] = doses[first] @ n.T
    values: list[FloatArray | Mask] = []
    columns = np.zeros((len(truths.mtd), len(SHARES)), dtype=np.int64)
    for k, name in enumerate(SHARES):
        columns[:, k] = len(values) + of_scenario[_BASIS[name]]
        values += [_share(name, patients, total, plan) for patients in at[_BASIS[name]]]
    return np.stack(values, axis=1).astype(np.float64), columns


@dataclass(frozen=True, eq=False)
class Groups:
    """Terminals sorted by what else is reported of them: the dose selected, why the trial stopped, how many patients."""

    of_terminal: IntArray
    selected: IntArray
    stops: IntArray
    patients: IntArray

    @classmethod
    def of(cls, terminals: Terminals) -> Groups:
        """Return the distinct combinations."""
        rows = np.stack([terminals.selected + 1, terminals.stops, terminals.tally.n_total], axis=1)
        _, first, place = np.unique(state_keys(rows[:, 1:], rows[:, 0]), return_index=True, return_inverse=True)
        return cls(place, terminals.selected[first], terminals.stops[first], terminals.tally.n_total[first])


@dataclass(frozen=True, eq=False)
class Sums:
    """Expectations under V scenarios, exact or over random trials.

    Parameters
    ----------
    patients, dlts
        Means by dose, shape (V, J).
    shares
        Means of `SHARES`, shape (V, 9); (V, 0) for a design without target.
    mass
        Probability of each group, shape (V, G).
    seconds
        Means of the squares of patients, dlts and shares side by side, shape (V, 2J + 9); None where exact.
    dlts_total
        Means of the square of all DLTs, and of all DLTs times all patients, shape (V, 2); None where exact.
    trials
        Number of random trials; None where exact.
    """

    patients: FloatArray
    dlts: FloatArray
    shares: FloatArray
    mass: FloatArray
    seconds: FloatArray | None = None
    dlts_total: FloatArray | None = None
    trials: int | None = None

    def error(self, mean: FloatArray, second: FloatArray) -> FloatArray:
        """Return the Monte-Carlo standard error of a mean, zero where exact."""
        if self.trials is None:
            return np.zeros_like(mean)
        return np.sqrt(np.maximum(second - mean**2, 0.0) / self.trials)
