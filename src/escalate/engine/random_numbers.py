"""Latent uniforms of patients: counter-based, so that patient k of trial i is the same person under every design.

The stream is Philox4x32-10 with the seed as key and (block of four patients, trial, scenario) as counter. A patient has a
DLT at a dose exactly when the 32-bit word is below p * 2^32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from escalate.core.arrays import AnyArray

MAX_SEED = 2**63 - 1
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


def key_of(seed: int) -> AnyArray:
    """Return a seed as two 32-bit words."""
    return np.array([seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint32)


def scenario_word(truth: Sequence[float]) -> int:
    """Return the 32 bits that stand for a scenario: from its DLT rates alone, not its name or place in a file.

    Examples
    --------
    >>> scenario_word((0.1, 0.3)) == scenario_word([0.1, 0.3])
    True
    """
    text = ",".join(repr(float(p)) for p in truth)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def thresholds(truth: Sequence[float]) -> AnyArray:
    """Return p * 2^32, rounded, as unsigned 64-bit integers; shape (J,)."""
    return np.round(np.asarray(truth, dtype=np.float64) * 2.0**32).astype(np.uint64)


def philox(counter: AnyArray, key: AnyArray) -> AnyArray:
    """Return the Philox4x32-10 words of counters, shape (4, L) in and out: the plain version of the kernel."""
    c0, c1, c2, c3 = (row.astype(np.uint64) for row in counter)
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        p0, p1 = c0 * _M0, c2 * _M1
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


def words(seed: int, scenario: int, first_trial: int, n_trials: int, n_patients: int) -> AnyArray:
    """Return the words of patients of successive trials, shape (n_patients, n_trials)."""
    trial = np.uint64(first_trial) + np.arange(n_trials, dtype=np.uint64)
    blocks = []
    for block in range((n_patients + 3) // 4):
        counter = np.stack(
            [
                np.full(n_trials, block, dtype=np.uint64),
                trial & _LOW,
                trial >> _SHIFT,
                np.full(n_trials, scenario, dtype=np.uint64),
            ]
        )
        blocks.append(philox(counter, key_of(seed)))
    return np.concatenate(blocks)[:n_patients]
