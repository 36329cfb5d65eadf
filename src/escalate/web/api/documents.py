"""The operations that give documents."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query

from escalate.conduct.bodies import Day
from escalate.conduct.permissions import Act
from escalate.core.errors import EscalateError
from escalate.web.api.acting import day, only, reach, respond
from escalate.web.api.declaring import reads, router
from escalate.web.api.problems import HttpProblem
from escalate.web.meeting_packs import KINDS, check_installed, pack_file, pack_form

_MEDIA = {
    "application/json": {"type": "object"},
    **{kind.partition(";")[0]: {"type": "string", "format": "binary"} for kind in KINDS.values()},
}


@router.get("/trials/{trial}/meeting-pack", summary="The meeting pack", **reads(None, "export", media=_MEDIA))
def get_meeting_pack(
    request: HttpRequest,
    trial: str,
    format: Annotated[Literal["json", "pdf", "docx", "html"], Query(description="The kind of document.")] = "json",
    as_of: Annotated[
        Day | None, Query(description="The day looked at, where patients have dates; today where none is given.")
    ] = None,
) -> HttpResponse:
    """Return the document of `escalate report meeting --trial` from the verified record."""
    only(request, "format", "as_of")
    reach(request, trial, Act.VIEW)
    if format == "json":
        form, head = pack_form(trial, day(as_of))
        return respond(form, head=head)
    try:
        check_installed(format)
    except EscalateError as error:
        raise HttpProblem(503, str(error), "format") from None
    found = pack_file(trial, day(as_of), format)
    headers = {"ETag": f'"{found.head}"', "Content-Disposition": f'attachment; filename="{found.name}"'}
    return HttpResponse(found.content, content_type=found.kind, headers=headers)
