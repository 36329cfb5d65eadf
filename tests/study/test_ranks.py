"""Ranks of designs, and the titles that tell them apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.arrays import FloatArray
from escalate.study.compare import distinct, ranks


class TestRanks:
    """A rank is one more than the number of designs that are better by more than twice the error."""

    @staticmethod
    def of(means: list[float], errors: FloatArray, better: int = 1) -> list[int]:
        """Return ranks from means and errors."""
        values = np.array(means)
        found: list[int] = ranks(values, values[:, None] - values, errors, better).tolist()
        return found

    def test_in_words(self) -> None:
        """Clear differences order; what is within twice the error of the best shares its rank; lower can be better."""
        errors = np.full((3, 3), 0.01)
        assert self.of([0.5, 0.6, 0.55], errors) == [3, 1, 2]
        assert self.of([0.5, 0.6, 0.55], errors, -1) == [1, 3, 2]
        assert self.of([0.585, 0.6, 0.55], errors) == [1, 1, 3]
        assert self.of([0.5, float("nan"), 0.55], errors) == [2, 0, 1]
        assert self.of([0.5, 0.5 + 1e-12, 0.5 - 1e-12], 0 * errors) == [1, 1, 1]

    @given(st.data())
    def test_order_free(self, data: st.DataObject) -> None:
        """Designs in another order have their ranks in that order; equal designs share a rank; one at least is first."""
        n = data.draw(st.integers(2, 6))
        means = data.draw(st.lists(st.sampled_from([0.3, 0.5]) | st.floats(0, 1), min_size=n, max_size=n))
        flat = data.draw(st.lists(st.floats(0, 0.3), min_size=n * n, max_size=n * n))
        errors = np.array(flat).reshape(n, n)
        errors = errors + errors.T
        for a, b in combinations(range(n), 2):
            if means[a] == means[b]:
                errors[:, b] = errors[:, a]
                errors[b] = errors[a]
        better = data.draw(st.sampled_from([1, -1]))
        order = data.draw(st.permutations(range(n)))
        found = self.of(means, errors, better)
        assert self.of([means[d] for d in order], errors[np.ix_(order, order)], better) == [found[d] for d in order]
        assert min(found) == 1
        assert found[int(np.argmax(better * np.array(means)))] == 1
        for a, b in combinations(range(n), 2):
            if means[a] == means[b]:
                assert found[a] == found[b]


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b"]), max_size=7))
def test_titles_are_made_distinct(titles: list[str]) -> None:
    """No two alike, each beginning with its own, and none changed that need not be."""
    found = distinct(titles)
    assert len(set(found)) == len(titles)
    assert all(new.startswith(old) for new, old in zip(found, titles, strict=True))
    if len(set(titles)) == len(titles):
        assert list(found) == titles
