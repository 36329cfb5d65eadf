"""Draw from a PyMC model by NUTS, quietly, and refuse draws that failed their diagnostics."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.errors import EscalateError, NotConverged
from escalate.models.importance import FEWEST
from escalate.models.user_model import IN_PYMC, load, quiet

WORST_R_HAT = 1.01
"""Vehtari A, Gelman A, Simpson D, Carpenter B, Buerkner P (2021). Rank-normalization, folding, and localization: an improved
R-hat. Bayesian Anal 16:667-718."""
DIVERGENT = 0.001
"""Share of the draws that may be divergent transitions."""
ACCEPTANCE = 0.95
LIMITS = {"draws": (100, 100_000), "tune": (100, 100_000), "chains": (2, 32), "seed": (0, 2**31 - 1)}


@dataclass(frozen=True)
class Sampling:
    """How NUTS is run.

    Raises
    ------
    EscalateError
        Where a number is out of range.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise EscalateError(f"--{name}: {value} is not between {low} and {high:,}")


@dataclass(frozen=True, eq=False)
class Sample:
    """Draws of one posterior, with their diagnostics, the worst over all doses.

    Parameters
    ----------
    p
        DLT probabilities, shape (chains, draws, J).
    means
        Posterior means of the parameters of the model, by name.
    data
        All of it, as ArviZ InferenceData.
    """

    p: FloatArray
    means: dict[str, FloatArray]
    data: Any
    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int

    @property
    def flat(self) -> FloatArray:
        """The draws of all chains, shape (N, J)."""
        return self.p.reshape(-1, self.p.shape[-1])

    @property
    def sha256(self) -> str:
        """Hash of the draws of p: equal where model, data and seed are, on one machine."""
        return hashlib.sha256(np.ascontiguousarray(self.p, dtype=np.float64).tobytes()).hexdigest()

    def faults(self) -> list[str]:
        """Return what is wrong with the draws, each in a few words."""
        allowed = DIVERGENT * self.p.shape[0] * self.p.shape[1]
        return [
            text
            for failed, text in (
                (not self.r_hat <= WORST_R_HAT, f"r-hat {self.r_hat:.4f} is above {WORST_R_HAT:g}"),
                (not self.ess_bulk >= FEWEST, f"bulk effective sample size {self.ess_bulk:.0f} is below {FEWEST:.0f}"),
                (not self.ess_tail >= FEWEST, f"tail effective sample size {self.ess_tail:.0f} is below {FEWEST:.0f}"),
                (
                    self.divergences > allowed,
                    f"{self.divergences} divergent transitions are more than {DIVERGENT:.1%} of the draws",
                ),
            )
            if failed
        ]

    def checked(self) -> Sample:
        """Return the draws.

        Raises
        ------
        NotConverged
            Where they failed their diagnostics.
        """
        faults = self.faults()
        if faults:
            raise NotConverged(
                f"NUTS did not converge, and nothing is recommended from it: {'; '.join(faults)}; try more --tune and --draws"
            )
        return self

    def error(self, functional: FloatArray) -> FloatArray:
        """Return the Monte-Carlo error of the mean of functions of the draws, shape (chains, draws, M) to (M,).

        Where all draws agree, it is taken to be one draw among the effective ones.
        """
        az = load("arviz")
        with quiet():
            found = az.mcse(az.convert_to_dataset({"x": functional}), method="mean")["x"].to_numpy()
        return np.maximum(
            np.nan_to_num(found, nan=0.0), np.where(functional.std(axis=(0, 1)) > 0, 0.0, 1 / self.ess_bulk)
        )

    def netcdf(self) -> bytes:
        """Return the InferenceData as the bytes of a netCDF file."""
        with tempfile.TemporaryDirectory() as folder, quiet():
            path = Path(folder) / "draws.nc"
            self.data.to_netcdf(str(path), engine="h5netcdf")
            return path.read_bytes()


def sample(model: Any, sampling: Sampling) -> Sample:
    """Draw from a model whose deterministic `p` holds the DLT probabilities.

    Raises
    ------
    EscalateError
        Where NUTS cannot sample it.
    """
    pm, az = load("pymc"), load("arviz")
    if model.discrete_value_vars:
        names = ", ".join(f"'{variable.name}'" for variable in model.discrete_value_vars)
        raise EscalateError(f"NUTS cannot sample a model with discrete parameters ({names}); leave out --sampler nuts")
    try:
        with quiet(), model:
            found = pm.sample(
                draws=sampling.draws,
                tune=sampling.tune,
                chains=sampling.chains,
                cores=min(2, os.cpu_count() or 1),
                random_seed=sampling.seed,
                target_accept=ACCEPTANCE,
                progressbar=False,
                compute_convergence_checks=False,
                idata_kwargs={"log_likelihood": False},
            )
            r_hat = az.rhat(found, var_names=[IN_PYMC])[IN_PYMC].to_numpy()
            bulk, tail = (
                az.ess(found, var_names=[IN_PYMC], method=each)[IN_PYMC].to_numpy() for each in ("bulk", "tail")
            )
    except Exception as fault:
        text = (str(fault).strip().splitlines() or ["no reason given"])[0][:200]
        raise EscalateError(f"NUTS cannot sample this model ({type(fault).__name__}: {text})") from None
    p = found.posterior[IN_PYMC].to_numpy()
    most = 10.0 * p.shape[0] * p.shape[1]
    # A rate that never varies has neither r-hat nor effective sample size, and needs none.
    varies = p.std(axis=(0, 1)) > 0
    return Sample(
        p=p,
        means={
            name: found.posterior[name].to_numpy().mean(axis=(0, 1))
            for name in (variable.name for variable in model.free_RVs)
        },
        data=found,
        r_hat=float(np.max(r_hat[varies], initial=1.0)),
        ess_bulk=float(np.min(bulk[varies], initial=most)),
        ess_tail=float(np.min(tail[varies], initial=most)),
        divergences=int(found.sample_stats["diverging"].sum()),
    )
