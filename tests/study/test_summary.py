"""Summaries over families of scenarios, and the optimal benchmark beside a design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.study.benchmark import Benchmark, fewest_that_bar
from escalate.study.results import DesignResult
from escalate.study.simulate import simulate
from escalate.study.summary import QUANTILES, groups, mean_and_error, summarise
from tests.helpers import ROOT, make

TRUTH = esc.Scenario(name="truth", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))
BOIN = make({"kind": "boin"})


def _law(count: int, family: str = "law", *, drawn: bool = True, seed: int = 1) -> list[esc.Scenario]:
    rates = np.sort(np.random.default_rng(seed).uniform(0.02, 0.7, size=(count, 5)), axis=1).round(6).tolist()
    return [esc.Scenario(name=f"{family} {k}", dlt=tuple(p), family=family, drawn=drawn) for k, p in enumerate(rates)]


def _alone(truths: list[esc.Scenario], **how: Any) -> DesignResult:
    return simulate([BOIN], truths, **how).designs[0]


def test_families() -> None:
    """All scenarios first, then the families in order of appearance; those written out are together."""
    truths = [*_law(3, "x"), TRUTH, *_law(2, "y", drawn=False)]
    assert [(group.family, group.rows.tolist(), group.drawn) for group in groups(truths)] == [
        (None, [0, 1, 2, 3, 4, 5], False),
        ("x", [0, 1, 2], True),
        ("fixed", [3], False),
        ("y", [4, 5], False),
    ]
    assert [group.family for group in groups([TRUTH, TRUTH])] == [None]
    assert _alone([TRUTH]).summary == ()
    assert [found.family for found in _alone(_law(1)).summary] == ["law"]


def test_figures_are_those_of_the_scenarios() -> None:
    """Mean, sd, its error, quantiles: NumPy's on the values of the scenarios."""
    result = _alone(_law(40))
    everything, of_law = result.summary
    assert (everything.scenarios, of_law.scenarios, of_law.drawn) == (40, 40, True)
    for metric in ("pcs", "mean_patients", "overdose_allocated", "benchmark_pcs"):
        values = np.array([result.scalars[metric][0][v] for v in range(40)])
        stats = of_law.metrics[metric]
        assert stats.scenarios == 40
        assert (stats.mean, stats.sd) == pytest.approx((values.mean(), values.std(ddof=1)))
        assert stats.se == pytest.approx(values.std(ddof=1) / np.sqrt(40))
        for name, q in QUANTILES.items():
            assert stats.quantiles[name] == pytest.approx(np.quantile(values, q))
        assert stats == everything.metrics[metric]


def test_error_of_chosen_scenarios() -> None:
    """Nothing where exact; over random trials that of a mean of independent figures."""
    truths = _law(5, drawn=False)
    assert _alone(truths).summary[1].metrics["pcs"].se == 0.0
    result = _alone(truths, trials=1000)
    errors = result.scalars["pcs"][1]
    assert result.summary[1].metrics["pcs"].se == pytest.approx(np.sqrt((errors**2).sum()) / 5)


def test_efficiency_of_a_family() -> None:
    """Its mean is a ratio of means, with the error of the delta method: near the spread over many draws of the law.

    A ratio of variances over 200 draws: 0.7 to 1.4 is 3.4 standard deviations either way. Quantiles are of the ratios.
    """
    result = _alone(_law(4000))
    pcs, optimal = result.scalars["pcs"][0], result.scalars["benchmark_pcs"][0]
    stats = result.summary[0].metrics["efficiency"]
    known = optimal > 0
    assert stats.mean == pytest.approx(pcs[known].mean() / optimal[known].mean())
    assert stats.quantiles["median"] == pytest.approx(np.median(pcs[known] / optimal[known]))
    ratios, errors = [], []
    for part in np.split(np.arange(4000), 200):
        scalars = {
            name: (result.scalars[name][0][part], np.zeros(20)) for name in ("pcs", "benchmark_pcs", "efficiency")
        }
        (found,) = summarise([TRUTH.model_copy(update={"drawn": True})] * 20, scalars)
        ratios.append(found.metrics["efficiency"].mean)
        errors.append(found.metrics["efficiency"].se)
    assert 0.7 < np.var(ratios) / np.mean(np.square(errors)) < 1.4


def test_what_has_no_value_is_left_out() -> None:
    """Scenarios without a value do not count; a metric without any is NaN throughout, and nothing is warned of."""
    flat = esc.Scenario(name="flat", dlt=(0.3, 0.3, 0.3, 0.3, 0.3))
    (found,) = _alone([flat, TRUTH]).summary
    assert found.metrics["accuracy_index"].scenarios == 1
    assert found.metrics["accuracy_index"].mean == found.metrics["accuracy_index"].quantiles["max"]
    without = make({"kind": "three_plus_three"}, target=None, rules=())
    (found,) = simulate([without], [flat, TRUTH]).designs[0].summary
    stats = found.metrics["pcs"]
    assert stats.scenarios == 0
    assert np.isnan([stats.mean, stats.se, stats.sd, *stats.quantiles.values()]).all()
    assert found.metrics["mean_patients"].scenarios == 2


def test_order_of_scenarios_does_not_matter() -> None:
    """The same bits whatever the order, ten thousand scenarios."""
    rng = np.random.default_rng(1)
    values, errors = rng.uniform(size=(3, 10_000)), rng.uniform(size=(3, 10_000)) / 50
    values[rng.uniform(size=values.shape) < 0.1] = np.nan
    strata = rng.integers(-1, 3, size=10_000)
    order = rng.permutation(10_000)
    for one, other in zip(
        mean_and_error(values, errors, strata),
        mean_and_error(values[:, order], errors[:, order], strata[order]),
        strict=True,
    ):
        assert one.tobytes() == other.tobytes()
    alone = mean_and_error(values[1], errors[1], strata)
    assert [float(x) for x in alone] == [float(x[1]) for x in mean_and_error(values, errors, strata)]


@pytest.mark.parametrize(
    ("n", "pcs", "tolerance"),
    [(12, 0.4741752, 6e-8), (18, 0.5639790, 6e-8), (30, 0.68474, 0.004), (36, 0.72871, 0.004)],
)
def test_published_benchmark(n: int, pcs: float, tolerance: float) -> None:
    """Source: dossier simulation.md 5: exact for 12 and 18 patients; for 30 and 36 over 400,000 draws, five errors wide.

    The dossier gives ties to the lowest dose. Results have them as designs do, which here adds less than two in a thousand.
    """
    design = make({"kind": "boin"}, max_patients=n, rules=())
    lowest = Benchmark.of(design, [TRUTH], ties="lowest")
    (result,) = simulate([design], [TRUTH]).designs
    assert lowest is not None
    assert result.benchmark is not None
    assert (result.benchmark.patients, result.benchmark.bar) == (n, None)
    assert lowest.pcs[0] == pytest.approx(pcs, abs=tolerance)
    assert 0 < result.benchmark.pcs[0] - lowest.pcs[0] < 0.002
    assert result.benchmark.selected[0, 2] == result.benchmark.pcs[0]


def test_benchmark_of_a_design() -> None:
    """Its size, the count that its rule bars at that size, accuracy as for a design, PCS with and without MTD."""
    toxic = esc.Scenario(name="toxic", dlt=(0.5, 0.6, 0.7, 0.8, 0.9))
    found = Benchmark.of(BOIN, [TRUTH, toxic])
    assert found is not None
    # Pr(p > 0.3 | 14 of 30) = 0.9692 and Pr(p > 0.3 | 13 of 30) = 0.9329, by hand from the binomial law.
    assert (found.patients, found.bar) == (30, 14)
    assert found.pcs[1] == found.selected_none[1]
    assert (found.selected.sum(axis=1) + found.selected_none) == pytest.approx([1, 1])
    loss = np.abs(np.array(TRUTH.dlt) - 0.3)
    assert found.accuracy_index[0] == pytest.approx(1 - 5 * (loss * found.selected[0]).sum() / loss.sum())
    free = Benchmark.of(make({"kind": "boin"}, rules=()), [toxic])
    assert free is not None
    assert free.pcs[0] == 0.0


def test_efficiency_of_boin() -> None:
    """With an MTD at each level, BOIN of 30 patients comes near the benchmark and does not pass it."""
    truths = list(esc.load_scenarios(ROOT / "simulations" / "scenarios" / "five-doses.yaml")[:5])
    efficiency = _alone(truths).scalars["efficiency"][0]
    assert (efficiency <= 1.001).all()
    assert (efficiency > 0.6).all()


def test_no_benchmark_without_target() -> None:
    """Neither benchmark nor efficiency, and no failure."""
    (result,) = simulate([make({"kind": "three_plus_three"}, target=None, rules=())], [TRUTH]).designs
    assert result.benchmark is None
    assert np.isnan(result.scalars["efficiency"][0]).all()


def test_long_form_has_what_is_derived() -> None:
    """Efficiency and benchmark stand in the long form, with their errors."""
    frame = simulate([BOIN], [TRUTH], trials=500).to_frame()
    row = frame[frame.metric == "efficiency"].iloc[0]
    pcs, best = (frame[frame.metric == name].iloc[0] for name in ("pcs", "benchmark_pcs"))
    assert (row.value, row.se) == pytest.approx((pcs.value / best.value, pcs.se / best.value))
    assert best.se == 0.0


def test_benchmark_bars_under_the_prior_of_the_rule() -> None:
    """TPI's rules have Beta(0.005, 0.005): of 27 patients 13 DLTs bar a dose, and 12 under a uniform prior, by SciPy."""
    from scipy.stats import beta

    for method, prior in (({"kind": "tpi"}, (0.005, 0.005)), ({"kind": "boin"}, (1.0, 1.0))):
        over = [beta.sf(0.3, prior[0] + y, prior[1] + 27 - y) > 0.95 for y in range(28)]
        assert fewest_that_bar(make(method, max_patients=27)) == over.index(True)
    assert fewest_that_bar(make({"kind": "tpi"}, max_patients=27)) == 13
