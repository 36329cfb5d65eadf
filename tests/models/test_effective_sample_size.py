"""Effective sample sizes: conjugate identities, published values of RBesT, predictive consistency, shares of patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.models.beta_mixture import BetaMixture
from escalate.models.bivariate_normal import Component
from escalate.models.effective_sample_size import How, UnivariateNormalMixture, beta_ess, dose_ess, normal_ess
from tests.models.test_beta_mixture import AS

HOWS: tuple[How, ...] = ("moment", "morita", "elir")
CROHN = UnivariateNormalMixture(
    (0.50104846, 0.41871594, 0.08023561),
    (-51.42408665, -47.25917128, -55.07086416),
    (19.04525409, 7.85193726, 44.57325000),
)


@given(st.floats(1, 60), st.floats(1, 60))
def test_single_beta_is_worth_a_plus_b(a: float, b: float) -> None:
    """All three agree for one beta distribution, also where it is written as a mixture of two equal ones."""
    twice = BetaMixture((0.3, 0.7), (a, a), (b, b))
    for how in HOWS:
        assert beta_ess(BetaMixture((1.0,), (a,), (b,)), how) == pytest.approx(a + b)
    assert beta_ess(twice, "moment") == pytest.approx(a + b)
    assert beta_ess(twice, "elir") == pytest.approx(a + b, rel=2e-3)
    if min(a, b) > 1.05:
        assert beta_ess(twice, "morita") == pytest.approx(a + b, rel=1e-3)


@given(st.floats(0.1, 5), st.floats(0.5, 10))
def test_single_normal_is_worth_the_ratio_of_variances(sd: float, sigma: float) -> None:
    """sigma^2 / s^2 by all three, also written as a mixture of two equal ones."""
    twice = UnivariateNormalMixture((0.4, 0.6), (1.0, 1.0), (sd, sd))
    for how in HOWS:
        assert normal_ess(twice, sigma, how) == pytest.approx((sigma / sd) ** 2, rel=1e-6)


@pytest.mark.parametrize(("how", "printed"), [("elir", 38), ("moment", 24), ("morita", 95)])
def test_binary_map_of_rbest(how: How, printed: int) -> None:
    """Source: RBesT 1.9-0, article on a binary endpoint: round(ess(map, method)) of the AS mixture."""
    assert round(beta_ess(AS, how)) == printed


@pytest.mark.parametrize(("how", "printed"), [("elir", 39), ("moment", 21), ("morita", 89)])
def test_normal_map_of_rbest(how: How, printed: int) -> None:
    """Source: RBesT 1.9-0, article on a normal endpoint: round(ess(map, method)), sigma 88."""
    assert round(normal_ess(CROHN, 88, how)) == printed


def test_robust_maps_of_rbest() -> None:
    """Source: the same two articles: 20% vague components leave 27 and 28 patients (elir)."""
    assert round(beta_ess(AS.robustified(0.2), "elir")) == 27
    robust = UnivariateNormalMixture(
        (0.40083877, 0.33497275, 0.06418848, 0.2), (*CROHN.means, -50.0), (*CROHN.sds, 88.0)
    )
    assert round(normal_ess(robust, 88, "elir")) == 28


def test_elir_is_predictively_consistent() -> None:
    """Neuenschwander and others (2020): the mean worth after n patients, averaged over what is predicted, is n more."""
    prior, n = BetaMixture((0.8, 0.2), (10.0, 2.0), (2.0, 3.0)), 10
    after = [prior.updated(n, y) for y in range(n + 1)]
    # Pr(y) from the change of weights would be circular; the beta-binomial probabilities are written out.
    from scipy.stats import betabinom

    predicted = 0.8 * betabinom.pmf(range(n + 1), n, 10, 2) + 0.2 * betabinom.pmf(range(n + 1), n, 2, 3)
    worth = sum(p * beta_ess(each, "elir") for p, each in zip(predicted, after, strict=True))
    assert worth - n == pytest.approx(beta_ess(prior, "elir"), abs=1e-6)


def test_border() -> None:
    """Curvature of a mixture that rises without bound at the border means nothing, and is refused."""
    with pytest.raises(ValueError, match="use moment"):
        beta_ess(BetaMixture((0.5, 0.5), (0.5, 3.0), (0.5, 3.0)), "elir")
    with pytest.raises(ValueError, match="sigma 0 is not positive"):
        normal_ess(CROHN, 0.0)
    with pytest.raises(ValueError, match="sum to 1"):
        UnivariateNormalMixture((0.5,), (0.0,), (1.0,))


def test_worth_at_doses_against_draws() -> None:
    """Source: two million draws of the mixture; mean (1 - mean) / variance - 1 of p at each dose, within 1%."""
    parts = [
        Component(weight=0.8, mean=(-1.4, 0.0), sd=(0.5, 0.3), correlation=0.4),
        Component(weight=0.2, mean=(0.0, 0.0), sd=(2.0, 1.0), correlation=-0.2),
    ]
    x, n = np.log(np.array([0.25, 1.0, 2.0])), 2_000_000
    rng = np.random.default_rng(3)
    draws = []
    for part in parts:
        z = rng.standard_normal((2, round(n * part.weight)))
        a = part.mean[0] + part.sd[0] * z[0]
        b = part.mean[1] + part.sd[1] * (part.correlation * z[0] + np.sqrt(1 - part.correlation**2) * z[1])
        draws.append(1 / (1 + np.exp(-a[:, None] - np.exp(b)[:, None] * x)))
    p = np.concatenate(draws)
    assert dose_ess(parts, x) == pytest.approx(p.mean(0) * (1 - p.mean(0)) / p.var(0) - 1, rel=0.01)
