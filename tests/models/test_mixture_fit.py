"""Mixtures fitted to draws: known mixtures are found again, the number of parts too; weights sum to one in decimals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.arrays import FloatArray
from escalate.models.bivariate_normal import Component, NormalMixture
from escalate.models.mixture_fit import fit_mixture, robustified


def draws(parts: list[tuple[int, Component]], seed: int) -> FloatArray:
    """Return so many draws of each component."""
    rng = np.random.default_rng(seed)
    found = []
    for n, part in parts:
        (s1, s2), off = part.sd, part.correlation * part.sd[0] * part.sd[1]
        found.append(rng.multivariate_normal(part.mean, [[s1**2, off], [off, s2**2]], size=n))
    return np.concatenate(found)


def test_one_normal_stays_one() -> None:
    """BIC takes one component for draws of one bivariate normal, and finds its parameters."""
    part = Component(weight=1.0, mean=(-1.0, 0.3), sd=(0.8, 0.4), correlation=0.5)
    fit = fit_mixture(draws([(20_000, part)], 1), 3)
    assert len(fit.mixture.mixture) == 1
    found = fit.mixture.mixture[0]
    assert found.mean == pytest.approx((-1.0, 0.3), abs=0.03)
    assert found.sd == pytest.approx((0.8, 0.4), abs=0.02)
    assert found.correlation == pytest.approx(0.5, abs=0.03)
    assert len(fit.bic) == 3


def test_heavy_tails_are_two_normals() -> None:
    """Draws around one mean with two spreads, as MAP priors are, give both components back."""
    inner = Component(weight=0.7, mean=(-1.5, 0.0), sd=(0.4, 0.3), correlation=0.2)
    outer = Component(weight=0.3, mean=(-1.5, 0.0), sd=(1.6, 1.0), correlation=-0.1)
    fit = fit_mixture(draws([(14_000, inner), (6_000, outer)], 2), 3)
    assert len(fit.mixture.mixture) == 2
    for found, true in zip(fit.mixture.mixture, (inner, outer), strict=True):
        assert found.weight == pytest.approx(true.weight, abs=0.03)
        assert found.sd == pytest.approx(true.sd, rel=0.06)


def test_two_places_are_two_normals() -> None:
    """Draws around two means are told apart."""
    left = Component(weight=0.5, mean=(-3.0, 0.0), sd=(0.5, 0.5), correlation=0.0)
    right = Component(weight=0.5, mean=(1.0, 1.0), sd=(0.5, 0.5), correlation=0.0)
    fit = fit_mixture(draws([(5_000, left), (5_000, right)], 3), 2)
    assert sorted(part.mean[0] for part in fit.mixture.mixture) == pytest.approx([-3.0, 1.0], abs=0.05)


@given(st.floats(0.01, 0.99), st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4))
def test_robust_weights_sum_to_one(weight: float, shares: list[float]) -> None:
    """Whatever the weights, those of the robust mixture sum to one to the last of four decimals."""
    total = sum(shares)
    parts = tuple(Component(weight=s / total, mean=(0.0, 0.0), sd=(1.0, 1.0)) for s in shares)
    vague = Component(weight=1.0, mean=(0.0, 0.0), sd=(2.0, 1.0))
    found = robustified(NormalMixture(mixture=parts), round(weight, 4), vague)
    assert sum(part.weight for part in found.mixture) == pytest.approx(1.0, abs=1e-12)
    assert found.mixture[-1].weight == round(weight, 4)


def test_robust_weight_must_be_a_share() -> None:
    """A weight of 0 or 1 is refused."""
    vague = Component(weight=1.0, mean=(0.0, 0.0), sd=(2.0, 1.0))
    with pytest.raises(ValueError, match="not between 0 and 1"):
        robustified(NormalMixture(mixture=(vague,)), 1.0, vague)
