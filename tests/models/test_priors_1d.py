"""Priors of theta: their centres, nodes against fine sums over all of the prior, tails, and PyMC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from escalate.core.tally import Tally
from escalate.models.one_parameter import OneParameterModel
from escalate.models.priors_1d import Gamma, LogNormal, Normal, Prior1d, Uniform

S = (0.05, 0.12, 0.25, 0.40, 0.55)
N = [[0] * 5, [3, 0, 0, 0, 0], [3, 3, 6, 3, 0], [0, 0, 0, 0, 30], [6] * 5, [30, 0, 0, 0, 0], [30, 0, 0, 0, 0]]
Y = [[0] * 5, [3, 0, 0, 0, 0], [0, 1, 2, 1, 0], [0] * 5, [1, 2, 3, 4, 5], [0] * 5, [30, 0, 0, 0, 0]]
PRIORS: list[tuple[Prior1d, float, float]] = [
    (Gamma(shape=1.0, scale=1.0), -45, 6),
    (Gamma(shape=0.2, scale=5.0), -220, 7),
    (Gamma(shape=50.0, scale=0.02), -4, 3),
    (LogNormal(sdlog=1.34), -16, 19),
    (LogNormal(meanlog=-2.0, sdlog=0.3), -6, 3),
    (LogNormal(sdlog=3.0), -32, 46),
    (Uniform(high=10.0), -40, float(np.log(10))),
    (Uniform(low=0.5, high=3.0), float(np.log(0.5)), float(np.log(3))),
]
"""Each with the range of log theta that holds all of it, to 1e-15."""
FROZEN = {
    "gamma": (Gamma(shape=2.0, scale=0.5), stats.gamma(2.0, scale=0.5)),
    "lognormal": (LogNormal(meanlog=-0.2, sdlog=0.7), stats.lognorm(0.7, scale=np.exp(-0.2))),
    "normal": (Normal(sd=1.1), stats.lognorm(1.1)),
    "uniform": (Uniform(low=0.5, high=3.0), stats.uniform(0.5, 2.5)),
}


def _sums(model: OneParameterModel, low: float, high: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return E[theta | data] and E[p | data] by Simpson's rule on 400,001 points of log theta."""
    beta = np.linspace(low, high, 400_001)
    log_p, log_q = (np.maximum(part, -1e300) for part in model.log_rates(beta))
    found = []
    for n, y in zip(np.array(N, dtype=float), np.array(Y, dtype=float), strict=True):
        log_weight = model.prior.log_density(beta) + log_p @ y + log_q @ (n - y)
        weight = np.exp(log_weight - log_weight.max())
        weight[1:-1:2] *= 4
        weight[2:-1:2] *= 2
        found.append(np.r_[weight @ np.exp(beta), weight @ np.exp(log_p)] / weight.sum())
    return np.array(found)


@pytest.mark.parametrize(("prior", "low", "high"), PRIORS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("form", ["power", "logistic"])
@pytest.mark.parametrize("at", ["median", "mean"])
def test_nodes_for_every_prior(prior: Prior1d, low: float, high: float, form: Any, at: Any) -> None:
    """Plug-in estimates and means of p within 1e-8 of 400,001 points, also where theta piles up at 0."""
    model, tally = OneParameterModel(form, S, prior, labels_at=at), Tally.of(N, Y)
    expected = _sums(model, low, high)
    assert np.abs(model.mean_rates(tally, 30) - expected[:, 1:]).max() < 1e-8
    plug_in = model.rates(model.plug_in_beta(tally, 30))
    assert np.abs(plug_in - model.rates(np.log(expected[:, 0]))).max() < 1e-8


@pytest.mark.parametrize("kind", FROZEN)
def test_centres_and_density(kind: str) -> None:
    """Median, mean and density as in scipy.stats; the density of log theta is theta times that of theta."""
    prior, same = FROZEN[kind]
    assert prior.median() == pytest.approx(same.median(), rel=1e-12)
    assert prior.mean() == pytest.approx(same.mean(), rel=1e-12)
    theta = np.array([0.6, 1.0, 2.9])
    found = prior.log_density(np.log(theta))
    expected = same.logpdf(theta) + np.log(theta)
    assert found - found[0] == pytest.approx(expected - expected[0], abs=1e-12)


@pytest.mark.parametrize("kind", FROZEN)
@given(limit=st.floats(0.02, 0.9))
def test_prior_tails(kind: str, limit: float) -> None:
    """Before any patient Pr(p_j > limit) is the prior's own distribution function, to 1e-6."""
    prior, same = FROZEN[kind]
    model = OneParameterModel("power", S, prior)
    expected = same.cdf(np.exp(model.beta_at(limit)))
    assert model.prob_above(Tally.of([[0] * 5], [[0] * 5]), limit, 30)[0] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=25)
@given(
    y=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    limit=st.floats(0.05, 0.9),
    form=st.sampled_from(["power", "logistic"]),
    kind=st.sampled_from(["gamma", "uniform"]),
)
def test_posterior_tails(y: list[int], limit: float, form: Any, kind: str) -> None:
    """Pr(p_3 > limit | data) within 1e-6 of adaptive quadrature over theta, split at the limit."""
    prior, same = FROZEN[kind]
    model = OneParameterModel(form, S, prior)
    low, high = same.ppf([1e-15, 1 - 1e-12]) if kind == "gamma" else same.support()
    cut = float(np.exp(model.beta_at(limit)[2]))
    dlt, free = np.array(y), 3 - np.array(y)

    def density(theta: float) -> float:
        p, q = model.log_rates(np.log(np.array(theta)))
        return float(same.pdf(theta) * np.exp(p @ dlt + np.maximum(q, -1e300) @ free + 10))

    def integral(a: float, b: float) -> float:
        ends = np.linspace(a, b, 9)
        return sum(integrate.quad(density, *ends[k : k + 2], epsabs=0, epsrel=1e-10, limit=200)[0] for k in range(8))

    cut = min(max(cut, low), high)
    below, above = (integral(a, b) if b > a else 0.0 for a, b in ((low, cut), (cut, high)))
    found = model.prob_above(Tally.of([[3] * 5], [y]), limit, 15)[0, 2]
    assert found == pytest.approx(below / (below + above), abs=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FROZEN)
@pytest.mark.parametrize("form", ["power", "logistic"])
def test_nodes_against_pymc(kind: str, form: Any) -> None:
    """Source: PyMC's NUTS on `in_pymc`, 4 chains of 2,000: each mean of p within 4 Monte-Carlo errors (ArviZ)."""
    import arviz as az
    import pymc as pm

    from escalate.models.one_parameter_pymc import in_pymc

    model, tally = OneParameterModel(form, S, FROZEN[kind][0]), Tally.of([[3, 3, 6, 3, 0]], [[0, 0, 2, 2, 0]])
    with in_pymc(model, tally):
        data = pm.sample(2000, tune=1000, chains=4, cores=1, random_seed=1, progressbar=False, target_accept=0.95)
    summary = az.summary(data, var_names=["p"], round_to=None)
    assert (summary["r_hat"] < 1.01).all()
    for value, (_, row) in zip(model.mean_rates(tally, 30)[0].tolist(), summary.iterrows(), strict=True):
        assert abs(value - row["mean"]) < 4 * row["mcse_mean"]
