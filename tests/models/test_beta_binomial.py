"""Beta tails against SciPy and the dossier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from escalate.models.beta_binomial import cdf, fewest_dlts_above, quantile, sf, tail

SHAPE = st.floats(0.05, 60)


@pytest.mark.parametrize(
    ("n", "y", "expected"), [(3, 3, 0.991900), (3, 2, 0.916300), (6, 4, 0.971205), (6, 3, 0.873964)]
)
def test_elimination_tails(n: int, y: int, expected: float) -> None:
    """Source: dossier interval.md 1, example 3; six decimals."""
    assert tail(n, y, 0.3) == pytest.approx(expected, abs=5.1e-7)


@given(x=st.floats(0.001, 0.999), a=SHAPE, b=SHAPE)
def test_incomplete_beta(x: float, a: float, b: float) -> None:
    """Source: scipy.special.betainc; 1e-12, and the two tails sum to one."""
    assert cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-12)
    assert sf(x, a, b) == pytest.approx(special.betaincc(a, b, x), abs=1e-12)


@given(q=st.sampled_from([0.025, 0.5, 0.975]), n=st.integers(1, 60), data=st.data())
def test_quantiles(q: float, n: int, data: st.DataObject) -> None:
    """Source: scipy.stats.beta; 1e-10, with the pseudo-counts of the isotonic estimate."""
    y = data.draw(st.integers(0, n))
    assert quantile(q, y + 0.05, n - y + 0.05) == pytest.approx(stats.beta.ppf(q, y + 0.05, n - y + 0.05), abs=1e-10)


def test_edges_of_the_incomplete_beta() -> None:
    """Zero at and below 0, one at and above 1."""
    assert (cdf(0.0, 2, 3), cdf(-1.0, 2, 3), cdf(1.0, 2, 3), cdf(2.0, 2, 3)) == (0.0, 0.0, 1.0, 1.0)


@given(
    n=st.integers(1, 60),
    limit=st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.33, 0.5]),
    cutoff=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_fewest_dlts(n: int, limit: float, cutoff: float) -> None:
    """Source: scipy.stats.beta.sf; the first count beyond the cut-off, strictly."""
    fewest = int(fewest_dlts_above(np.array([n]), limit, cutoff)[0])
    over = [y for y in range(n + 1) if stats.beta.sf(limit, 1 + y, 1 + n - y) > cutoff]
    assert fewest == (over[0] if over else n + 1)
