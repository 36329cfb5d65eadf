"""The decision table of a protocol: the decision function asked for every tally at one dose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import best_permitted, cohort_size, decide
from escalate.core.design import Design
from escalate.core.method import TableMethod
from escalate.core.moves import PendingRow
from escalate.core.outcome import burden_units
from escalate.core.rule import Rule
from escalate.core.shown import Shown
from escalate.core.tally import States, Tally


@dataclass(frozen=True)
class TableRow:
    """Cut-offs in DLTs (or total score) for a number of evaluable patients at the dose; None where no count leads there.

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
    stop_if_dlts_at_least
        At the row's level, ends the trial: no dose at or below it is permitted, or the method wants none. Whatever else the row
        says of as many DLTs does not hold then. Only where the table is by level from a model.
    """

    patients: int
    escalate_if_dlts_at_most: float | None
    deescalate_if_dlts_at_least: float | None
    eliminate_if_dlts_at_least: float | None
    stop_at_lowest_if_dlts_at_least: float | None = None
    level: int | None = None
    stop_if_dlts_at_least: float | None = None


@dataclass(frozen=True)
class DecisionTable(Shown):
    """The table, and the cut-offs it comes from where the method has them.

    Parameters
    ----------
    by_level
        Whether there are rows for each level.
    history
        Whether the rows of a level hold only after one whole cohort without DLT at each lower level.
    graded
        Whether the cut-offs are total scores, not DLTs.
    notes
        Sentences that belong under the table.
    pending
        What holds while outcomes are pending, where the method weighs follow-up.
    """

    design: Design
    rows: tuple[TableRow, ...]
    boundaries: dict[str, float]
    by_level: bool
    history: bool = False
    graded: bool = False
    notes: tuple[str, ...] = ()
    pending: tuple[PendingRow, ...] = ()

    def __repr__(self) -> str:
        return f"DecisionTable({self.design.title!r}: {len(self.rows)} rows)"


def table(design: Design) -> DecisionTable:
    """Return the decision table of a design.

    Notes
    -----
    For a method that looks at the current dose alone, one row a number of patients, whatever the level (or for each level,
    where its table differs). For a model, one row a level and number of patients, given that each lower level had one whole
    cohort without DLT: the table of a trial in which nothing happened before. Of the DLTs as few as possible are in the last
    cohort, so that `coherence` does not hide what the data of the dose ask for.
    """
    method = design.method
    if isinstance(method, TableMethod):
        doses = range(design.n_doses) if method.by_level else [None]
        rows = tuple(row for dose in doses for row in _by_patients(design, method, dose))
        graded = method.score_of_dlt() is not None
        notes = (*method.table_notes(design), *_not_shown(design), *_stops(design), *_rule_notes(design))
        return DecisionTable(
            design,
            rows,
            method.boundaries(design),
            method.by_level,
            graded=graded,
            notes=notes,
            pending=method.pending_rows(design),
        )
    milder = (
        ("The rows assume that patients without a DLT had no milder toxicity either.",)
        if len(design.outcomes) > 2
        else ()
    )
    notes = (*_assumed(design), *milder, *_stops(design), *_rule_notes(design))
    return DecisionTable(design, _by_level(design), {}, by_level=True, history=True, notes=notes)


def _by_patients(design: Design, method: TableMethod, dose: int | None) -> tuple[TableRow, ...]:
    units, whole = burden_units(method.outcomes)
    scale, rows = method.score_of_dlt(), []

    def cut(burden: IntArray, which: int | None) -> float | None:
        if which is None:
            return None
        return int(burden[which]) if scale is None else int(burden[which]) * scale / whole

    numbers = method.patients_in_table(design)
    ways = _one_way_each(units, max(numbers, default=0))
    for n in numbers:
        burden, counts = ways[n]
        action = method.actions(design, n, dose or 0)[burden]
        bars = _barred(design, counts, design.n_doses - 1 if dose is None else dose)
        lowest = _barred(design, counts, 0)
        held, left = _ruled(design, counts, dose)
        rows.append(
            TableRow(
                patients=n,
                escalate_if_dlts_at_most=cut(burden, _last((action > 0) & ~bars & ~held)),
                deescalate_if_dlts_at_least=cut(burden, _first((action < 0) | bars | left)),
                eliminate_if_dlts_at_least=cut(burden, _first(bars)),
                stop_at_lowest_if_dlts_at_least=cut(burden, _first(lowest)) if dose in {None, 0} else None,
                level=None if dose is None else dose + 1,
            )
        )
    return tuple(rows)


def _one_way_each(units: IntArray, most: int) -> list[tuple[IntArray, IntArray]]:
    """Return, for 0 to `most` patients, the burdens they can have, and one way to each, fewest DLTs first; (B,) and (B, C).

    Notes
    -----
    What follows in a table depends on the burden alone. A way is a number whose digits count the patients of each category, so
    that the smallest has the fewest DLTs; the best way to a burden is one patient more than the best way to another.
    """
    base = most + 1
    digits = base ** np.arange(len(units), dtype=np.int64)
    none = np.iinfo(np.int64).max
    key = np.full(most * int(units.max()) + 1, none, dtype=np.int64)
    key[0] = 0
    found = []
    for n in range(most + 1):
        burden = np.flatnonzero(key != none)
        found.append((burden, key[burden, None] // digits % base))
        grown = np.full_like(key, none)
        for unit, digit in zip(units.tolist() if n < most else [], digits, strict=False):
            before = key[: len(key) - unit]
            more = np.where(before == none, none, before + digit)
            grown[unit:] = np.minimum(grown[unit:], more)
        key = grown
    return found


def _barred(design: Design, at_dose: IntArray, dose: int) -> Mask:
    """Return whether safety rules bar a dose with given outcomes there, shape (K, C), and nothing elsewhere."""
    return _barred_at(design, _only_at(design, at_dose, dose), dose)


def _only_at(design: Design, at_dose: IntArray, dose: int) -> States:
    counts = np.zeros((len(at_dose), design.n_doses, at_dose.shape[1]), dtype=np.int64)
    counts[:, dose] = at_dose
    return States(Tally(counts), np.full(len(at_dose), dose), at_dose, np.zeros(len(at_dose), dtype=np.int64))


def _ruled(design: Design, at_dose: IntArray, dose: int | None) -> tuple[Mask, Mask]:
    """Return where rules that look at the dose alone forbid escalation, and where they forbid the dose; each (K,)."""
    top = design.n_doses - 1
    below_top, above_lowest = (0, top) if dose is None else (dose, dose)
    held, left = np.zeros(len(at_dose), dtype=bool), np.zeros(len(at_dose), dtype=bool)
    for rule in design.rules:
        if rule.in_table and below_top < top:
            held |= rule.forbids(design, _only_at(design, at_dose, below_top))[:, below_top + 1]
        if rule.in_table and above_lowest > 0:
            left |= rule.forbids(design, _only_at(design, at_dose, above_lowest))[:, above_lowest]
    return held, left


def _not_shown(design: Design) -> tuple[str, ...]:
    """Name the rules that may forbid a dose for what other doses or the last cohort showed."""
    others = [
        rule.kind
        for rule in design.rules
        if type(rule).forbids is not Rule.forbids and not (rule.about_safety or rule.in_table)
    ]
    if not others:
        return ()
    return (f"Not in these rows, because more than the dose's own data decides: {', '.join(dict.fromkeys(others))}.",)


def _assumed(design: Design) -> tuple[str, ...]:
    """Say what the rows of a model assume."""
    start = (
        f" (also at the levels below level {design.start_level}, where this trial starts)"
        if design.start_level > 1
        else ""
    )
    return (
        f"The rows assume one whole cohort without a DLT at each lower level{start}, nobody at a higher level, and as few of the "
        "DLTs as possible in the last cohort. The trial may not be able to come to a row; for other data ask escalate recommend.",
    )


def _stops(design: Design) -> tuple[str, ...]:
    """Name the rules that may end the trial, which the rows do not show."""
    kinds = [rule.kind for rule in design.rules if type(rule).stops is not Rule.stops]
    if not kinds:
        return ()
    return (f"Not in these rows: the end of the trial by {', '.join(dict.fromkeys(kinds))}, or by its size.",)


def _rule_notes(design: Design) -> tuple[str, ...]:
    notes = (rule.table_note(design) for rule in design.rules)
    return tuple(note for note in notes if note is not None)


def _barred_at(design: Design, states: States, dose: int) -> Mask:
    out = np.zeros(len(states), dtype=bool)
    for rule in design.rules:
        if rule.about_safety:
            out |= rule.forbids(design, states)[:, dose]
    return out


def _by_level(design: Design) -> tuple[TableRow, ...]:
    rows = []
    for dose in range(design.n_doses):
        for below, n, size in _steps(design, dose):
            states = _clean_until(design, dose, below, n, size)
            decisions = decide(design, states)
            # The end of the trial by its size or by enough patients is not a matter of the dose: see what would follow.
            wanted = best_permitted(decisions.moves, decisions.permitted)
            rows.append(
                TableRow(
                    patients=n,
                    level=dose + 1,
                    escalate_if_dlts_at_most=_last(wanted > dose),
                    deescalate_if_dlts_at_least=_first(wanted < dose),
                    eliminate_if_dlts_at_least=_first(_barred_at(design, states, dose)),
                    stop_if_dlts_at_least=_first(wanted == NONE),
                )
            )
    return tuple(rows)


def _steps(design: Design, dose: int) -> Iterator[tuple[IntArray, int, int]]:
    """Yield patients at each dose below (one cohort without DLT each), patients at the dose, and those of its last cohort."""
    n = np.zeros(design.n_doses, dtype=np.int64)

    def following(at: int) -> int:
        counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
        counts[0, :, 0] = n
        return int(cohort_size(design, Tally(counts), np.array([at]))[0])

    for below in range(dose):
        n[below] = following(below)
    while (size := following(dose)) > 0:
        n[dose] += size
        yield n[:dose].copy(), int(n[dose]), size


def _clean_until(design: Design, dose: int, below: IntArray, n: int, size: int) -> States:
    # Where outcomes are graded, who has no DLT has none of the milder ones either.
    counts = np.zeros((n + 1, design.n_doses, len(design.outcomes)), dtype=np.int64)
    counts[:, :dose, 0] = below
    dlt = np.arange(n + 1)
    counts[:, dose, 0], counts[:, dose, -1] = n - dlt, dlt
    # Earlier cohorts had the DLTs, as far as they can hold them: what coherence asks of the last one is another matter.
    last = np.maximum(dlt - (n - size), 0)
    cohort = np.zeros((n + 1, len(design.outcomes)), dtype=np.int64)
    cohort[:, 0], cohort[:, -1] = size - last, last
    return States(Tally(counts), np.full(n + 1, dose), cohort, np.zeros(n + 1, dtype=np.int64))


def _first(which: Mask) -> int | None:
    return int(np.argmax(which)) if which.any() else None


def _last(which: Mask) -> int | None:
    return int(len(which) - 1 - np.argmax(which[::-1])) if which.any() else None
