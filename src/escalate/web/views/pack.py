"""What a dose-escalation meeting needs, on paper: one page to print."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

from escalate.conduct.actor import Actor
from escalate.conduct.state import TrialState
from escalate.web.views.frame import day_asked, page
from escalate.web.views.guide import next_step
from escalate.web.views.patients import patient_lines
from escalate.web.views.present import if_one_more, present
from escalate.web.views.trial import acts
from escalate.web.views.words import when


def pack(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show the pack of a meeting."""
    day = day_asked(request, state)
    shown = present(state, day.day)
    return page(
        request,
        "pack.html",
        state,
        actor,
        tab="pack",
        day=day,
        shown=shown,
        following=next_step(state, actor, shown.found),
        patients=patient_lines(state),
        acts=acts(state, actor, 6),
        more_dlts=if_one_more(state, day.day),
        printed=when(datetime.now(UTC).isoformat()),
        asked=day.query,
    )
