"""The decision table of a protocol: the decision function asked for every tally at one dose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import decide, highest_permitted, stop_codes
from escalate.core.design import Design
from escalate.core.method import TableMethod
from escalate.core.tally import States, Tally


@dataclass(frozen=True)
class TableRow:
    """Cut-offs in DLTs for a number of evaluable patients at the current dose; None where no count leads there.

    Parameters
    ----------
    patients
        Evaluable patients at the dose.
    level
        The dose level, where the table differs between levels; None where it does not.
    eliminate_if_dlts_at_least
        Bars the dose, and all above it, for good.
    stop_at_lowest_if_dlts_at_least
        At level 1, ends the trial.
    """

    patients: int
    escalate_if_dlts_at_most: int | None
    deescalate_if_dlts_at_least: int | None
    eliminate_if_dlts_at_least: int | None
    stop_at_lowest_if_dlts_at_least: int | None = None
    level: int | None = None


@dataclass(frozen=True)
class DecisionTable:
    """The table, and the cut-offs it comes from where the method has them."""

    design: Design
    rows: tuple[TableRow, ...]
    boundaries: dict[str, float]
    by_level: bool


def table(design: Design) -> DecisionTable:
    """Return the decision table of a design.

    Notes
    -----
    For a method that looks at the current dose alone, one row a number of patients, whatever the level. For a model, one row
    a level and number of patients, given that each lower level had one whole cohort without DLT: the table of a trial in
    which nothing happened before. Of the DLTs as few as possible are in the last cohort, so that `coherence` does not hide
    what the data of the dose ask for.
    """
    if isinstance(design.method, TableMethod):
        return DecisionTable(
            design, _by_patients(design, design.method), design.method.boundaries(design), by_level=False
        )
    return DecisionTable(design, _by_level(design), {}, by_level=True)


def _by_patients(design: Design, method: TableMethod) -> tuple[TableRow, ...]:
    rows = []
    for n in range(1, method.largest_at_dose(design) + 1):
        action = method.actions(design, n)
        bars = _barred(design, n, design.n_doses - 1)
        bars_lowest = _barred(design, n, 0)
        down = _first((action < 0) | bars)
        up = _last((action > 0) & ~bars)
        lowest = _first(bars_lowest)
        eliminate = _first(bars)
        rows.append(TableRow(n, up, down, eliminate, lowest))
    return tuple(rows)


def _barred(design: Design, n: int, dose: int) -> Mask:
    """Return whether safety rules bar a dose with 0..n DLTs among n patients there and nothing elsewhere."""
    counts = np.zeros((n + 1, design.n_doses, 2), dtype=np.int64)
    dlt = np.arange(n + 1)
    counts[:, dose] = np.stack([n - dlt, dlt], axis=1)
    states = States(Tally(counts), np.full(n + 1, dose), counts[:, dose])
    return _barred_at(design, states, dose)


def _barred_at(design: Design, states: States, dose: int) -> Mask:
    out = np.zeros(len(states), dtype=bool)
    for rule in design.rules:
        if rule.about_safety:
            out |= rule.forbids(design, states)[:, dose]
    return out


def _by_level(design: Design) -> tuple[TableRow, ...]:
    rows = []
    for dose in range(design.n_doses):
        room = design.max_patients - dose * design.cohort_size
        for n in range(design.cohort_size, room + 1, design.cohort_size):
            states = _clean_until(design, dose, n)
            decisions = decide(design, states)
            # The end of the trial by its size or by enough patients is not a matter of DLTs: see what would follow without it.
            following = highest_permitted(decisions.moves.next, decisions.permitted)
            stopped = _stopped_for_safety(design, decisions.stops)
            wanted = np.where(stopped, NONE, following)
            rows.append(
                TableRow(
                    patients=n,
                    level=dose + 1,
                    escalate_if_dlts_at_most=_last(wanted > dose),
                    deescalate_if_dlts_at_least=_first(wanted < dose),
                    eliminate_if_dlts_at_least=_first(stopped | _barred_at(design, states, dose)),
                )
            )
    return tuple(rows)


def _clean_until(design: Design, dose: int, n: int) -> States:
    counts = np.zeros((n + 1, design.n_doses, 2), dtype=np.int64)
    counts[:, :dose, 0] = design.cohort_size
    dlt = np.arange(n + 1)
    counts[:, dose] = np.stack([n - dlt, dlt], axis=1)
    # Earlier cohorts had the DLTs, as far as they can hold them: what coherence asks of the last one is another matter.
    last = np.maximum(dlt - (n - design.cohort_size), 0)
    return States(Tally(counts), np.full(n + 1, dose), np.stack([design.cohort_size - last, last], axis=1))


def _stopped_for_safety(design: Design, stops: IntArray) -> Mask:
    out = np.zeros(len(stops), dtype=bool)
    for k, code in enumerate(stop_codes(design)):
        if any(rule.kind == code and rule.about_safety for rule in design.rules):
            out |= (stops >> k & 1).astype(bool)
    return out


def _first(which: Mask) -> int | None:
    return int(np.argmax(which)) if which.any() else None


def _last(which: Mask) -> int | None:
    return int(len(which) - 1 - np.argmax(which[::-1])) if which.any() else None
