"""What a design is judged by: a sum of operating characteristics to minimise, and limits on others.

An expression is a sum of numbers and of metrics times numbers, such as `1 - pcs + 0.5*overdose_selected`. It is read by the
grammar below and by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray, Mask
from escalate.core.errors import EscalateError, did_you_mean
from escalate.study.metrics import BETTER, HIGHER, LOWER, PER_TRIAL

DEFAULT = "incorrect_selection"
DERIVED = {
    "incorrect_selection": "the probability of not making the correct selection (1 - pcs)",
    "distance_below": "how far the DLT probability of the selected level is below the target, on average",
    "distance_above": "how far the DLT probability of the selected level is above the target, on average",
    "mean_distance": "how far the DLT probability of the selected level is from the target, on average",
}
"""What a loss may name besides the metrics of `simulate`."""
WORDS = {
    "pcs": "the probability of correct selection",
    "pcs_nearest": "the probability of selecting the level nearest to the target",
    "pas": "the probability of selecting an acceptable level",
    "overdose_selected": "the probability of selecting an overdosing level",
    "underdose_selected": "the probability of selecting an underdosing level",
    "accuracy_index": "the accuracy index",
    "accuracy_index_squared": "the accuracy index of squared distances",
    "accuracy_index_overdose": "the accuracy index that counts overdosing twice",
    "pca": "the share of patients at the MTD",
    "overdose_allocated": "the share of patients at overdosing levels",
    "underdose_allocated": "the share of patients at underdosing levels",
    "risk_overdose_60": "the probability that 60% of the patients or more are overdosed",
    "risk_overdose_80": "the probability that 80% of the patients or more are overdosed",
    "risk_underdose_80": "the probability that 80% of the patients or more are underdosed",
    "poor_allocation": "the probability that fewer patients are at the MTD than if levels were alike",
    "risk_overdose_60_planned": "the probability that more than 60% of the planned patients are overdosed",
    "risk_overdose_80_planned": "the probability that more than 80% of the planned patients are overdosed",
    "selected_none": "the probability that no level is selected",
    "mean_patients": "the mean number of patients",
    "mean_dlts": "the mean number of DLTs",
    "stopped_early": "the probability of ending before the last patient",
    "sd_patients": "the standard deviation of the number of patients",
    "dlt_rate": "mean DLTs over mean patients",
    **DERIVED,
}
METRICS = (*PER_TRIAL, "sd_patients", "dlt_rate", *DERIVED)
"""Every name that a loss or a limit may hold."""
EITHER = {"mean_patients"}
"""Fewer patients rank higher, but to want more is no mistake."""

Aggregate: TypeAlias = Literal["mean", "max", "min"]

_TOKEN = re.compile(r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*]))")
_LIMIT = re.compile(
    r"\s*(?:(?P<how>[A-Za-z]+)\s*:)?(?P<what>[^<>=]+)(?P<sign><=|>=)\s*(?P<bound>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*"
)
_SUCH_AS = "write a sum such as '1 - pcs + 0.5*overdose_selected'"


@dataclass(frozen=True)
class Expression:
    """A constant plus metrics times their weights.

    Parameters
    ----------
    text
        As it was written.
    weights
        By metric, none of them zero.
    """

    text: str
    constant: float
    weights: Mapping[str, float]

    def of(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """Return the sum, given each metric's values of shape (V,)."""
        first = next(iter(self.weights))
        total = np.full(np.shape(values[first]), self.constant)
        for name, weight in self.weights.items():
            total = total + weight * values[name]
        return total

    def in_words(self) -> str:
        """Return the sum in words.

        Examples
        --------
        >>> parse("1 - pcs + 0.5*overdose_selected").in_words()
        '1 - the probability of correct selection + 0.5 x the probability of selecting an overdosing level'
        """
        parts = [f"{self.constant:g}"] if self.constant else []
        for name, weight in self.weights.items():
            times = "" if abs(weight) == 1 else f"{abs(weight):g} x "
            sign = "- " if weight < 0 else "+ " if parts else ""
            parts.append(f"{sign}{times}{WORDS[name]}")
        return " ".join(parts)


def parse(text: str, where: str = "loss") -> Expression:
    """Read an expression.

    Parameters
    ----------
    where
        What messages call it.

    Raises
    ------
    EscalateError
        Where it is not a sum of numbers and known metrics, or holds no metric.

    Examples
    --------
    >>> parse("1 - pcs + 2*overdose_selected").weights
    {'pcs': -1.0, 'overdose_selected': 2.0}
    """
    shown = f"{where} '{text[:80]}'"
    tokens = _tokens(text, shown)
    constant, weights, k = 0.0, dict[str, float](), 0
    while k < len(tokens):
        sign = 1.0
        if tokens[k] in {"+", "-"}:
            sign, k = -1.0 if tokens[k] == "-" else 1.0, k + 1
        elif k:
            raise EscalateError(f"{shown}: there is no sign before '{tokens[k]}'; {_SUCH_AS}")
        factors = tokens[k : k + 3] if tokens[k + 1 : k + 2] == ["*"] else tokens[k : k + 1]
        k += len(factors)
        names = [each for each in factors[::2] if each[0].isalpha() or each[0] == "_"]
        numbers = [float(each) for each in factors[::2] if each[0].isdigit() or each[0] == "."]
        if len(factors) not in {1, 3} or len(names) + len(numbers) != len(factors[::2]) or len(names) > 1:
            raise EscalateError(f"{shown}: {_SUCH_AS}")
        number = sign * float(np.prod(numbers))
        if not names:
            constant += number
        elif names[0] not in METRICS:
            raise EscalateError(f"{shown}: '{names[0][:40]}' is not a metric; {did_you_mean(names[0], METRICS)}")
        else:
            weights[names[0]] = weights.get(names[0], 0.0) + number
    weights = {name: weight for name, weight in weights.items() if weight}
    if not weights:
        raise EscalateError(f"{shown}: names no metric; {_SUCH_AS}")
    if not all(map(isfinite, (constant, *weights.values()))):
        raise EscalateError(f"{shown}: a number is too large")
    return Expression(text.strip(), constant, weights)


def _tokens(text: str, shown: str) -> list[str]:
    found, at, stripped = [], 0, text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise EscalateError(f"{shown}: '{stripped[at:].strip()[:20]}' cannot stand there; {_SUCH_AS}")
        found.append(match.group().strip())
        at = match.end()
    return found


def check_loss(loss: Expression) -> Expression:
    """Return a loss that grows with what is bad.

    Raises
    ------
    EscalateError
        Where it would be smaller the worse a design is.
    """
    for name, weight in loss.weights.items():
        better = LOWER if name in DERIVED else BETTER.get(name)
        if better is None or name in EITHER or better * weight < 0:
            continue
        is_better, turned = ("higher", "-") if better == HIGHER else ("lower", "+")
        raise EscalateError(
            f"loss '{loss.text[:80]}': is minimised, but {name} is better the {is_better} it is; write '{turned} {name}'"
            + (", or '1 - pcs' for pcs alone" if name == "pcs" else "")
        )
    return loss


@dataclass(frozen=True)
class Limit:
    """What a design must keep.

    Parameters
    ----------
    how
        Over scenarios: their mean, the largest of them, or the smallest.
    at_most
        Whether the bound is an upper one.
    """

    text: str
    what: Expression
    how: Aggregate
    at_most: bool
    bound: float

    def of(self, values: Mapping[str, FloatArray]) -> float:
        """Return the value over scenarios, given each metric's values of shape (V,)."""
        each = self.what.of(values)
        return float(each.mean() if self.how == "mean" else each.max() if self.how == "max" else each.min())

    def kept(self, value: float) -> bool:
        """Whether a value is within the bound."""
        return value <= self.bound + 1e-12 if self.at_most else value >= self.bound - 1e-12


def parse_limit(text: str) -> Limit:
    """Read a limit such as `max: overdose_allocated <= 0.25`; without a word it is on the mean.

    Raises
    ------
    EscalateError
        Where it is no limit.

    Examples
    --------
    >>> limit = parse_limit("max: overdose_allocated <= 0.25")
    >>> limit.how, limit.at_most, limit.bound
    ('max', True, 0.25)
    """
    match = _LIMIT.fullmatch(text)
    try:
        bound = float(match["bound"]) if match else float("nan")
    except ValueError:
        bound = float("nan")
    if match is None or not isfinite(bound):
        raise EscalateError(f"limit '{text[:80]}': write a limit such as 'max: overdose_allocated <= 0.25'")
    how = match["how"] or "mean"
    if how not in {"mean", "max", "min"}:
        raise EscalateError(f"limit '{text[:80]}': '{how[:20]}' is not one of mean, max, min")
    aggregate: Aggregate = "max" if how == "max" else "min" if how == "min" else "mean"
    return Limit(" ".join(text.split()), parse(match["what"], "limit"), aggregate, match["sign"] == "<=", bound)


def distances(
    selected: FloatArray,
    selected_none: FloatArray,
    rates: FloatArray,
    target: float,
    no_mtd: Mask,
) -> tuple[FloatArray, FloatArray]:
    """Return how far the selected level is below and above the target on average, each of shape (V,).

    Parameters
    ----------
    selected, rates
        Probability that each level is selected, and what is true of it; shape (V, J).
    selected_none
        Shape (V,).
    no_mtd
        Where to select none is right, which counts nothing. Elsewhere it counts as a level without any DLT: the whole target.

    Examples
    --------
    >>> rates, no_mtd = np.array([[0.1, 0.3, 0.5]]), np.array([False])
    >>> below, above = distances(np.array([[0.2, 0.5, 0.2]]), np.array([0.1]), rates, 0.3, no_mtd)
    >>> round(float(below[0]), 4), round(float(above[0]), 4)
    (0.07, 0.04)
    """
    gap = rates - target
    nothing = np.where(no_mtd, 0.0, target)
    below = (selected * np.maximum(-gap, 0)).sum(axis=1) + selected_none * nothing
    return below, (selected * np.maximum(gap, 0)).sum(axis=1)
