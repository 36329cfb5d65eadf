"""One patient: what is known now, every change with its reason, and the form for the next."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from escalate.conduct import entering
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.errors import NotFoundError
from escalate.conduct.permissions import Act, require
from escalate.conduct.snapshot import columns
from escalate.conduct.state import Patient, TrialState
from escalate.conduct.store import entries_of
from escalate.web.forms import PatientForm
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.frame import kept, page
from escalate.web.views.present import levels
from escalate.web.views.words import FIELDS, Line, line_of, outcome_words, value


@dataclass(frozen=True)
class Known:
    """A field, and what stands in it."""

    field: str
    value: str


def amend(request: HttpRequest, state: TrialState, actor: Actor, patient: str) -> HttpResponse:
    """Show a patient, or record what is known now."""
    known = state.patients.get(patient)
    if known is None:
        raise NotFoundError(f"there is no patient {patient[:40]} in {state.trial}")
    names = {each.level: each.words for each in levels(state.design)}
    if request.method != "POST":
        return _shown(request, state, actor, known, PatientForm(state, names, initial=_initial(known)))
    require(state, actor, Act.AMEND)
    form = PatientForm(state, names, request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, known, form, status=422)

    def do(who: Actor, seen: str) -> Entry:
        return entering.amend(state.trial, patient, form.changes(), who, reason=form.cleaned_data["why"], seen=seen)

    done = carried_out(request, state, actor, do, [form], {"reason": "why"})
    if isinstance(done, Refusal):
        return _shown(request, state, actor, known, form, done)
    return done


def _initial(known: Patient) -> dict[str, object]:
    """Return what stands on record, as a form shows it."""
    row = known.row.model_dump()
    return {name: ("1" if given else "0") if isinstance(given, bool) else given for name, given in row.items()}


def _history(state: TrialState, known: Patient) -> tuple[Line, ...]:
    wanted = {known.entered, *known.changed}
    key = ("of patient", state.trial, state.head, known.row.patient)
    found = kept(key, lambda: tuple(line_of(state, e) for e in entries_of(state.trial) if e.number in wanted))
    return tuple(reversed(found))


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    known: Patient,
    form: PatientForm,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    row = known.row.model_dump()
    return page(
        request,
        "patient.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        patient=known,
        outcome=outcome_words(state.design, known.row),
        known=tuple(Known(FIELDS[name], value(row[name])) for name in columns(state.design) if _told(name, row)),
        lines=_history(state, known),
        form=form,
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )


def _told(name: str, row: dict[str, object]) -> bool:
    """Return whether a field is worth a line."""
    return name != "patient" and not (name == "reason" and row[name] is None)
