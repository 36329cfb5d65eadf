"""Beta mixtures: conjugate updates, power priors, the published mixture of RBesT, SAM weights."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.models.beta_mixture import BetaMixture, power_prior
from escalate.models.sam import sam_prior, sam_weight

ROBUST = BetaMixture((0.8, 0.2), (3.0, 1.0), (12.0, 1.0))
# RBesT 1.9-0, article on a binary endpoint: automixfit of the AS studies.
AS = BetaMixture(
    (0.4612914, 0.1917812, 0.1893896, 0.1575378),
    (33.9513487, 19.4400089, 12.2692310, 2.2521243),
    (103.0146367, 41.5205219, 55.9202833, 5.4812202),
)


@pytest.mark.parametrize(
    ("n", "dlt", "weights", "mean", "above"),
    [(6, 1, (0.904455, 0.095545), 0.1961634, 0.1283294), (6, 4, (0.458054, 0.541946), 0.4914010, 0.8048418)],
)
def test_conjugate_update(n: int, dlt: int, weights: tuple[float, float], mean: float, above: float) -> None:
    """Source: independent quadrature; 0.8 Beta(3, 12) + 0.2 Beta(1, 1)."""
    after = ROBUST.updated(n, dlt)
    assert after.weights == pytest.approx(weights, abs=5e-7)
    assert after.mean == pytest.approx(mean, abs=5e-8)
    assert after.sf(0.3) == pytest.approx(above, abs=5e-8)
    assert after.cdf(0.3) == pytest.approx(1 - above, abs=5e-8)


@pytest.mark.parametrize(
    ("discount", "mean", "above"), [(0.0, 0.375, 0.6470695), (0.5, 0.3214286, 0.5405165), (1.0, 0.3, 0.4738625)]
)
def test_power_prior(discount: float, mean: float, above: float) -> None:
    """Source: independent quadrature; Beta(1, 1), history 3/12, new 2/6."""
    after = power_prior(12, 3, discount).updated(6, 2)
    assert after.mean == pytest.approx(mean, abs=5e-8)
    assert after.sf(0.3) == pytest.approx(above, abs=5e-8)


def test_summary_of_the_published_mixture() -> None:
    """Source: summary(map) in RBesT's article: mean, sd and quantiles; theirs of quantiles are to 2e-5 by its own grid."""
    assert AS.mean == pytest.approx(0.25545885, abs=5e-9)
    assert AS.variance**0.5 == pytest.approx(0.08662045, abs=5e-9)
    quantiles = [AS.quantile(p) for p in (0.025, 0.5, 0.975)]
    assert quantiles == pytest.approx([0.10730400, 0.24758768, 0.46276759], abs=5e-5)
    assert [AS.cdf(q) for q in quantiles] == pytest.approx([0.025, 0.5, 0.975], abs=1e-12)


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0.05, 0.95))
def test_one_by_one_is_all_at_once(dlt: int, free: int, limit: float) -> None:
    """Updating patient by patient gives the posterior of all together; the weights sum to one."""
    steps = ROBUST
    for k in range(dlt + free):
        steps = steps.updated(1, 1 if k < dlt else 0)
    whole = ROBUST.updated(dlt + free, dlt)
    assert steps.weights == pytest.approx(whole.weights)
    assert steps.sf(limit) == pytest.approx(whole.sf(limit), abs=1e-12)
    assert sum(whole.weights) == pytest.approx(1.0)


@pytest.mark.parametrize(("dlt", "ratio", "weight"), [(5, 2.7105054, 0.7304949), (8, 0.3388132, 0.2530698)])
def test_sam_weight(dlt: int, ratio: float, weight: float) -> None:
    """Source: independent computation; rate 0.25, difference 0.15, 20 patients."""
    found = sam_weight(0.25, 0.15, 20, dlt)
    assert found.ratio == pytest.approx(ratio, abs=5e-8)
    assert found.weight == pytest.approx(weight, abs=5e-8)
    by_hand = {p: comb(20, dlt) * p**dlt * (1 - p) ** (20 - dlt) for p in (0.25, 0.4, 0.1)}
    assert found.ratio == pytest.approx(by_hand[0.25] / max(by_hand[0.4], by_hand[0.1]))


def test_sam_near_the_border() -> None:
    """A shifted rate that is none is left out; with a thousand patients at odds the weight is zero, not an overflow."""
    assert sam_weight(0.1, 0.15, 10, 1).ratio == pytest.approx((0.1 * 0.9**9) / (0.25 * 0.75**9))
    assert sam_weight(0.1, 0.15, 100_000, 60_000).weight == 0.0
    assert sam_weight(0.3, 0.2, 1_000_000, 300_000).weight == 1.0


def test_sam_prior() -> None:
    """The vague part takes what the weight leaves; the informative part keeps its shape."""
    found = sam_prior(BetaMixture((1.0,), (5.0,), (15.0,)), 0.15, 20, 8)
    assert found.weights == pytest.approx((0.2530698, 0.7469302), abs=5e-8)
    assert (found.a, found.b) == ((5.0, 1.0), (15.0, 1.0))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: BetaMixture((0.5,), (1.0,), (1.0,)), "sum to 0.5"),
        (lambda: BetaMixture((1.0,), (-1.0,), (1.0,)), "positive"),
        (lambda: BetaMixture((), (), ()), "at least one"),
        (lambda: ROBUST.updated(3, 4), "4 DLTs among 3 patients"),
        (lambda: ROBUST.robustified(1.0), "robust weight of 1 is not between 0 and 1"),
        (lambda: power_prior(12, 3, 1.5), "discount of 1.5"),
        (lambda: power_prior(12, 13, 0.5), "13 DLTs among 12"),
        (lambda: sam_weight(1.2, 0.1, 3, 1), "1.2 is not between 0 and 1"),
        (lambda: sam_weight(0.5, 0.6, 3, 1), "no rate at a distance of 0.6"),
        (lambda: sam_weight(0.2, 0.0, 3, 1), "is not positive"),
    ],
)
def test_refusals(call: object, text: str) -> None:
    """What is no probability, or no data, is refused in one sentence."""
    assert callable(call)
    with pytest.raises(ValueError, match=text):
        call()
