"""Numbers and lists as sentences write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

MANY = 1e6
"""From here on a number is written with a power of ten."""


def number(x: float | Fraction) -> str:
    """Return a number with up to seven digits, as a person would write it.

    Examples
    --------
    >>> number(0.95), number(30.0), number(1.34**0.5), number(4e8)
    ('0.95', '30', '1.157584', '4 x 10^8')
    """
    value = float(x)
    text = f"{value:.7g}"
    if value == 0 or (abs(value) < MANY and "e" not in text):
        return text
    digits, _, power = f"{value:.6e}".partition("e")
    digits = digits.rstrip("0").rstrip(".")
    return f"10^{int(power)}" if digits == "1" else f"{digits} x 10^{int(power)}"


def rounded(x: float, digits: int = 4) -> str:
    """Return a number with fewer digits, as a person would write it.

    Examples
    --------
    >>> rounded(123.456), rounded(41234567.0)
    ('123.5', '4.123 x 10^7')
    """
    return number(float(f"{x:.{digits}g}"))


def percent(x: float) -> str:
    """Return a share as a percentage, without rounding what was written.

    Examples
    --------
    >>> percent(0.975), percent(0.3)
    ('97.5%', '30%')
    """
    return f"{float(100 * Fraction(repr(float(x)))):.7g}%"


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "patient"), counted(3, "DLT")
    ('1 patient', '3 DLTs')
    """
    return f"{n} {noun}{'s' * (n != 1)}"


def listed(parts: Sequence[str], word: str = "and") -> str:
    """Return parts as a list in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " ".join([", ".join(parts[:-1]), word, parts[-1]]) if len(parts) > 1 else "".join(parts)


def by_level(values: Iterable[float], digits: int = 4) -> str:
    """Return one number a level.

    Examples
    --------
    >>> by_level([0.1, 0.25])
    '0.1 at level 1 and 0.25 at level 2'
    """
    return listed([f"{value:.{digits}g} at level {level}" for level, value in enumerate(values, start=1)])


def cut(value: float, most: int) -> str:
    """Return a cut-off of a rate, rounded to the fewest decimals, four or more, that no count of up to `most` can tell from it.

    Examples
    --------
    >>> cut(0.23649069, 30)
    '0.2365'
    """
    for digits in range(4, 12):
        rounded = round(value, digits)
        if all(_sides(rounded, n) == _sides(value, n) for n in range(1, most + 1)):
            return f"{rounded:.{digits}f}"
    return repr(value)


def _sides(value: float, n: int) -> tuple[int, int]:
    """Return the counts among n at or below a rate, and below it, the latter with the slack that decisions have."""
    return int(value * n // 1), int(-(-(value * n - 1e-9) // 1))
