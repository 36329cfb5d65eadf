"""Several independent ways to one number: kernels, plain NumPy, random trials along the automaton and without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import escalate as esc
from escalate.core.files import load_design
from escalate.engine import monte_carlo
from escalate.engine.automaton import compile_design
from escalate.engine.exact import Propagator
from escalate.study.metrics import Groups, Truths, allocation_values
from escalate.study.simulate import simulate
from tests.helpers import ROOT, make, quick, scenarios_for

DESIGNS = sorted((ROOT / "designs").glob("*.yaml"))
TRIALS = 200_000
# Each test looks at about 70 terminals' worth of figures over 6 designs x 7 scenarios at most: 1e-4 in all.
FALSE_ALARM = 1e-4 / (len(DESIGNS) * 7 * 200)


def test_propagation_against_sums_written_out() -> None:
    """Expectations and group masses agree to 1e-12 with sums of products, written out, also for a last, short block."""
    design = make({"kind": "boin"}, 4, max_patients=18)
    terminals = compile_design(design).terminals
    rng = np.random.default_rng(2)
    truths = np.sort(rng.uniform(0.01, 0.9, size=(37, 4)), axis=1)
    values, _ = allocation_values(terminals, design, Truths.of(truths[:1], 0.3))
    groups = Groups.of(terminals)
    n, y = terminals.tally.n, terminals.tally.dlt
    mass = terminals.paths[:, None] * np.prod(
        truths[None] ** y[:, None, :] * (1 - truths[None]) ** (n - y)[:, None, :], axis=2
    )
    found = Propagator.of(terminals, groups.of_terminal).expect(np.stack([1 - truths, truths], axis=2), values)
    np.testing.assert_allclose(mass.sum(axis=0), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.patients, mass.T @ n, atol=1e-11)
    np.testing.assert_allclose(found.dlts, mass.T @ y, atol=1e-11)
    np.testing.assert_allclose(found.moments, mass.T @ values, atol=1e-12)
    by_group = np.stack([mass[groups.of_terminal == g].sum(axis=0) for g in range(len(groups.patients))], axis=1)
    np.testing.assert_allclose(found.mass, by_group, atol=1e-12)


@pytest.mark.parametrize("path", quick(DESIGNS))
def test_exact_and_simulated_agree(path: Path) -> None:
    """Selections, stops and sample sizes of every example design and scenario, by exact binomial tests.

    The total false-alarm rate is 1e-4 (Bonferroni over at most 200 figures a design and scenario).
    """
    design = load_design(path)
    exact = simulate([design], scenarios_for(design), exact=True).designs[0]
    random = simulate([design], scenarios_for(design), trials=TRIALS, seed=11).designs[0]
    for v in range(len(exact.scenarios)):
        for metric in (
            "selected",
            "selected_none",
            "pcs",
            "pas",
            "stopped_early",
            "overdose_selected",
            "risk_overdose_60",
        ):
            pairs = zip(exact.characteristics.of(v, metric), random.characteristics.of(v, metric), strict=True)
            for (p, _), (share, _) in pairs:
                k = round(share * TRIALS)
                assert stats.binomtest(k, TRIALS, min(max(p, 0.0), 1.0)).pvalue > FALSE_ALARM, (metric, p, share)
        for metric in ("patients", "dlts", "mean_patients", "pca", "overdose_allocated", "mean_dlts", "dlt_rate"):
            pairs = zip(exact.characteristics.of(v, metric), random.characteristics.of(v, metric), strict=True)
            for (mean, _), (found, error) in pairs:
                # 6.5 standard errors: 8e-11 a figure where the mean is near normal; rare events have few of their own.
                assert abs(found - mean) <= 6.5 * error + 60 / TRIALS, (metric, mean, found, error)


def test_a_wrong_exact_value_is_noticed() -> None:
    """Negative control: figures of another scenario, two points away, fail the same binomial test."""
    design = make({"kind": "boin"})
    truths = (
        esc.Scenario(name="a", dlt=(0.05, 0.15, 0.30, 0.45, 0.60)),
        esc.Scenario(name="b", dlt=(0.05, 0.15, 0.32, 0.45, 0.60)),
    )
    exact = simulate([design], truths, exact=True).designs[0].characteristics
    random = simulate([design], truths[:1], trials=TRIALS).designs[0].characteristics
    k = round(random.value(0, "pcs") * TRIALS)
    assert stats.binomtest(k, TRIALS, exact.value(0, "pcs")).pvalue > FALSE_ALARM
    assert stats.binomtest(k, TRIALS, exact.value(1, "pcs")).pvalue < FALSE_ALARM


CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "mean"}


@pytest.mark.parametrize(
    "design",
    [
        make({"kind": "boin"}, 4, max_patients=24),
        make({"kind": "boin", "titration": True}, 4, max_patients=23),
        make(CRM, 4, cohort_size=2, max_patients=21),
        make({"kind": "three_plus_three"}, 4, max_patients=24),
    ],
    ids=["boin", "titration", "crm", "three_plus_three"],
)
def test_trials_are_the_same_with_and_without_automaton(design: esc.Design) -> None:
    """Trial by trial the same patients and decisions: the counts of final states are equal, not just alike."""
    truth = (0.1, 0.2, 0.35, 0.5)
    automaton = compile_design(design)
    walked = monte_carlo.walk(monte_carlo.Walkable.of(automaton), truth, design.max_patients, 70_001, 5)
    terminals, times = monte_carlo.decide_as_they_go(design, esc.Scenario(name="a", dlt=truth), 70_001, 5)
    expected = {
        (*automaton.terminals.tally.counts[t].ravel().tolist(), int(automaton.terminals.stops[t])): int(walked[t])
        for t in np.flatnonzero(walked)
    }
    found = {
        (*terminals.tally.counts[t].ravel().tolist(), int(terminals.stops[t])): int(times[t])
        for t in range(len(terminals))
    }
    assert found == expected
    assert times.sum() == 70_001


def test_result_does_not_depend_on_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, exact and simulated, with 1, 2 and 5 threads and other chunks."""
    design = make({"kind": "boin"})
    rng = np.random.default_rng(3)
    truths = [esc.Scenario(name=str(k), dlt=tuple(sorted(rng.uniform(0.01, 0.8, 5).tolist()))) for k in range(40)]
    for settings in ({"exact": True}, {"trials": 30_000}):
        results = []
        for workers, chunk in ((1, 1 << 18), (2, 1 << 18), (5, 999)):
            monkeypatch.setattr(monte_carlo, "CHUNK", chunk)
            some: Any = {**settings, "workers": workers}
            found = simulate([design], truths, **some).designs[0].characteristics
            results.append((found.values.tobytes(), found.errors.tobytes(), found.size_mass.tobytes()))
        assert len(set(results)) == 1


def test_a_scenario_does_not_depend_on_its_company() -> None:
    """The same bits alone, in another order, or among others."""
    design = make({"kind": "boin"})
    truths = [esc.Scenario(name=str(k), dlt=(0.05 + k / 300, 0.15 + k / 200, 0.30, 0.45, 0.60)) for k in range(20)]
    for settings in ({"exact": True}, {"trials": 5_000}):
        some: Any = settings
        together = simulate([design], truths, **some).designs[0].characteristics
        backwards = simulate([design], truths[::-1], **some).designs[0].characteristics
        alone = simulate([design], truths[3:4], **some).designs[0].characteristics
        assert (together.values[3] == backwards.values[-4]).all()
        assert (together.values[3] == alone.values[0]).all()


def test_designs_share_their_patients() -> None:
    """Patient k of trial i has the same latent uniform: designs that treat alike give identical figures."""
    truth = [esc.Scenario(name="a", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))]
    same = simulate([make({"kind": "boin"}), make({"kind": "boin", "bound_mtd": True})], truth, trials=20_000)
    first, second = (result.characteristics for result in same.designs)
    assert first.of(0, "patients") == second.of(0, "patients")
    assert first.of(0, "dlts") == second.of(0, "dlts")
