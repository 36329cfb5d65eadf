"""A PyMC model as a table of nodes that are draws of its prior, kept on disk, with a posterior for any tally.

Most tallies are answered by weights on the draws of the prior. Where these are too few, or where the answer could change a
decision, draws are made around the posterior itself.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from zipfile import BadZipFile

import numpy as np

from escalate.core.arrays import AnyArray, FloatArray, IntArray, Mask
from escalate.core.belief import Belief
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models import user_model
from escalate.models.drawn import weighted_quantile
from escalate.models.importance import FEWEST, HEAVIEST, effective_size, pareto_k
from escalate.models.nodes import NodeTable
from escalate.models.products import LEAST, distinct, masses
from escalate.models.refined import Refined, refine
from escalate.models.user_model import Evaluator, PriorDraws, Source

KEPT = 64
"""Refined posteriors kept in memory."""
ON_DISK = 32
"""So many states or fewer are asked of for a real trial: what is refined for them is kept on disk."""
STEP = 64
"""States whose weights are looked at together."""
FORMAT = "1"


@dataclass(frozen=True, eq=False)
class Weighing:
    """Posterior means of M functions of S states by weights on the draws of the prior, and how far to trust them.

    Parameters
    ----------
    means
        Shape (S, M).
    effective, pareto_k
        Effective sample size and shape of the tail of the weights, shape (S,).
    """

    means: FloatArray
    effective: FloatArray
    pareto_k: FloatArray

    @property
    def thin(self) -> Mask:
        """Where the draws of the prior are too few to say anything."""
        return ~((self.effective >= FEWEST) & (self.pareto_k <= HEAVIEST))


@dataclass(eq=False)
class PriorNodes:
    """The draws of the prior of one model at one set of amounts."""

    source: Source
    amounts: tuple[float, ...]
    draws: int
    seed: int
    _refined: OrderedDict[bytes, Refined] = field(default_factory=OrderedDict)
    # Compiled functions of PyTensor hold their intermediate values: one thread at a time.
    _lock: Lock = field(default_factory=Lock)

    # --- the prior -----------------------------------------------------------------------------------------------------

    @cached_property
    def key(self) -> str:
        """Hash of everything that the draws depend on."""
        code = self.source if isinstance(self.source, str) else f"{self.source.sha256}:{self.source.function}"
        parts = (
            FORMAT,
            code,
            self.amounts,
            self.draws,
            self.seed,
            version("pymc"),
            version("pytensor"),
            np.__version__,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:40]

    @cached_property
    def prior(self) -> PriorDraws:
        """The draws, from disk where they have been made before."""
        kept = _load(f"{self.key}.npz", ("p", "z", "log_weight"))
        if kept is not None and kept["p"].shape == (self.draws, len(self.amounts)):
            return PriorDraws(kept["p"], kept["z"], kept["log_weight"])
        found = user_model.draw_prior(self.source, self.amounts, self.draws, self.seed)
        _save(f"{self.key}.npz", {"p": found.p, "z": found.z, "log_weight": found.log_weight})
        return found

    @cached_property
    def table(self) -> NodeTable:
        """The draws as nodes."""
        p = self.prior.p
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(np.maximum(p, 1e-300)), np.maximum(np.log1p(-p), -690.0)
        # A draw that a potential rules out has no weight, and no minus infinity either.
        return NodeTable(np.maximum(self.prior.log_weight, -1e4), np.stack([log_q, log_p], axis=-1))

    @cached_property
    def evaluate(self) -> Evaluator:
        """The density and p of the model at many parameters."""
        return user_model.evaluator(self.source, self.amounts)

    # --- posteriors ----------------------------------------------------------------------------------------------------

    def weigh(self, counts: IntArray, functionals: FloatArray) -> Weighing:
        """Return posterior means of functions given at the draws, shape (K, M), for each tally, shape (S, J, 2)."""
        one_each, place = distinct(counts)
        rows = counts[one_each]
        with_total = np.column_stack([functionals, np.ones(len(functionals))])
        means = np.empty((len(rows), functionals.shape[1]))
        effective, shape = np.zeros(len(rows)), np.full(len(rows), np.inf)
        at = 0
        for block in masses(self.table.log_prior, self.table.log_outcome, rows):
            for start in range(0, len(block), STEP):
                mass = block[start : start + STEP]
                some = slice(at, at + len(mass))
                sums = mass @ with_total
                means[some] = sums[:, :-1] / np.maximum(sums[:, -1:], LEAST)
                fine = sums[:, -1] > LEAST
                effective[some] = np.where(fine, effective_size(mass), 0.0)
                shape[some][fine] = pareto_k(mass[fine])
                at += len(mass)
        return Weighing(means[place], effective[place], shape[place])

    def refined(self, counts: IntArray, *, keep: bool) -> Refined:
        """Return the posterior of one tally, shape (J, 2), by draws around it.

        Parameters
        ----------
        keep
            Keep it on disk, for the next command.

        Raises
        ------
        NotConverged
            Where these draws are too few as well.
        """
        with self._lock:
            return self._refined_alone(counts, keep)

    def _refined_alone(self, counts: IntArray, keep: bool) -> Refined:
        name = counts.astype(np.int64).tobytes()
        if name in self._refined:
            self._refined.move_to_end(name)
            return self._refined[name]
        file = f"{self.key}-{hashlib.sha256(name).hexdigest()[:24]}.npz"
        stored = _load(file, ("p", "weight", "trust"))
        if stored is not None:
            found = Refined(stored["p"], stored["weight"], float(stored["trust"][0]), float(stored["trust"][1]))
        else:
            found = self._refine(counts)
        if not found.good:
            raise NotConverged(_failed(counts, found))
        if keep and stored is None:
            trust = np.array([found.effective, found.pareto_k])
            _save(file, {"p": found.p, "weight": found.weight, "trust": trust})
        self._refined[name] = found
        while len(self._refined) > KEPT:
            self._refined.popitem(last=False)
        return found

    def _refine(self, counts: IntArray) -> Refined:
        if not self.prior.z.shape[1]:
            raise NotConverged(
                f"{_state(counts)}: the {self.draws} draws of the prior are too few, and a model with a discrete parameter "
                "cannot be refined; raise method.draws or take the discrete parameter out"
            )
        defend = not self.prior.log_weight.any()
        return refine(self.evaluate, counts.astype(np.float64), self.prior.z, self.seed, defend=defend)


@lru_cache(maxsize=8)
def nodes_of(source: Source, amounts: tuple[float, ...], draws: int, seed: int) -> PriorNodes:
    """Return the nodes of a model, made once in a process."""
    return PriorNodes(source, amounts, draws, seed)


def _state(counts: IntArray) -> str:
    given = [
        f"{dlt}/{free + dlt} DLTs at level {j}" for j, (free, dlt) in enumerate(counts.tolist(), start=1) if free + dlt
    ]
    return f"posterior after {', '.join(given) or 'no patient'}"


def _failed(counts: IntArray, found: Refined) -> str:
    return (
        f"{_state(counts)}: {found.effective:.0f} effective draws and Pareto k-hat {found.pareto_k:.2f}, where at least "
        f"{FEWEST:.0f} and at most {HEAVIEST:g} are needed; nothing is concluded from it. Try --sampler nuts, or a prior that "
        "does not contradict the data so strongly"
    )


@dataclass(frozen=True, eq=False)
class PriorNodesBelief(Belief):
    """The posterior of S tallies: by weights on the draws of the prior, or draws around it where `refine` says so.

    Parameters
    ----------
    effective
        Effective sample size of each state, shape (S,).
    """

    nodes: PriorNodes
    tally: Tally
    refine: Mask
    effective: FloatArray

    def expect(self, functional: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """Return posterior means of functions of p, from (N, J) to (N, M); shape (S, M)."""
        found = self.nodes.table.expect(self.tally, functional(self.nodes.prior.p))
        for row in np.flatnonzero(self.refine).tolist():
            draws = self._draws(row)
            found[row] = draws.weight @ functional(draws.p)
        return found

    def _draws(self, row: int) -> Refined:
        return self.nodes.refined(self.tally.counts[row], keep=len(self.tally) <= ON_DISK)

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self.expect(lambda p: p)

    def prob_above(self, limit: float) -> FloatArray:
        """Return the weight of the draws above the limit."""
        return np.clip(self.expect(lambda p: (p > limit).astype(np.float64)), 0.0, 1.0)

    def variance(self) -> FloatArray:
        """Return Var(p_j | data)."""
        return np.maximum(self.expect(lambda p: p * p) - self.mean() ** 2, 0.0)

    def quantile(self, probability: float) -> FloatArray:
        """Return the weighted quantile of the draws."""
        found = np.empty(self.tally.n.shape)
        for row in range(len(self.tally)):
            if self.refine[row]:
                p, weight = self._draws(row).p, self._draws(row).weight
            else:
                one = Tally(self.tally.counts[row : row + 1])
                p, weight = self.nodes.prior.p, self.nodes.table.posterior(one)[0]
            found[row] = weighted_quantile(p, weight, probability)
        return found


# --- what is kept on disk ----------------------------------------------------------------------------------------------


def folder() -> Path | None:
    """Return a folder of the user's where draws are kept, or None: then they are made anew in each process."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    try:
        root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
        found = root / "escalate" / "models"
        found.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return found


def _load(name: str, keys: tuple[str, ...]) -> dict[str, AnyArray] | None:
    """Return arrays kept under a name; None where there are none, or the file is damaged."""
    home = folder()
    if home is None:
        return None
    try:
        with np.load(home / name, allow_pickle=False) as kept:
            return {key: kept[key] for key in keys}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _save(name: str, arrays: dict[str, AnyArray]) -> None:
    """Keep arrays under a name; without room for them they are made anew another time."""
    home = folder()
    if home is None:
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=home, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            Path(temporary).replace(home / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return


__all__ = ["PriorNodes", "PriorNodesBelief", "Weighing", "nodes_of"]
