"""The compiled loop of `products`."""

from __future__ import annotations

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.jit import kernel


@kernel
def multiply(
    prior: FloatArray, factors: FloatArray, start: IntArray, blank: Mask, which: IntArray, out: FloatArray
) -> None:
    """Fill each row of `out` (B, K) with the prior times one factor a dose.

    Parameters
    ----------
    prior
        Shape (K,).
    factors
        The factors of all doses, one under the other, shape (P, K).
    start
        Where those of each dose start, shape (J,).
    blank
        Whether the first factor of a dose is that of no patients, all ones; shape (J,).
    which
        The factor of each row at each dose, counted from its start; shape (B, J). Neighbours that agree at the lower doses
        share their products.
    """
    n_rows, n_doses = which.shape
    size = prior.shape[0]
    partial = np.empty((n_doses + 1, size))
    partial[0] = prior
    # Which partial product stands for all doses up to j: a blank factor makes none of its own.
    stands = np.zeros(n_doses + 1, dtype=np.int64)
    for row in range(n_rows):
        same = 0
        if row > 0:
            while same < n_doses and which[row, same] == which[row - 1, same]:
                same += 1
        for j in range(same, n_doses):
            k = which[row, j]
            if blank[j] and k == 0:
                stands[j + 1] = stands[j]
                continue
            before = partial[stands[j]]
            after = partial[j + 1]
            factor = factors[start[j] + k]
            for i in range(size):
                after[i] = before[i] * factor[i]
            stands[j + 1] = j + 1
        last = partial[stands[n_doses]]
        for i in range(size):
            out[row, i] = last[i]
