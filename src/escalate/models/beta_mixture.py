"""Mixtures of beta distributions as priors of one DLT rate: robust priors, discounted data, conjugate updating.

Schmidli H, Gsteiger S, Roychoudhury S, O'Hagan A, Spiegelhalter D, Neuenschwander B (2014). Robust meta-analytic-predictive
priors in clinical trials with historical control information. Biometrics 70:1023-1032.
Ibrahim JG, Chen MH (2000). Power prior distributions for regression models. Stat Sci 15:46-60.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, lgamma, log

from escalate.models import beta_binomial


@dataclass(frozen=True)
class BetaMixture:
    """Weights that sum to one, and the parameters a and b of each beta distribution.

    Raises
    ------
    ValueError
        Where lengths differ, a number is not positive, or the weights do not sum to one.

    Examples
    --------
    >>> prior = BetaMixture((0.8, 0.2), (3.0, 1.0), (12.0, 1.0))
    >>> after = prior.updated(6, 1)
    >>> [round(w, 6) for w in after.weights], round(after.mean, 7), round(after.sf(0.3), 7)
    ([0.904455, 0.095545], 0.1961634, 0.1283294)
    """

    weights: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.weights) == len(self.a) == len(self.b) > 0:
            raise ValueError("a mixture needs as many weights as pairs a and b, and at least one")
        if not all(isfinite(x) and x > 0 for x in (*self.weights, *self.a, *self.b)):
            raise ValueError("weights, a and b of a beta mixture must be positive numbers")
        if abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError(f"the weights sum to {sum(self.weights):g}, not to 1")

    @property
    def mean(self) -> float:
        """E[p]."""
        return sum(w * a / (a + b) for w, a, b in self._parts())

    @property
    def variance(self) -> float:
        """Var[p]."""
        square = sum(w * a * (a + 1) / ((a + b) * (a + b + 1)) for w, a, b in self._parts())
        return square - self.mean**2

    def cdf(self, limit: float) -> float:
        """Return Pr(p <= limit)."""
        return sum(w * beta_binomial.cdf(limit, a, b) for w, a, b in self._parts())

    def sf(self, limit: float) -> float:
        """Return Pr(p > limit)."""
        return sum(w * beta_binomial.sf(limit, a, b) for w, a, b in self._parts())

    def quantile(self, probability: float) -> float:
        """Return the quantile, by bisection between the quantiles of the components."""
        each = [beta_binomial.quantile(probability, a, b) for _, a, b in self._parts()]
        low, high = min(each), max(each)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.cdf(middle) < probability else (low, middle)
        return (low + high) / 2

    def updated(self, n: float, dlt: float) -> BetaMixture:
        """Return the posterior after `dlt` DLTs among n patients: weights go by the beta-binomial probability of the data.

        Raises
        ------
        ValueError
            Where dlt is negative or above n.
        """
        _check(n, dlt)
        log_mass = [log(w) + _log_beta(a + dlt, b + n - dlt) - _log_beta(a, b) for w, a, b in self._parts()]
        largest = max(log_mass)
        mass = [exp(m - largest) for m in log_mass]
        # A component that the data rule out keeps the smallest weight a number can have.
        weights = [max(m / sum(mass), 1e-300) for m in mass]
        return BetaMixture(tuple(weights), tuple(a + dlt for a in self.a), tuple(b + n - dlt for b in self.b))

    def robustified(self, weight: float, a: float = 1.0, b: float = 1.0) -> BetaMixture:
        """Return (1 - weight) of this prior and `weight` of a vague Beta(a, b).

        Raises
        ------
        ValueError
            Where the weight is not between 0 and 1.
        """
        if not 0 < weight < 1:
            raise ValueError(f"a robust weight of {weight:g} is not between 0 and 1")
        return BetaMixture((*(w * (1 - weight) for w in self.weights), weight), (*self.a, a), (*self.b, b))

    def _parts(self) -> zip[tuple[float, float, float]]:
        return zip(self.weights, self.a, self.b, strict=True)


def power_prior(n: float, dlt: float, discount: float, a: float = 1.0, b: float = 1.0) -> BetaMixture:
    """Return Beta(a + discount dlt, b + discount (n - dlt)): historical data raised to a fixed power.

    Parameters
    ----------
    n, dlt
        Historical patients and DLTs.
    discount
        The power, from 0 (ignore them) to 1 (pool them).

    Raises
    ------
    ValueError
        Where the discount is outside 0 to 1, or dlt is negative or above n.

    Examples
    --------
    >>> after = power_prior(12, 3, 0.5).updated(6, 2)
    >>> round(after.mean, 7), round(after.sf(0.3), 7)
    (0.3214286, 0.5405165)
    """
    if not 0 <= discount <= 1:
        raise ValueError(f"a discount of {discount:g} is not between 0 and 1")
    _check(n, dlt)
    return BetaMixture((1.0,), (a + discount * dlt,), (b + discount * (n - dlt),))


def _check(n: float, dlt: float) -> None:
    if not 0 <= dlt <= n:
        raise ValueError(f"{dlt:g} DLTs among {n:g} patients are not possible")


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
