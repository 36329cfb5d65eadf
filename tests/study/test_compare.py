"""Paired differences against trials taken one by one; their errors; the same bits whatever the company."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

import escalate as esc
from escalate.core.arrays import NONE, FloatArray
from escalate.engine import kernels, monte_carlo, paired
from escalate.study.compare import METRICS, Comparison
from escalate.study.results import OperatingCharacteristics
from escalate.study.simulate import simulate
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "mean"}
BOIN = make({"kind": "boin"}, 4, max_patients=21, title="boin")
DESIGNS = (
    BOIN,
    make(CRM, 4, max_patients=18, title="crm"),
    make({"kind": "three_plus_three"}, 4, max_patients=24, title="3+3", rules=()),
)
TRUTH = esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3, 0.5))
TOXIC = esc.Scenario(name="toxic", dlt=(0.5, 0.6, 0.7, 0.8))
FLAT = esc.Scenario(name="flat", dlt=(0.05, 0.1, 0.15, 0.2))


def compared(oc: OperatingCharacteristics) -> Comparison:
    """Return the comparison, which there is."""
    assert oc.comparison is not None
    return oc.comparison


def one_by_one(design: esc.Design, truth: esc.Scenario, trials: int, seed: int) -> dict[str, FloatArray]:
    """Return some metrics of each trial, from its final data, as docs/reference/metrics.md defines them."""
    terminals, place = monte_carlo.decide_some(design, truth, seed, 0, trials)
    n, selected = terminals.tally.n[place], terminals.selected[place]
    p, target, total = np.array(truth.dlt), 0.3, n.sum(axis=1)
    mtd, over = int(np.abs(p - target).argmin()), p > target
    loss = np.abs(p - target) * len(p) / np.abs(p - target).sum()
    chosen = np.append(p, np.nan)[selected]
    return {
        "selected_none": 1.0 * (selected == NONE),
        "mean_patients": 1.0 * total,
        "mean_dlts": 1.0 * terminals.tally.dlt[place].sum(axis=1),
        "stopped_early": 1.0 * (total < design.max_patients),
        "pcs": 1.0 * (selected == (NONE if p[0] > 1.4 * target else mtd)),
        "pcs_nearest": 1.0 * (selected == mtd),
        "pas": 1.0 * ((chosen >= 0.18) & (chosen <= 0.42)),
        "overdose_selected": 1.0 * (chosen > target),
        "underdose_selected": 1.0 * (chosen < 0.18),
        "accuracy_index": 1 - np.append(loss, 0.0)[selected],
        "pca": n[:, mtd] / total,
        "overdose_allocated": n[:, over].sum(axis=1) / total,
        "risk_overdose_60": 1.0 * (n[:, over].sum(axis=1) / total >= 0.6 - 1e-12),
        "poor_allocation": 1.0 * (n[:, mtd] * len(p) < total),
    }


@pytest.mark.parametrize("max_states", [1000, 2_000_000], ids=["decided", "walked"])
@pytest.mark.parametrize("truth", [TRUTH, TOXIC, FLAT], ids=lambda truth: truth.name)
def test_differences_against_trials_one_by_one(truth: esc.Scenario, max_states: int) -> None:
    """Mean and standard error of the difference between two trials of the same patients, over a chunk and a bit."""
    trials = paired.CHUNK + 1234
    found = compared(simulate(DESIGNS, [truth], trials=trials, seed=5, max_states=max_states))
    each = [one_by_one(design, truth, trials, 5) for design in DESIGNS]
    for a, b in combinations(range(len(DESIGNS)), 2):
        gap, error = found.differences(a, b)
        for metric, values in each[a].items():
            apart, m = values - each[b][metric], METRICS.index(metric)
            assert gap[m, 0] == pytest.approx(apart.mean(), abs=1e-12)
            assert error[m, 0] == pytest.approx(apart.std() / np.sqrt(trials), rel=1e-6, abs=1e-9)


def test_efficiency_against_trials_one_by_one() -> None:
    """A correct selection counts one over the PCS of the benchmark, which differs between designs of 21 and 18 patients."""
    oc = simulate(DESIGNS, [TRUTH], trials=4000, seed=3)
    optimal = [result.scalars["benchmark_pcs"][0][0] for result in oc.designs]
    each = [one_by_one(design, TRUTH, 4000, 3)["pcs"] / best for design, best in zip(DESIGNS, optimal, strict=True)]
    gap, error = compared(oc).differences(1)
    assert len(set(optimal)) == 3
    assert gap[-1, 0] == pytest.approx((each[1] - each[0]).mean())
    assert error[-1, 0] == pytest.approx((each[1] - each[0]).std() / np.sqrt(4000))
    assert compared(oc).families[0].difference(1, "efficiency") == pytest.approx((gap[-1, 0], error[-1, 0]))


def test_error_is_the_spread_over_seeds() -> None:
    """The stated error of a difference in PCS against its spread over 300 seeds, by the chi-square law.

    False-alarm rate 1e-4. Negative control: the error of two independent studies is far outside.
    """
    designs = [make({"kind": "boin"}, 3, max_patients=n) for n in (12, 15)]
    truth = esc.Scenario(name="b", dlt=(0.1, 0.3, 0.5))
    apart, errors, independent = [], [], []
    for seed in range(300):
        oc = simulate(designs, [truth], trials=1000, seed=seed)
        gap, error = compared(oc).differences(1)
        apart.append(gap[METRICS.index("pcs"), 0])
        errors.append(error[METRICS.index("pcs"), 0])
        first, second = (result.characteristics.of(0, "pcs")[0][1] for result in oc.designs)
        independent.append(np.hypot(first, second))
    squares = 299 * np.var(apart, ddof=1)
    low, high = stats.chi2.ppf([0.5e-4, 1 - 0.5e-4], 299)
    assert low < squares / np.mean(np.square(errors)) < high
    assert squares / np.mean(np.square(independent)) < low


def test_exact_is_the_limit() -> None:
    """Exact differences have error 0, and random ones lie within 5 errors of them.

    Over 3 pairs, 2 scenarios and 22 metrics: a false alarm in 8e-5 of runs. A difference never seen has no error.
    """
    exact = compared(simulate(DESIGNS, [TRUTH, TOXIC]))
    random = compared(simulate(DESIGNS, [TRUTH, TOXIC], trials=100_000, seed=8))
    for a, b in combinations(range(len(DESIGNS)), 2):
        gap, none = exact.differences(a, b)
        near, error = random.differences(a, b)
        assert set(none[np.isfinite(none)].tolist()) <= {0.0}
        assert (np.isnan(gap) == np.isnan(near)).all()
        known = np.isfinite(gap)
        assert (np.abs(near - gap)[known] <= 5 * error[known] + 20 / 100_000).all()


def test_characteristics_are_those_of_a_design_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, walked and decided, over several chunks, ends merged often and once."""
    trials = 2 * paired.CHUNK + 99
    for max_states, merged in ((2_000_000, paired.MERGED), (1000, 100)):
        monkeypatch.setattr(paired, "MERGED", merged)
        together = simulate(DESIGNS, [TRUTH, TOXIC], trials=trials, seed=2, max_states=max_states)
        for design, result in zip(DESIGNS, together.designs, strict=True):
            (alone,) = simulate([design], [TRUTH, TOXIC], trials=trials, seed=2, max_states=max_states).designs
            for part in ("values", "errors", "size_mass"):
                one, other = (getattr(each.characteristics, part).tobytes() for each in (result, alone))
                assert one == other
            assert result.characteristics.columns == alone.characteristics.columns
            assert (result.n_states, result.characteristics.sizes) == (alone.n_states, alone.characteristics.sizes)


def test_bits_do_not_depend_on_the_company() -> None:
    """Workers, the order of scenarios, and the other designs leave the differences of two designs as they are."""
    truths = [TRUTH, TOXIC, FLAT]
    trials = paired.CHUNK + 17
    first = compared(simulate(DESIGNS, truths, trials=trials, workers=1))
    for workers in (2, 5):
        again = compared(simulate(DESIGNS, truths, trials=trials, workers=workers))
        assert again.squares is not None
        assert first.squares is not None
        assert again.squares.tobytes() == first.squares.tobytes()
        assert again.families[0].errors.tobytes() == first.families[0].errors.tobytes()
    backwards = compared(simulate(DESIGNS, truths[::-1], trials=trials))
    fewer = compared(simulate([DESIGNS[2], DESIGNS[0]], truths, trials=trials))
    for part in (0, 1):
        expected = first.differences(2, 0)[part]
        assert np.array_equal(backwards.differences(2, 0)[part][:, ::-1], expected, equal_nan=True)
        assert np.array_equal(fewer.differences(0, 1)[part], expected, equal_nan=True)
    for one, other in zip(
        (first.families[0].means, first.families[0].differences, first.families[0].errors),
        (backwards.families[0].means, backwards.families[0].differences, backwards.families[0].errors),
        strict=True,
    ):
        assert np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize("how", [{}, {"trials": 3000}], ids=["exact", "random"])
def test_a_design_beside_itself(how: dict[str, Any]) -> None:
    """It differs by exactly nothing, with error exactly nothing, and shares every rank."""
    found = compared(simulate([BOIN, BOIN], [TRUTH, FLAT], **how))
    gap, error = found.differences("boin (2)", "boin")
    assert found.titles == ("boin", "boin (2)")
    assert set(gap[np.isfinite(gap)].tolist()) == set(error[np.isfinite(error)].tolist()) == {0.0}
    family = found.families[0]
    known = np.isfinite(family.differences)
    assert not family.differences[known].any()
    assert not family.errors[known].any()
    assert (family.ranks[0] == family.ranks[1]).all()


def test_kernel_against_plain_numpy() -> None:
    """Sums of squared differences over trials, to the last bit in the order of the trials; NaN stays in its metric."""
    rng = np.random.default_rng(4)
    values, rows = rng.normal(size=(50, 6)), rng.integers(0, 50, size=(4, 300))
    values[:, 2] = np.nan
    found = np.zeros((6, 6))
    kernels.add_squares(values, rows, found)
    expected = [np.cumsum((values[rows[b]] - values[rows[a]]) ** 2, axis=0)[-1] for a, b in combinations(range(4), 2)]
    assert np.array_equal(found, np.array(expected), equal_nan=True)


def test_errors_over_families() -> None:
    """Drawn scenarios: the spread of the differences over sqrt(V); chosen: the Monte-Carlo errors; a list of both: by strata."""
    rng = np.random.default_rng(6)
    rates = np.sort(rng.uniform(0.05, 0.6, size=(12, 4)), axis=1).round(6).tolist()
    law = [esc.Scenario(name=str(k), dlt=tuple(p), family="law", drawn=True) for k, p in enumerate(rates)]
    found = compared(simulate(DESIGNS, [*law, TRUTH, FLAT], trials=2000))
    gap, error = (part[METRICS.index("pcs")] for part in found.differences(1))
    everything, of_law, fixed = found.families
    assert [(each.family, each.scenarios, each.drawn) for each in found.families] == [
        (None, 14, False),
        ("law", 12, True),
        ("fixed", 2, False),
    ]
    spread = gap[:12].std(ddof=1)
    assert of_law.difference(1, "pcs") == pytest.approx((gap[:12].mean(), spread / np.sqrt(12)))
    assert fixed.difference(1, "pcs") == pytest.approx((gap[12:].mean(), np.hypot(*error[12:]) / 2))
    both = np.sqrt(12 * spread**2 + (error[12:] ** 2).sum()) / 14
    assert everything.difference(1, "pcs") == pytest.approx((gap.mean(), both))
    assert everything.difference(1, "pcs", reference=2)[0] == pytest.approx(
        found.values[1, METRICS.index("pcs")].mean() - found.values[2, METRICS.index("pcs")].mean()
    )
    exact = compared(simulate(DESIGNS, [TRUTH, FLAT])).families[0]
    assert not exact.errors[np.isfinite(exact.errors)].any()


def test_efficiency_over_a_family_is_a_ratio_of_means() -> None:
    """Mean PCS over mean PCS of the benchmark, where there is one; differences are those of the ratios."""
    oc = simulate(DESIGNS, [TRUTH, FLAT, TOXIC])
    family = compared(oc).families[0]
    # Only BOIN's rule bars doses: without one the benchmark never finds that none is acceptable.
    assert [bool(result.scalars["benchmark_pcs"][0][2]) for result in oc.designs] == [True, False, False]
    ratios = [
        result.scalars["pcs"][0][:2].mean() / result.scalars["benchmark_pcs"][0][:2].mean() for result in oc.designs
    ]
    assert [family.mean(d, "efficiency") for d in range(3)] == pytest.approx(ratios)
    assert family.difference(1, "efficiency") == pytest.approx((ratios[1] - ratios[0], 0.0))


def test_notes_tell_what_cannot_be_compared() -> None:
    """Different targets are compared, with a note; the same targets without."""
    other = make({"kind": "boin"}, 4, target=0.25)
    (note,) = compared(simulate([BOIN, other], [TRUTH])).notes
    assert "different targets (0.25, 0.3)" in note
    assert compared(simulate(DESIGNS, [TRUTH])).notes == ()
    truth = esc.Scenario(name="graded", dlt=TRUTH.dlt, outcomes={"M": (0.1,) * 4})
    titrated = make({"kind": "accelerated_titration"}, 4, max_patients=12, rules=(), title="titrated")
    assert compared(simulate([BOIN, titrated], [truth])).notes == ()
    three = tuple({"letter": x, "name": x, "score": k / 2} for k, x in enumerate("NMT"))
    scored = make({"kind": "gboin", "grades": three}, 4, max_patients=12, title="scored")
    assert compared(simulate([BOIN, scored], [truth])).notes == (
        "The designs grade outcomes differently: the target is a mean score to some, a DLT rate to others.",
    )
    without = make({"kind": "three_plus_three"}, 4, target=None, rules=())
    found = compared(simulate([BOIN, without], [TRUTH]))
    assert found.notes == ("A design without target has no metric that needs one.",)
    assert found.families[0].ranking("pcs") == [0]
    assert np.isnan(found.differences(1)[0][METRICS.index("pcs"), 0])


def test_long_form() -> None:
    """One row a design, reference, scenario and metric; all pairs when asked for."""
    oc = simulate(DESIGNS, [TRUTH, FLAT], trials=500)
    frame = compared(oc).to_frame()
    assert list(frame.columns) == ["design", "reference", "scenario", "metric", "difference", "se"]
    assert len(frame) == 2 * 2 * len(METRICS)
    assert set(frame.reference) == {"boin"}
    assert len(compared(oc).rows(all_pairs=True)) == 3 * 2 * len(METRICS)
    row = frame[(frame.design == "crm") & (frame.scenario == "flat") & (frame.metric == "pcs")].iloc[0]
    gap, error = compared(oc).differences("crm")
    assert (row.difference, row.se) == (gap[METRICS.index("pcs"), 1], error[METRICS.index("pcs"), 1])
    assert simulate([BOIN], [TRUTH]).comparison is None
