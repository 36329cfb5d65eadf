"""What can go wrong, in one sentence a trial statistician understands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class EscalateError(Exception):
    """Something the user can mend; its text says what, where, and what would be right."""


class DesignError(EscalateError):
    """A design or scenario file that cannot be used."""


class DataError(EscalateError):
    """Trial data that cannot be used."""


class TooLargeError(EscalateError):
    """A design whose reachable states do not fit in the space allowed."""


class NotConverged(EscalateError):  # noqa: N818 - the name used throughout the documentation
    """A posterior that failed its diagnostics; nothing is recommended from it."""


@dataclass(frozen=True)
class Problem:
    """One fault of a design: the setting it concerns, dotted, and a sentence."""

    field: str
    text: str


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a closing clause that suggests the nearest known word, whatever its case, or lists them all.

    Examples
    --------
    >>> did_you_mean("bion", ["boin", "crm"])
    "did you mean 'boin'?"
    >>> did_you_mean("BOIN", ["boin", "crm"])
    "did you mean 'boin'?"
    >>> did_you_mean("xyz", ["boin", "crm"])
    'known: boin, crm'
    """
    by_lower = {each.lower(): each for each in sorted(known)}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean '{by_lower[close[0]]}'?" if close else f"known: {', '.join(by_lower.values())}"


def harmless(text: str) -> str:
    """Return text with control characters shown as escapes, so that what a file says cannot steer a terminal.

    Examples
    --------
    >>> len(harmless("a" + chr(27) + "b"))
    6
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
