"""Decide on the next dose, give a second opinion, and sign."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from escalate.conduct import deciding
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.errors import RecordError
from escalate.conduct.state import Standing, TrialState
from escalate.core.moves import Action
from escalate.study.recommend import Recommendation
from escalate.web.forms import DecideForm
from escalate.web.people import signing_of
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.approving import approve, sign
from escalate.web.views.frame import day_asked, page
from escalate.web.views.guide import next_step
from escalate.web.views.present import levels, present, where
from escalate.web.views.trial import ActShown, acts

__all__ = ["approve", "decide", "sign"]


def decide(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show the recommendation and the form for a decision, or record it."""
    day = day_asked(request, state)
    found = present(state, day.day).found
    names = {each.level: each.words for each in levels(state.design)}
    choices = _choices(state, found)
    if request.method != "POST":
        form = DecideForm(state, names, choices)
        return _shown(request, state, actor, form)
    form = DecideForm(state, names, choices, request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, form, status=422)

    def do(who: Actor, seen: str) -> Entry:
        if not form.cleaned_data["choice"]:
            raise RecordError("decision: is missing; choose one")
        given = form.cleaned_data
        # A level beside a choice that takes none is a slip of the pen: the record says so.
        return deciding.decide(
            state.trial,
            given["choice"],
            who,
            level=given["level"],
            patients=given["patients"],
            reason=given["reason"],
            as_of=day.day,
            signing=signing_of(request, actor),
            seen=seen,
        )

    done = carried_out(request, state, actor, do, [form], {"decision": "choice"})
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, done)
    return done


def _choices(state: TrialState, found: Recommendation | None) -> list[tuple[str, str]]:
    """Return what can be decided, in the words of this moment."""
    if found is None:
        return []
    advised, size = found.next_level, found.next_cohort_size
    if advised is not None:
        accept = f"Accept: {size} patient{'s' * (size != 1)} at {where(state.design, advised)}"
    else:
        accept = "Accept: stop" if found.action is Action.STOP else "Accept: wait for pending outcomes"
    choices = [("accept", accept)]
    if advised is not None and advised > 1:
        choices.append(("lower", "A lower level than recommended"))
    if (advised or 0) < state.design.n_doses:
        choices.append(("higher", "A higher level than recommended"))
    choices.append(("expand", "Another number of patients at a level"))
    if found.action is not Action.SUSPEND:
        choices.append(("hold", "Hold: treat nobody for now"))
    if found.action is not Action.STOP:
        choices.append(("stop", "Stop the trial"))
    return choices


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
        present_act=_still(state, actor),
        present_words=state.decision.standing.in_words if state.decision else "",
        following=next_step(state, actor, shown.found),
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )
