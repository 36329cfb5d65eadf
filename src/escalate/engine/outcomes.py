"""What a cohort can show: how many of its patients had each outcome, and in how many ways."""

from __future__ import annotations

from functools import cache
from math import comb, prod

import numpy as np

from escalate.core.arrays import FloatArray, IntArray


@cache
def outcomes(size: int, n_categories: int) -> tuple[IntArray, FloatArray]:
    """Return what a cohort can show (K, C), fewest DLTs first, and the ways each can come about (K,).

    Examples
    --------
    >>> outcomes(2, 2)[0].tolist(), outcomes(2, 2)[1].tolist()
    ([[2, 0], [1, 1], [0, 2]], [1.0, 2.0, 1.0])
    """
    table = np.array(_compositions(size, n_categories), dtype=np.int64)[:, ::-1]
    table = table[np.lexsort(table.T)]
    ways = []
    for row in table.tolist():
        left = np.cumsum([0, *row]).tolist()
        ways.append(prod(comb(size - before, here) for before, here in zip(left[:-1], row, strict=True)))
    return table, np.array(ways, dtype=np.float64)


def _compositions(total: int, parts: int) -> list[list[int]]:
    if parts == 1:
        return [[total]]
    return [[first, *rest] for first in range(total + 1) for rest in _compositions(total - first, parts - 1)]


@cache
def worsenings(size: int, n_categories: int) -> tuple[tuple[int, int], ...]:
    """Return pairs of outcomes of a cohort that differ by one patient, worse by one category in the second."""
    table = outcomes(size, n_categories)[0].tolist()
    place = {tuple(row): k for k, row in enumerate(table)}
    pairs = []
    for k, row in enumerate(table):
        for c in range(n_categories - 1):
            if row[c]:
                worse = [*row]
                worse[c], worse[c + 1] = row[c] - 1, row[c + 1] + 1
                pairs.append((k, place[tuple(worse)]))
    return tuple(pairs)


def number_of_outcomes(size: IntArray, n_categories: int) -> IntArray:
    """Return how many outcomes cohorts of each size have, of the same shape.

    Examples
    --------
    >>> number_of_outcomes(np.array([1, 3]), 3).tolist()
    [3, 10]
    """
    number = np.array([comb(m + n_categories - 1, n_categories - 1) for m in range(int(size.max()) + 1)])
    return number[size]
