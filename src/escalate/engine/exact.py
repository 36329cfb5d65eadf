"""Exact operating characteristics: sums over terminal states of their probability under each scenario.

The log probability of a terminal is log W + sum_jc n_jc log p_jc, over doses and outcomes: one matrix product for a block of
terminals and scenarios, then an exponential, then another product with whatever is to be averaged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.engine.automaton import Terminals

SCENARIOS, TERMINALS, FUNCTIONALS = 32, 512, 32
"""The one shape of every product: then the bits of a scenario do not depend on its company, nor on the processor's tiles."""


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
    """Terminals sorted by group and laid out in whole blocks.

    Parameters
    ----------
    order
        The terminals, group by group; shape (T,).
    group
        Group of each, in that order; shape (T,).
    counts
        Patients by outcome and dose, DLTs first; shape (C J, T') with T' a whole number of blocks.
    log_paths
        log W, minus infinity for what fills up the last block; shape (T',).
    """

    order: IntArray
    group: IntArray
    counts: FloatArray
    log_paths: FloatArray

    @classmethod
    def of(cls, terminals: Terminals, group: IntArray) -> Propagator:
        """Lay out terminals of given groups, each of shape (T,)."""
        order = np.argsort(group, kind="stable")
        size = -(-len(order) // TERMINALS) * TERMINALS
        by_outcome = terminals.tally.counts[order].transpose(2, 1, 0)[::-1]
        counts = np.zeros((by_outcome.shape[0] * by_outcome.shape[1], size))
        counts[:, : len(order)] = by_outcome.reshape(len(counts), -1)
        log_paths = np.full(size, -np.inf)
        log_paths[: len(order)] = np.log(terminals.paths[order])
        return cls(order, group[order], counts, log_paths)

    def expect(self, truths: FloatArray, values: FloatArray, workers: int = 1) -> Expectations:
        """Return expectations under each of V scenarios; the same for any number of workers.

        Parameters
        ----------
        truths
            Probability of each outcome at each dose, the DLT last, shape (V, J, C), strictly between 0 and 1.
        values
            M functionals of each terminal, shape (T, M), in the order of the terminals as given.
        """
        n_doses, n_counts = truths.shape[1], truths.shape[1] * truths.shape[2]
        used = n_counts + values.shape[1]
        columns = np.zeros((-(-used // FUNCTIONALS), len(self.log_paths), FUNCTIONALS))
        for k in range(used):
            part = columns[k // FUNCTIONALS, :, k % FUNCTIONALS]
            if k < n_counts:
                part[:] = self.counts[k]
            else:
                part[: len(self.order)] = values[self.order, k - n_counts]
        job = partial(self._block, columns)
        blocks = [truths[start : start + SCENARIOS] for start in range(0, len(truths), SCENARIOS)]
        if workers == 1 or len(blocks) == 1:
            done = [job(block) for block in blocks]
        else:
            with ThreadPoolExecutor(max_workers=workers) as pool:
                done = list(pool.map(job, blocks))
        sums, mass = (np.ascontiguousarray(np.concatenate([part[k] for part in done])) for k in (0, 1))
        dlts = sums[:, :n_doses].copy()
        patients = dlts.copy()
        for k in range(n_doses, n_counts, n_doses):
            patients += sums[:, k : k + n_doses]
        return Expectations(patients, dlts, sums[:, n_counts:used].copy(), mass)

    def _block(self, columns: FloatArray, truths: FloatArray) -> tuple[FloatArray, FloatArray]:
        width = len(truths)
        full = np.concatenate([truths, np.repeat(truths[-1:], SCENARIOS - width, axis=0)])
        worse = full[:, :, :0:-1]
        parts = [np.log(worse[:, :, k]) for k in range(worse.shape[2])]
        log_rates = np.hstack([*parts, np.log1p(-worse.sum(axis=2))])
        sums = np.zeros((SCENARIOS, len(columns), FUNCTIONALS))
        mass = np.zeros((SCENARIOS, int(self.group[-1]) + 1))
        for start in range(0, len(self.log_paths), TERMINALS):
            block = slice(start, start + TERMINALS)
            p = log_rates @ self.counts[:, block]
            p += self.log_paths[block]
            np.exp(p, out=p)
            for k, part in enumerate(columns[:, block]):
                sums[:, k] += p @ part
            groups, first = np.unique(self.group[block], return_index=True)
            mass[:, groups] += np.add.reduceat(p, first, axis=1)
        return sums.reshape(SCENARIOS, -1)[:width], mass[:width]
