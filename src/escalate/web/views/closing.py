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
from escalate.core.moves import Action
from escalate.report.plan import barred_words
from escalate.report.sentences import said
from escalate.study.select import Selection
from escalate.web.forms import CloseForm
from escalate.web.people import signing_of
from escalate.web.views.acting import Refusal, Sending, carried_out, problems
from escalate.web.views.frame import day_asked, page
from escalate.web.views.holding import stopped
from escalate.web.views.present import DoseState, Present, present, where


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
    """Return what can be declared: the levels that were tried, the selected one first, each with what speaks against it."""
    if chosen is None:
        return []
    found = []
    for row in chosen.doses:
        if not row.patients:
            continue
        notes = ["selected by the design"] if row.level == chosen.mtd_level else []
        notes += [barred_words(state.design, row.why_not)] if row.why_not else []
        noted = f" ({'; '.join(notes)})" if notes else ""
        found.append((str(row.level), f"{capfirst(where(state.design, row.level))} is the MTD{noted}"))
    by_design = " (as the design says)" if chosen.mtd_level is None else ""
    return [
        *sorted(found, key=lambda each: each[0] != str(chosen.mtd_level)),
        ("none", f"No MTD is declared{by_design}"),
    ]


def states_in_the_end(chosen: Selection, proposed: int | None = None) -> dict[int, DoseState]:
    """Return what each dose is when a trial ends: selected, proposed, barred as the MTD, or not."""
    found = {}
    for row in chosen.doses:
        parts = ["proposed as the MTD"] if row.level == proposed else []
        parts += ["selected by the design"] if row.level == chosen.mtd_level else []
        parts += [barred_words(chosen.design, row.why_not)] if row.why_not else []
        look = "next" if row.level == chosen.mtd_level else "barred" if row.why_not else ""
        found[row.level] = DoseState("; ".join(parts) or "not barred", look)
    return found


def not_stopped(state: TrialState, shown: Present) -> str | None:
    """Return that the design goes on and no decision stopped the trial, as a sentence; None where either did."""
    if shown.found is None or shown.found.action is Action.STOP or stopped(state):
        return None
    return f"The design has not stopped. It recommends: {shown.design_main}"


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
    shown = present(state, day_asked(request, state).day)
    return page(
        request,
        "close.html",
        state,
        actor,
        tab="trial",
        status=refusal.status if refusal else status,
        form=form,
        chosen=chosen,
        shown=shown,
        states=states_in_the_end(chosen) if chosen is not None else {},
        not_stopped=not_stopped(state, shown),
        because=said(chosen.reasons) if chosen is not None else "",
        mtd=where(state.design, chosen.mtd_level) if chosen is not None and chosen.mtd_level else None,
        fault=fault,
        closed=closing is not None and closing.standing is not Standing.VOID,
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )
