"""A user's own decision table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.errors import DataError, DesignError, Problem
from escalate.core.moves import Moves
from escalate.core.plan import Plan, exact
from escalate.core.rule import Rule
from escalate.core.setting import Words
from escalate.core.tally import States, Tally
from escalate.core.wording import counted
from escalate.methods.families import rule_based_words
from escalate.methods.families.interval import IntervalMethod
from escalate.methods.families.table_rows import (
    MAX_PATIENTS,
    NAMES,
    STEPS,
    Row,
    faults,
    letter,
    read_table,
    rows_of,
    said,
)
from escalate.rules.eliminate_by_table import EliminateByTable
from escalate.rules.extra_safe import ExtraSafe
from escalate.rules.lowest_dose_too_toxic import LowestDoseTooToxic
from escalate.rules.no_skipping import NoSkipping
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose

if TYPE_CHECKING:
    from escalate.core.design import Design

MISSING = -9
OUT = STEPS["DU"]
ELIMINATED, NONE_BELOW = "eliminated", "level_1_eliminated"
LETTERS = {step: name for name, step in STEPS.items()}
# What cannot send a cohort back to a level that has all its patients: it stops the trial, or never binds here.
_HARMLESS = (EliminateByTable, ExtraSafe, LowestDoseTooToxic, NoSkipping)

Patients = Annotated[int, Field(ge=1, le=MAX_PATIENTS)]
Dlts = Annotated[int, Field(ge=0, le=MAX_PATIENTS)]
Action = Annotated[str, AfterValidator(letter)]


class DecisionTable(IntervalMethod):
    """Follow your own table from (patients, DLTs) at the current dose to escalate, stay, de-escalate or eliminate.

    Notes
    -----
    `rows` are [patients, dlts, action] with E, S, D or DU; `file` is a CSV file with the same, beside the design file. The
    trial ends when the dose that would come next has the largest number of patients in the table. What the table does not
    say is refused, never guessed.
    """

    kind: Literal["decision_table"] = "decision_table"
    rows: tuple[tuple[Patients, Dlts, Action], ...] = ()
    file: Words | None = None

    # Ordered so that the step + 2 indexes it.
    closes = (ELIMINATED,)
    reasons = ("eliminate", "de_escalate", "stay", "escalate", "table_ends")

    @classmethod
    def attach(cls, settings: Mapping[str, Any], folder: Path) -> tuple[Mapping[str, Any], bytes]:
        """Return the settings with the rows of `file`, and its bytes."""
        file = settings.get("file")
        if not isinstance(file, str) or not file.strip():
            return settings, b""
        if file.strip() == "-":
            raise DesignError("method.file: '-' is not a file; name a CSV file, relative to the design file")
        path = folder / file
        try:
            raw = read_table(path)
        except DesignError as fault:
            raise DesignError(f"method.file: {fault}") from None
        rows = rows_of(raw, str(path))
        if settings.get("rows"):
            # A design that was written out names both.
            try:
                written = {(n, dlts, letter(action)) for n, dlts, action in settings["rows"]}
            except (TypeError, ValueError, AttributeError):
                return settings, raw
            if written != set(rows):
                raise DesignError(f"{path}: does not hold the same rows as method.rows; give one of the two")
        return {**settings, "rows": rows}, raw

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the elimination that the table asks for, if it does."""
        return (EliminateByTable(),) if self._eliminates_any() else ()

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action of each row of n patients; elimination is a de-escalation here."""
        found = np.full(n + 1, MISSING) if n >= len(self.grid) else self.grid[n, : n + 1]
        if (found == MISSING).any():
            raise DataError(self._no_row(n))
        return np.maximum(found, -1)

    def eliminates(self, plan: Plan, n: IntArray, dlt: IntArray) -> Mask:
        """Return where the table says DU; above its largest number of patients its last row holds."""
        largest = len(self.grid) - 1
        step = self.grid[np.minimum(n, largest), np.minimum(dlt, largest)]
        if (step == MISSING).any():
            place = np.argwhere(step == MISSING)[0]
            where = f"level {place[1] + 1}" if n.ndim == 2 else "a level"
            raise DataError(self._no_row(int(n[tuple(place)]), where))
        return step == OUT

    def patients_in_table(self, plan: Plan) -> list[int]:
        """Return the numbers of patients that have rows."""
        return self._numbers()

    def largest_at_dose(self, plan: Plan) -> int:
        """Return the largest number of patients in the table."""
        return len(self.grid) - 1

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say how the table ends."""
        return (f"The trial ends when the level that would come next has {len(self.grid) - 1} patients already.",)

    def decide(self, plan: Plan, states: States) -> Moves:
        """Move by the table, below what it has eliminated; stop where it ends."""
        tally, dose, row = states.tally, states.dose, np.arange(len(states))
        largest = len(self.grid) - 1
        n, dlt = tally.at(dose)
        step = self.grid[np.minimum(n, largest), np.minimum(dlt, largest)]
        if (step == MISSING).any():
            k = int(np.argmax(step == MISSING))
            raise DataError(self._no_row(int(n[k]), f"level {int(dose[k]) + 1}"))
        out = self.eliminates(plan, tally.n, tally.dlt)
        ceiling = np.where(out.any(axis=1), np.argmax(out, axis=1) - 1, plan.n_doses - 1)
        following = np.clip(dose + np.maximum(step, -1), 0, np.maximum(ceiling, 0))
        ended = (n > largest) | (tally.n[row, following] >= largest)
        return Moves(np.where(ended, NONE, following), np.where(ended, 4, step + 2))

    def closed(self, design: Design, tally: Tally) -> Iterator[tuple[str, Mask]]:
        """Yield the levels for which the table says DU, with all above them; nothing where the rule for that is there.

        Without the rule level 1 goes on, and with more patients it may lose its DU: what only that closes may open again.
        """
        if any(isinstance(rule, EliminateByTable) for rule in design.rules):
            return
        largest = len(self.grid) - 1
        # A number of patients without a row closes nothing.
        out = self.grid[np.minimum(tally.n, largest), np.minimum(tally.dlt, largest)] == OUT
        level_1 = out[:, :1] & (np.arange(design.n_doses) > 0)
        out[:, 0] = False
        lasting = np.logical_or.accumulate(out, axis=1)
        yield ELIMINATED, lasting
        yield NONE_BELOW, level_1 & ~lasting

    @property
    def refuses_as_mtd(self) -> bool:
        """Return False: the MTD is judged by isotonic rates, whatever the table says of the level."""
        return False

    def cohort_size(self, plan: Plan, tally: Tally, dose: IntArray) -> IntArray:
        """Return the size of a cohort, cut to what the table has rows for."""
        room = len(self.grid) - 1 - tally.at(dose)[0]
        # Only a rule can send a cohort to a level without room.
        return np.where(room > 0, np.minimum(plan.cohort_size, room), plan.cohort_size)

    @property
    def sizes_cohorts(self) -> bool:
        """Return True: no cohort goes beyond the table."""
        return True

    @property
    def grid(self) -> IntArray:
        """The table: E 1, S 0, D -1, DU -2, by patients and DLTs, `MISSING` where it says nothing."""
        return _grid(self.rows)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the row that applies."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        level, largest = int(state.dose[0]) + 1, len(self.grid) - 1
        if n > largest:
            return f"{dlt}/{n} DLTs at level {level}: the table ends at {largest} patients."
        step = int(self.grid[n, dlt])
        says = f"{dlt}/{n} DLTs at level {level}: the table says {LETTERS[step]} ({NAMES[LETTERS[step]]})"
        out = self.eliminates(plan, state.tally.n, state.tally.dlt)[0]
        lowest = int(np.argmax(out)) if out.any() else plan.n_doses
        wanted = level - 1 + max(step, -1)
        if wanted < 0:
            says += ", but there is no level below"
        elif wanted >= plan.n_doses:
            says += ", but there is no level above"
        elif wanted >= lowest:
            says += f", but level {lowest + 1} is eliminated"
        if self.reasons[int(moves.reason[0])] == "table_ends":
            following = min(max(wanted, 0), max(lowest - 1, 0)) + 1
            return f"{says}; level {following} would come next, and the table ends at its {largest} patients."
        return f"{says}."

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a table with contradictions or holes, and one that the cohorts of the plan leave."""
        if not self.rows:
            text = (
                "is read with a design file; from Python give its rows"
                if self.file
                else "is missing; give rows or a file"
            )
            yield Problem("file" if self.file else "rows", text)
            return
        found = list(faults(self.rows))
        for fault in found:
            other = "" if fault.other is None else f" in rows[{fault.other + 1}]"
            yield Problem(f"rows[{fault.row + 1}]", f"{fault.text}{other}")
        missing = sorted(self._reachable(plan) - set(self._numbers())) if not found else []
        if missing:
            yield Problem(
                "file" if self.file else "rows",
                f"there are no rows for {', '.join(map(str, missing[:8]))} patients; with cohorts of {plan.cohort_size}, at most "
                f"{plan.max_patients} patients and a table that ends at {len(self.grid) - 1}, a dose may have that many",
            )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a table without a bar against toxic doses, and steps that the evidence does not bear out."""
        rules, largest = design.rules, len(self.grid) - 1
        if self._eliminates_any() and not any(isinstance(rule, EliminateByTable) for rule in rules):
            yield "the table has DU, but the rule eliminate_by_table is not there: such a dose can be the MTD, and level 1 goes on"
        elif not any(rule.about_safety for rule in rules):
            yield "nothing bars a toxic dose: the table has no DU, and no rule is about safety"
        yield from _odd(self.rows, exact(design.target_rate))
        stops = [rule for rule in rules if isinstance(rule, StopAtPatientsAtDose) and rule.at == "next"]
        guarded = any(rule.patients <= largest and not rule.only_if_staying for rule in stops)
        if not guarded and design.max_patients > largest:
            for rule in rules:
                if type(rule).forbids is not Rule.forbids and not isinstance(rule, _HARMLESS):
                    yield (
                        f"the rule {rule.kind} can send a cohort back to a level that has all {largest} patients of the table; "
                        f"add {{kind: stop_at_patients_at_dose, patients: {largest}, at: next}}"
                    )

    def describe_sizes(self, design: Design) -> str:
        """Say how many patients a cohort has."""
        return (
            f"Cohorts have {counted(design.cohort_size, 'evaluable patient')}, cut to what the level lacks of "
            f"{max(self._numbers(), default=0)}."
        )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what the letters of the table mean, and what it says for each number of patients."""
        actions = {n: [LETTERS[int(step)] for step in self.grid[n, : n + 1]] for n in self._numbers()}
        return rule_based_words.own_table(design, actions, self.file)

    @classmethod
    def examples(cls) -> tuple[DecisionTable, ...]:
        """Return local BOIN's table for a target of 0.30, and one with the cuts of the 3+3 design."""
        boin = {3: (0, 2, 3), 6: (1, 3, 4), 9: (2, 4, 5), 12: (2, 5, 7)}
        return (cls(rows=_from_cuts(boin)), cls(rows=_from_cuts({3: (0, 2, 2), 6: (1, 2, 2)})))

    def _numbers(self) -> list[int]:
        return sorted({n for n, _, _ in self.rows})

    def _eliminates_any(self) -> bool:
        return any(action == LETTERS[OUT] for _, _, action in self.rows)

    def _reachable(self, plan: Plan) -> set[int]:
        """Return the numbers of patients that a dose may have, cohorts cut by the table and by the trial's end included."""
        size, largest = plan.cohort_size, len(self.grid) - 1
        found = {*range(size, largest, size), largest}
        if plan.max_patients < plan.n_doses * largest:
            # What is left for the last cohort depends on how many doses have all patients of the table.
            left = [plan.max_patients - full * largest for full in range(plan.n_doses)]
            cut = {rest % size for rest in left if rest > 0} - {0}
            found |= {k + rest for k in range(0, largest, size) for rest in cut}
        return {n for n in found if n <= min(largest, plan.max_patients)}

    def _no_row(self, n: int, where: str = "a level") -> str:
        return (
            f"the decision table has no row for {n} patient{'s' * (n != 1)} at {where}, only for "
            f"{', '.join(map(str, self._numbers()))}; if a cohort is not complete, complete it first (a patient who replaces one "
            f"belongs to the same cohort); if more were treated than planned, add rows for {n}"
        )


@cache
def _grid(rows: tuple[Row, ...]) -> IntArray:
    largest = max((n for n, _, _ in rows), default=0)
    grid = np.full((largest + 1, largest + 1), MISSING, dtype=np.int64)
    grid[0] = 0
    for n, dlts, action in rows:
        if dlts <= n:
            grid[n, dlts] = STEPS[action]
    grid.flags.writeable = False
    return grid


def _from_cuts(cuts: Mapping[int, tuple[int, int, int]]) -> tuple[Row, ...]:
    """Return rows from the most DLTs that escalate, the fewest that de-escalate, the fewest that eliminate."""
    rows = []
    for n, (up, down, out) in cuts.items():
        rows += [(n, k, "DU" if k >= out else "D" if k >= down else "E" if k <= up else "S") for k in range(n + 1)]
    return tuple(rows)


def _odd(rows: tuple[Row, ...], target: Fraction) -> Iterator[str]:
    """Yield where more patients at no higher rate do not escalate, or at no lower rate get more, and E at the target."""
    grid = _grid(rows)
    numbers = sorted({n for n, _, _ in rows})
    ups = {n: int((grid[n, : n + 1] == 1).sum()) - 1 for n in numbers}
    for n, up in ups.items():
        if Fraction(up, n) >= target:
            yield f"{said(up, n)} escalates although that is at or above the target {float(target):g}"
            break
    for n, m in combinations(numbers, 2):
        if ups[n] >= 0 and ups[m] < m and (ups[m] + 1) * n <= ups[n] * m:
            worse = LETTERS[int(grid[m, ups[m] + 1])]
            yield f"{said(ups[n], n)} has E, but {said(ups[m] + 1, m)}, a rate no higher, has {worse}"
            break
    for bar in (-1, OUT):
        least = {n: int((grid[n, : n + 1] > bar).sum()) for n in numbers}
        for n, m in combinations(numbers, 2):
            if least[n] <= n and least[m] > 0 and (least[m] - 1) * n >= least[n] * m:
                here, there = LETTERS[int(grid[n, least[n]])], LETTERS[int(grid[m, least[m] - 1])]
                yield f"{said(least[n], n)} has {here}, but {said(least[m] - 1, m)}, a rate no lower, has {there}"
                break
