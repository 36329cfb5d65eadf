"""Decide on the next dose, give a second opinion, and sign."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from escalate.conduct import deciding
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.errors import RecordError
from escalate.conduct.snapshot import waiting_for
from escalate.conduct.state import Standing, TrialState
from escalate.web.forms import DecideForm
from escalate.web.people import signing_of
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.approving import approve, sign
from escalate.web.views.choosing import (
    choices_of,
    incomplete_cohort,
    levels_to_choose,
    only_level,
    refuse_the_same,
    room_left,
)
from escalate.web.views.frame import day_asked, page
from escalate.web.views.guide import next_step
from escalate.web.views.present import if_followed, present
from escalate.web.views.trial import ActShown, acts

__all__ = ["approve", "decide", "sign"]


def decide(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show the recommendation and the form for a decision, or record it."""
    day = day_asked(request, state)
    found = present(state, day.day).found
    names = levels_to_choose(state, found)
    choices = choices_of(state, found)
    if request.method != "POST":
        form = DecideForm(state, names, choices)
        return _shown(request, state, actor, form)
    form = DecideForm(state, names, choices, request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, form, status=422)

    def do(who: Actor, seen: str) -> Entry:
        choice = form.cleaned_data["choice"]
        if not choice:
            raise RecordError("decision: is missing; choose one")
        level, patients = form.cleaned_data["level"], form.cleaned_data["patients"]
        if level is None and found is not None:
            level = only_level(state, found, choice)
        if seen == state.head:
            refuse_the_same(state, choice, level, patients, day.day)
        # A level beside a choice that takes none is a slip of the pen: the record says so.
        return deciding.decide(
            state.trial,
            choice,
            who,
            level=level,
            patients=patients,
            reason=form.cleaned_data["reason"],
            as_of=day.day,
            signing=signing_of(request, actor),
            seen=seen,
        )

    done = carried_out(request, state, actor, do, [form], {"decision": "choice"})
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, done)
    return done


def _still(state: TrialState, actor: Actor) -> ActShown | None:
    """Return the last decision, where it is not carried out yet and a new one would take its place."""
    last = state.decision
    if last is None or not (last.remaining or last.standing is Standing.AWAITS_SECOND):
        return None
    return next(act for act in acts(state, actor) if act.number == last.entry.number)


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    form: DecideForm,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    day = day_asked(request, state)
    shown = present(state, day.day)
    waits = shown.found is None and bool(waiting_for(state))
    return page(
        request,
        "decide.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        form=form,
        day=day,
        shown=shown,
        can_only_hold=waits and bool(form.fields["choice"].choices),  # type: ignore[attr-defined]
        followed=if_followed(state, day.day),
        incomplete=incomplete_cohort(state),
        room=room_left(state, shown.found),
        present_act=_still(state, actor),
        present_words=state.decision.standing.in_words if state.decision else "",
        following=next_step(state, actor, shown.found),
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )
