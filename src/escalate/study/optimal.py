"""The nonparametric optimal benchmark: how often the MTD can be found at all with n patients, exactly.

Were it known of each of n patients which doses give a DLT, the DLTs at doses 1..J would be S_1 <= ... <= S_J: a Markov chain,
for of the n - s patients without a DLT at a dose each has one at the next with probability (p' - p) / (1 - p). Everything
below is a sum over the states of this chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, comb, floor, log
from typing import Literal, NamedTuple, Self, TypeAlias

import numpy as np
from scipy.special import bdtr, bdtrc, xlog1py, xlogy

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.plan import exact

Ties: TypeAlias = Literal["lowest", "split", "selection"]

BLOCK = 1 << 15
"""Scenarios times numbers of DLTs in one array, about: what the memory needed depends on."""


def optimal_selection(
    rates: FloatArray, target: float, n: int, bar: int | None = None, ties: Ties = "lowest"
) -> FloatArray:
    """Return how often complete information on n patients selects each dose, exactly.

    Parameters
    ----------
    rates
        DLT probabilities of V scenarios, shape (V, J), strictly between 0 and 1; no row decreases.
    target
        The target DLT rate, read as the decimal that was written.
    n
        Patients, at least 1.
    bar
        Fewest DLTs among n patients that bar a dose, as the safety rule of a design does; None bars no dose.
    ties
        Of doses equally near the target: the `lowest` is selected, or each of them equally often (`split`), or, as designs
        select their MTD (`selection`), of doses with the same number of DLTs the highest where they are below the target and
        the lowest elsewhere, and of one below and one above the one below.

    Returns
    -------
    FloatArray
        Probability that each dose is selected and, last, that none is; shape (V, J + 1).

    Notes
    -----
    Each patient has a tolerance U, uniform on (0, 1), and a DLT at dose j where U <= p_j. The dose selected has the least
    |S_j / n - target| of those not barred, where S_j is the number of DLTs at dose j; none where dose 1 is barred. Distances
    are compared as whole numbers. Two doses tie where S_j is the same, or as far below n * target at one as above it at the
    other.

    The benchmark is not a strict upper bound: a design whose prior happens to favour the truth can do better.

    A scenario's bits do not depend on those beside it.

    References
    ----------
    O'Quigley J, Paoletti X, Maccario J (2002). Non-parametric optimal design in dose finding studies. Biostatistics 3:51-56.

    Cheung YK (2014). Simple benchmark for complex dose finding studies. Biometrics 70:389-397.

    Examples
    --------
    One patient, target 0.3: without a DLT at either dose the two tie; with a DLT at dose 2 alone, dose 1 (rate 0) is nearer.

    >>> optimal_selection(np.array([[0.1, 0.4]]), 0.3, 1).round(3).tolist()
    [[1.0, 0.0, 0.0]]
    >>> optimal_selection(np.array([[0.1, 0.4]]), 0.3, 1, ties="split").round(3).tolist()
    [[0.65, 0.35, 0.0]]
    >>> optimal_selection(np.array([[0.1, 0.4]]), 0.3, 1, bar=1).round(3).tolist()
    [[0.9, 0.0, 0.1]]
    """
    n_scenarios, n_doses = rates.shape
    counts = _Counts.of(target, n, n + 1 if bar is None else bar)
    found = np.zeros((n_scenarios, n_doses + 1))
    size = max(BLOCK // (n + 1), 1)
    for start in range(0, n_scenarios, size):
        block = slice(start, start + size)
        _add_selections(found[block], counts, rates[block], n, ties)
    found[:, -1] = bdtrc(len(counts.s) - 1.0, n, rates[:, 0])
    return found


def efficiency(pcs: FloatArray, optimal: FloatArray) -> FloatArray:
    """Return a design's share of correct selections per that of the benchmark, any shape; NaN where the latter is zero.

    Examples
    --------
    >>> efficiency(np.array([0.51, 0.0]), np.array([0.68, 0.0])).round(6).tolist()
    [0.75, nan]
    """
    return np.divide(pcs, optimal, out=np.full_like(optimal, np.nan), where=optimal > 0)


@dataclass(frozen=True, eq=False)
class _Counts:
    """The numbers of DLTs s = 0, 1, ... that do not bar a dose, and what lies around each; shape (S,).

    Parameters
    ----------
    below
        The largest count below s that is strictly farther from n * target; -1 where there is none.
    above
        The smallest count above s that is strictly farther from n * target, or barred, or impossible.
    twin
        The count above s that is exactly as far from n * target and not barred; s itself where there is none.
    below_target
        Whether s is below n * target.
    log_ways, log_ways_twin
        log C(n, s) and log C(n - s, twin - s).
    """

    s: IntArray
    below: IntArray
    above: IntArray
    twin: IntArray
    below_target: Mask
    log_ways: FloatArray
    log_ways_twin: FloatArray

    @classmethod
    def of(cls, target: float, n: int, bar: int) -> Self:
        """Compare the distances of whole numbers of DLTs from n * target."""
        end = min(max(bar, 0), n + 1)
        numbers = range(end)
        # The mirror image of s in n * target, a whole number or not: counts beyond it, on either side, are farther than s.
        mirrors = [2 * n * exact(target) - s for s in numbers]
        twins = [int(m) if m.denominator == 1 and s < m < end else s for s, m in enumerate(mirrors)]
        return cls(
            s=np.arange(end),
            below=np.array([max(min(s, ceil(m)) - 1, -1) for s, m in enumerate(mirrors)], dtype=np.int64),
            above=np.array([min(max(s, floor(m)) + 1, end) for s, m in enumerate(mirrors)], dtype=np.int64),
            twin=np.array(twins, dtype=np.int64),
            below_target=np.array([s < m for s, m in enumerate(mirrors)], dtype=bool),
            log_ways=np.array([log(comb(n, s)) for s in numbers]),
            log_ways_twin=np.array([log(comb(n - s, twin - s)) for s, twin in enumerate(twins)]),
        )


class _Steps(NamedTuple):
    """From s DLTs at one dose to the next dose: probability of each event that matters; shape (V, S)."""

    stay: FloatArray
    """The same number of DLTs."""
    to_twin: FloatArray
    """More DLTs, and exactly as near the target."""
    leave: FloatArray
    """More DLTs, and strictly farther from the target or barred."""


def _add_selections(found: FloatArray, counts: _Counts, rates: FloatArray, n: int, ties: Ties) -> None:
    """Add the probability that each dose is selected, (V, J), to the first J columns.

    Notes
    -----
    The doses nearest the target are neighbours a..b, for S_j does not decrease: S_a = s, then perhaps the twin of s, with
    dose a - 1 strictly farther below and dose b + 1 strictly farther above, or barred, or not there. For every a the chain is
    followed upward from dose a, for all s at once.
    """
    n_doses = rates.shape[1]
    steps = [_steps(counts, rates[:, [j]], rates[:, [j + 1]], n) for j in range(n_doses - 1)]
    if ties == "selection":
        _add_as_designs_select(found, counts, rates, n, steps)
        return
    for a in range(n_doses):
        # Pr(S_a = s, dose a - 1 strictly farther), then also with S_b = s (same) or S_b = its twin (twin).
        same = _first_nearest(counts, rates, a, n)
        twin = np.zeros_like(same)
        for b in range(a, n_doses):
            if b == n_doses - 1:
                tied = (same + twin).sum(axis=1)
            else:
                stay, to_twin, leave = steps[b]
                tied = (same * leave + twin * leave.take(counts.twin, axis=1)).sum(axis=1)
                same, twin = same * stay, twin * stay.take(counts.twin, axis=1) + same * to_twin
            if ties == "lowest":
                found[:, a] += tied
            else:
                found[:, a : b + 1] += (tied / (b - a + 1))[:, None]


def _add_as_designs_select(found: FloatArray, counts: _Counts, rates: FloatArray, n: int, steps: list[_Steps]) -> None:
    """Add the same where ties go to the highest dose below the target, else to the lowest dose above it."""
    n_doses = rates.shape[1]
    for a in range(n_doses):
        same = _first_nearest(counts, rates, a, n)
        for b in range(a, n_doses):
            if b == n_doses - 1:
                ends, more = same, same
            else:
                stay, to_twin, leave = steps[b]
                # Whether the next dose is as near on the other side or farther, dose b is the last with s DLTs.
                ends, more = same * leave + same * to_twin, same * stay
            found[:, b] += (ends * counts.below_target).sum(axis=1)
            found[:, a] += (ends * ~counts.below_target).sum(axis=1)
            same = more


def _first_nearest(counts: _Counts, rates: FloatArray, a: int, n: int) -> FloatArray:
    """Return Pr(S_a = s and dose a - 1, if any, is strictly farther from the target), shape (V, S)."""
    here = rates[:, [a]]
    mass = np.exp(counts.log_ways + xlogy(counts.s, here) + xlog1py(n - counts.s, -here))
    if a == 0:
        return mass
    # Of the s patients with a DLT at dose a each has one at dose a - 1 with probability p_{a-1} / p_a.
    fewer = bdtr(np.maximum(counts.below, 0).astype(np.float64), counts.s, rates[:, [a - 1]] / here)
    return mass * np.where(counts.below >= 0, fewer, 0.0)


def _steps(counts: _Counts, here: FloatArray, following: FloatArray, n: int) -> _Steps:
    """Return the steps from a dose to the following one, whose rates have shape (V, 1)."""
    q = (following - here) / (1 - here)
    free = n - counts.s
    more = counts.twin - counts.s
    to_twin = np.exp(counts.log_ways_twin + xlogy(more, q) + xlog1py(free - more, -q))
    return _Steps(
        stay=np.exp(xlog1py(free, -q)),
        to_twin=np.where(more > 0, to_twin, 0.0),
        leave=bdtrc((counts.above - counts.s - 1).astype(np.float64), free, q),
    )
