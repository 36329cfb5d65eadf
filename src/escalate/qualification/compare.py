"""Hold an answer against what was expected: numbers within their tolerance, everything else exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One place where an answer is not the expected one."""

    field: str
    expected: Any
    obtained: Any
    tolerance: float

    @property
    def wanted(self) -> str:
        """The field and what was expected of it."""
        within = f" within {self.tolerance:.3g}" if self.tolerance else ""
        return f"{self.field} {said(self.expected)}{within}"

    @property
    def got(self) -> str:
        """The field and what was obtained."""
        return f"{self.field} {said(self.obtained)}"


def said(value: Any, digits: int = 10) -> str:
    """Return a value in words, numbers to so many digits.

    Examples
    --------
    >>> said(None), said(0.5), said([1, None, 3])
    ('none', '0.5', '1, none, 3')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {said(inner, digits)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(said(inner, digits) for inner in value)
    return str(value)


def differences(
    expect: Mapping[str, Any], answer: Mapping[str, Any], tolerance: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Return every place where the answer is not the expected one, field by field.

    Examples
    --------
    >>> (found,) = differences({"x": [1, 2.0]}, {"x": [1, 2.1]}, {"x": 0.01})
    >>> found.wanted, found.got
    ('x[2] 2 within 0.01', 'x[2] 2.1')
    """
    found: list[Difference] = []
    for name, value in expect.items():
        if name not in answer:
            found.append(Difference(name, value, None, 0.0))
        else:
            found += _compared(name, value, answer[name], tolerance.get(name, 0.0))
    return tuple(found)


def _compared(name: str, expected: Any, obtained: Any, tolerance: Any) -> Iterator[Difference]:
    if isinstance(expected, list):
        if not isinstance(obtained, list) or len(obtained) != len(expected):
            yield Difference(name, expected, obtained, 0.0)
            return
        for k, (value, found) in enumerate(zip(expected, obtained, strict=True)):
            limit = tolerance[k] if isinstance(tolerance, list) else tolerance
            yield from _compared(f"{name}[{k + 1}]", value, found, limit)
    elif not _equal(expected, obtained, tolerance):
        yield Difference(name, expected, obtained, tolerance)


def _equal(expected: Any, obtained: Any, tolerance: float) -> bool:
    if isinstance(expected, bool) or isinstance(obtained, bool) or not _numbers(expected, obtained):
        return type(expected) is type(obtained) and bool(expected == obtained)
    return isfinite(obtained) and abs(expected - obtained) <= tolerance


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def largest_error(expect: Mapping[str, Any], answer: Mapping[str, Any], tolerance: Mapping[str, Any]) -> float | None:
    """Return how far the numbers with a tolerance are off at most; None where there is no such number."""
    off = [
        abs(value - found)
        for name in tolerance
        if name in expect and name in answer
        for value, found in zip(_flat(expect[name]), _flat(answer[name]), strict=False)
        if _numbers(value, found)
    ]
    return max(off, default=None)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from _flat(inner)
    else:
        yield value
