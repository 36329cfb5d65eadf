"""Exact operating characteristics: sums over terminal states of their probability under each scenario."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from escalate.core.arrays import AnyArray, FloatArray, IntArray
from escalate.engine.automaton import Terminals

SCENARIOS = 16
"""Scenarios of one block; `kernels.SCENARIOS`, which cannot be read without loading Numba."""


@dataclass(frozen=True, eq=False)
class Expectations:
    """Sums over terminals, for V scenarios.

    Parameters
    ----------
    patients, dlts
        Expected numbers by dose, shape (V, J).
    moments
        Expected functionals, shape (V, M).
    mass
        Probability of each group of terminals, shape (V, G).
    """

    patients: FloatArray
    dlts: FloatArray
    moments: FloatArray
    mass: FloatArray


@dataclass(frozen=True, eq=False)
class Propagator:
    """Terminals laid out for the kernel.

    Parameters
    ----------
    paths
        Ways of reaching each terminal, shape (T,).
    cell
        For each terminal and dose, an index of its (patients, DLTs), 0 for no patients; shape (T, J).
    pairs
        Those (patients, DLTs), shape (cells, 2).
    """

    paths: FloatArray
    cell: AnyArray
    pairs: IntArray

    @classmethod
    def of(cls, terminals: Terminals) -> Propagator:
        """Number the pairs that occur."""
        n, dlt = terminals.tally.n, terminals.tally.dlt
        base = int(n.max(initial=0)) + 1
        code = n * base + dlt
        present = np.zeros(base * base, dtype=bool)
        present[code] = True
        present[0] = True
        codes = np.flatnonzero(present)
        place = np.zeros(base * base, dtype=np.int32)
        place[codes] = np.arange(len(codes))
        return cls(terminals.paths, place[code], np.stack([codes // base, codes % base], axis=1))

    def expect(self, truths: FloatArray, values: FloatArray, group: IntArray, workers: int = 1) -> Expectations:
        """Return expectations under each of V scenarios; the same for any number of workers.

        Parameters
        ----------
        truths
            DLT probabilities, shape (V, J), strictly between 0 and 1.
        values
            M functionals of each terminal, shape (T, M).
        group
            A class of each terminal, shape (T,).
        """
        blocks = [truths[start : start + SCENARIOS] for start in range(0, len(truths), SCENARIOS)]
        job = partial(self._block, np.ascontiguousarray(values), group)
        if workers == 1 or len(blocks) == 1:
            done = [job(block) for block in blocks]
        else:
            with ThreadPoolExecutor(max_workers=workers) as pool:
                done = list(pool.map(job, blocks))
        names = ("patients", "dlts", "moments", "mass")
        # Laid out row by row, so that later sums over a row add in one order however many rows there are.
        return Expectations(
            *(np.ascontiguousarray(np.concatenate([getattr(part, name) for part in done])) for name in names)
        )

    def likelihoods(self, truths: FloatArray) -> FloatArray:
        """Return p^y (1 - p)^(n - y) for each dose, pair and scenario; shape (J, cells, V)."""
        n, dlt = self.pairs[:, 0, None], self.pairs[:, 1, None]
        p = truths.T[:, None, :]
        return np.exp(dlt * np.log(p) + (n - dlt) * np.log1p(-p))

    def _block(self, values: FloatArray, group: IntArray, truths: FloatArray) -> Expectations:
        from escalate.engine import kernels  # noqa: PLC0415 - Numba loads when first used

        width = len(truths)
        full = np.concatenate([truths, np.repeat(truths[-1:], SCENARIOS - width, axis=0)])
        moments = np.zeros((values.shape[1], SCENARIOS))
        mass = np.zeros((int(group.max()) + 1, SCENARIOS))
        likelihood = self.likelihoods(full)
        at_cell = np.zeros_like(likelihood)
        kernels.propagate(self.paths, self.cell, likelihood, values, group, at_cell, moments, mass)
        patients, dlts = (np.einsum("jcv,c->vj", at_cell, self.pairs[:, k].astype(np.float64)) for k in (0, 1))
        return Expectations(patients[:width], dlts[:width], moments.T[:width], mass.T[:width])
