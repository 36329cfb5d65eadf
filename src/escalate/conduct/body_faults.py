"""What pydantic finds wrong with a body, as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError


def in_words(error: ValidationError) -> str:
    """Return the first fault of a body as field and sentence."""
    fault = error.errors()[0]
    field = dotted(fault["loc"])
    text = fault_in_words(fault, field)
    return f"{field}: {text}" if field else text


def dotted(place: tuple[int | str, ...]) -> str:
    """Return the place of a fault, rows counted from 1."""
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in place)


def fault_in_words(fault: Mapping[str, Any], field: str) -> str:
    """Return a fault that pydantic found as the end of a sentence."""
    text = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        text = "is not known"
    elif fault["type"] == "missing":
        text = "is missing"
    elif fault["type"] == "string_pattern_mismatch" and field.endswith("patient"):
        text = "is no study number; one holds letters, digits and . _ / - alone, and begins and ends with a letter or digit"
    elif fault["type"] == "string_pattern_mismatch":
        text = "is not a day such as 2026-03-31" if "{4}-" in str(fault.get("ctx")) else "is not of the right form"
    return f"{text[0].lower()}{text[1:]}"
