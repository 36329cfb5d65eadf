"""Readings of what a protocol says of a table: numbers and strictness from its sentences, decided by in code of the tests' own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import special

import escalate as esc

MOST = 18
"""Patients at a level that are tried, with every number of DLTs."""
Read = Callable[[str, int, int], int]
"""The step up or down by a text, for patients and DLTs at the current level."""


def words(design: esc.Design) -> str:
    """Return what a protocol says of model and choice."""
    return "\n".join((*design.method.describe_model(design), *design.method.describe(design)))


def found(pattern: str, text: str) -> tuple[str, ...]:
    """Return what a pattern captures, which must be there once."""
    matches = re.findall(pattern, text)
    assert len(matches) == 1, f"{pattern!r} is {len(matches)} times in: {text}"
    return matches[0] if isinstance(matches[0], tuple) else (matches[0],)


def exact(text: str) -> Fraction:
    """Return a number of a text as the decimal it is."""
    return Fraction(text)


def by_boin(text: str, n: int, dlts: int) -> int:
    """At most lambda_e up, at least lambda_d down."""
    low, high = (exact(each) for each in found(r"lambda_e = (\d+(?:\.\d+)?) and lambda_d = (\d+(?:\.\d+)?)", text))
    found(
        r"escalated by one level where that DLT rate is (at most) lambda_e, de-escalated by one level where it is at least",
        text,
    )
    rate = Fraction(dlts, n)
    return 1 if rate <= low else -1 if rate >= high else 0


def by_ccd(text: str, n: int, dlts: int) -> int:
    """At most one number up, at least the other down; or the t-statistic, strictly."""
    if "t-statistic" in text:
        target, low, high = (
            float(x)
            for x in found(r"target of (\d+(?:\.\d+)?), is compared with (-\d+(?:\.\d+)?) and (\d+(?:\.\d+)?);", text)
        )
        (least,) = found(r"or (\d+(?:\.\d+)?) where that is smaller", text)
        found(
            r"escalated by one level where the t-statistic is (below) -\d+(?:\.\d+)?, de-escalated by one level where it is above",
            text,
        )
        if n == 1:
            return 0
        q = max(dlts / n, float(least))
        t = np.inf if q == 1 else (dlts / n - target) / np.sqrt(q * (1 - q) / n)
        return 1 if t < low else -1 if t > high else 0
    up_to, down_from = (
        exact(x)
        for x in found(
            r"where that DLT rate is at most (\d+(?:\.\d+)?), .* where it is at least (\d+(?:\.\d+)?),", text
        )
    )
    rate = Fraction(dlts, n)
    return 1 if rate <= up_to else -1 if rate >= down_from else 0


def by_i3p3(text: str, n: int, dlts: int) -> int:
    """The rate, and the rate with one DLT fewer, against the interval."""
    low, high = (
        exact(each) for each in found(r"equivalence interval of DLT rates is (\d+(?:\.\d+)?) to (\d+(?:\.\d+)?):", text)
    )
    found(
        r"stays the same where it is within the interval, its ends (included), or where it is above and \(y - 1\) / n is below",
        text,
    )
    rate, fewer = Fraction(dlts, n), Fraction(dlts - 1, n)
    if rate < low:
        return 1
    return 0 if rate <= high or fewer < low else -1


@dataclass(frozen=True)
class Beta:
    """A beta distribution; that of SciPy takes its time."""

    a: float
    b: float

    def cdf(self, x: Any) -> Any:
        """Return Pr(p <= x)."""
        return special.betainc(self.a, self.b, x)

    def std(self) -> float:
        """Return the standard deviation."""
        total = self.a + self.b
        return float(np.sqrt(self.a * self.b / (total + 1)) / total)


def _beta(text: str, n: int, dlts: int) -> Beta:
    a, b = (float(x) for x in found(r"the prior Beta\((\d+(?:\.\d+)?), (\d+(?:\.\d+)?)\)", text))
    return Beta(a + dlts, b + n - dlts)


def by_mtpi(text: str, n: int, dlts: int) -> int:
    """The interval with the largest probability for its length; ties stay."""
    low, high = (
        float(each) for each in found(r"equivalence interval of DLT rates is (\d+(?:\.\d+)?) to (\d+(?:\.\d+)?):", text)
    )
    found(r"(stays the same where the equivalence interval has it, or where two intervals share the largest UPM)", text)
    edges = (0.0, low, high, 1.0)
    upm = [np.diff(_beta(text, n, dlts).cdf(pair))[0] / (pair[1] - pair[0]) for pair in pairwise(edges)]
    best = [k for k, value in enumerate(upm) if value >= max(upm) * (1 - 1e-9)]
    return 1 - best[0] if len(best) == 1 else 0


def by_keys(text: str, n: int, dlts: int) -> int:
    """The interval of one width with the largest probability for its length, the highest where several share it."""
    low, high = (float(each) for each in found(r"of DLT rates is (\d+(?:\.\d+)?) to (\d+(?:\.\d+)?):", text))
    found(r"Of several intervals that share the largest [\w ]+, the (highest) counts", text)
    width = high - low
    below, above = int(low / width + 1e-9), int((1 - high) / width + 1e-9)
    edges = [low + k * width for k in range(-below, above + 2)]
    target = below
    if "not looked at" not in text:
        if edges[0] > 1e-9:
            edges, target = [0.0, *edges], target + 1
        if edges[-1] < 1 - 1e-9:
            edges = [*edges, 1.0]
    upm = [np.diff(_beta(text, n, dlts).cdf(pair))[0] / (pair[1] - pair[0]) for pair in pairwise(edges)]
    best = max(k for k, value in enumerate(upm) if value >= max(upm) * (1 - 1e-9))
    return int(np.sign(target - best))


def by_tpi(text: str, n: int, dlts: int) -> int:
    """The most probable of three intervals that the standard deviation cuts; ties stay."""
    target, k2, k1 = (
        float(x)
        for x in found(
            r"below (\d+(?:\.\d+)?) - (\d+(?:\.\d+)?) sd \(not below 0\), from there to \d+(?:\.\d+)? \+ (\d+(?:\.\d+)?) sd",
            text,
        )
    )
    posterior = _beta(text, n, dlts)
    low, high = max(target - k2 * posterior.std(), 0), min(target + k1 * posterior.std(), 1)
    p = [posterior.cdf(low), posterior.cdf(high) - posterior.cdf(low), 1 - posterior.cdf(high)]
    best = [k for k, value in enumerate(p) if value >= max(p) * (1 - 1e-9)]
    return 1 - best[0] if len(best) == 1 else 0


def by_iboin(text: str, n: int, dlts: int) -> int:
    """BOIN's cuts with the shifts of level 2."""
    low, high = (float(each) for each in found(r"lambda_e = (\d+(?:\.\d+)?) and lambda_d = (\d+(?:\.\d+)?)", text))
    a, b = (
        float(x)
        for x in found(r"guess: a is .*? (-?[\d.]+) at level 2[, ].*?; b is .*? (-?[\d.]+) at level 2[, ]", text)
    )
    found(r"(de-escalated by one level where the observed rate is at least lambda_d \+ b / n; otherwise)", text)
    return -1 if dlts >= high * n + b - 1e-6 else 1 if dlts <= low * n + a else 0


def by_3_plus_3(text: str, n: int, dlts: int) -> int:
    """After 3 and after 6 patients."""
    few, many = found(r"After 3 patients at a level: with (no) DLT .* After 6 patients: with at most (\d) DLT", text)
    assert few == "no"
    if n not in {3, 6}:
        return by_nothing()
    (bad,) = set(re.findall(r"with (\d) or more the level is too toxic", text))
    return -1 if dlts >= int(bad) else int(dlts <= (0 if n == 3 else int(many)))


def by_nothing() -> int:
    """Say nothing of these patients."""
    pytest.skip("the text says nothing of so many patients")


def by_rolling_six(text: str, n: int, dlts: int) -> int:
    """Two or more close a level; 3 to 5 without a DLT, and 6 with at most one, escalate where all is known."""
    (closes,) = found(r"A level with (\d) or more DLTs is closed", text)
    found(
        r"Where (3, 4 or 5) patients were treated there, none of them had a DLT and no outcome is pending, the dose is escalated",
        text,
    )
    if dlts >= int(closes):
        return -1
    return int((n in {3, 4, 5} and dlts == 0) or n == 6)


def by_own_table(text: str, n: int, dlts: int) -> int:
    """What the text lists."""
    row = re.search(rf"of {n} patients?, (.*?)[;.]", text)
    assert row is not None
    for letter, low, high in re.findall(r"(E|S|DU|D) with (\d+)(?: to (\d+))?", row.group(1)):
        if int(low) <= dlts <= int(high or low):
            return {"E": 1, "S": 0, "D": -1, "DU": -1}[letter]
    raise AssertionError(row.group(0))


def outcomes_of(categories: int, patients: range) -> Iterator[tuple[int, ...]]:
    """Yield how many patients have each category, for each number of patients."""
    for counts in np.ndindex(*(patients[-1] + 1,) * categories):
        if sum(counts) in patients:
            yield tuple(counts)
