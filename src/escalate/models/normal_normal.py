"""The meta-analytic-predictive prior of one normal parameter, by quadrature over the heterogeneity tau.

Schmidli H, Gsteiger S, Roychoudhury S, O'Hagan A, Spiegelhalter D, Neuenschwander B (2014). Robust meta-analytic-predictive
priors in clinical trials with historical control information. Biometrics 70:1023-1032.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from escalate.core.arrays import FloatArray

NODES = 600
REACH = 9.0
"""Standard deviations of the half-normal prior of tau that are laid out."""


@dataclass(frozen=True, eq=False)
class PredictiveNormal:
    """The parameter of a new study, a mixture of normals over the nodes of tau.

    Parameters
    ----------
    weight, centre, spread
        Posterior mass of each node, and mean and standard deviation of the new parameter there; shape (K,).
    tau
        The nodes.
    """

    weight: FloatArray
    centre: FloatArray
    spread: FloatArray
    tau: FloatArray

    @property
    def mean(self) -> float:
        """Mean of the new parameter."""
        return float(self.weight @ self.centre)

    @property
    def sd(self) -> float:
        """Standard deviation of the new parameter."""
        return sqrt(float(self.weight @ (self.spread**2 + self.centre**2)) - self.mean**2)

    @property
    def mean_tau(self) -> float:
        """E[tau | studies]."""
        return float(self.weight @ self.tau)

    def cdf(self, limit: float) -> float:
        """Return Pr(new parameter < limit)."""
        from scipy.special import ndtr  # noqa: PLC0415

        return float(self.weight @ ndtr((limit - self.centre) / self.spread))


def normal_normal_map(
    estimates: Sequence[float],
    standard_errors: Sequence[float],
    tau_scale: float,
    mean: float = 0.0,
    sd: float = 2.0,
) -> PredictiveNormal:
    """Return the prior of a new study's parameter, given estimates of earlier studies with their standard errors.

    Parameters
    ----------
    tau_scale
        Scale of the half-normal prior of tau, the standard deviation between studies.
    mean, sd
        Normal prior of the mean of studies.

    Raises
    ------
    ValueError
        Where there is no study, lengths differ, or a scale is not positive.

    Examples
    --------
    >>> found = normal_normal_map((-1.4, -0.9, -1.7), (0.5, 0.6, 0.7), 0.5)
    >>> round(found.mean, 6), round(found.sd, 6), round(found.mean_tau, 6)
    (-1.261773, 0.568161, 0.316133)
    """
    y, se = np.array(estimates, dtype=float), np.array(standard_errors, dtype=float)
    if len(y) == 0:
        raise ValueError("there is no study to borrow from")
    if y.shape != se.shape:
        raise ValueError(f"there are {len(y)} estimates and {len(se)} standard errors; give one each")
    if not (se > 0).all() or tau_scale <= 0 or sd <= 0:
        raise ValueError("standard errors, the scale of tau and the sd of the mean must be positive")
    t, w = np.polynomial.legendre.leggauss(NODES)
    tau = REACH * tau_scale * (t + 1) / 2
    precision = 1 / (se**2 + tau[:, None] ** 2)
    total = precision.sum(axis=1) + 1 / sd**2
    centre = (precision @ y + mean / sd**2) / total
    fit = (precision * y**2).sum(axis=1) + mean**2 / sd**2 - total * centre**2
    log_mass = -0.5 * (tau / tau_scale) ** 2 + 0.5 * (np.log(precision).sum(axis=1) - np.log(total) - fit)
    mass = w * np.exp(log_mass - log_mass.max())
    return PredictiveNormal(mass / mass.sum(), centre, np.sqrt(1 / total + tau**2), tau)
