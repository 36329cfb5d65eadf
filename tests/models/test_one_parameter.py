"""One-parameter models: nodes against finer quadrature over every reachable state, probabilities, likelihood, PyMC."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize

import escalate as esc
from escalate.core.tally import Tally
from escalate.engine.automaton import compile_design
from escalate.methods.crm import Crm
from escalate.models.nodes import NodeTable
from escalate.models.one_parameter import OneParameterModel
from escalate.models.priors_1d import Normal
from tests.helpers import make

S = (0.05, 0.12, 0.25, 0.40, 0.55)
SD = 1.1575836902790225


def _trapezoid(model: OneParameterModel, tally: Tally, points: int = 4001) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return E[beta | data] on an even grid of +-12 prior sd: good to 1e-10 where 8 sd are (engine prototypes)."""
    assert isinstance(model.prior, Normal)
    sd = model.prior.sd
    beta = np.linspace(-12 * sd, 12 * sd, points)
    log_p, log_q = model.log_rates(beta)
    n, y = tally.n.astype(float), tally.dlt.astype(float)
    log_weight = y @ np.maximum(log_p, -1e300).T + (n - y) @ np.maximum(log_q, -1e300).T - 0.5 * (beta / sd) ** 2
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return (weight @ beta) / weight.sum(axis=1)


@pytest.mark.parametrize("form", ["power", "logistic"])
@pytest.mark.parametrize("cohort", [3, 1])
def test_nodes_over_every_reachable_state(form: Any, cohort: int) -> None:
    """E[beta | data] within 1e-8 of a 4001-point trapezoid over all final states of a trial; 64 nodes (logistic: 96)."""
    method = {"kind": "crm", "model": form, "skeleton": list(S), "estimate": "plug_in"}
    design = make(method, target=0.25, cohort_size=cohort, max_patients=30 if cohort == 3 else 15)
    tally = compile_design(design).terminals.tally
    crm = design.method
    assert isinstance(crm, Crm)
    model = crm.working_model(design)
    assert model.table(design.max_patients).nodes.size <= (64 if form == "power" else 96)
    found = model.mean_beta(tally, design.max_patients)
    assert np.abs(found - _trapezoid(model, tally)).max() < 1e-8


@pytest.mark.parametrize("sd", [0.1, 0.5, 3.0, 10.0, 30.0])
@pytest.mark.parametrize("form", ["power", "logistic"])
def test_nodes_for_other_priors(sd: float, form: Any) -> None:
    """From tight to diffuse priors: estimates of p within 1e-8 of a fine trapezoid."""
    model = OneParameterModel(form, S, Normal(sd=sd))
    n = [[3, 0, 0, 0, 0], [3, 3, 6, 3, 0], [0, 0, 0, 0, 30], [6, 6, 6, 6, 6]]
    tally = Tally.of(n, [[3, 0, 0, 0, 0], [0, 1, 2, 1, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]])
    fine = model.rates(_trapezoid(model, tally, 400_001))
    assert np.abs(model.rates(model.mean_beta(tally, 30)) - fine).max() < 1e-8


@given(
    y=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    limit=st.floats(0.05, 0.9),
    form=st.sampled_from(["power", "logistic"]),
)
def test_interval_probabilities(y: list[int], limit: float, form: Any) -> None:
    """Pr(p_j > limit | data) within 1e-6 of adaptive quadrature of the posterior split at the limit."""
    model = OneParameterModel(form, S, Normal(sd=SD))
    tally = Tally.of([[3] * 5], [y])
    beta = np.linspace(-8 * SD, 8 * SD, 20_001)
    log_p, log_q = model.log_rates(beta)
    log_weight = np.array(y) @ log_p.T + (3 - np.array(y)) @ log_q.T - 0.5 * (beta / SD) ** 2
    top = float(log_weight.max())

    def density(b: float) -> float:
        p, q = model.log_rates(np.array(b))
        return float(np.exp(np.array(y) @ p + (3 - np.array(y)) @ q - 0.5 * (b / SD) ** 2 - top))

    cut = float(model.beta_at(limit)[2])
    if not -8 * SD < cut < 8 * SD:
        return
    below, above = (
        sum(integrate.quad(density, a, c, epsabs=1e-13, epsrel=1e-10)[0] for a, c in pairwise(x))
        for x in (np.linspace(-8 * SD, cut, 12), np.linspace(cut, 8 * SD, 12))
    )
    assert model.prob_above(tally, limit, 15)[0, 2] == pytest.approx(below / (below + above), abs=1e-6)


@given(y=st.lists(st.integers(0, 3), min_size=5, max_size=5), form=st.sampled_from(["power", "logistic"]))
def test_maximum_likelihood(y: list[int], form: Any) -> None:
    """No beta on a fine grid has a higher likelihood than the estimate."""
    if not 0 < sum(y) < 15:
        return
    model = OneParameterModel(form, S, Normal(sd=SD))
    tally = Tally.of([[3] * 5], [y])

    def minus_log_likelihood(beta: float) -> float:
        log_p, log_q = model.log_rates(np.array(beta))
        return -float(np.array(y) @ log_p + (3 - np.array(y)) @ log_q)

    found = float(model.mle(tally)[0])
    best = optimize.minimize_scalar(minus_log_likelihood, bounds=(-10, 10), method="bounded", options={"xatol": 1e-10})
    assert minus_log_likelihood(found) <= best.fun + 1e-9


def test_quantiles_bound_their_probability() -> None:
    """The 2.5% quantile of beta has 2.5% of the posterior below it."""
    model = OneParameterModel("power", S, Normal(sd=SD))
    tally = Tally.of([[3, 3, 3, 0, 0]], [[0, 0, 1, 0, 0]])
    for q in (0.025, 0.5, 0.975):
        beta = model.beta_quantile(tally, q, 30)
        p = float(model.rates(beta)[0, 2])
        assert model.prob_above(tally, p, 30)[0, 2] == pytest.approx(q, abs=1e-9)


def test_extreme_counts_do_not_underflow() -> None:
    """A thousand patients at odds with the model still have a posterior that sums to one."""
    model = OneParameterModel("power", S, Normal(sd=SD))
    weight = model.table(1000).nodes.posterior(Tally.of([[500, 0, 0, 0, 500]], [[500, 0, 0, 0, 0]]))
    assert weight.sum() == pytest.approx(1.0)
    assert np.isfinite(weight).all()


def test_node_table_with_four_outcome_categories() -> None:
    """Nothing in the table depends on there being two categories: one node favoured by its own outcomes."""
    table = NodeTable(np.log([0.5, 0.5]), np.log([[[0.7, 0.1, 0.1, 0.1]], [[0.1, 0.1, 0.1, 0.7]]]))
    weight = table.posterior(Tally(np.array([[[3, 1, 0, 1]]])))
    assert weight[0, 0] == pytest.approx(0.7**3 * 0.1 / (0.7**3 * 0.1 + 0.1**3 * 0.7))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_nodes_against_pymc() -> None:
    """Source: PyMC's NUTS, 4 chains of 4,000; mean of beta and of each p within 4 Monte-Carlo errors (ArviZ)."""
    import arviz as az
    import pymc as pm

    n, y = np.array([3, 3, 6, 3, 0]), np.array([0, 0, 2, 2, 0])
    with pm.Model():
        beta = pm.Normal("beta", 0, SD)
        p = pm.Deterministic("p", np.array(S) ** pm.math.exp(beta))
        pm.Binomial("dlt", n=n, p=p, observed=y)
        data = pm.sample(4000, tune=1000, chains=4, cores=1, random_seed=1, progressbar=False)
    summary = az.summary(data, round_to=None)
    assert (summary["r_hat"] < 1.01).all()
    model, tally = OneParameterModel("power", S, Normal(sd=SD)), Tally.of(n[None], y[None])
    ours = [float(model.mean_beta(tally, 30)[0]), *model.mean_rates(tally, 30)[0].tolist()]
    for value, (_, row) in zip(ours, summary.iterrows(), strict=True):
        assert abs(value - row["mean"]) < 4 * row["mcse_mean"]


def test_design_with_a_wide_prior_is_usable() -> None:
    """A prior sd of 30 gives a dose, not an overflow."""
    design = make({"kind": "crm", "skeleton": list(S), "estimate": "plug_in", "prior_sd": 30.0})
    assert esc.recommend(design, "1NNN").next_level == 2
    assert esc.recommend(design, "1TTT").next_level == 1
