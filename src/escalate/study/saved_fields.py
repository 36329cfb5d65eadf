"""Reading a JSON file field by field: what is not as it should be is refused, with the file, the field and what is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, NoReturn

from escalate.core.errors import DataError, harmless
from escalate.core.yaml_reader import read_bytes

LARGEST = 500_000_000
ROUNDING = 1e-9


@dataclass(frozen=True)
class Field:
    """A value of a JSON file, and where it stands.

    Parameters
    ----------
    file, name
        The file, and the field as messages write it, items of lists counted from 1; empty for the whole file.
    """

    file: str
    name: str
    value: Any

    def refuse(self, text: str) -> NoReturn:
        """Raise: this field is not as it should be."""
        raise DataError(f"{self.file}: {harmless(self.name)}{': ' if self.name else ''}{harmless(text)}")

    def has(self, key: str) -> bool:
        """Return whether a group of fields has one of that name."""
        return isinstance(self.value, dict) and key in self.value

    def at(self, key: str, needs: str = "the file is not whole; run escalate simulate again") -> Field:
        """Return a field of this group."""
        if not isinstance(self.value, dict):
            self.refuse("is not a group of fields")
        name = f"{self.name}.{key}" if self.name else key
        if key not in self.value:
            Field(self.file, name, None).refuse(f"is missing; {needs}")
        return Field(self.file, name, self.value[key])

    def maybe(self, key: str) -> Any:
        """Return the value of a field of this group, or None where it is not there."""
        return self.at(key).value if self.has(key) else None

    def items(self, n: int | None = None, what: str = "") -> Iterator[Field]:
        """Yield the items of this list; with `n` it must have so many."""
        if not isinstance(self.value, list):
            self.refuse("is not a list")
        if n is not None and len(self.value) != n:
            self.refuse(f"has {len(self.value)} items, and should have {n}: {what}")
        return (Field(self.file, f"{self.name}[{k}]", value) for k, value in enumerate(self.value, start=1))

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            self.refuse("is not a text")
        return self.value

    def whole(self, low: int = 0) -> int:
        """Return a whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not low <= self.value < 2**63:
            self.refuse(f"is not a whole number of {low} or more")
        return self.value

    def number(self, low: float = float("-inf"), high: float = float("inf"), *, null: bool = False) -> float:
        """Return a number within limits; with `null` NaN where there is none."""
        if self.value is None and null:
            return nan
        if not isinstance(self.value, (int, float)) or isinstance(self.value, bool) or not _finite(self.value):
            self.refuse("is not a number")
        # A sum of probabilities may exceed one by rounding.
        if not low <= self.value <= high + ROUNDING:
            limits = f"between {low:g} and {high:g}" if isfinite(high) else f"{low:g} or more"
            self.refuse(f"{self.value:g} is not {limits}")
        return float(self.value)

    def numbers(self, n: int, what: str, low: float, high: float = float("inf"), *, null: bool = False) -> list[float]:
        """Return a list of `n` numbers within limits."""
        return [item.number(low, high, null=null) for item in self.items(n, what)]


def _finite(value: float) -> bool:
    return abs(value) < 2**1000


def read_json(path: str, what: str) -> Field:
    """Return the content of a JSON file.

    Raises
    ------
    DataError
        Where it cannot be read or is not JSON.
    """
    name = "standard input" if path == "-" else path
    raw = read_bytes(path, LARGEST, what, DataError)
    try:
        value = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        where = f" at line {fault.lineno}" if isinstance(fault, json.JSONDecodeError) else ""
        raise DataError(f"{name}: is not JSON{where}, as {what} should be") from None
    if not isinstance(value, dict):
        raise DataError(f"{name}: is not a group of fields, as {what} should be")
    return Field(name, "", value)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)
