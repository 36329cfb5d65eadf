"""Decide on an analysis, have a second person agree where the dose is higher than recommended, and sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from unicodedata import normalize

from escalate.conduct import store
from escalate.conduct.analysis import analysed, is_current
from escalate.conduct.bodies import CHOICES, Approved, Decided, Signed
from escalate.conduct.chain import Entry, canonical, sha256
from escalate.conduct.errors import ConflictError, NotAllowedError, RecordError
from escalate.conduct.making import made, reason_given
from escalate.conduct.permissions import Act, require
from escalate.conduct.state import Analysis, Closing, Decision, Standing, TrialState
from escalate.conduct.store import Actor, Pen
from escalate.core.errors import did_you_mean

Meaning = Literal["authorship", "review", "approval"]
MEANINGS = {
    "authorship": "I made this decision",
    "review": "I reviewed this",
    "approval": "I approve this",
}
"""What a signature says, and in which words it is printed."""


@dataclass(frozen=True)
class Signing:
    """Who signs, under which printed name and with which meaning; the password was asked for just before."""

    name: str
    meaning: Meaning


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
    if choice in ("hold", "stop"):
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
        based = _analysis_for(pen, analysis, as_of)
        proposal = propose(based.body.recommendation, choice, level, patients, state.design.n_doses)
        said = reason_given(reason)
        if proposal.departs and said is None:
            raise RecordError(f"reason: is missing; the decision is {proposal.why}, so say why")
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


def _analysis_for(pen: Pen, analysis: str | None, as_of: date | None) -> Analysis:
    state = pen.trial
    if analysis is None:
        last = state.analyses[-1] if state.analyses else None
        if last is not None and is_current(state, last) and as_of is None and not state.dated:
            return last
        pen.write(analysed(state, as_of))
        return pen.trial.analyses[-1]
    found = next((a for a in reversed(state.analyses) if a.entry.hash.startswith(analysis)), None)
    if found is None or len(analysis) < 8:
        raise RecordError(f"analysis: {analysis[:16]} is not an analysis on record")
    if as_of is not None and found.body.as_of != as_of.isoformat():
        raise RecordError(f"analysis: that of entry {found.entry.number} looked at {found.body.as_of}, not at {as_of}")
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
        entry = pen.write(made(Approved, subject=waiting.entry.hash, agrees=agrees, reason=said))
        sign_with(pen, entry.hash, signing)
        return entry


def same_person(one: str, other: str) -> bool:
    """Return whether two names are one person's, however they are written: case, blanks, wide letters."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return "".join(normalize("NFKC", name).casefold().split())


def awaiting(state: TrialState) -> Decision | Closing | None:
    """Return the closing or the decision that awaits a second person."""
    if state.closing is not None and state.closing.standing is Standing.AWAITS_SECOND:
        return state.closing
    if state.decision is not None and state.decision.standing is Standing.AWAITS_SECOND:
        return state.decision
    return None


def sign(trial: str, subject: str, signing: Signing, actor: Actor, *, seen: str | None = None) -> Entry:
    """Sign a decision, an approval, a closing or a design amendment that stands on record.

    Raises
    ------
    RecordError
        Where there is no such entry, it is void, or the person signed it with this meaning before.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.SIGN)
        if signing.meaning == "authorship" and not same_person(author_of(state, subject), actor.name):
            raise RecordError(f"meaning: authorship is signed by whoever wrote the entry; {actor.name} did not")
        if any(s.entry.by == actor.name and s.body.meaning == signing.meaning for s in state.signatures_on(subject)):
            raise RecordError(f"{trial}: {actor.name} signed this already, as {signing.meaning}")
        entry = sign_with(pen, subject, signing)
        assert entry is not None
        return entry


def sign_with(pen: Pen, subject: str, signing: Signing | None) -> Entry | None:
    """Sign an entry in the same transaction, where somebody signs."""
    if signing is None:
        return None
    require(pen.trial, pen.actor, Act.SIGN)
    covered = record_sha256(pen.trial, subject)
    return pen.write(made(Signed, subject=subject, meaning=signing.meaning, record_sha256=covered, name=signing.name))


def record_sha256(state: TrialState, subject: str) -> str:
    """Return the hash of what a signature covers: trial, design, data, version, recommendation and the entry signed.

    Raises
    ------
    RecordError
        Where the entry is none that is signed, or is void.
    """
    parts = {"trial": state.trial, "entry": subject, **_covered(state, subject)}
    return sha256(canonical(parts))


def author_of(state: TrialState, subject: str) -> str:
    """Return who wrote an entry that is signed; nobody where there is none."""
    decided: list[Decision | Closing] = [*state.decisions, *state.closings]
    entries = [each.entry for each in decided] + [each.approval.entry for each in decided if each.approval]
    entries += [entry for entry, _ in state.design_amendments]
    return next((entry.by for entry in entries if entry.hash == subject), "")


def _covered(state: TrialState, subject: str) -> dict[str, str | None]:
    for decision in state.decisions:
        if subject in (decision.entry.hash, decision.approval.entry.hash if decision.approval else None):
            if decision.void_by is not None:
                raise RecordError(
                    f"{state.trial}: entry {decision.entry.number} is void since entry {decision.void_by}"
                )
            analysis = decision.analysis.body
            return {
                "design_sha256": analysis.design_sha256,
                "data_sha256": analysis.data_sha256,
                "version": analysis.version,
                "recommendation_sha256": analysis.recommendation_sha256,
                "decision": decision.entry.hash,
            }
    for closing in state.closings:
        if subject in (closing.entry.hash, closing.approval.entry.hash if closing.approval else None):
            if closing.void_by is not None:
                raise RecordError(f"{state.trial}: entry {closing.entry.number} is void since entry {closing.void_by}")
            source = closing.body.selection["provenance"]
            return {
                "design_sha256": source["design_sha256"],
                "data_sha256": closing.body.data_sha256,
                "version": source["version"],
                "recommendation_sha256": sha256(canonical(closing.body.selection)),
                "decision": closing.entry.hash,
            }
    for entry, body in state.design_amendments:
        if entry.hash == subject:
            return {
                "design_sha256": body.design.sha256,
                "data_sha256": body.data_sha256,
                "version": body.version,
                "recommendation_sha256": sha256(canonical(body.after)),
                "decision": entry.hash,
            }
    raise RecordError(f"{state.trial}: {subject[:16]} is not a decision, an approval, a closing or a design amendment")
