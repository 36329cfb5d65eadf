"""Say as a second person what one thinks of a decision, and sign what stands on record."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from escalate.conduct import deciding, signatures
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.deciding import awaiting
from escalate.conduct.errors import NotFoundError, RecordError
from escalate.conduct.state import Closing, Decision, TrialState
from escalate.web.forms import ApproveForm, SigningForm
from escalate.web.people import signing_of
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.frame import page
from escalate.web.views.present import Present, present
from escalate.web.views.trial import acts
from escalate.web.views.words import line_of, signable


def approve(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show what awaits a second person, or record the opinion."""
    if request.method != "POST":
        return _shown(request, state, actor, ApproveForm(initial={"meaning": "approval"}))
    form = ApproveForm(request.POST)
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
            signing=signing_of(request, actor),
            seen=seen,
        )

    done = carried_out(request, state, actor, do, [form])
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, done)
    return done


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
        shown=_present(state, subject),
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )


def _advised(state: TrialState, subject: Decision | Closing) -> str:
    """Return what the design says, beside what was decided."""
    if isinstance(subject, Decision):
        return line_of(state, subject.analysis.entry).text
    return " ".join(line_of(state, subject.entry).details)


def _present(state: TrialState, subject: object) -> Present | None:
    """Return the trial on the day that the decision looked at."""
    if not isinstance(subject, Decision):
        return None
    from datetime import date

    day = subject.analysis.body.as_of
    return present(state, date.fromisoformat(day) if day else None)


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
