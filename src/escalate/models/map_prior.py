"""The meta-analytic-predictive (MAP) prior of a two-parameter logistic model: earlier studies with dose data, in PyMC.

logit p = log alpha_g + beta_g log(amount / reference amount) in study g, and (log alpha_g, log beta_g) ~ N(mu, Sigma(tau, rho)).
The prior of a new trial is what the model predicts for the parameters of a further study.

Neuenschwander B, Wandel S, Roychoudhury S, Bailey S (2016). Robust exchangeability designs for early phase clinical trials
with multiple strata. Pharm Stat 15:123-134.
Schmidli H, Gsteiger S, Roychoudhury S, O'Hagan A, Spiegelhalter D, Neuenschwander B (2014). Robust meta-analytic-predictive
priors in clinical trials with historical control information. Biometrics 70:1023-1032.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.errors import NotConverged

CHAINS, TUNE, DRAWS, TARGET_ACCEPT = 4, 1500, 2000, 0.99
REPEATS = 4
"""New studies drawn for each posterior draw of mu, tau and rho."""
LARGEST_R_HAT, LEAST_ESS, MOST_DIVERGENT = 1.01, 400.0, 0.001

TAU = {
    "small": (0.125, 0.0625),
    "moderate": (0.25, 0.125),
    "substantial": (0.5, 0.25),
    "large": (1.0, 0.5),
}
"""Prior medians of the standard deviations between studies of log alpha and log beta."""
TAU_LOG_SD = log(4) / 1.96
"""The 95% interval of tau is from a quarter of its median to four times."""


@dataclass(frozen=True, eq=False)
class Studies:
    """Earlier studies: for each row the study, the amount, patients and DLTs.

    Parameters
    ----------
    names
        The studies, G of them.
    study
        Index of the study of each row, shape (R,).
    amount, n, dlt
        Amount given, patients and DLTs among them; shape (R,).
    """

    names: tuple[str, ...]
    study: IntArray
    amount: FloatArray
    n: IntArray
    dlt: IntArray


@dataclass(frozen=True)
class MapModel:
    """Priors of the hierarchy.

    Parameters
    ----------
    reference_amount
        The amount at which alpha is the odds of a DLT.
    mean, sd
        Independent normal priors of the two elements of mu.
    tau
        Prior medians of the standard deviations between studies, log-normal with standard deviation `tau_log_sd` of the log;
        0 fixes tau at these values.
    rho
        Correlation of log alpha and log beta between studies; None for uniform on (-1, 1).
    """

    reference_amount: float
    mean: tuple[float, float]
    sd: tuple[float, float] = (2.0, 1.0)
    tau: tuple[float, float] = TAU["substantial"]
    tau_log_sd: float = TAU_LOG_SD
    rho: float | None = None


@dataclass(frozen=True)
class Diagnostics:
    """What ArviZ says of the draws: the worst R-hat, the smallest effective sample size, divergent transitions, draws."""

    r_hat: float
    ess: float
    divergent: int
    draws: int

    def check(self) -> None:
        """Refuse draws that have not converged.

        Raises
        ------
        NotConverged
            Where R-hat exceeds 1.01, the effective sample size is below 400, or more than one draw in 1000 diverged.
        """
        for bad, text in (
            (not self.r_hat <= LARGEST_R_HAT, f"R-hat is {self.r_hat:.3f}, above {LARGEST_R_HAT}"),
            (not self.ess >= LEAST_ESS, f"the effective sample size is {self.ess:.0f}, below {LEAST_ESS:.0f}"),
            (
                self.divergent > MOST_DIVERGENT * self.draws,
                f"{self.divergent} of {self.draws} draws diverged, more than 1 in 1000",
            ),
        ):
            if bad:
                raise NotConverged(
                    f"the draws of the historical model have not converged: {text}; try a smaller tau or another seed, or look at "
                    "studies that contradict each other"
                )


@dataclass(frozen=True, eq=False)
class MapDraws:
    """Draws of (log alpha, log beta) of a new study, shape (N, 2); mean of tau, shape (2,); and the diagnostics."""

    theta: FloatArray
    mean_tau: tuple[float, float]
    diagnostics: Diagnostics


def draw_map(studies: Studies, model: MapModel, seed: int) -> MapDraws:
    """Return draws of the parameters of a new study.

    Raises
    ------
    NotConverged
        Where the diagnostics fail.
    """
    import arviz as az  # noqa: PLC0415
    import pymc as pm  # noqa: PLC0415 - takes seconds to import

    with _quiet(), in_pymc(studies, model):
        drawn = pm.sample(
            DRAWS,
            tune=TUNE,
            chains=CHAINS,
            cores=1,
            random_seed=seed,
            target_accept=TARGET_ACCEPT,
            progressbar=False,
            compute_convergence_checks=False,
        )
        free = [name for name in drawn.posterior.data_vars if name in {"mu", "log_tau", "rho", "z"}]
        summary = az.summary(drawn, var_names=free, kind="diagnostics", round_to="none")
    # float(): ArviZ may give text where a value is missing, and a missing one must fail the check.
    diagnostics = Diagnostics(
        r_hat=float(summary["r_hat"].astype(float).to_numpy().max()),
        ess=float(summary[["ess_bulk", "ess_tail"]].astype(float).to_numpy().min()),
        divergent=int(drawn.sample_stats["diverging"].sum()),
        draws=CHAINS * DRAWS,
    )
    diagnostics.check()
    flat = {name: _flat(drawn.posterior[name]) for name in ("mu", "tau", "rho") if name in drawn.posterior}
    n = CHAINS * DRAWS
    tau = flat.get("tau", np.broadcast_to(np.array(model.tau), (n, 2)))
    rho = flat.get("rho", np.full(n, model.rho if model.rho is not None else 0.0))
    theta = _new_study(flat["mu"], tau, rho, np.random.default_rng(seed))
    mean_tau = tau.mean(axis=0)
    return MapDraws(theta, (float(mean_tau[0]), float(mean_tau[1])), diagnostics)


def in_pymc(studies: Studies, model: MapModel) -> Any:
    """Return the hierarchy as a `pymc.Model`: non-centred, with `mu`, `tau` and `rho` where these are not fixed."""
    import pymc as pm  # noqa: PLC0415

    x = np.log(studies.amount / model.reference_amount)
    with pm.Model() as found:
        mu = pm.Normal("mu", np.array(model.mean), np.array(model.sd), shape=2)
        tau = np.array(model.tau)
        if model.tau_log_sd > 0:
            log_tau = pm.Normal("log_tau", np.log(model.tau), model.tau_log_sd, shape=2)
            tau = pm.Deterministic("tau", pm.math.exp(log_tau))
        rho = pm.Uniform("rho", -1, 1) if model.rho is None else model.rho
        rest = pm.math.sqrt(1 - rho**2) if model.rho is None else sqrt(1 - rho**2)
        z = pm.Normal("z", 0, 1, shape=(2, len(studies.names)))
        log_alpha = mu[0] + tau[0] * z[0]
        log_beta = mu[1] + tau[1] * (rho * z[0] + rest * z[1])
        eta = log_alpha[studies.study] + pm.math.exp(log_beta)[studies.study] * x
        pm.Binomial("dlt", n=studies.n, logit_p=eta, observed=studies.dlt)
    return found


def _new_study(mu: FloatArray, tau: FloatArray, rho: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return parameters of new studies, shape (REPEATS N, 2)."""
    z = rng.standard_normal((REPEATS, len(mu), 2))
    log_alpha = mu[:, 0] + tau[:, 0] * z[..., 0]
    log_beta = mu[:, 1] + tau[:, 1] * (rho * z[..., 0] + np.sqrt(1 - rho**2) * z[..., 1])
    return np.stack([log_alpha.ravel(), log_beta.ravel()], axis=1)


def _flat(values: Any) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(-1, *array.shape[2:])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what PyMC and PyTensor say about themselves from the user: the diagnostics are checked and shown."""
    logger = logging.getLogger("pymc")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
