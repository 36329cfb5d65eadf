"""End a trial: the MTD that the design selects, and the one that is declared."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from escalate.conduct import changing
from escalate.conduct.actor import Actor
from escalate.conduct.analysis import selected
from escalate.conduct.chain import Entry
from escalate.conduct.errors import RecordError
from escalate.conduct.state import Standing, TrialState
from escalate.core.errors import EscalateError
from escalate.report.sentences import said
from escalate.study.select import Selection
from escalate.web.forms import CloseForm
from escalate.web.people import signing_of
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.frame import day_asked, page
from escalate.web.views.present import where


def close(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show what the design selects and the form of the declaration, or record it."""
    day = day_asked(request, state).day
    chosen, fault = _selected(state, day)
    choices = _choices(state, chosen)
    if request.method != "POST":
        initial = {"meaning": "authorship"}
        return _shown(request, state, actor, CloseForm(choices, initial=initial), chosen, fault)
    form = CloseForm(choices, request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, form, chosen, fault, status=422)

    def do(who: Actor, seen: str) -> Entry:
        given = form.cleaned_data["mtd_level"]
        if not given:
            raise RecordError(fault or "mtd_level: is missing; choose what is declared")
        return changing.close(
            state.trial,
            None if given == "none" else int(given),
            who,
            reason=form.cleaned_data["reason"],
            as_of=day,
            signing=signing_of(request, actor),
            seen=seen,
        )

    done = carried_out(request, state, actor, do, [form])
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, chosen, fault, done)
    return done


def _selected(state: TrialState, day: object) -> tuple[Selection | None, str | None]:
    from datetime import date

    try:
        return selected(state, day if isinstance(day, date) else None), None
    except EscalateError as error:
        return None, str(error)


def _choices(state: TrialState, chosen: Selection | None) -> list[tuple[str, str]]:
    if chosen is None:
        return []
    tried = [row.level for row in chosen.doses if row.patients]
    found = []
    for level in tried:
        by_design = " (selected by the design)" if level == chosen.mtd_level else ""
        found.append((str(level), f"{capfirst(where(state.design, level))} is the MTD{by_design}"))
    by_design = " (as the design says)" if chosen.mtd_level is None else ""
    return [
        *sorted(found, key=lambda each: each[0] != str(chosen.mtd_level)),
        ("none", f"No MTD is declared{by_design}"),
    ]


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    form: CloseForm,
    chosen: Selection | None,
    fault: str | None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    closing = state.closing
    return page(
        request,
        "close.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        form=form,
        chosen=chosen,
        because=said(chosen.reasons) if chosen is not None else "",
        mtd=where(state.design, chosen.mtd_level) if chosen is not None and chosen.mtd_level else None,
        fault=fault,
        closed=closing is not None and closing.standing is not Standing.VOID,
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )
