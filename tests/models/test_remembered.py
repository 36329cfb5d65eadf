"""What is remembered is what was computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.arrays import FloatArray, IntArray
from escalate.models import remembered
from escalate.models.remembered import Remembered


def summed(counts: IntArray) -> FloatArray:
    """Return something that tells tallies apart."""
    weights = np.arange(1.0, counts[0].size + 1) ** 1.5
    return (counts.reshape(len(counts), -1) * weights).sum(axis=1)[:, None]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 100))
def test_answers_are_those_of_the_function(sizes: list[int], seed: int) -> None:
    """Batches that repeat, overlap or are empty."""
    rng, asked = np.random.default_rng(seed), 0

    def count(counts: IntArray) -> FloatArray:
        nonlocal asked
        asked += len(counts)
        return summed(counts)

    memory = Remembered(count)
    seen = []
    for size in sizes:
        counts = rng.integers(0, 3, (size + 1, 2, 2))
        seen.append(counts)
        assert np.array_equal(memory(counts), summed(counts))
    before = asked
    again = np.concatenate(seen)[::-1]
    assert np.array_equal(memory(again), summed(again))
    assert asked == before


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds, and forgetting changes no answer."""
    monkeypatch.setattr(remembered, "LIMIT", 10)
    memory = Remembered(summed)
    for start in range(0, 40, 8):
        counts = np.arange(start, start + 8)[:, None, None] * np.ones((1, 2, 2), dtype=np.int64)
        assert np.array_equal(memory(counts), summed(counts))
    assert sum(len(batch.key) for batch in memory._batches) <= 16


def test_equal_keys_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tallies with one key."""
    monkeypatch.setattr(remembered, "_key", lambda flat: np.zeros(len(flat), dtype=np.uint64))
    memory = Remembered(summed)
    for k in (1, 2, 1):
        counts = np.full((1, 2, 2), k)
        assert np.array_equal(memory(counts), summed(counts))
