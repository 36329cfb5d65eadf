"""The inner loops: random numbers, and trials walking an automaton. They do not raise.

Beside each stands a plain NumPy version (`random_numbers.py`, `monte_carlo.decide_as_they_go`; of `add_squares` in its test),
and a test that they agree.
"""

from __future__ import annotations

import numpy as np

from escalate.core.arrays import AnyArray
from escalate.core.jit import kernel

LANES = 64
"""Trials walked together, so that one's memory access hides another's."""
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


@kernel
def philox_lanes(counter: AnyArray, key0: np.uint32, key1: np.uint32) -> None:
    """Replace counters (4, L) by Philox4x32-10 random words, in place.

    Salmon JK, Moraes MA, Dror RO, Shaw DE (2011). Parallel random numbers: as easy as 1, 2, 3. SC '11.
    """
    k0, k1 = key0, key1
    for _ in range(10):
        for lane in range(counter.shape[1]):
            p0 = np.uint64(counter[0, lane]) * _M0
            p1 = np.uint64(counter[2, lane]) * _M1
            c1, c3 = counter[1, lane], counter[3, lane]
            counter[0, lane] = np.uint32(p1 >> _SHIFT) ^ c1 ^ k0
            counter[1, lane] = np.uint32(p1 & _LOW)
            counter[2, lane] = np.uint32(p0 >> _SHIFT) ^ c3 ^ k1
            counter[3, lane] = np.uint32(p0 & _LOW)
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)


@kernel
def draw_lanes(words: AnyArray, counter: AnyArray, trial: np.uint64, scenario: np.uint32, key: AnyArray) -> None:
    """Fill words (4B, L) with the latent uniforms of L successive trials, patient by patient."""
    for block in range(words.shape[0] // 4):
        for lane in range(words.shape[1]):
            t = trial + np.uint64(lane)
            counter[0, lane] = np.uint32(block)
            counter[1, lane] = np.uint32(t & _LOW)
            counter[2, lane] = np.uint32(t >> _SHIFT)
            counter[3, lane] = scenario
        philox_lanes(counter, key[0], key[1])
        for i in range(4):
            for lane in range(words.shape[1]):
                words[4 * block + i, lane] = counter[i, lane]


@kernel
def walk(
    dose: AnyArray,
    size: AnyArray,
    child: AnyArray,
    threshold: AnyArray,
    scenario: np.uint32,
    key: AnyArray,
    first_trial: int,
    n_trials: int,
    n_patients: int,
    final: AnyArray,
) -> None:
    """Walk trials through an automaton whose terminals are absorbing states of size 0, and write where each ends.

    `dose`, `size` (N,) and `child` (N, K) include the terminals; `threshold` (J,) holds p * 2^32; `final` is (n_trials,).
    """
    words = np.zeros(((n_patients + 3) // 4 * 4, LANES), dtype=np.uint32)
    counter = np.empty((4, LANES), dtype=np.uint32)
    state = np.empty(LANES, dtype=np.int64)
    patient = np.empty(LANES, dtype=np.int64)
    for start in range(0, n_trials, LANES):
        draw_lanes(words, counter, np.uint64(first_trial + start), scenario, key)
        for lane in range(LANES):
            state[lane] = 0
            patient[lane] = 0
        going = True
        while going:
            going = False
            for lane in range(LANES):
                s = state[lane]
                m = size[s]
                t = threshold[dose[s]]
                at = patient[lane]
                k = 0
                for i in range(at, at + m):
                    k += np.uint64(words[i, lane]) < t
                patient[lane] = at + m
                state[lane] = child[s, k]
                going = going or m > 0
        for lane in range(min(LANES, n_trials - start)):
            final[start + lane] = state[lane]


@kernel
def add_squares(values: AnyArray, rows: AnyArray, squares: AnyArray) -> None:
    """Add to `squares` (P, M) the squared differences between each two of D designs, trial by trial.

    `values` (T, M) has what each way to end counts, those of all designs one below another; `rows` (D, N) has the row of each
    trial under each design; the pairs are (0, 1), (0, 2), ..., (1, 2), ... Sums go from the first trial to the last, so the
    bits of a pair depend on nothing else.
    """
    n_designs, n_trials = rows.shape
    n_metrics = values.shape[1]
    for i in range(n_trials):
        pair = 0
        for a in range(n_designs):
            first = rows[a, i]
            for b in range(a + 1, n_designs):
                second = rows[b, i]
                for m in range(n_metrics):
                    gap = values[second, m] - values[first, m]
                    squares[pair, m] += gap * gap
                pair += 1
