"""Decide on an analysis, have a second person agree where the dose is higher than recommended, and sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.allowance import allowance
from escalate.conduct.analysis import analysed, analysed_without_outcomes, is_current, waits_for_outcomes
from escalate.conduct.bodies import CHOICES, Approved, Decided
from escalate.conduct.chain import Entry
from escalate.conduct.errors import ConflictError, NotAllowedError, RecordError
from escalate.conduct.making import made, reason_given
from escalate.conduct.permissions import Act, require
from escalate.conduct.signatures import Signing, same_person, sign_with
from escalate.conduct.snapshot import waiting_for
from escalate.conduct.state import Analysis, Closing, Decision, Standing, TrialState
from escalate.conduct.store import Pen
from escalate.core.design import Design
from escalate.core.errors import did_you_mean

NOBODY = ("hold", "stop")
"""Decisions by which nobody is treated; they need no complete cohort."""


@dataclass(frozen=True)
class Proposal:
    """A decision as it compares with the recommendation.

    Parameters
    ----------
    level, patients
        Level of the next patients and how many; None where nobody is treated.
    departs, upward
        Whether it is not what was recommended, and whether more is given than recommended.
    why
        In words, how it departs; empty where it does not.
    """

    choice: str
    level: int | None
    patients: int | None
    departs: bool
    upward: bool
    why: str


def propose(
    recommendation: dict[str, Any], choice: str, level: int | None, patients: int | None, n_doses: int
) -> Proposal:
    """Return what a decision amounts to beside a recommendation.

    Notes
    -----
    Nothing may be given where the recommendation is to stop or to wait, so that any dose then is upward; so are a level above
    the recommended one, and more patients than recommended. Fewer patients, a lower level, holding and stopping are departures
    that one person can take.

    Raises
    ------
    RecordError
        Where choice, level and number of patients do not go together.
    """
    if choice not in CHOICES:
        raise RecordError(f"decision: '{choice[:40]}' is not one; {did_you_mean(choice[:40], CHOICES)}")
    advised, action = recommendation["next_level"], recommendation["action"]
    size = recommendation["next_cohort_size"]
    if choice == "accept":
        if level not in (None, advised) or patients not in (None, size):
            raise RecordError("decision: to accept is to take level and cohort size as recommended; leave both out")
        return Proposal(choice, advised, size, False, False, "")
    if choice in NOBODY:
        if level is not None or patients is not None:
            raise RecordError(f"decision: to {choice} is to treat nobody; leave out level and patients")
        departs = action != ("stop" if choice == "stop" else "suspend")
        why = f"to {choice} where the recommendation is to {_advice(recommendation)}" if departs else ""
        return Proposal(choice, None, None, departs, False, why)
    return _dose(choice, level, patients, recommendation, n_doses)


def _dose(
    choice: str, level: int | None, patients: int | None, recommendation: dict[str, Any], n_doses: int
) -> Proposal:
    advised, size = recommendation["next_level"], recommendation["next_cohort_size"]
    if level is None:
        raise RecordError(f"level: is missing; say at which level the decision '{choice}' is")
    if not 1 <= level <= n_doses:
        raise RecordError(f"level: {level} does not exist; the design has levels 1 to {n_doses}")
    if choice == "lower" and not (advised is not None and level < advised):
        raise RecordError(f"level: {level} is not below the recommended level, {advised or 'none'}; choose a lower one")
    if choice == "higher" and not level > (advised or 0):
        raise RecordError(f"level: {level} is not above the recommended level, {advised}; choose a higher one")
    n = patients if patients is not None else size
    if n is None or n < 1:
        raise RecordError("patients: is missing; say how many are treated, because none are recommended")
    upward = level > (advised or 0) or n > (size or 0)
    departs = (level, n) != (advised, size)
    if choice == "expand" and not departs:
        raise RecordError("decision: this is what is recommended; choose 'accept'")
    why = f"level {level} with {n} patients where the recommendation is to {_advice(recommendation)}" if departs else ""
    return Proposal(choice, level, n, departs, upward, why)


def _advice(recommendation: dict[str, Any]) -> str:
    if recommendation["next_level"] is None:
        return "stop" if recommendation["action"] == "stop" else "wait"
    return f"treat {recommendation['next_cohort_size']} at level {recommendation['next_level']}"


def cautions(design: Design, recommendation: dict[str, Any], level: int, patients: int) -> tuple[str, ...]:
    """Return what whoever decides on a level, or agrees with it, should know of it, as sentences without an end."""
    doses = recommendation["doses"]
    if not doses:
        return ()
    found = []
    row = doses[level - 1]
    if not row["allowed"]:
        found.append(f"the design does not allow level {level} now ({row['why_not']})")
    highest = max((dose["level"] for dose in doses if dose["patients"]), default=0)
    if level > highest + 1:
        skipped = ", ".join(str(each) for each in range(highest + 1, level))
        found.append(f"nobody had level {skipped} yet, and it would be skipped")
    total = sum(dose["patients"] for dose in doses) + patients
    if total > design.max_patients:
        found.append(
            f"the trial would have {total} evaluable patients, more than the {design.max_patients} of the design"
        )
    return tuple(found)


def analyse(trial: str, actor: Actor, *, as_of: date | None = None, seen: str | None = None) -> Entry:
    """Record what the design says of the data as known now.

    Raises
    ------
    DataError, RecordError
        Where the data do not admit a recommendation.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        require(pen.trial, actor, Act.ANALYSE)
        return pen.write(analysed(pen.trial, as_of))


def decide(
    trial: str,
    choice: str,
    actor: Actor,
    *,
    level: int | None = None,
    patients: int | None = None,
    reason: str | None = None,
    analysis: str | None = None,
    as_of: date | None = None,
    signing: Signing | None = None,
    seen: str | None = None,
) -> Entry:
    """Record what is done next.

    Parameters
    ----------
    analysis
        Hash of the analysis decided on; a new one is recorded where none is given.
    signing
        Sign it too.
    seen
        Hash of the last entry that the person saw, so that of two who decide at once one is told.

    Raises
    ------
    ConflictError
        Where the data, the design or the decisions went on since.
    RecordError
        Where the decision departs from the recommendation and has no reason, or cannot be.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.DECIDE)
        if not state.is_open:
            raise RecordError(f"{trial}: is closed; nothing is decided any more")
        based = _analysis_for(pen, choice, analysis, as_of)
        proposal = propose(based.body.recommendation, choice, level, patients, state.design.n_doses)
        said = reason_given(reason)
        if (why := _needs_reason(state, proposal, based.body.recommendation)) and said is None:
            raise RecordError(f"reason: is missing; {why}, so say why")
        entry = pen.write(
            made(
                Decided,
                analysis=based.entry.hash,
                choice=proposal.choice,
                level=proposal.level,
                patients=proposal.patients,
                departs=proposal.departs,
                upward=proposal.upward,
                reason=said,
            )
        )
        sign_with(pen, entry.hash, signing)
        return entry


def _needs_reason(state: TrialState, proposal: Proposal, recommendation: dict[str, Any]) -> str | None:
    """Return what a reason is needed for; None where none is.

    Raises
    ------
    RecordError
        Where more patients are decided on than the whole trial has.
    """
    level, n, most = proposal.level, proposal.patients or 0, state.design.max_patients
    if n > most:
        raise RecordError(f"patients: {n} is more than the whole trial has by its design, {most}")
    if proposal.departs:
        known = cautions(state.design, recommendation, level, n) if level else ()
        return "; ".join((f"the decision is {proposal.why}", *known))
    left = allowance(state)
    there = state.decision.treated if state.decision else sum(not p.row.backfill for p in state.patients.values())
    if level and there and left.level and level > left.level:
        n = there + left.patients
        return f"cohort {left.cohort} has {there} of {n} patients, and the dose goes up before it is complete"
    return None


def _analysis_for(pen: Pen, choice: str, analysis: str | None, as_of: date | None) -> Analysis:
    state = pen.trial
    if analysis is None and choice in NOBODY and waiting_for(state):
        pen.write(analysed_without_outcomes(state))
        return pen.trial.analyses[-1]
    if analysis is None:
        last = state.analyses[-1] if state.analyses else None
        usable = last is not None and is_current(state, last) and not waits_for_outcomes(last.body)
        if last is not None and usable and as_of is None and not state.dated:
            return last
        pen.write(analysed(state, as_of))
        return pen.trial.analyses[-1]
    found = next((a for a in reversed(state.analyses) if a.entry.hash.startswith(analysis)), None)
    if found is None or len(analysis) < 8:
        raise RecordError(f"analysis: {analysis[:16]} is not an analysis on record")
    if as_of is not None and found.body.as_of != as_of.isoformat():
        raise RecordError(f"analysis: that of entry {found.entry.number} looked at {found.body.as_of}, not at {as_of}")
    if choice not in NOBODY and waits_for_outcomes(found.body):
        raise RecordError(
            "decision: outcomes are missing, and nobody is treated meanwhile: hold or stop, or enter them first"
        )
    if not is_current(state, found):
        raise ConflictError(
            f"{state.trial}: data or design changed since the analysis of entry {found.entry.number}; analyse again, then decide"
        )
    return found


def approve(
    trial: str,
    actor: Actor,
    *,
    agrees: bool,
    reason: str | None = None,
    subject: str | None = None,
    signing: Signing | None = None,
    seen: str | None = None,
) -> Entry:
    """Record what a second person says of the decision, or the closing, that awaits one.

    Parameters
    ----------
    subject
        Hash of what is agreed with; the one that awaits a second person where none is given.

    Raises
    ------
    NotAllowedError
        Where the person is the one who decided.
    RecordError
        Where nothing awaits a second person, or a refusal has no reason.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.APPROVE)
        waiting = awaiting(state)
        if waiting is None or (subject is not None and waiting.entry.hash != subject):
            raise ConflictError(f"{trial}: nothing of this awaits a second person now; look at the history")
        if same_person(waiting.entry.by, actor.name):
            raise NotAllowedError(f"{trial}: {actor.name} decided this, so that another person must agree")
        said = reason_given(reason)
        if not agrees and said is None:
            raise RecordError("reason: is missing; say why you do not agree")
        if not agrees and signing is not None and signing.meaning == "approval":
            raise RecordError("meaning: who does not agree signs as review, not as approval")
        entry = pen.write(made(Approved, subject=waiting.entry.hash, agrees=agrees, reason=said))
        sign_with(pen, entry.hash, signing)
        return entry


def awaiting(state: TrialState) -> Decision | Closing | None:
    """Return the closing or the decision that awaits a second person."""
    if state.closing is not None and state.closing.standing is Standing.AWAITS_SECOND:
        return state.closing
    if state.decision is not None and state.decision.standing is Standing.AWAITS_SECOND:
        return state.decision
    return None
