"""Self-adapting mixture priors: how far the trial's own data agree with history sets the weight of the informative part.

Yang P, Zhao Y, Nie L, Vallejo J, Yuan Y (2023). SAM: self-adapting mixture prior to dynamically borrow information from
historical data in clinical trials. Biometrics 79:2857-2868.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log

from escalate.models.beta_mixture import BetaMixture, _check


@dataclass(frozen=True)
class Sam:
    """The likelihood ratio of no conflict to conflict, and the weight of the informative prior, ratio / (1 + ratio)."""

    ratio: float
    weight: float


def sam_weight(historical_rate: float, difference: float, n: int, dlt: int) -> Sam:
    """Return the weight of the informative prior.

    Parameters
    ----------
    historical_rate
        The DLT rate of history.
    difference
        A difference in rates that would matter clinically.
    n, dlt
        Patients and DLTs of the trial itself.

    Notes
    -----
    ratio = L(rate) / max(L(rate + difference), L(rate - difference)). Of the two, a rate that is not between 0 and 1 is left
    out.

    Raises
    ------
    ValueError
        Where a rate is not between 0 and 1, both shifted rates are not, or dlt is negative or above n.

    Examples
    --------
    >>> found = sam_weight(0.25, 0.15, 20, 5)
    >>> round(found.ratio, 7), round(found.weight, 7)
    (2.7105054, 0.7304949)
    """
    if not 0 < historical_rate < 1:
        raise ValueError(f"a historical rate of {historical_rate:g} is not between 0 and 1")
    if difference <= 0:
        raise ValueError(f"a clinically relevant difference of {difference:g} is not positive")
    _check(n, dlt)
    others = [p for p in (historical_rate + difference, historical_rate - difference) if 0 < p < 1]
    if not others:
        raise ValueError(f"no rate at a distance of {difference:g} from {historical_rate:g} is between 0 and 1")
    log_ratio = _log_likelihood(historical_rate, n, dlt) - max(_log_likelihood(p, n, dlt) for p in others)
    ratio = exp(log_ratio) if log_ratio < 700 else inf
    return Sam(ratio, 1 / (1 + exp(-log_ratio)) if log_ratio > -700 else 0.0)


def sam_prior(
    informative: BetaMixture, difference: float, n: int, dlt: int, vague: tuple[float, float] = (1.0, 1.0)
) -> BetaMixture:
    """Return the informative prior with a vague component, weighted by agreement with the trial's data.

    The historical rate is the mean of the informative prior. Weights are kept between 1e-6 and 1 - 1e-6.
    """
    weight = min(max(sam_weight(informative.mean, difference, n, dlt).weight, 1e-6), 1 - 1e-6)
    return informative.robustified(1 - weight, *vague)


def _log_likelihood(p: float, n: int, dlt: int) -> float:
    return dlt * log(p) + (n - dlt) * log(1 - p)
