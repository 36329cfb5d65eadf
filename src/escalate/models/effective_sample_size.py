"""How many patients a prior is worth: by moments, by its curvature at the mode (Morita), and by expected information (ELIR).

For a single conjugate prior all three agree: Beta(a, b) is worth a + b patients, a normal prior with standard deviation s is
worth sigma^2 / s^2. For mixtures they differ, and moments give the least.

Morita S, Thall PF, Mueller P (2008). Determining the effective sample size of a parametric prior. Biometrics 64:595-602.
Neuenschwander B, Weber S, Schmidli H, O'Hagan A (2020). Predictively consistent prior effective sample sizes. Biometrics
76:578-587.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log, pi, sqrt
from typing import Literal

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.models.beta_mixture import BetaMixture
from escalate.models.bivariate_normal import Component

How = Literal["moment", "morita", "elir"]
NODES = 4000
GRID = 20001


@dataclass(frozen=True)
class UnivariateNormalMixture:
    """Weights, means and standard deviations of a mixture of normals.

    Raises
    ------
    ValueError
        Where lengths differ, a weight or sd is not positive, or the weights do not sum to one.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.weights) == len(self.means) == len(self.sds) > 0:
            raise ValueError("a mixture needs as many weights as means and sds, and at least one")
        if min(*self.weights, *self.sds) <= 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError("weights and sds must be positive, and the weights sum to 1")


def beta_ess(prior: BetaMixture, how: How = "elir") -> float:
    """Return the number of patients that a beta mixture is worth for a DLT rate.

    Raises
    ------
    ValueError
        For `elir` and `morita` of a mixture with an a or b below 1: its information at the border is not finite.

    Notes
    -----
    `elir` is the expectation of p(1 - p) i(p), with i = -(log prior)''. Integrated by parts it is 2 + the integral of
    p(1 - p) prior'^2 / prior, which holds to a or b of 1 by continuity, so that Beta(1, 1) is worth 2. `morita` takes i at the
    mode, less that of the same prior made vague without limit.

    Examples
    --------
    >>> [round(beta_ess(BetaMixture((1.0,), (3.0,), (12.0,)), how), 6) for how in ("moment", "morita", "elir")]
    [15.0, 15.0, 15.0]
    """
    if how == "moment":
        mean = prior.mean
        return mean * (1 - mean) / prior.variance - 1
    if len(prior.weights) == 1:
        return prior.a[0] + prior.b[0]
    if min(*prior.a, *prior.b) < 1:
        raise ValueError(f"{how} needs every a and b of a beta mixture to be 1 or more; use moment")
    if how == "elir":
        return 2.0 + _information_of_slope(prior)
    grid = np.linspace(0, 1, GRID)[1:-1]
    mode = _mode(grid, _beta_derivatives(prior, grid)[0])
    d, d1, d2 = (float(v[0]) for v in _beta_derivatives(prior, np.array([mode])))
    information = (d1 / d) ** 2 - d2 / d + 1 / mode**2 + 1 / (1 - mode) ** 2
    return information / (prior.mean / mode**2 + (1 - prior.mean) / (1 - mode) ** 2)


def normal_ess(prior: UnivariateNormalMixture, sigma: float, how: How = "elir") -> float:
    """Return the number of patients that a mixture of normals is worth.

    Parameters
    ----------
    sigma
        Standard deviation of one patient: its information is 1 / sigma^2.

    Examples
    --------
    >>> [round(normal_ess(UnivariateNormalMixture((1.0,), (0.0,), (0.5,)), 2.0, how), 6) for how in ("moment", "morita", "elir")]
    [16.0, 16.0, 16.0]
    """
    if sigma <= 0:
        raise ValueError(f"sigma {sigma:g} is not positive")
    w, m, s = np.array(prior.weights), np.array(prior.means), np.array(prior.sds)
    if how == "moment":
        variance = float(w @ (s**2 + m**2) - (w @ m) ** 2)
        return sigma**2 / variance
    if how == "morita":
        grid = np.linspace((m - 2 * s).min(), (m + 2 * s).max(), GRID)
        mode = _mode(grid, _normal_derivatives(prior, grid)[0])
        d, d1, d2 = (float(v[0]) for v in _normal_derivatives(prior, np.array([mode])))
        return sigma**2 * ((d1 / d) ** 2 - d2 / d)
    # Around each component its own nodes, so that a narrow one beside a wide one is not missed.
    z = np.linspace(-12, 12, NODES + 1)
    mass = np.exp(-0.5 * z**2) / sqrt(2 * pi) * (z[1] - z[0])
    total = 0.0
    for weight, mean, sd in zip(w, m, s, strict=True):
        density, slope, curve = _normal_derivatives(prior, mean + sd * z)
        held = density > 1e-250
        information = np.where(
            held, (slope**2 / np.maximum(density, 1e-250) - curve) / np.maximum(density, 1e-250), 0.0
        )
        total += float(weight) * float(mass @ information)
    return sigma**2 * total


def dose_ess(components: Sequence[Component], x: FloatArray) -> FloatArray:
    """Return the number of patients that a prior of (log alpha, log beta) is worth at each dose, by moments; shape (J,).

    The beta distribution with the same mean and variance of the DLT rate has this a + b.

    Parameters
    ----------
    x
        log(amount / reference amount), shape (J,).
    """
    mean, square = np.zeros(len(x)), np.zeros(len(x))
    z, w = np.polynomial.hermite_e.hermegauss(60)
    w = w / w.sum()
    for part in components:
        (m1, m2), (s1, s2), r = part.mean, part.sd, part.correlation
        slope = np.exp(np.minimum(m2 + s2 * z, 60.0))
        level = m1 + s1 * (r * z[:, None] + sqrt(1 - r**2) * z[None, :])
        p = 0.5 * (1 + np.tanh((level[None] + (slope[None, :] * x[:, None])[:, :, None]) / 2))
        mean += part.weight * np.einsum("k,l,jkl->j", w, w, p)
        square += part.weight * np.einsum("k,l,jkl->j", w, w, p**2)
    found: FloatArray = mean * (1 - mean) / np.maximum(square - mean**2, 1e-300) - 1
    return found


def _information_of_slope(prior: BetaMixture) -> float:
    """Return the integral of p(1 - p) prior'^2 / prior.

    Notes
    -----
    The trapezoid rule in s with logit p = sinh(s): exact also where the integrand has a pole at a border, an a or b just above 1.
    """
    from scipy.special import betaln  # noqa: PLC0415

    s = np.linspace(-7, 7, NODES + 1)
    u = np.sinh(s)
    log_p, log_q = -np.logaddexp(0, -u), -np.logaddexp(0, u)
    density, slope = np.zeros(len(u)), np.zeros(len(u))
    for w, a, b in zip(prior.weights, prior.a, prior.b, strict=True):
        each = w * np.exp((a - 1) * log_p + (b - 1) * log_q - betaln(a, b))
        density += each
        slope += each * ((a - 1) * np.exp(log_q) - (b - 1) * np.exp(log_p))
    steps = np.cosh(s) * (s[1] - s[0])
    return float(steps @ (slope**2 / np.maximum(density, 1e-300)))


def _beta_derivatives(prior: BetaMixture, p: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return density, first and second derivative at p."""
    from scipy.special import betaln  # noqa: PLC0415

    density, slope, curve = np.zeros(len(p)), np.zeros(len(p)), np.zeros(len(p))
    for w, a, b in zip(prior.weights, prior.a, prior.b, strict=True):
        each = w * np.exp((a - 1) * np.log(p) + (b - 1) * np.log1p(-p) - betaln(a, b))
        score = (a - 1) / p - (b - 1) / (1 - p)
        density += each
        slope += each * score
        curve += each * (score**2 - (a - 1) / p**2 - (b - 1) / (1 - p) ** 2)
    return density, slope, curve


def _normal_derivatives(prior: UnivariateNormalMixture, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    density, slope, curve = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for w, m, s in zip(prior.weights, prior.means, prior.sds, strict=True):
        each = np.exp(log(w) - 0.5 * ((x - m) / s) ** 2) / (s * sqrt(2 * pi))
        score = (m - x) / s**2
        density += each
        slope += each * score
        curve += each * (score**2 - 1 / s**2)
    return density, slope, curve


def _mode(grid: FloatArray, density: FloatArray) -> float:
    """Return where the density is highest, by a parabola through the best node and its neighbours."""
    k = int(np.argmax(density))
    if k in (0, len(grid) - 1):
        return float(grid[k])
    left, top, right = (log(max(float(v), 1e-300)) for v in density[k - 1 : k + 2])
    bend = left - 2 * top + right
    shift = 0.5 * (left - right) / bend if bend not in (0.0, inf) else 0.0
    return float(grid[k] + shift * (grid[1] - grid[0]))
