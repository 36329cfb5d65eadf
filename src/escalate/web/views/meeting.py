"""The meeting pack to take away: PDF, Word, HTML."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from escalate.conduct.actor import Actor
from escalate.conduct.errors import RecordError
from escalate.conduct.state import TrialState
from escalate.core.errors import EscalateError
from escalate.web.errors import page
from escalate.web.meeting_packs import check_installed, pack_file
from escalate.web.views.frame import day_asked


def pdf(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Return the pack as PDF."""
    return _file(request, state, "pdf")


def word(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Return the pack as a Word document."""
    return _file(request, state, "docx")


def html(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Return the pack as one HTML file."""
    return _file(request, state, "html")


def _file(request: HttpRequest, state: TrialState, ending: str) -> HttpResponse:
    day = day_asked(request, state)
    if day.fault is not None:
        # A page says so and goes on; a file that is carried away must be of the day asked for.
        raise RecordError(f"as_of: {day.fault.partition(';')[0]}")
    try:
        check_installed(ending)
    except EscalateError as error:
        return page(request, 503, f"{error}.", f"This server cannot write .{ending}")
    found = pack_file(state.trial, day.day, ending)
    return HttpResponse(
        found.content,
        content_type=found.kind,
        headers={"Content-Disposition": f'attachment; filename="{found.name}"'},
    )
