"""The hierarchical model of earlier studies: PyMC against quasi-random integration, and the diagnostics that refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, qmc

from escalate import NotConverged
from escalate.core.arrays import FloatArray
from escalate.models.map_prior import TAU, Diagnostics, MapModel, Studies, draw_map

STUDIES = Studies(
    names=("A", "B", "C"),
    study=np.array([0, 0, 0, 1, 1, 1, 2, 2]),
    amount=np.array([10.0, 20, 40, 20, 40, 80, 10, 40]),
    n=np.array([3, 6, 6, 6, 12, 6, 3, 9]),
    dlt=np.array([0, 0, 1, 0, 2, 2, 0, 1]),
)


def integrate(studies: Studies, model: MapModel, size: int = 16, nodes: int = 10) -> tuple[FloatArray, FloatArray]:
    """Return E[tau] and E[p, p^2] of a new study at each amount, (2,) and (2, amounts), without sampling the posterior.

    Sobol points from the prior of mu, tau and rho, weighted by the likelihood of the studies; the parameters of each study,
    and of the new one, are integrated out by Gauss-Hermite quadrature.
    """
    u = np.clip(qmc.Sobol(5, seed=5).random_base2(size), 1e-12, 1 - 1e-12)
    mu = np.array(model.mean) + np.array(model.sd) * norm.ppf(u[:, :2])
    tau = np.exp(np.log(model.tau) + model.tau_log_sd * norm.ppf(u[:, 2:4]))
    rho = 2 * u[:, 4:] - 1 if model.rho is None else np.full((len(u), 1), model.rho)
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    z1, z2 = (each.ravel() for each in np.meshgrid(z, z, indexing="ij"))
    weight = np.outer(w, w).ravel() / w.sum() ** 2
    level = mu[:, :1] + tau[:, :1] * z1
    slope = np.exp(mu[:, 1:] + tau[:, 1:] * (rho * z1 + np.sqrt(1 - rho**2) * z2))
    log_mass = np.zeros(len(u))
    for g in range(len(studies.names)):
        inner = np.zeros_like(level)
        for r in np.flatnonzero(studies.study == g):
            eta = level + slope * np.log(studies.amount[r] / model.reference_amount)
            free = studies.n[r] - studies.dlt[r]
            inner -= studies.dlt[r] * np.logaddexp(0, -eta) + free * np.logaddexp(0, eta)
        log_mass += np.log(np.exp(inner) @ weight)
    mass = np.exp(log_mass - log_mass.max())
    mass /= mass.sum()
    found = []
    for amount in np.unique(studies.amount):
        p = 0.5 * (1 + np.tanh((level + slope * np.log(amount / model.reference_amount)) / 2))
        found.append((mass @ (p @ weight), mass @ (p**2 @ weight)))
    return mass @ tau, np.array(found).T


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        MapModel(40.0, (-1.0986, 0.0), tau=TAU["substantial"]),
        MapModel(40.0, (-1.0986, 0.0), tau=(0.25, 0.125), tau_log_sd=0.0, rho=0.0),
    ],
    ids=["tau and rho unknown", "tau and rho fixed"],
)
def test_against_integration(model: MapModel) -> None:
    """Mean and mean square of p of a new study at each amount, and mean of tau, within 4.5 Monte-Carlo errors of PyMC's."""
    tau, powers = integrate(STUDIES, model)
    drawn = draw_map(STUDIES, model, seed=1)
    x = np.log(np.unique(STUDIES.amount) / model.reference_amount)
    p = 0.5 * (1 + np.tanh((drawn.theta[:, :1] + np.exp(drawn.theta[:, 1:]) * x) / 2))
    # Four new studies a draw share mu and tau: no more than the effective draws count as independent.
    independent = min(drawn.diagnostics.ess, drawn.diagnostics.draws)
    for j in range(len(x)):
        for power in (1, 2):
            values = p[:, j] ** power
            error = values.std() / np.sqrt(independent)
            assert abs(values.mean() - powers[power - 1, j]) < 4.5 * error, (j, power)
    assert drawn.mean_tau == pytest.approx(tau.tolist(), abs=0.03)


@pytest.mark.slow
def test_the_seed_decides() -> None:
    """The same seed gives the same draws; another seed gives others."""
    model = MapModel(40.0, (-1.0986, 0.0), tau=(0.25, 0.125), tau_log_sd=0.0, rho=0.0)
    one, again, other = (draw_map(STUDIES, model, seed).theta for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("diagnostics", "text"),
    [
        (Diagnostics(1.02, 5000.0, 0, 8000), "R-hat is 1.020, above 1.01"),
        (Diagnostics(1.001, 399.0, 0, 8000), "effective sample size is 399, below 400"),
        (Diagnostics(1.001, 5000.0, 9, 8000), "9 of 8000 draws diverged"),
        (Diagnostics(float("nan"), 5000.0, 0, 8000), "R-hat is nan"),
        (Diagnostics(1.001, float("nan"), 0, 8000), "effective sample size is nan"),
    ],
)
def test_draws_that_failed_are_refused(diagnostics: Diagnostics, text: str) -> None:
    """No prior is made of draws that have not converged, nor of those whose diagnostics are missing."""
    with pytest.raises(NotConverged, match=text):
        diagnostics.check()


def test_draws_that_passed() -> None:
    """At the limits themselves the draws pass."""
    Diagnostics(1.01, 400.0, 8, 8000).check()
