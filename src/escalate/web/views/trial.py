"""The page of a trial: what the design says, what comes next, and all that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from escalate.conduct.actor import Actor
from escalate.conduct.permissions import Act, may
from escalate.conduct.signatures import MEANINGS
from escalate.conduct.state import Approval, Closing, Decision, Signature, Standing, TrialState
from escalate.core.design import Design
from escalate.report.svg import raised
from escalate.web.views.acting import number_said
from escalate.web.views.frame import day_asked, drawn, latest_day, page
from escalate.web.views.guide import STEPS, next_step
from escalate.web.views.patients import patient_lines
from escalate.web.views.present import present
from escalate.web.views.words import closed_words, decided_words, when


@dataclass(frozen=True)
class Signed:
    """A signature as printed."""

    name: str
    meaning: str
    when: str
    number: int
    void_by: int | None


@dataclass(frozen=True)
class ActShown:
    """A decision or a closing as shown: what, what it is worth, who signed."""

    number: int
    hash: str
    kind: str
    text: str
    by: str
    when: str
    standing: str
    look: str
    departs: bool
    reason: str | None
    approval: Approval | None
    approved_when: str
    void_by: int | None
    superseded_by: int | None
    signatures: tuple[Signed, ...]
    can_sign: bool


MOST_ACTS = 8
LOOKS = {
    Standing.IN_FORCE: "in-force",
    Standing.ACTED_ON: "in-force",
    Standing.AWAITS_SECOND: "awaits",
    Standing.REFUSED: "refused",
    Standing.VOID: "void",
    Standing.SUPERSEDED: "superseded",
}


def trial(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show a trial."""
    day = day_asked(request, state)
    shown = present(state, day.day)
    found = acts(state, actor, MOST_ACTS)
    signable = tuple(act.number for act in found if act.can_sign)

    def rest() -> dict[str, Any]:
        return {
            "state": state,
            "shown": shown,
            "patients": patient_lines(state),
            "acts": found,
            "more_acts": len(state.decisions) + len(state.closings) > MOST_ACTS,
            "asked": day.query,
        }

    return page(
        request,
        "trial.html",
        state,
        actor,
        tab="trial",
        day=day,
        shown=shown,
        steps=STEPS,
        following=next_step(state, actor, shown.found),
        acts=found,
        first_day=latest_day(state) if state.dated else None,
        rest=drawn((state.trial, state.head, day.day, day.is_today, signable), "part_trial.html", rest),
        saved=number_said(request, state, "saved"),
        already=number_said(request, state, "already"),
    )


def acts(state: TrialState, actor: Actor, most: int | None = None) -> tuple[ActShown, ...]:
    """Return decisions and closings, newest first, with what they are worth and who signed."""
    both: list[Decision | Closing] = [*state.decisions, *state.closings]
    found = sorted(both, key=lambda each: -each.entry.number)
    return tuple(_act(state, each, actor) for each in found[:most])


def _act(state: TrialState, each: Decision | Closing, actor: Actor) -> ActShown:
    design = _design_of(state, each)
    text = decided_words(design, each.body) if isinstance(each, Decision) else closed_words(design, each.body)
    on = [*state.signatures_on(each.entry.hash)]
    if each.approval is not None:
        on += state.signatures_on(each.approval.entry.hash)
    signed = any(s.entry.by == actor.name for s in on)
    return ActShown(
        number=each.entry.number,
        hash=each.entry.hash,
        kind="Decision" if isinstance(each, Decision) else "Closing",
        text=raised(text[:1].upper() + text[1:]),
        by=each.entry.by,
        when=when(each.entry.at),
        standing=each.standing.value,
        look=LOOKS[each.standing],
        departs=each.body.departs,
        reason=each.body.reason,
        approval=each.approval,
        approved_when=when(each.approval.entry.at) if each.approval else "",
        void_by=each.void_by,
        superseded_by=each.superseded_by if isinstance(each, Decision) else None,
        signatures=tuple(_signed(s) for s in on),
        can_sign=each.void_by is None and not signed and may(state, actor, Act.SIGN),
    )


def _design_of(state: TrialState, each: Decision | Closing) -> Design:
    return next(v.design for v in reversed(state.designs) if v.entry < each.entry.number)


def _signed(signature: Signature) -> Signed:
    body = signature.body
    return Signed(
        body.name, MEANINGS[body.meaning], when(signature.entry.at), signature.entry.number, signature.void_by
    )
