"""What can go wrong with a request: one sentence, the field and the entry that it concerns, and the status of HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from escalate.conduct.body_faults import dotted, fault_in_words
from escalate.conduct.errors import AlreadyRecordedError
from escalate.core.errors import DesignError, EscalateError


class Problem(BaseModel):
    """Why nothing was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": "patients.2.level: input should be greater than or equal to 1",
                    "field": "patients.2.level",
                    "entry": None,
                }
            ]
        }
    )

    error: str = Field(description="One sentence: what, where, and what would be right.")
    field: str | None = Field(
        description="The field of the request that it concerns, dotted, rows counted from 1; null where none is."
    )
    entry: int | None = Field(description="The entry of the record that it concerns; null where none is.")


class HttpProblem(Exception):  # noqa: N818 - a problem that has a status of its own
    """A request that cannot be served as HTTP, whatever it asks for."""

    def __init__(self, status: int, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.field = field


# What messages call a field, where a request calls it otherwise.
_FIELDS = {"decision": "choice", "role": "roles"}
_FIELD = re.compile(r"(?:patient (?P<patient>\S{1,40}?) )?(?P<name>[A-Za-z][A-Za-z_-]*(?:\.\w+)*): ")
_PATIENT = re.compile(r"patient (?P<patient>\S{1,40}?): ")
_ENTRY = re.compile(r"\bentry (\d{1,18})\b")


def problem_of(error: EscalateError, told: Mapping[str, Any]) -> Problem:
    """Return an error as the answer says it.

    Parameters
    ----------
    told
        What the request said, among which the field is looked for.
    """
    text = str(error)
    entry = None
    if isinstance(error, AlreadyRecordedError):
        entry = error.number
    elif found := _ENTRY.search(text):
        entry = int(found[1])
    field = "design" if isinstance(error, DesignError) and "design" in told else _field(text, told)
    return Problem(error=text, field=field, entry=entry)


def _field(text: str, told: Mapping[str, Any]) -> str | None:
    if found := _PATIENT.match(text):
        return _of_patient(found["patient"], "patient", told)
    if not (found := _FIELD.match(text)):
        return None
    name = _FIELDS.get(found["name"], found["name"])
    if found["patient"]:
        return _of_patient(found["patient"], name, told)
    return name if name.split(".")[0] in KNOWN or name in told else None


def _of_patient(patient: str, name: str, told: Mapping[str, Any]) -> str | None:
    rows = told.get("patients")
    for number, row in enumerate(rows if isinstance(rows, list) else (), start=1):
        if isinstance(row, dict) and row.get("patient") == patient:
            return f"patients.{number}.{name}"
    return f"changes.{name}" if isinstance(told.get("changes"), dict) and name != "patient" else None


KNOWN = frozenset(
    {
        "analysis",
        "as_of",
        "choice",
        "deviation",
        "level",
        "meaning",
        "mtd_level",
        "password",
        "patients",
        "person",
        "reason",
        "roles",
        "title",
        "trial",
        "If-Match",
        "Idempotency-Key",
    }
)
"""Fields that messages begin with, whether the request has them or should have had them."""


def fault_of(fault: Mapping[str, Any]) -> Problem:
    """Return a fault that pydantic found in a request."""
    # The first part is where it stands (body, query); for a body the second is the name of the argument.
    source, *rest = fault["loc"]
    field = dotted(tuple(rest[1:] if source == "body" else rest))
    if field:
        return Problem(error=f"{field}: {fault_in_words(fault, field)}", field=field, entry=None)
    text = (
        "the request has no body; send a JSON object" if fault["type"] == "missing" else "the body is not a JSON object"
    )
    return Problem(error=text, field=None, entry=None)
