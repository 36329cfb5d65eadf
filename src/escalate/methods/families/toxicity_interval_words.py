"""What a protocol says of designs that look at where the posterior of the current level's DLT rate lies."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from escalate.core.wording import number
from escalate.methods.families.interval_words import compared

if TYPE_CHECKING:
    from escalate.core.design import Design


def beta(prior: tuple[float, float]) -> str:
    """Return prior and posterior of the DLT rate at the current level."""
    a, b = (number(x) for x in prior)
    return (
        f"The DLT rate of the current level has the prior Beta({a}, {b}), and with y DLTs among the n patients treated there the "
        f"posterior Beta({a} + y, {b} + n - y)."
    )


UPM = "The unit probability mass (UPM) of an interval is its posterior probability divided by its length."


def interval(design: Design, low: Fraction, high: Fraction, name: str, below: float, above: float) -> str:
    """Return the interval around the target and what it is made of."""
    return (
        f"The {name} of DLT rates is {number(low)} to {number(high)}: the target of {number(design.target_rate)} less "
        f"{number(below)}, and plus {number(above)}."
    )


def three_intervals(design: Design) -> tuple[str, ...]:
    """Return what mTPI does with its three intervals."""
    moves = compared(
        design,
        "the interval below the equivalence interval has the largest UPM",
        "the same where the equivalence interval has it, or where two intervals share the largest UPM",
        "the interval above has it",
    )
    return (
        "Three intervals are compared: below the equivalence interval, the equivalence interval, and above it.",
        *moves,
    )


def equal_intervals(design: Design, name: str, ends: str, measure: str) -> tuple[str, ...]:
    """Return what mTPI-2 and keyboard do with intervals of one width."""
    which = f"the interval with the largest {measure}"
    moves = compared(
        design,
        f"{which} lies below the {name}",
        f"the same where it is the {name}",
        "it lies above",
    )
    return (
        f"The {name} is repeated below and above until 0 and 1. {ends}",
        *moves,
        f"Of several intervals that share the largest {measure}, the highest counts.",
    )


def by_deviation(design: Design, k1: float, k2: float) -> tuple[str, ...]:
    """Return what TPI does."""
    target = number(design.target_rate)
    low, high = f"{target} - {number(k2)} sd", f"{target} + {number(k1)} sd"
    moves = compared(
        design,
        f"the posterior probability of a DLT rate below {low} is the largest of the three",
        f"the same where that of a rate from {low} to {high} is, or where two share the largest",
        f"that of a rate above {high} is",
    )
    return (
        "With sd the standard deviation of that posterior, three intervals of the DLT rate are compared by their posterior "
        f"probabilities: below {low} (not below 0), from there to {high} (not above 1), and above.",
        *moves,
    )


def one_dlt_fewer(design: Design) -> tuple[str, ...]:
    """Return what i3+3 does."""
    return compared(
        design,
        "the observed DLT rate y / n of the current level, y DLTs among n patients, is below the equivalence interval",
        "the same where it is within the interval, its ends included, or where it is above and (y - 1) / n is below the interval",
        "it is above and (y - 1) / n is within the interval, its ends included, or above",
    )
