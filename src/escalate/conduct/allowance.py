"""Who may be treated now: at which level, how many, and in which cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from escalate.conduct.analysis import current, first_cohort, so_far
from escalate.conduct.bodies import PatientRow
from escalate.conduct.state import Decision, Standing, TrialState
from escalate.core.errors import EscalateError
from escalate.core.moves import Action

COMPLETES = "complete_cohort"
"""The reason of a recommendation that goes on with the cohort there is."""


@dataclass(frozen=True)
class Allowance:
    """What a decision in force, or the start of the trial, allows.

    Parameters
    ----------
    level, patients
        Where, and how many more; None and 0 where nobody is treated.
    cohort
        Number of the cohort that the next patients belong to.
    why_none
        Why nobody is treated.
    """

    level: int | None
    patients: int
    cohort: int
    why_none: str | None = None


def allowance(state: TrialState, *, heard: bool = True) -> Allowance:
    """Return who may be treated now.

    Parameters
    ----------
    heard
        Whether the design is asked again, of what became known since the decision.
    """
    numbers = state.cohort_numbers()
    last = numbers[-1] if numbers else 0
    decision = state.decision
    if not state.is_open:
        return Allowance(None, 0, last + 1, "the trial is closed")
    if decision is None:
        there = sum(not p.row.backfill for p in state.patients.values())
        left = max(first_cohort(state) - there, 0)
        if any(not p.row.backfill and p.row.level != state.design.start_level for p in state.patients.values()):
            left = 0
        why = None if left else "the first cohort is there, and nothing was decided about more patients"
        return Allowance(state.design.start_level if left else None, left, max(last, 1), why)
    name = f"the last decision (entry {decision.entry.number})"
    if decision.standing not in (Standing.IN_FORCE, Standing.ACTED_ON):
        return Allowance(None, 0, last + 1, f"{name} {decision.standing.in_words}: nobody is treated on it")
    if decision.body.level is None:
        done = _in_words(decision)
        return Allowance(None, 0, last + 1, f"{name} is to {done}: nobody is treated on it")
    if not decision.remaining:
        return Allowance(None, 0, last + 1, f"{name} is carried out, and nothing was decided about more patients")
    if heard and (since := _asks_for_less(state, decision)):
        return Allowance(None, 0, last + 1, f"{name} is overtaken: {since}; decide again")
    goes_on = decision.treated > 0 or _completes(decision)
    return Allowance(decision.body.level, decision.remaining, last if goes_on and last else last + 1)


def _asks_for_less(state: TrialState, decision: Decision) -> str | None:
    """Return what the design recommends by now, where that is less than a decision in the middle of its cohort allows.

    Notes
    -----
    A design without dates is asked when a cohort is complete: in the middle of one, of the size it recommended, it is heard
    where it stops or bars the level.
    """
    level = decision.body.level
    if level is None or not (decision.treated or state.dated):
        return None
    try:
        found = so_far(state)
    except EscalateError as error:
        return f"no recommendation can be given now ({error})" if state.dated else None
    if found.action is Action.STOP:
        return "the design recommends to stop by now"
    barred = found.doses[level - 1]
    if not barred.allowed and _was_allowed(decision, level):
        return f"the design does not allow level {level} any more ({barred.why_not})"
    advised = decision.analysis.body.recommendation
    whole = state.dated or decision.treated >= (advised["next_cohort_size"] or 1)
    if whole and found.next_level is not None and found.next_level < min(level, advised["next_level"] or level):
        return f"the design recommends level {found.next_level} by now"
    return None


def _was_allowed(decision: Decision, level: int) -> bool:
    return bool(decision.analysis.body.recommendation["doses"][level - 1]["allowed"])


def stopped(state: TrialState) -> bool:
    """Return whether a decision in force ends the trial."""
    decision = state.decision
    if (
        decision is None
        or decision.body.level is not None
        or decision.standing not in (Standing.IN_FORCE, Standing.ACTED_ON)
    ):
        return False
    return _in_words(decision) == "stop"


def _in_words(decision: Decision) -> str:
    """Return what a decision by which nobody is treated is to do."""
    if decision.body.choice != "accept":
        return decision.body.choice
    return "stop" if decision.analysis.body.recommendation["action"] == "stop" else "wait"


def _completes(decision: Decision) -> bool:
    advised = decision.analysis.body.recommendation
    codes = {reason["code"] for reason in advised["reasons"]}
    return COMPLETES in codes and decision.body.level == advised["next_level"]


def not_allowed(state: TrialState, rows: Sequence[PatientRow], *, heard: bool = True) -> str | None:
    """Return why patients were treated without a decision that allows it; None where one does. `heard` as for `allowance`."""
    wanted = [row for row in rows if not row.backfill]
    if wanted:
        allowed = allowance(state, heard=heard)
        if allowed.why_none is not None:
            return allowed.why_none
        wrong = next((row.level for row in wanted if row.level != allowed.level), None)
        if wrong is not None:
            return f"{'what was decided is' if state.decision else 'the first cohort is at'} level {allowed.level}, not {wrong}"
        if len(wanted) > allowed.patients:
            more = "more " if state.decision and state.decision.treated else ""
            n = allowed.patients
            what = "what was decided allows" if state.decision else "the first cohort takes"
            return f"{what} {n} {more}patient{'' if n == 1 else 's'} at level {allowed.level}, not {len(wanted)}"
    backfilled = [row for row in rows if row.backfill]
    return _backfill_closed(state, backfilled) if backfilled else None


def _backfill_closed(state: TrialState, rows: Sequence[PatientRow]) -> str | None:
    try:
        found = current(state).backfill
    except EscalateError as error:
        return f"whether the level is open to backfill cannot be said ({error})"
    for dose in found or ():
        n = sum(row.level == dose.level for row in rows)
        if n and not (dose.open and n <= dose.places):
            return f"level {dose.level} is not open to {n} backfill patient{'' if n == 1 else 's'}: {dose.why}"
    return None if found else "no level is open to backfill"


def wrong_cohort(state: TrialState, rows: Sequence[PatientRow], *, deviating: bool = False) -> str | None:
    """Return what is wrong with the numbers of cohorts; None where they go on as they should.

    Parameters
    ----------
    deviating
        Whether the patients were treated without a decision: they may then belong to the last cohort, too.
    """
    wanted = [row for row in rows if not row.backfill]
    allowed = allowance(state)
    expected = allowed.cohort
    elsewhere = allowed.why_none is not None or deviating
    numbers = state.cohort_numbers()
    last = numbers[-1] if numbers else 0
    for row in wanted:
        if deviating and row.cohort in numbers:
            # Entered in error before, or treated beside what was decided.
            continue
        if row.cohort is not None and row.cohort < max(last, 1):
            return f"patient {row.patient} cohort: {row.cohort} is over; the cohort of the next patients is {expected}"
        if row.cohort != expected and not (elsewhere and row.cohort in (last, last + 1)):
            return f"patient {row.patient} cohort: {row.cohort} is not the cohort of the next patients, {expected}"
    return None
