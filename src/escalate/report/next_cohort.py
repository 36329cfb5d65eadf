"""What each outcome of the next cohort would lead to, asked of the design in one decision."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Final

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.dated_patients import DatedTrial
from escalate.core.decision import Decisions, cohort_size, decide, decide_along, lasting, select_at_stop
from escalate.core.moves import Action
from escalate.core.patients import TrialData, from_outcomes
from escalate.core.tally import States, Tally
from escalate.engine.outcomes import outcomes
from escalate.report.sentences import COMPLETES, level_words, mtd_sentence, said
from escalate.study.reasons import action_of, listed, reasons_of
from escalate.study.select import decided_on

if TYPE_CHECKING:
    from escalate.core.arrays import Mask
    from escalate.core.design import Design
    from escalate.core.moves import Reason
    from escalate.study.recommend import Recommendation

MAX_ROWS: Final = 100
"""More outcomes than this are not shown: graded outcomes of a large cohort."""


@dataclass(frozen=True)
class NextOutcome:
    """One outcome of the next cohort, and what follows; levels are counted from 1.

    Parameters
    ----------
    outcomes
        Patients with each outcome, from none to the DLT.
    text
        The same in words: `1 of 3 has a DLT`, or letters and names where outcomes are graded.
    next_level, next_cohort_size
        None exactly where the action is STOP.
    mtd_level
        On a stop the MTD, None where no dose can be declared.
    barred_levels
        Levels that a rule bars for the rest of the trial.
    sentence
        What follows, in a few words.
    reasons
        Why, as `recommend` says it.
    """

    outcomes: tuple[int, ...]
    text: str
    action: Action
    next_level: int | None
    next_cohort_size: int | None
    mtd_level: int | None
    barred_levels: tuple[int, ...]
    sentence: str
    reasons: tuple[Reason, ...]

    @property
    def because(self) -> str:
        """The reasons as one text."""
        return said(self.reasons)


@dataclass(frozen=True)
class NextCohort:
    """Every outcome of the next cohort, fewest DLTs first.

    Parameters
    ----------
    level, size
        The dose that it gets, and its patients; None where there is no next cohort.
    rows
        Empty where there is none.
    why_none
        Why there is none, in a sentence; None where there are rows.
    notes
        What is assumed.
    """

    level: int | None
    size: int | None
    rows: tuple[NextOutcome, ...]
    why_none: str | None
    notes: tuple[str, ...] = ()


def next_cohort(
    design: Design,
    data: TrialData | str | None,
    found: Recommendation,
    *,
    decided: tuple[int, int] | None = None,
    completes: bool | None = None,
) -> NextCohort:
    """Return what each outcome of the next cohort leads to, if it gets the dose and the size recommended, or decided.

    Of a trial with dates the next cohort is taken to be followed to its end, and so is everybody treated before, without a
    further DLT. A cohort that still lacks patients is completed.

    Parameters
    ----------
    found
        The recommendation for these data.
    decided
        Level and number of patients, where they are others than recommended.
    completes
        Whether these patients complete the last cohort; as the recommendation says where it is not given.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> for row in next_cohort(design, "1NNN", esc.recommend(design, "1NNN")).rows:
    ...     print(row.text, "->", row.sentence)
    0 of 3 have a DLT -> Escalate to level 3 (40 mg).
    1 of 3 has a DLT -> Stay at level 2 (20 mg).
    2 of 3 have a DLT -> De-escalate to level 1 (10 mg).
    3 of 3 have a DLT -> De-escalate to level 1 (10 mg); levels 2 and 3 are barred for good.
    """
    level, size = decided or (found.next_level, found.next_cohort_size)
    if level is None or not size:
        return NextCohort(None, None, (), _why_none(found))
    number = comb(size + len(design.outcomes) - 1, size)
    if number > MAX_ROWS:
        text = f"A cohort of {size} with {len(design.outcomes)} outcomes has {number:,} results, too many to list."
        return NextCohort(level, size, (), text)
    if isinstance(data, str):
        data = from_outcomes(data, design, design.outcomes)
    trial = decided_on(design, data) if data is not None else TrialData((), "")
    if completes is None:
        completes = decided is None and found.reasons[0].code == COMPLETES
    completes = completes and bool(trial.cohorts)
    states, barred = _ahead(design, trial, level - 1, size, completes=completes)
    decisions = decide(design, states, barred)
    return NextCohort(level, size, _rows(design, states, decisions, size), None, _assumed(trial, completes=completes))


def _ahead(design: Design, trial: TrialData, dose: int, size: int, *, completes: bool) -> tuple[States, Mask]:
    """Return the states after each outcome of the next cohort, and what permanent rules have forbidden before them."""
    seen = outcomes(size, len(design.outcomes))[0]
    many = len(seen)
    if not trial.cohorts:
        counts = np.zeros((many, design.n_doses, seen.shape[1]), dtype=np.int64)
        counts[:, dose] = seen
        barred = np.zeros((len(design.rules), many, design.n_doses), dtype=bool)
        return States(Tally(counts), np.full(many, dose), seen, np.ones(many, dtype=np.int64)), barred
    history = trial.prefixes(design.n_doses)
    # A cohort that is not complete has had no decision yet.
    forbidden = lasting(design, decide_along(design, history).forbidden)
    before: Mask = np.logical_or.reduce(forbidden[:, :-1], axis=1, keepdims=True) if completes else forbidden[:, -1:]
    last = history.take(np.full(many, -1))
    counts = last.tally.counts.copy()
    counts[:, dose] += seen
    assert last.in_a_row is not None
    again = np.where(last.dose == dose, last.in_a_row, 0) + 1
    tally = Tally(counts, None, last.tally.backfilled)
    cohort, in_a_row = (last.cohort + seen, last.in_a_row) if completes else (seen, again)
    return States(tally, np.full(many, dose), cohort, in_a_row), np.repeat(before, many, axis=1)


def _rows(design: Design, states: States, decisions: Decisions, size: int) -> tuple[NextOutcome, ...]:
    mtds, going = select_at_stop(design, states.tally, decisions), decisions.next != NONE
    sizes = np.zeros(len(states), dtype=np.int64)
    if going.any():
        kept = np.flatnonzero(going)
        sizes[kept] = cohort_size(design, states.tally.take(kept), decisions.next[kept])
    lasts: Mask = np.logical_or.reduce(lasting(design, decisions.forbidden), axis=0)
    seen = outcomes(size, len(design.outcomes))[0].tolist()
    rows = []
    for k in range(len(states)):
        one, following, mtd = np.array([k]), int(decisions.next[k]), int(mtds[k])
        action = action_of(following, int(states.dose[k]))
        level, mtd_level = None if following == NONE else following + 1, None if mtd == NONE else mtd + 1
        barred = tuple((np.flatnonzero(lasts[k]) + 1).tolist())
        rows.append(
            NextOutcome(
                outcomes=tuple(seen[k]),
                text=_shown(design, seen[k]),
                action=action,
                next_level=level,
                next_cohort_size=None if level is None else int(sizes[k]),
                mtd_level=mtd_level,
                barred_levels=barred,
                sentence=_follows(design, action, level, mtd_level, barred),
                reasons=reasons_of(design, states.take(one), decisions.take(one)),
            )
        )
    return tuple(rows)


def _follows(design: Design, action: Action, level: int | None, mtd_level: int | None, barred: tuple[int, ...]) -> str:
    if level is None:
        return mtd_sentence(design, mtd_level)
    verb = {Action.ESCALATE: "Escalate to", Action.STAY: "Stay at", Action.DE_ESCALATE: "De-escalate to"}[action]
    several = len(barred) > 1
    bars = f"; level{'s' * several} {listed(barred)} {'are' if several else 'is'} barred for good" if barred else ""
    return f"{verb} {level_words(design, level)}{bars}."


def _shown(design: Design, seen: list[int]) -> str:
    """Return what a cohort shows: DLTs of patients, or letters with their names where outcomes are graded."""
    if len(seen) == 2:
        return f"{seen[1]} of {sum(seen)} {'has' if seen[1] == 1 else 'have'} a DLT"
    letters = "".join(outcome.letter * n for outcome, n in zip(design.outcomes, seen, strict=True))
    named = ", ".join(f"{n} {outcome.name}" for outcome, n in zip(design.outcomes, seen, strict=True) if n)
    return f"{letters}: {named}"


def _why_none(found: Recommendation) -> str:
    if found.action is Action.SUSPEND:
        return "Accrual waits for pending outcomes: what the next cohort gets is not known yet."
    return "The trial stops: there is no next cohort."


def _assumed(trial: TrialData, *, completes: bool) -> tuple[str, ...]:
    notes = ["The cohort under way is completed."] if completes else []
    if isinstance(trial, DatedTrial):
        notes.append("The cohort is taken to be followed to the end of its window; a decision before that can differ.")
        if trial.pending:
            n = len(trial.pending)
            who = f"{n} pending patients are" if n > 1 else "pending patient is"
            notes.append(f"The {who} taken to be followed to the end without a DLT.")
    return tuple(notes)
