"""What can be decided at this moment, in words, with what whoever decides must not overlook."""

from __future__ import annotations

from datetime import date

from escalate.conduct.analysis import is_current
from escalate.conduct.errors import RecordError
from escalate.conduct.snapshot import waiting_for
from escalate.conduct.state import Decision, Standing, TrialState
from escalate.core.moves import Action
from escalate.report.plan import barred_words
from escalate.study.recommend import Recommendation
from escalate.web.views.holding import allowed_now
from escalate.web.views.present import levels, where


def choices_of(state: TrialState, found: Recommendation | None) -> list[tuple[str, str]]:
    """Return what can be decided; where the design waits for outcomes, to hold and to stop alone."""
    if found is None:
        waits = bool(state.patients) and bool(waiting_for(state))
        return [("hold", "Hold: treat nobody for now"), ("stop", "Stop the trial")] if waits else []
    choices = [("accept", _accept(state, found)), *_other_levels(state, found)]
    choices.append(("expand", "Another number of patients at a level: choose both below"))
    if found.action is not Action.SUSPEND:
        choices.append(("hold", "Hold: treat nobody for now"))
    if found.action is not Action.STOP:
        choices.append(("stop", "Stop the trial"))
    return choices


def _accept(state: TrialState, found: Recommendation) -> str:
    advised, size = found.next_level, found.next_cohort_size
    if advised is None:
        return "Accept: stop" if found.action is Action.STOP else "Accept: wait for pending outcomes"
    early = goes_up_early(state, advised)
    return f"Accept: {size} patient{'s' * (size != 1)} at {where(state.design, advised)}{early and f' ({early})'}"


def _other_levels(state: TrialState, found: Recommendation) -> list[tuple[str, str]]:
    choices = []
    for choice in ("lower", "higher"):
        there = _candidates(state, found, choice)
        if len(there) == 1:
            notes = "".join(f" ({note})" for note in level_notes(state, found, there[0]))
            which = f": {where(state.design, there[0])}{notes}"
        else:
            which = ": choose it below"
        choices += [(choice, f"A {choice} level than recommended{which}")] if there else []
    return choices


def _candidates(state: TrialState, found: Recommendation, choice: str) -> list[int]:
    advised, n = found.next_level, state.design.n_doses
    if choice == "higher":
        return list(range((advised or 0) + 1, n + 1))
    return list(range(1, advised)) if choice == "lower" and advised is not None else []


def only_level(state: TrialState, found: Recommendation, choice: str) -> int | None:
    """Return the level that a choice means where it can mean one alone."""
    there = _candidates(state, found, choice)
    return there[0] if len(there) == 1 else None


def levels_to_choose(state: TrialState, found: Recommendation | None) -> dict[int, str]:
    """Return the levels in words, each with what speaks against it now."""
    names = {}
    for each in levels(state.design):
        notes = level_notes(state, found, each.level) if found is not None else []
        names[each.level] = f"{each.words} ({'; '.join(notes)})" if notes else each.words
    return names


def level_notes(state: TrialState, found: Recommendation, level: int) -> list[str]:
    """Return what speaks against a level: what bars it, levels that would be skipped, and a cohort that is not complete."""
    why = found.doses[level - 1].why_not
    notes = [barred_words(state.design, why)] if why is not None else []
    highest = max((row.level for row in found.doses if row.patients), default=0)
    if level > highest + 1:
        several = level - highest > 2
        skipped = ", ".join(str(each) for each in range(highest + 1, level))
        notes.append(f"skips level{'s' * several} {skipped}, which nobody had")
    early = goes_up_early(state, level)
    return [*notes, early] if early else notes


def goes_up_early(state: TrialState, level: int) -> str:
    """Return that a level is higher than that of a cohort which lacks patients; empty where it is not."""
    allowed = allowed_now(state)
    begun = allowed.level is not None and allowed.cohort in state.cohort_numbers()
    if begun and level > (allowed.level or 0):
        return f"before cohort {allowed.cohort} is complete"
    return ""


def incomplete_cohort(state: TrialState) -> str | None:
    """Return that the last cohort lacks patients who may still be treated, as a sentence; None where it does not."""
    allowed = allowed_now(state)
    if allowed.level is None or allowed.cohort not in state.cohort_numbers():
        return None
    there = sum(p.row.cohort == allowed.cohort for p in state.patients.values())
    n, whole = allowed.patients, there + allowed.patients
    by = f" by entry {state.decision.entry.number}" if state.decision is not None else ""
    return (
        f"Cohort {allowed.cohort} is incomplete: it has {there} of {whole} patients, and {n} more may be treated at "
        f"{where(state.design, allowed.level)}{by}. To go up before it is complete takes a reason."
    )


def room_left(state: TrialState, found: Recommendation | None) -> str | None:
    """Return how many patients the design has room for, as a sentence."""
    if found is None:
        return None
    there, most = sum(row.patients for row in found.doses), state.design.max_patients
    left = max(most - there, 0)
    return f"The trial has {there} evaluable patients; the design has {most} at most, so that {left} more fit."


def refuse_the_same(state: TrialState, choice: str, level: int | None, patients: int | None, day: date | None) -> None:
    """Refuse a decision that stands on record already, with nothing changed since.

    Raises
    ------
    RecordError
        Where it does.
    """
    last = state.decision
    if last is None or not _fresh(state, last, day) or last.body.choice != choice:
        return
    advised = last.analysis.body.recommendation
    if choice in ("lower", "higher", "expand"):
        wanted = (level, patients if patients is not None else advised["next_cohort_size"])
        if wanted != (last.body.level, last.body.patients):
            return
    raise RecordError(
        f"decision: is the same as that of entry {last.entry.number}, which {last.standing.in_words}, and nothing changed since; "
        "nothing was recorded a second time"
    )


def _fresh(state: TrialState, last: Decision, day: date | None) -> bool:
    waits = last.standing in (Standing.IN_FORCE, Standing.AWAITS_SECOND) and last.superseded_by is None
    as_of = last.analysis.body.as_of
    return waits and is_current(state, last.analysis) and (as_of is None or day is None or as_of == day.isoformat())
