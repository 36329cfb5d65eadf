"""One patient: what is known now, every change with its reason, and the form for the next."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from escalate.conduct import entering
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import PatientRow
from escalate.conduct.chain import Entry
from escalate.conduct.errors import NotFoundError
from escalate.conduct.history import shown
from escalate.conduct.permissions import Act, require
from escalate.conduct.snapshot import columns
from escalate.conduct.state import Patient, TrialState
from escalate.web.forms import PatientForm
from escalate.web.views.acting import Refusal, Sending, carried_out, problems, since
from escalate.web.views.frame import kept, page
from escalate.web.views.patients import entries_on
from escalate.web.views.words import FIELDS, Line, line_of, outcome_words


@dataclass(frozen=True)
class Known:
    """A field, and what stands in it."""

    field: str
    value: str


def amend(request: HttpRequest, state: TrialState, actor: Actor, patient: str) -> HttpResponse:
    """Show a patient, or record what is known now."""
    known = state.patients.get(patient)
    if known is None:
        return _gone(request, state, actor, patient)
    if request.method != "POST":
        return _shown(request, state, actor, known, PatientForm(state, initial=_initial(known)))
    require(state, actor, Act.AMEND)
    form = PatientForm(state, request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, known, form, status=422)

    def do(who: Actor, seen: str) -> Entry:
        return entering.amend(state.trial, patient, form.changes(), who, reason=form.cleaned_data["why"], seen=seen)

    done = carried_out(request, state, actor, do, [form], {"reason": "why"})
    if isinstance(done, Refusal):
        return _shown(request, state, actor, known, form, done)
    return done


def _gone(request: HttpRequest, state: TrialState, actor: Actor, patient: str) -> HttpResponse:
    """Show a patient who was entered in error; nothing is known of the patient any more that could change."""
    row, out = next((each for each in reversed(state.withdrawn) if each[0].patient == patient), (None, None))
    if row is None or out is None:
        raise NotFoundError(f"there is no patient {patient[:40]} in {state.trial}")
    posted = request.method == "POST"
    if posted:
        require(state, actor, Act.AMEND)
    sent = Sending.of(request, state)
    refusal = Refusal(409, "the patient was entered in error", sent, since(state, sent.seen)) if posted else None
    return page(
        request,
        "patient.html",
        state,
        actor,
        tab="trial",
        status=409 if posted else 200,
        name=patient,
        gone=line_of(state, out),
        outcome=outcome_words(state.design, row),
        known=_known(state, row),
        lines=_history(state, patient),
        refusal=refusal,
    )


def _initial(known: Patient) -> dict[str, object]:
    """Return what stands on record, as a form shows it."""
    row = known.row.model_dump()
    return {name: ("1" if given else "0") if isinstance(given, bool) else given for name, given in row.items()}


def _history(state: TrialState, patient: str) -> tuple[Line, ...]:
    def made() -> tuple[Line, ...]:
        return tuple(line_of(state, entry) for entry in reversed(entries_on(state, patient)))

    return kept(("of patient", state.trial, state.head, patient), made)


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    known: Patient,
    form: PatientForm,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    return page(
        request,
        "patient.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        name=known.row.patient,
        patient=known,
        outcome=outcome_words(state.design, known.row),
        known=_known(state, known.row),
        lines=_history(state, known.row.patient),
        form=form,
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )


def _known(state: TrialState, row: PatientRow) -> tuple[Known, ...]:
    values = row.model_dump()
    return tuple(Known(FIELDS[name], shown(values[name])) for name in columns(state.design) if _told(name, values))


def _told(name: str, row: dict[str, object]) -> bool:
    """Return whether a field is worth a line."""
    return name != "patient" and not (name == "reason" and row[name] is None)
