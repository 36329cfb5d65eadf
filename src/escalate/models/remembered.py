"""Remember what was computed of tallies, so that asking again, in another order or company, costs a look-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from escalate.core.arrays import AnyArray, FloatArray, IntArray

LIMIT = 400_000
"""Tallies remembered; the batches asked for longest ago are forgotten first."""


@dataclass(frozen=True, eq=False)
class _Batch:
    """Different tallies in the order of their keys, and what was computed of each."""

    key: AnyArray
    counts: AnyArray
    found: FloatArray


@dataclass(eq=False)
class Remembered:
    """A function of tallies with a memory. Its answers are those of `compute`, bit for bit.

    Parameters
    ----------
    compute
        From counts of shape (S, J, C) to an array of shape (S, ...).
    """

    compute: Callable[[IntArray], FloatArray]
    _batches: tuple[_Batch, ...] = field(default=())

    def __call__(self, counts: IntArray) -> FloatArray:
        """Return what `compute` says of each tally; shape (S, ...)."""
        flat = counts.reshape(len(counts), -1)
        key = _key(flat)
        batches = self._batches
        known = np.zeros(len(counts), dtype=bool)
        answer: FloatArray | None = None
        for batch in reversed(batches):
            ask = np.flatnonzero(~known)
            at = np.minimum(np.searchsorted(batch.key, key[ask]), len(batch.key) - 1)
            # Equal keys are looked at as well: two tallies may share one.
            same = (batch.key[at] == key[ask]) & (batch.counts[at] == flat[ask]).all(axis=1)
            if answer is None:
                answer = np.empty((len(counts), *batch.found.shape[1:]))
            answer[ask[same]] = batch.found[at[same]]
            known[ask[same]] = True
        new = np.flatnonzero(~known)
        if not len(new):
            assert answer is not None
            return answer
        found = self.compute(counts[new])
        self._keep(key[new], flat[new], found)
        if answer is None:
            return found
        answer[new] = found
        return answer

    def _keep(self, key: AnyArray, flat: IntArray, found: FloatArray) -> None:
        key, first = np.unique(key, return_index=True)
        batches = (*self._batches, _Batch(key, flat[first].astype(np.int16), found[first]))
        while len(batches) > 1 and sum(len(batch.key) for batch in batches) > LIMIT:
            batches = batches[1:]
        # One assignment: other threads see the old batches or the new.
        self._batches = batches


def _key(flat: IntArray) -> AnyArray:
    """Return 64 bits a tally, seldom equal where the tallies are not."""
    key = np.zeros(len(flat), dtype=np.uint64)
    for column in flat.T:
        key = (key ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    return key
