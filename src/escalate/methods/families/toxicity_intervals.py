"""What the toxicity interval designs share: where the posterior of the current dose's DLT rate lies, and the MTD.

With whole pseudo-counts the posterior mass of an interval is a ratio of whole numbers, so that intervals of equal density
are found equal. Other pseudo-counts go through the incomplete beta function, and a relative difference below 1e-12 is a tie
(docs/decisions/0012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from math import comb, lcm
from typing import TYPE_CHECKING, Literal

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.plan import Plan, exact
from escalate.core.rule import Rule
from escalate.core.setting import BetaPrior, Probability
from escalate.core.tally import Tally
from escalate.methods.families.interval import IntervalMethod
from escalate.methods.families.interval_words import isotonic_selection
from escalate.methods.families.toxicity_interval_words import interval as words_of_interval
from escalate.models import beta_binomial, isotonic
from escalate.rules.eliminate import Eliminate
from escalate.rules.lowest_dose_too_toxic import LowestDoseTooToxic

if TYPE_CHECKING:
    from escalate.core.design import Design

TIE = 1e-12
"""Scores that are not whole numbers and differ by less, relative to the larger, are tied."""


class PosteriorMeanMtd(IntervalMethod):
    """A method whose MTD rests on isotonic posterior means under `mtd_prior`; estimates are printed as for BOIN."""

    mtd_prior: BetaPrior = (0.005, 0.005)

    def mtd_pseudo_counts(self) -> tuple[float, float]:
        """Return `mtd_prior`."""
        return self.mtd_prior


class TpiFamily(PosteriorMeanMtd):
    """TPI and its successors: their safety rules, and an MTD that may be sought among doses nobody had."""

    prior: BetaPrior = (1.0, 1.0)
    mtd_among: Literal["tried", "all"] = "tried"

    def published_rules(self) -> tuple[Rule, ...]:
        """Return elimination from two patients on, and at level 1 from the first, both under the prior of the decision."""
        prior = None if self.prior == beta_binomial.UNIFORM else self.prior
        return (
            Eliminate(min_patients=2, prior=prior),
            LowestDoseTooToxic(cutoff=0.95, basis="beta_binomial", prior=prior),
        )

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed dose nearest to the target, among those given unless `mtd_among: all`."""
        if self.mtd_among == "tried":
            return super().select(plan, tally, allowed)
        return isotonic.select_nearest(
            self.events(tally), tally.n, plan.target_rate, allowed, None, self.mtd_prior, self.mtd_weights
        )

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say among which levels the MTD is selected by isotonic regression of posterior means."""
        return isotonic_selection(design, prior=self.mtd_prior, weights=self.mtd_weights, among=self.mtd_among)

    def doubts(self, design: Design) -> Iterator[str]:
        """Question an MTD that nobody had."""
        yield from super().doubts(design)
        if self.mtd_among == "all":
            yield "mtd_among: all can declare as the MTD a level that nobody was given, from its prior mean"


class EquivalenceInterval(IntervalMethod):
    """A method with an interval of rates, around the target, that are as good as the target."""

    epsilon_low: Probability = 0.05
    epsilon_high: Probability = 0.05

    def interval(self, plan: Plan) -> tuple[Fraction, Fraction]:
        """Return target - epsilon_low and target + epsilon_high, exactly."""
        target = exact(plan.target_rate)
        return target - exact(self.epsilon_low), target + exact(self.epsilon_high)

    def interval_described(self, design: Design, name: str = "equivalence interval") -> str:
        """Say in a sentence what the interval is and what it is made of."""
        return words_of_interval(design, *self.interval(design), name, self.epsilon_low, self.epsilon_high)

    def interval_said(self, plan: Plan) -> str:
        """Return the interval as people say it: `0.25 to 0.35`."""
        return said_interval(*self.interval(plan))

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what the interval is."""
        return (f"Equivalence interval: DLT rates {self.interval_said(plan)}.",)

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse an interval that reaches 0 or 1."""
        target = exact(plan.target_rate)
        for name, epsilon, end, room in (
            ("epsilon_low", self.epsilon_low, 0, target),
            ("epsilon_high", self.epsilon_high, 1, 1 - target),
        ):
            if exact(epsilon) >= room:
                yield Problem(
                    name,
                    f"{epsilon:g} reaches {end} from the target {plan.target_rate:g}; it must be below {float(room):g}",
                )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question an unusual target."""
        yield from super().doubts(design)
        yield from unusual_target(design)


@dataclass(frozen=True, eq=False)
class Masses:
    """Posterior masses of the intervals between edges, for each number of DLTs among n patients.

    Parameters
    ----------
    edges
        From 0 to 1.
    rows
        Mass of each interval by number of DLTs, as parts of `total`; whole numbers where the pseudo-counts are whole.
    total
        The mass of 0..1.
    """

    edges: tuple[Fraction, ...]
    rows: tuple[tuple[float, ...], ...]
    total: float

    def probabilities(self, dlt: int) -> list[float]:
        """Return the posterior probability of each interval."""
        return [mass / self.total for mass in self.rows[dlt]]

    def densities(self, dlt: int) -> list[float]:
        """Return the unit probability mass (UPM) of each interval: its probability by its length."""
        lengths = [float(b - a) for a, b in pairwise(self.edges)]
        return [p / length for p, length in zip(self.probabilities(dlt), lengths, strict=True)]

    def densest(self, dlt: int, among: Sequence[int] | None = None) -> list[int]:
        """Return the intervals whose UPM is the largest, all of them where they tie, from the lowest.

        Parameters
        ----------
        among
            Indices of the intervals to look at; all unless given.
        """
        row, weights = self.rows[dlt], self._weights
        candidates = range(len(row)) if among is None else among
        scores = [row[k] * weights[k] for k in candidates]
        best = max(scores)
        least = best if isinstance(best, int) else best * (1 - TIE)
        return [k for k, score in zip(candidates, scores, strict=True) if score >= least]

    @cached_property
    def _weights(self) -> list[int]:
        """Whole numbers inversely proportional to the lengths of the intervals."""
        grid = lcm(*(edge.denominator for edge in self.edges))
        lengths = [int((b - a) * grid) for a, b in pairwise(self.edges)]
        common = lcm(*lengths)
        return [common // length for length in lengths]


def masses(edges: tuple[Fraction, ...], prior: tuple[float, float], n: int) -> Masses:
    """Return the masses under Beta(a + y, b + n - y) for y = 0..n.

    Parameters
    ----------
    edges
        From 0 to 1, increasing.
    prior
        Pseudo-counts a and b.

    Examples
    --------
    >>> found = masses((Fraction(0), Fraction(1, 4), Fraction(7, 20), Fraction(1)), (1.0, 1.0), 6)
    >>> [round(upm, 6) for upm in found.densities(3)]
    [0.282227, 1.292891, 1.231007]
    """
    a, b = prior
    rows: tuple[tuple[float, ...], ...]
    if a == int(a) and b == int(b):
        grid = lcm(*(edge.denominator for edge in edges))
        tails = [_tails(int(edge * grid), grid, int(a), int(b), n) for edge in edges]
        rows = tuple(tuple(x[y] - z[y] for x, z in pairwise(tails)) for y in range(n + 1))
        return Masses(edges, rows, grid ** (int(a + b) + n - 1))
    above = [[beta_binomial.sf(float(edge), a + y, b + n - y) for y in range(n + 1)] for edge in edges]
    rows = tuple(tuple(x[y] - z[y] for x, z in pairwise(above)) for y in range(n + 1))
    return Masses(edges, rows, 1.0)


def _tails(hit: int, grid: int, a: int, b: int, n: int) -> list[int]:
    """Return Pr(p > hit / grid) for y = 0..n, in parts of grid^(a + b + n - 1)."""
    # Pr(p > x | Beta(a + y, b + n - y)) = Pr(Binomial(a + b + n - 1, x) <= a + y - 1).
    size, miss = a + b + n - 1, grid - hit
    terms = (comb(size, k) * hit**k * miss ** (size - k) for k in range(a + n))
    return list(accumulate(terms))[a - 1 :]


def said_interval(low: Fraction | float, high: Fraction | float) -> str:
    """Return an interval of rates as people say it.

    Examples
    --------
    >>> said_interval(Fraction(1, 4), Fraction(7, 20))
    '0.25 to 0.35'
    """
    return f"{float(low):.4g} to {float(high):.4g}"


def unusual_target(plan: Plan) -> Iterator[str]:
    """Yield a doubt where the target is not one of the usual ones."""
    if not exact(0.1) <= exact(plan.target_rate) <= exact(0.4):
        yield (
            f"the target {plan.target_rate:g} is outside 0.1 to 0.4, the usual range of phase I trials; "
            "look at the operating characteristics before using it"
        )
