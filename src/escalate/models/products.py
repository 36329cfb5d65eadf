"""Posterior masses of many tallies at the nodes of a table, as products of one factor a dose.

What a dose's outcomes contribute depends on that dose's counts alone, and few different counts occur: each factor is
exponentiated once, and tallies that share their lower doses share the products.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from escalate.core.arrays import FloatArray, IntArray

BLOCK = 1 << 19
"""Numbers of a block of masses: it stays in the cache while it is made and used."""
FACTORS = 1 << 23
"""Numbers that the factors of one call may take; beyond, the tallies are divided."""
LARGE = 1 << 21
"""Masses from which the compiled loop is worth its start."""
LEAST = 1e-250
"""A tally whose masses sum to less has lost digits, and is summed in logs instead."""


def distinct(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows of one of each tally, shape (S', ), sorted from the lowest dose on, and the place of each tally in them.

    Parameters
    ----------
    counts
        Shape (S, J, C).
    """
    keys = _keys(counts)
    # The last key of lexsort is the first to be sorted by.
    order = np.lexsort(keys[::-1])
    new = np.ones(len(order), dtype=bool)
    new[1:] = (keys[:, order[1:]] != keys[:, order[:-1]]).any(axis=0)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return order[new], place


def _keys(counts: IntArray) -> IntArray:
    """Return one integer a dose and tally, equal where the counts are and 0 where there are none; shape (J, S)."""
    keys = np.zeros(counts.shape[1::-1], dtype=np.int64)
    base = int(counts.max(initial=0)) + 1
    for category in range(counts.shape[2]):
        keys *= base
        keys += counts[:, :, category].T
    return keys


def masses(log_prior: FloatArray, log_outcome: FloatArray, counts: IntArray) -> Iterator[FloatArray]:
    """Yield blocks of posterior masses, each row up to a factor; shape (B, K), in the order of the tallies.

    Parameters
    ----------
    log_prior
        Shape (K,).
    log_outcome
        Shape (K, J, C).
    counts
        Different tallies, sorted as `distinct` does; shape (S, J, C).
    """
    size = len(log_prior)
    which, factors = _factors(log_outcome, counts)
    if sum(len(each) for each in factors) * size > FACTORS and len(counts) > 1:
        half = len(counts) // 2
        yield from masses(log_prior, log_outcome, counts[:half])
        yield from masses(log_prior, log_outcome, counts[half:])
        return
    prior = np.exp(log_prior - log_prior.max())
    step = max(1, BLOCK // size)
    if len(counts) * size >= LARGE:
        from escalate.models import products_kernel  # noqa: PLC0415 - Numba loads when first used

        start = np.cumsum([0, *(len(each) for each in factors)])[:-1]
        every = np.concatenate(factors)
        blank = np.array([not counts[which[:, j] == 0, j].any() for j in range(which.shape[1])])
        for first in range(0, len(counts), step):
            rows = which[first : first + step]
            out = np.empty((len(rows), size))
            products_kernel.multiply(prior, every, start, blank, rows, out)
            yield out
        return
    for first in range(0, len(counts), step):
        rows = which[first : first + step]
        product = np.repeat(prior[None, :], len(rows), axis=0)
        for j, factor in enumerate(factors):
            if len(factor) > 1 or counts[first : first + step, j].any():
                product *= factor[rows[:, j]]
        yield product


def _factors(log_outcome: FloatArray, counts: IntArray) -> tuple[IntArray, list[FloatArray]]:
    """Return which factor each tally has at each dose, (S, J), and the factors of each dose, (P, K), largest value 1."""
    which, factors = np.empty(counts.shape[:2], dtype=np.int64), []
    for j, keys in enumerate(_keys(counts)):
        _, first, which[:, j] = np.unique(keys, return_index=True, return_inverse=True)
        log_factor = counts[first, j].astype(np.float64) @ log_outcome[:, j].T
        log_factor -= log_factor.max(axis=1, keepdims=True)
        factors.append(np.exp(log_factor))
    return which, factors
