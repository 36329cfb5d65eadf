"""Enter the patients of a cohort, with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from escalate.conduct import entering
from escalate.conduct.actor import Actor
from escalate.conduct.allowance import not_allowed
from escalate.conduct.bodies import PatientRow
from escalate.conduct.chain import Entry
from escalate.conduct.errors import RecordError
from escalate.conduct.snapshot import check_rows
from escalate.conduct.state import TrialState
from escalate.core.errors import EscalateError
from escalate.web.forms import MOST_ROWS, CohortForm, RowForm
from escalate.web.views.acting import Refusal, Sending, carried_out, problems, tie
from escalate.web.views.frame import day_asked, page
from escalate.web.views.guide import allowed_now
from escalate.web.views.patient import amend
from escalate.web.views.present import levels, where
from escalate.web.views.words import patient_words

__all__ = ["amend", "enter"]


@dataclass(frozen=True)
class Preview:
    """What would be recorded."""

    where: str
    patients: tuple[str, ...]
    allowed: str | None


def enter(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show the form for a cohort, or record it."""
    if request.method != "POST":
        return _shown(request, state, actor, *_empty(request, state))
    names = {each.level: each.words for each in levels(state.design)}
    form = CohortForm(state, names, allowed_now(state).cohort, request.POST)
    rows = [RowForm(state, request.POST, prefix=f"p{k + 1}") for k in range(_rows_sent(request))]
    if "more" in request.POST:
        rows = [RowForm(state, request.POST, prefix=f"p{k + 1}") for k in range(min(len(rows) + 1, MOST_ROWS))]
        return _shown(request, state, actor, form, rows)
    # All are asked, so that all their faults are told.
    if sum(not each.is_valid() for each in (form, *rows)):
        return _shown(request, state, actor, form, rows, status=200 if "preview" in request.POST else 422)
    filled = [row for row in rows if not row.blank]
    if "preview" in request.POST:
        return _previewed(request, state, actor, form, rows, filled)

    def do(who: Actor, seen: str) -> Entry:
        return entering.enter(
            state.trial, _patients(form, filled), who, deviation=form.cleaned_data["deviation"], seen=seen
        )

    done = carried_out(request, state, actor, do, [form, *filled], {"backfill": "backfill"})
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, rows, done)
    return done


def _patients(form: CohortForm, rows: list[RowForm]) -> tuple[PatientRow, ...]:
    """Return the patients of a form; the first that cannot be one is told by its place."""
    if not rows:
        raise RecordError("fill in the study number of at least one patient")
    found = []
    for row in rows:
        try:
            found.append(row.row(form.cleaned_data["cohort"], form.cleaned_data["level"]))
        except RecordError as error:
            field, _, text = str(error).partition(": ")
            if field not in row.fields:
                raise
            row.add_error(field, text)
    if len(found) < len(rows):
        # Each is told at its field.
        raise RecordError("")
    return tuple(found)


def _rows_sent(request: HttpRequest) -> int:
    given = request.POST.get("rows", "")
    return max(1, min(int(given), MOST_ROWS)) if given.isascii() and given.isdigit() and len(given) < 4 else 1


def _empty(request: HttpRequest, state: TrialState) -> tuple[CohortForm, list[RowForm]]:
    allowed = allowed_now(state)
    n = allowed.patients or state.design.cohort_size
    asked = request.GET.get("rows", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 4:
        n = int(asked)
    names = {each.level: each.words for each in levels(state.design)}
    form = CohortForm(state, names, allowed.cohort, initial={"cohort": allowed.cohort, "level": allowed.level})
    return form, [RowForm(state, prefix=f"p{k + 1}") for k in range(max(1, min(n, MOST_ROWS)))]


def _previewed(
    request: HttpRequest, state: TrialState, actor: Actor, form: CohortForm, rows: list[RowForm], filled: list[RowForm]
) -> HttpResponse:
    try:
        patients = _patients(form, filled)
        everybody = {name: p.row for name, p in state.patients.items()}
        for row in patients:
            if row.patient in everybody:
                raise RecordError(f"patient {row.patient}: is on record already, or given twice")
            everybody[row.patient] = row
        check_rows(state.design, everybody, day_asked(request, state).day)
    except EscalateError as error:
        tie(str(error), state, [form, *filled], {})
        return _shown(request, state, actor, form, rows, status=200)
    words = tuple(patient_words(state.design, row) for row in patients)
    cohort = patients[0].cohort
    place = f"{'Cohort ' + str(cohort) if cohort else 'Backfill'} at {where(state.design, patients[0].level)}"
    preview = Preview(place, words, not_allowed(state, patients))
    return _shown(request, state, actor, form, rows, preview=preview)


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    form: CohortForm,
    rows: list[RowForm],
    refusal: Refusal | None = None,
    status: int = 200,
    preview: Preview | None = None,
) -> HttpResponse:
    allowed = allowed_now(state)
    n = allowed.patients
    told = [*form.errors.get("deviation", ()), *form.errors.get("cohort", ())] if form.is_bound else []
    wants_deviation = bool(told or (form.is_bound and form.data.get("deviation")))
    wants_deviation = wants_deviation or bool(preview and preview.allowed)
    return page(
        request,
        "enter.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        form=form,
        rows=rows,
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form, *rows]) if form.is_bound else (),
        preview=preview,
        previewing="preview" in request.POST,
        allowed=f"{n} patient{'s' * (n != 1)} at {where(state.design, allowed.level)}" if n else None,
        why_none=allowed.why_none,
        cohort=allowed.cohort,
        begun=sum(p.row.cohort == allowed.cohort for p in state.patients.values()),
        open_deviation=wants_deviation or (not n and not form.is_bound),
        more=min(len(rows) + 1, MOST_ROWS) if len(rows) < MOST_ROWS else None,
    )
