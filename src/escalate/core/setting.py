"""The base of everything a design file can hold: frozen, strict, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Setting(BaseModel):
    """A validated, immutable group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def summary_line(cls: type[Setting]) -> str:
    """Return the first line of a class's docstring: what lists show."""
    return (cls.__doc__ or "").strip().split("\n")[0]


def printable(text: str) -> str:
    """Return a text that holds nothing but printable letters; raise otherwise."""
    if not text.isprintable() or not text.strip():
        raise ValueError("holds a control character or nothing but blanks; write it in printable letters")
    return text


Words = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
PseudoCount = Annotated[float, Field(ge=1e-6, le=100)]
BetaPrior = tuple[PseudoCount, PseudoCount]
"""Pseudo-counts a and b of a Beta(a, b) prior of a DLT rate."""


def frozen(value: Any) -> Any:
    """Return lists, at any depth, as the tuples that settings hold."""
    if isinstance(value, Mapping):
        return {key: frozen(inner) for key, inner in value.items()}
    return tuple(frozen(inner) for inner in value) if isinstance(value, (list, tuple)) else value
