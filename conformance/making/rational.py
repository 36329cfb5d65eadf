"""Exact results in rational arithmetic: tails of beta distributions, tables of interval designs, isotonic fits, whole trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import comb

Number = Fraction
Action = str
"""E, S or D."""


def beta_cdf(x: Number, events: int, others: int) -> Number:
    """Return Pr(p <= x) of Beta(1 + events, 1 + others), which is a tail of a binomial distribution of one patient more."""
    n = events + others + 1
    return sum((comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(events + 1, n + 1)), Fraction(0))


@cache
def densest(edges: tuple[Number, ...], events: int, others: int) -> list[int]:
    """Return which intervals have the largest posterior mass a unit of width."""
    cdf = [beta_cdf(edge, events, others) for edge in edges]
    found = [(b - a) / (y - x) for a, b, x, y in zip(cdf, cdf[1:], edges, edges[1:], strict=False)]
    return [k for k, value in enumerate(found) if value == max(found)]


def keys(low: Number, high: Number) -> tuple[Number, ...]:
    """Return the edges of keys as wide as the target's, cut off at 0 and 1."""
    width, below, above = high - low, [low], [high]
    while below[-1] > 0:
        below.append(max(below[-1] - width, Fraction(0)))
    while above[-1] < 1:
        above.append(min(above[-1] + width, Fraction(1)))
    return (*reversed(below), *above)


def mtpi(target: Number, n: int, y: int) -> Action | None:
    """Return the action of mTPI with margins of 0.05, or None at a tie."""
    margin = Fraction(1, 20)
    best = densest((Fraction(0), target - margin, target + margin, Fraction(1)), y, n - y)
    return "ESD"[best[0]] if len(best) == 1 else None


def keyboard(target: Number, n: int, y: int) -> Action | None:
    """Return the action of keyboard, and of mTPI-2, with margins of 0.05; the highest of tied keys counts."""
    low, high = target - Fraction(1, 20), target + Fraction(1, 20)
    edges = keys(low, high)
    best, middle = densest(edges, y, n - y)[-1], edges.index(low)
    return "E" if best < middle else "S" if best == middle else "D"


def i3p3(target: Number, n: int, y: int) -> Action | None:
    """Return the action of i3+3 with margins of 0.05."""
    low, high = target - Fraction(1, 20), target + Fraction(1, 20)
    rate, fewer = Fraction(y, n), Fraction(y - 1, n)
    return "E" if rate < low else "S" if rate <= high or fewer < low else "D"


def ccd(target: Number, n: int, y: int) -> Action | None:
    """Return the action of the cumulative cohort design with a margin of 0.1; both equalities move the dose."""
    off = Fraction(y, n) - target
    return "E" if off <= -Fraction(1, 10) else "D" if off >= Fraction(1, 10) else "S"


@cache
def cut_offs(
    rule: Callable[[Number, int, int], Action | None], target: Number, n: int
) -> tuple[int | None, int | None] | None:
    """Return the most DLTs that escalate and the fewest that de-escalate among n patients, or None where there is a tie."""
    row = [rule(target, n, y) for y in range(n + 1)]
    if None in row:
        return None
    up, down = (
        [y for y, action in enumerate(row) if action == "E"],
        [y for y, action in enumerate(row) if action == "D"],
    )
    return (max(up) if up else None), (min(down) if down else None)


def eliminated_from(target: Number, cutoff: Number, n: int) -> int | None:
    """Return the fewest DLTs among n patients with Pr(p > target) above the cut-off, strictly, under Beta(1, 1)."""
    return next((y for y in range(n + 1) if 1 - beta_cdf(target, y, n - y) > cutoff), None)


def isotonic(values: Sequence[Number], weights: Sequence[Number]) -> list[Number]:
    """Return the weighted non-decreasing fit by the max-min formula."""

    def mean(a: int, b: int) -> Number:
        mass = sum(weights[a : b + 1], Fraction(0))
        return sum((w * v for w, v in zip(weights[a : b + 1], values[a : b + 1], strict=True)), Fraction(0)) / mass

    n = len(values)
    return [max(min(mean(a, b) for b in range(j, n)) for a in range(j + 1)) for j in range(n)]


def nearest(fits: dict[int, Number], target: Number) -> int:
    """Return the dose whose fit is nearest to the target: of ties the highest below it, else the lowest above it."""
    best = min(abs(fit - target) for fit in fits.values())
    tied = [dose for dose, fit in fits.items() if abs(fit - target) == best]
    below = [dose for dose in tied if fits[dose] < target]
    return max(below) if below else min(tied)


def boin_fits(n: Sequence[int], y: Sequence[int], among: Sequence[int]) -> dict[int, Number]:
    """Return BOIN's isotonic estimates: pseudo-counts of 0.05, weighted by the inverse of their posterior variances."""
    part = Fraction(1, 20)
    a, b = [y[j] + part for j in among], [n[j] - y[j] + part for j in among]
    sums = [p + q for p, q in zip(a, b, strict=True)]
    weights = [s**2 * (s + 1) / (p * q) for p, q, s in zip(a, b, sums, strict=True)]
    return dict(zip(among, isotonic([p / s for p, s in zip(a, sums, strict=True)], weights), strict=True))


class BoinTrial:
    """A BOIN trial in cohorts of three from level 1, followed through every outcome with its probability.

    Parameters
    ----------
    escalate, deescalate, eliminate
        Cut-offs in DLTs by number of patients, as the authors' software prints them; None where there is none.
    """

    def __init__(
        self,
        rates: Sequence[Number],
        target: Number,
        max_patients: int,
        escalate: Sequence[int | None],
        deescalate: Sequence[int | None],
        eliminate: Sequence[int | None],
    ) -> None:
        self.rates, self.target, self.size = rates, target, max_patients
        self.cuts = (escalate, deescalate, eliminate)
        self.selected = [Fraction(0)] * (len(rates) + 1)
        self.patients = [Fraction(0)] * len(rates)
        self.dlts = [Fraction(0)] * len(rates)
        self._follow()

    def _follow(self) -> None:
        nothing = (0,) * len(self.rates)
        ahead = {(0, len(self.rates), nothing, nothing): Fraction(1)}
        while ahead:
            later: defaultdict[tuple[int, int, tuple[int, ...], tuple[int, ...]], Number] = defaultdict(Fraction)
            for (dose, open_, n, y), chance in ahead.items():
                p = self.rates[dose]
                for k in range(4):
                    mass = chance * comb(3, k) * p**k * (1 - p) ** (3 - k)
                    self.patients[dose] += 3 * mass
                    self.dlts[dose] += k * mass
                    n1 = tuple(c + 3 * (j == dose) for j, c in enumerate(n))
                    y1 = tuple(c + k * (j == dose) for j, c in enumerate(y))
                    following = self._next(dose, open_, n1, y1)
                    if following is None:
                        self.selected[self._mtd(n1, y1)] += mass
                    else:
                        later[(*following, n1, y1)] += mass
            ahead = dict(later)

    def _next(self, dose: int, open_: int, n: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the next dose and how many doses are still open, or None at the end."""
        escalate, deescalate, eliminate = (cut[n[dose] - 1] for cut in self.cuts)
        if eliminate is not None and y[dose] >= eliminate:
            open_ = min(open_, dose)
        if open_ == 0 or sum(n) >= self.size:
            return None
        if dose >= open_ or (deescalate is not None and y[dose] >= deescalate):
            return max(dose - 1, 0), open_
        if escalate is not None and y[dose] <= escalate and dose + 1 < open_:
            return dose + 1, open_
        return dose, open_

    def _mtd(self, n: tuple[int, ...], y: tuple[int, ...]) -> int:
        """Return the MTD counted from 1, or 0."""
        gone = [j for j in range(len(n)) if n[j] and (cut := self.cuts[2][n[j] - 1]) is not None and y[j] >= cut]
        among = [j for j in range(min(gone, default=len(n))) if n[j]]
        return nearest(boin_fits(n, y, among), self.target) + 1 if among else 0


def three_plus_three(rates: Sequence[Number]) -> list[Number]:
    """Return Pr(MTD = 0, ..., J) of the 3+3 with de-escalation (Korn et al. 1994), cohort by cohort."""
    mtd = [Fraction(0)] * (len(rates) + 1)

    def cohort(dose: int, n: tuple[int, ...], y: tuple[int, ...], mass: Number) -> None:
        for k, ways in enumerate((1, 3, 3, 1)):
            p = mass * ways * rates[dose] ** k * (1 - rates[dose]) ** (3 - k)
            n1 = tuple(c + 3 * (j == dose) for j, c in enumerate(n))
            settle(dose, n1, tuple(c + k * (j == dose) for j, c in enumerate(y)), p)

    def settle(dose: int, n: tuple[int, ...], y: tuple[int, ...], p: Number) -> None:
        top = dose == len(rates) - 1
        above_toxic = not top and y[dose + 1] >= 2
        if y[dose] >= 2:
            if dose == 0:
                mtd[0] += p
            elif n[dose - 1] == 6:
                mtd[dose] += p
            else:
                cohort(dose - 1, n, y, p)
        elif n[dose] == 3 and (y[dose] == 1 or above_toxic):
            cohort(dose, n, y, p)
        elif top or above_toxic:
            mtd[dose + 1] += p
        else:
            cohort(dose + 1, n, y, p)

    nothing = (0,) * len(rates)
    cohort(0, nothing, nothing, Fraction(1))
    return mtd
