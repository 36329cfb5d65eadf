"""Say as a second person what one thinks of a decision, and sign what stands on record."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.forms import ChoiceField
from django.http import HttpRequest, HttpResponse, QueryDict

from escalate.conduct import deciding, signatures
from escalate.conduct.actor import Actor
from escalate.conduct.analysis import selected
from escalate.conduct.chain import Entry
from escalate.conduct.deciding import awaiting, cautions
from escalate.conduct.errors import NotFoundError, RecordError
from escalate.conduct.state import Closing, Decision, TrialState
from escalate.core.errors import EscalateError
from escalate.report.plan import barred_words
from escalate.report.svg import raised
from escalate.web.forms import ApproveForm, SigningForm
from escalate.web.people import signing_of
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.closing import not_stopped, states_in_the_end
from escalate.web.views.frame import page
from escalate.web.views.present import Present, present
from escalate.web.views.trial import acts
from escalate.web.views.words import line_of, mtd_words, signable


def approve(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show what awaits a second person, or record the opinion."""
    if request.method != "POST":
        return _shown(request, state, actor, _form())
    form = _form(request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, form, status=422)

    def do(who: Actor, seen: str) -> Entry:
        if form.cleaned_data["agrees"] not in ("0", "1"):
            raise RecordError("agrees: is missing; say whether you agree")
        return deciding.approve(
            state.trial,
            who,
            agrees=form.cleaned_data["agrees"] == "1",
            reason=form.cleaned_data["reason"],
            subject=request.POST.get("subject") or None,
            signing=signing_of(request, actor, form.cleaned_data["meaning"]),
            seen=seen,
        )

    done = carried_out(request, state, actor, do, [form])
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, done)
    return done


BY_OPINION = ("", "I approve this, or reviewed this if I do not agree")


def _form(given: QueryDict | None = None) -> ApproveForm:
    """Return the form, its signature meaning what the opinion says where nothing else is chosen."""
    if given is not None and not given.get("meaning") and given.get("agrees") in ("0", "1"):
        given = given.copy()
        given["meaning"] = "approval" if given["agrees"] == "1" else "review"
    form = ApproveForm(given) if given is not None else ApproveForm(initial={"meaning": ""})
    meaning = form.fields["meaning"]
    assert isinstance(meaning, ChoiceField)
    meaning.choices = [BY_OPINION, *signatures.MEANINGS.items()]
    return form


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    form: ApproveForm,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    subject = awaiting(state)
    own = subject is not None and subject.entry.by.strip().casefold() == actor.name.strip().casefold()
    act = next((each for each in acts(state, actor) if subject and each.hash == subject.entry.hash), None)
    shown = _present(state, subject) if subject is not None else None
    return page(
        request,
        "approve.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        form=form,
        act=act,
        own=own,
        advised=_advised(state, subject) if subject is not None else None,
        shown=shown,
        **(_doses(state, subject, shown) if subject is not None and shown is not None else {}),
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )


def _advised(state: TrialState, subject: Decision | Closing) -> str:
    """Return what the design says, beside what was decided."""
    if isinstance(subject, Decision):
        return line_of(state, subject.analysis.entry).text
    return raised(f"The design selects {mtd_words(state.design, subject.body.selected_level)}.")


def _present(state: TrialState, subject: Decision | Closing) -> Present:
    """Return the trial on the day that the decision looked at; of a closing, today."""
    day = subject.analysis.body.as_of if isinstance(subject, Decision) else None
    today = date.today() if state.dated else None
    return present(state, date.fromisoformat(day) if day else today)


def _doses(state: TrialState, subject: Decision | Closing, shown: Present) -> dict[str, Any]:
    """Return the data that the opinion is about: the doses, and what to mind of the one proposed."""
    if isinstance(subject, Decision):
        body = subject.body
        mind = (
            cautions(state.design, subject.analysis.body.recommendation, body.level, body.patients or 0)
            if body.level is not None
            else ()
        )
        rows = shown.found.doses if shown.found is not None else ()
        return {"mind": mind, "doses": rows, "states": shown.states}
    level = subject.body.mtd_level
    try:
        chosen = selected(state, shown.day)
    except EscalateError as error:
        return {"mind": (str(error),), "doses": (), "states": {}}
    found = []
    if level is not None:
        why = chosen.doses[level - 1].why_not
        found += [f"level {level} is {barred_words(state.design, why)}"] if why else []
    goes_on = not_stopped(state, shown)
    found += [goes_on.rstrip(".")] if goes_on else []
    return {"mind": tuple(found), "doses": chosen.doses, "states": states_in_the_end(chosen, level)}


def sign(request: HttpRequest, state: TrialState, actor: Actor, subject: str) -> HttpResponse:
    """Show an entry that can be signed, or sign it."""
    entry = signable(state).get(subject)
    if entry is None:
        raise NotFoundError(f"there is nothing to sign under '{subject[:16]}' in {state.trial}")
    form = SigningForm(request.POST) if request.method == "POST" else SigningForm(initial={"meaning": "review"})
    refusal, status = None, 200
    if form.is_bound and not form.is_valid():
        status = 422
    elif form.is_bound:

        def do(who: Actor, seen: str) -> Entry:
            return signatures.sign(state.trial, subject, signing_of(request, actor), who, seen=seen)

        done = carried_out(request, state, actor, do, [form])
        if not isinstance(done, Refusal):
            return done
        refusal, status = done, done.status
    return page(
        request,
        "sign.html",
        state,
        actor,
        tab="trial",
        status=status,
        form=form,
        line=line_of(state, entry),
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )
