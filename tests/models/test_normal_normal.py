"""The MAP prior of one normal parameter: published values, direct integration, limits of pooling and of ignorance."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from scipy.integrate import quad

from escalate.models.normal_normal import normal_normal_map

Y, SE = (-1.4, -0.9, -1.7), (0.5, 0.6, 0.7)


@pytest.mark.parametrize(
    ("scale", "mean", "sd", "tau", "below"),
    [
        (0.5, -1.2617727, 0.5681606, 0.3161328, 0.8069335),
        (1.0, -1.2411820, 0.8048464, 0.4915363, 0.7608833),
    ],
)
def test_independent_values(scale: float, mean: float, sd: float, tau: float, below: float) -> None:
    """Source: independent quadrature with tau cut at 5 scales, which moves the sd by 4e-7; agreement to 5e-7."""
    found = normal_normal_map(Y, SE, scale)
    values = (found.mean, found.sd, found.mean_tau, found.cdf(log(0.3 / 0.7)))
    assert values == pytest.approx((mean, sd, tau, below), abs=5e-7)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_against_adaptive_integration(scale: float) -> None:
    """SciPy's adaptive integration of the marginal likelihood, written with matrices, to 1e-10."""
    y, se = np.array(Y), np.array(SE)

    def mass(t: float) -> float:
        v = np.diag(se**2 + t**2) + 4
        return float(np.exp(-0.5 * (t / scale) ** 2 - 0.5 * y @ np.linalg.solve(v, y)) / sqrt(np.linalg.det(v)))

    def integral(power: int) -> float:
        return quad(lambda t: mass(t) * t**power, 0, 12 * scale, epsabs=1e-14, epsrel=1e-12, limit=300)[0]

    assert normal_normal_map(Y, SE, scale).mean_tau == pytest.approx(integral(1) / integral(0), abs=1e-10)


def test_crohn_of_rbest() -> None:
    """Source: RBesT 1.9-0, article on a normal endpoint (Stan draws): MAP mean -50.0, sd 19.3; tau mean 14.3."""
    n = np.array([74, 166, 328, 20, 25, 58])
    found = normal_normal_map((-51, -49, -36, -47, -90, -54), (88 / np.sqrt(n)).tolist(), 44, 0, 88)
    assert found.mean == pytest.approx(-50.0, abs=0.5)
    assert found.sd == pytest.approx(19.3, abs=0.4)
    assert found.mean_tau == pytest.approx(14.3, abs=0.4)


def test_limits() -> None:
    """Almost no heterogeneity pools the studies; a great deal leaves little to borrow."""
    w = 1 / np.array(SE) ** 2
    pooled = float((w @ np.array(Y)) / (w.sum() + 0.25))
    near = normal_normal_map(Y, SE, 1e-4)
    assert near.mean == pytest.approx(pooled, abs=1e-6)
    assert near.sd == pytest.approx(1 / sqrt(w.sum() + 0.25), abs=1e-6)
    assert normal_normal_map(Y, SE, 20.0).sd > 2 * normal_normal_map(Y, SE, 1.0).sd


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (((), (), 1.0), "no study"),
        (((1.0,), (1.0, 2.0), 1.0), "1 estimates and 2 standard errors"),
        (((1.0,), (0.0,), 1.0), "must be positive"),
        (((1.0,), (1.0,), 0.0), "must be positive"),
    ],
)
def test_refusals(arguments: tuple[tuple[float, ...], tuple[float, ...], float], text: str) -> None:
    """No study, or a scale that is not positive, is refused."""
    with pytest.raises(ValueError, match=text):
        normal_normal_map(*arguments)
