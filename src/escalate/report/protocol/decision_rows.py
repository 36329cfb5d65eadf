"""The rows of a decision table that a protocol prints: what its trial can come to, and what follows, stops included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.method import TableMethod
from escalate.core.tally import States, Tally
from escalate.core.wording import counted, listed
from escalate.study.reached import FATES, Fate, Seen, Visit, reached, visits
from escalate.study.reached_by_table import Spot, first_seen, spots

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.table import DecisionTable, TableRow

COHORTS_SHOWN: Final = 4
"""Of a model's table, so many cohorts at a level."""


@dataclass
class Line:
    """What follows each number of DLTs among the patients of a level that the trial can come to.

    Parameters
    ----------
    marked
        Numbers of DLTs after which the decision depends on more; the most cautious one is printed.
    lowest
        Numbers of DLTs that end the trial at level 1; for a row that holds at every level.
    """

    level: int | None
    patients: int
    fates: dict[int, Fate] = field(default_factory=dict)
    marked: dict[int, str] = field(default_factory=dict)
    lowest: tuple[int, ...] = ()

    def dlts(self, fate: Fate) -> list[int]:
        """Return the numbers of DLTs that lead to a decision."""
        return sorted(dlts for dlts, each in self.fates.items() if each == fate)

    def cell(self, fate: Fate) -> str:
        """Return them as a table has them."""
        return ranges(self.dlts(fate), self.marked)


def ranges(dlts: Sequence[int], marked: dict[int, str] | None = None) -> str:
    """Return numbers as ranges, those marked with a star.

    Examples
    --------
    >>> ranges([0, 1, 2, 4], {4: "why"}), ranges([])
    ('0 to 2, 4*', '-')
    """
    parts = []
    for _, run in groupby(enumerate(dlts), key=lambda pair: (pair[1] - pair[0], pair[1] in (marked or {}))):
        found = [x for _, x in run]
        star = "*" if found[0] in (marked or {}) else ""
        parts.append(f"{found[0]}{star}" if len(found) == 1 else f"{found[0]} to {found[-1]}{star}")
    return ", ".join(parts) or "-"


WORDS: Final[dict[Fate, str]] = {
    "escalate": "escalate",
    "stay": "stay",
    "deescalate": "de-escalate",
    "eliminate": "eliminate",
    "stop": "stop",
}


def lines_of_model(design: Design) -> tuple[list[Line], tuple[Visit, ...]]:
    """Return the rows of a method that looks at all levels, and how the trial comes to each level."""
    found, made = visits(design), dict[tuple[int, int], Line]()
    for visit in sorted(found, key=lambda each: each.level):
        for seen in reached(design, visit, COHORTS_SHOWN):
            line = made.setdefault((seen.level, seen.patients), Line(seen.level, seen.patients))
            line.fates[seen.dlts] = seen.fate
            if len(seen.fates) > 1:
                line.marked[seen.dlts] = _depends(seen)
    return list(made.values()), found


def _depends(seen: Seen) -> str:
    """Return what follows, by the DLTs of the last cohort."""
    by_fate: dict[str, list[int]] = {}
    for last in sorted(seen.after):
        words = " or ".join(WORDS[fate] for fate in sorted(seen.after[last], key=FATES.index))
        by_fate.setdefault(words, []).append(last)
    return "; ".join(
        f"{words} where {listed([str(last) if last else 'none' for last in lasts], 'or')} of them "
        f"{'is' if lasts in ([0], [1]) else 'are'} in the last cohort"
        for words, lasts in by_fate.items()
    )


def lines_of_table(design: Design, found: DecisionTable) -> list[Line]:
    """Return the rows of a method that looks at the current level alone."""
    method = design.method
    assert isinstance(method, TableMethod)
    by_dose = _spots(design, found)
    everywhere = set().union(*by_dose.values())
    alone = {spot for dose in by_dose for spot in first_seen(design, dose)} if method.sizes_cohorts else set[Spot]()
    made = []
    for row in found.rows:
        here = everywhere if row.level is None else by_dose.get(row.level - 1, set())
        dlts = sorted(k for n, k in here if n == row.patients)
        if not dlts or _titrates(design, row.patients):
            continue
        line = Line(row.level, row.patients)
        for k in dlts:
            fate = _by_cuts(row, k)
            if (row.patients, k) in alone:
                fate = _by_method(design, row, k, fate)
            stops, held = _stops(design, row, k, fate)
            line.fates[k] = "stop" if stops else fate
            if held:
                line.marked[k] = "stop; until the rules on ending allow it, " + WORDS[fate]
        low = row.stop_at_lowest_if_dlts_at_least
        first = by_dose.get(0, set())
        line.lowest = (
            ()
            if low in {None, row.eliminate_if_dlts_at_least}
            else tuple(k for k in dlts if low is not None and k >= low and (row.patients, k) in first)
        )
        made.append(line)
    return made


def _titrates(design: Design, patients: int) -> bool:
    """Return whether a row is of single patients whose milder toxicities count: no table by DLTs can show it."""
    graded = len(design.outcomes) > 2 and design.method.sizes_cohorts
    return graded and patients < design.cohort_size


def _spots(design: Design, found: DecisionTable) -> dict[int, set[Spot]]:
    """Return what each level can have; with backfilled patients, which may be any number, every row."""
    if design.backfill is None:
        return spots(design)
    whole = {
        (row.patients, k) for row in found.rows for k in range(row.patients + 1) if row.patients < design.max_patients
    }
    return dict.fromkeys(range(design.n_doses), whole)


def _by_cuts(row: TableRow, dlts: float) -> Fate:
    up, down, out = row.escalate_if_dlts_at_most, row.deescalate_if_dlts_at_least, row.eliminate_if_dlts_at_least
    if out is not None and dlts >= out:
        return "eliminate"
    if down is not None and dlts >= down:
        return "deescalate"
    return "escalate" if up is not None and dlts <= up else "stay"


def _states(design: Design, row: TableRow, dlts: int, dose: int, *, below: bool) -> States:
    counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
    if below:
        for visit in visits(design):
            if visit.level == dose + 1:
                for level, n in visit.before.items():
                    counts[0, level - 1, 0] = n
    counts[0, dose, 0], counts[0, dose, -1] = row.patients - dlts, dlts
    return States(Tally(counts), np.array([dose]), counts[:, dose], np.ones(1, dtype=np.int64))


def _dose(design: Design, row: TableRow, fate: Fate) -> int:
    """Return a level, 0-based, at which the row can be asked: one with a level above to escalate to, and one below else."""
    if row.level is not None:
        return row.level - 1
    top = design.n_doses - 1
    return max(min(1, top - 1), 0) if fate == "escalate" else min(1, top)


def _by_method(design: Design, row: TableRow, dlts: int, fate: Fate) -> Fate:
    """Return what the method says of the first cohort of a level, where nobody had a DLT before: single patients have their own."""
    if fate == "eliminate":
        return fate
    dose = max(_dose(design, row, "escalate"), design.start_level - 1)
    following = int(design.method.decide(design, _states(design, row, dlts, dose, below=True)).next[0])
    if following in {NONE, dose - 1}:
        return fate
    return "escalate" if following > dose else "stay"


def _stops(design: Design, row: TableRow, dlts: int, fate: Fate) -> tuple[bool, bool]:
    """Return whether the trial ends by the data of the level alone, and whether a rule may hold that back."""
    dose = _dose(design, row, fate)
    states = _states(design, row, dlts, dose, below=False)
    step = {"escalate": 1, "stay": 0}.get(fate, -1)
    following = np.clip(np.array([dose + step]), 0, design.n_doses - 1)
    held = any(bool(rule.holds(design, states, following)[0]) for rule in design.rules)
    safety = any(bool(rule.stops_for_safety(design, states, following)[0]) for rule in design.rules)
    ends = any(bool(rule.stops(design, states, following)[0]) for rule in design.rules)
    done = fate != "eliminate" and bool(
        (design.method.decide(design, _states(design, row, dlts, dose, below=True)).next == NONE)[0]
    )
    return ends or done or safety, ends and held and not (safety or done)


def scores_of(
    design: Design, row: TableRow, units: Sequence[int], whole: int, scale: float
) -> Iterator[tuple[float, Fate]]:
    """Yield each total score that the patients of a row can have, and what follows."""
    possible = {0}
    for _ in range(row.patients):
        possible = {score + unit for score in possible for unit in units}
    for score in sorted(possible):
        value = score * scale / whole
        slack = 1e-9
        up, down, out = row.escalate_if_dlts_at_most, row.deescalate_if_dlts_at_least, row.eliminate_if_dlts_at_least
        if out is not None and value >= out - slack:
            yield value, "eliminate"
        elif down is not None and value >= down - slack:
            yield value, "deescalate"
        else:
            yield value, "escalate" if up is not None and value <= up + slack else "stay"


def notes_of_marks(lines: Sequence[Line]) -> tuple[str, ...]:
    """Return what the stars mean, rows alike together."""
    by_level: dict[tuple[int, str, int], list[int]] = {}
    for line in lines:
        for dlts, words in line.marked.items():
            by_level.setdefault((line.patients, words, line.level or 0), []).append(dlts)
    if not by_level:
        return ()
    alike: dict[tuple[int, tuple[int, ...], str], list[int]] = {}
    for (patients, words, level), found in by_level.items():
        alike.setdefault((patients, tuple(found), words), []).append(level)
    said = []
    for (patients, found_dlts, words), levels in sorted(alike.items()):
        where = "" if not levels[0] else f"Level{'s' * (len(levels) > 1)} {listed([str(level) for level in levels])}, "
        number = f"{ranges(found_dlts)} DLT{'s' * (found_dlts != (1,))}"
        said.append(f"{where}{number} in {counted(patients, 'patient')}: {words}.")
    first = "* The decision depends on more than these numbers; the more cautious one is printed."
    return (" ".join([first, *said]),)
