"""Signatures: what they cover, what they say, and whose they can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from unicodedata import normalize

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import Signed
from escalate.conduct.chain import Entry, canonical, sha256
from escalate.conduct.errors import RecordError
from escalate.conduct.making import made
from escalate.conduct.permissions import Act, require
from escalate.conduct.state import Closing, Decision, TrialState
from escalate.conduct.store import Pen

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
    if signing.meaning == "approval" and wrote(pen.trial, subject, pen.actor.name):
        raise RecordError("meaning: who wrote an entry signs it as authorship or review; approval is another person's")
    covered = record_sha256(pen.trial, subject)
    return pen.write(made(Signed, subject=subject, meaning=signing.meaning, record_sha256=covered, name=signing.name))


def wrote(state: TrialState, subject: str, name: str) -> bool:
    """Return whether a person wrote the decision, the closing or the design amendment itself."""
    decided: list[Decision | Closing] = [*state.decisions, *state.closings]
    opinions = {each.approval.entry.hash for each in decided if each.approval}
    return subject not in opinions and same_person(author_of(state, subject), name)


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


def same_person(one: str, other: str) -> bool:
    """Return whether two names are one person's, however they are written: case, blanks, wide letters."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return "".join(normalize("NFKC", name).casefold().split())
