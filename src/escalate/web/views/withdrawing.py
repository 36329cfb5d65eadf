"""A patient entered in error: out of the data, and never out of the record."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from escalate.conduct import entering
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.errors import NotFoundError
from escalate.conduct.state import Patient, TrialState
from escalate.web.forms import WithdrawForm
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.frame import page
from escalate.web.views.present import where
from escalate.web.views.words import Line, line_of, outcome_words


def withdraw(request: HttpRequest, state: TrialState, actor: Actor, patient: str) -> HttpResponse:
    """Ask for the reason, and say what becomes void; or record it."""
    known = state.patients.get(patient)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    done = _recorded(request, state, actor, patient, form) if request.method == "POST" else None
    if isinstance(done, HttpResponse):
        return done
    if known is None:
        raise NotFoundError(f"there is no patient {patient[:40]} in {state.trial}")
    return page(
        request,
        "withdraw.html",
        state,
        actor,
        tab="trial",
        status=done.status if done else 422 if form.is_bound else 200,
        patient=known,
        place=f"{f'cohort {known.row.cohort}' if known.row.cohort else 'backfill'}, {where(state.design, known.row.level)}",
        outcome=outcome_words(state.design, known.row),
        rests=_rests_on(state, known),
        form=form,
        refusal=done,
        sending=done.sending if done else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )


def _recorded(
    request: HttpRequest, state: TrialState, actor: Actor, patient: str, form: WithdrawForm
) -> HttpResponse | Refusal | None:
    if not form.is_valid():
        return None

    def do(who: Actor, seen: str) -> Entry:
        return entering.withdraw(state.trial, patient, form.cleaned_data["reason"], who, seen=seen)

    return carried_out(request, state, actor, do, [form])


def _rests_on(state: TrialState, known: Patient) -> tuple[Line, ...]:
    """Return the decisions and closings that hold, and become void without the patient."""
    decisions = [d.entry for d in state.decisions if d.void_by is None and known.entered < d.analysis.entry.number]
    closings = [c.entry for c in state.closings if c.void_by is None and known.entered < c.entry.number]
    return tuple(line_of(state, entry) for entry in (*decisions, *closings))
