"""Numbers, levels and rules as pages show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from django import template

from escalate.core.design import Design
from escalate.report.decision_grid import DecisionGrid
from escalate.report.estimate_notes import overdose_words, probability_words, smoothing_words
from escalate.report.svg import raised as raise_powers
from escalate.study.select import DoseRow
from escalate.web.views.present import where

register = template.Library()


@register.filter
def rate(value: float) -> str:
    """Return a probability with two decimals; one that is not 0 or 1 is never shown as such.

    Examples
    --------
    >>> rate(0.304), rate(0.001), rate(0.9999)
    ('0.30', '<0.01', '>0.99')
    """
    if 0 < value < 0.005:
        return "<0.01"
    return ">0.99" if 0.995 <= value < 1 else f"{value:.2f}"


@register.filter
def short(value: float) -> str:
    """Return a number as short as it can be."""
    return f"{value:g}"


@register.filter
def raised(text: str) -> str:
    """Return a text with its powers raised."""
    return raise_powers(text)


@register.filter
def joined(text: str) -> str:
    """Return a sentence in which a level and its number stay on one line."""
    return re.sub(r"\b([Ll]evel|cohort) (?=\d)", "\\1\N{NO-BREAK SPACE}", text)


@register.filter
def level_of(design: Design, level: int) -> str:
    """Return a level and its dose."""
    found = where(design, level)
    return found[:1].upper() + found[1:]


@register.filter
def at(found: Mapping[int, object], level: int) -> object:
    """Return what is kept under a level; None where nothing is."""
    return found.get(level)


@register.filter
def overdose(design: Design) -> str:
    """Return what an overdose is, as a sentence; empty where the method knows none."""
    return overdose_words(design)


@register.filter
def smoothing(design: Design) -> str:
    """Return how observed rates become estimates; empty where a model makes them."""
    return smoothing_words(design)


@register.filter
def probabilities(design: Design) -> str:
    """Return which probability a rule goes by, where it is not the one of the table."""
    return probability_words(design)


@register.filter
def letters(outcomes: Mapping[str, int]) -> str:
    """Return patients by letter of their outcome."""
    return ", ".join(f"{n} {letter}" for letter, n in outcomes.items() if n) or "none"


@register.filter
def rule_words(kinds: str) -> str:
    """Return the rules that bar a dose as words."""
    return kinds.replace("_", " ")


@register.filter
def any_pending(doses: Iterable[DoseRow]) -> bool:
    """Return whether outcomes are pending at any dose."""
    return any(row.pending for row in doses)


@register.filter
def most_cells(grid: DecisionGrid) -> int:
    """Return how many cells the widest row has."""
    return max((len(row.cells) for row in grid.rows), default=1)
