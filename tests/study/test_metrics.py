"""Operating characteristics against the dossier's worked figures."""

from __future__ import annotations

import numpy as np
import pytest

import escalate as esc
from escalate.core.arrays import IntArray
from escalate.core.tally import Tally
from escalate.engine.automaton import Terminals
from escalate.study.characteristics import Characteristics
from escalate.study.counting import from_counts
from escalate.study.metrics import Truths
from tests.helpers import make

TRUTH = esc.Scenario(name="truth", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))


def _of(n: list[list[int]], selected: list[int], times: list[int]) -> Characteristics:
    design = make({"kind": "boin"})
    tally = Tally.of(n, np.zeros_like(np.array(n)))
    chosen: IntArray = np.array(selected) - 1
    terminals = Terminals(tally, np.full(len(n), np.nan), chosen, np.ones(len(n), dtype=np.int64))
    return from_counts(design, TRUTH, terminals, np.array(times), sum(times))


def test_accuracy_indices() -> None:
    """Source: dossier simulation.md 4: .6088235 (absolute), .7006329 (squared), .5942308 (overdose-weighted)."""
    found = _of([[6, 6, 6, 6, 6]] * 5, [1, 2, 3, 4, 5], [2, 15, 60, 20, 3])
    assert found.value(0, "accuracy_index") == pytest.approx(0.6088235, abs=5.1e-8)
    assert found.value(0, "accuracy_index_squared") == pytest.approx(0.7006329, abs=5.1e-8)
    assert found.value(0, "accuracy_index_overdose") == pytest.approx(0.5942308, abs=5.1e-8)


def test_accuracy_index_of_a_uniform_choice_is_zero() -> None:
    """Source: dossier simulation.md 4."""
    found = _of([[6, 6, 6, 6, 6]] * 5, [1, 2, 3, 4, 5], [1, 1, 1, 1, 1])
    assert found.value(0, "accuracy_index") == pytest.approx(0.0, abs=1e-12)


def test_risk_of_overdosing_at_its_boundary() -> None:
    """Source: dossier simulation.md 4: 18 of 30 is at the 60% boundary: >= counts it, BOIN's strict > does not."""
    found = _of([[6, 9, 12, 3, 0], [3, 3, 6, 12, 6], [3, 6, 15, 6, 0]], [3, 3, 3], [1, 1, 1])
    assert found.value(0, "risk_overdose_60") == pytest.approx(1 / 3)
    assert found.value(0, "risk_overdose_60_planned") == 0.0
    assert found.value(0, "overdose_allocated") == pytest.approx(0.3)


def test_standard_errors_are_those_of_the_sample() -> None:
    """Source: by hand: sd / sqrt(R) of each figure over 4 trials."""
    found = _of([[30, 0, 0, 0, 0], [0, 0, 30, 0, 0]], [1, 3], [1, 3])
    ((share, error),) = found.of(0, "pcs")
    assert (share, error) == pytest.approx((0.75, np.sqrt(0.75 * 0.25 / 4)))
    patients, error = found.of(0, "patients")[2]
    assert (patients, error) == pytest.approx((22.5, np.std([0, 30, 30, 30]) / 2))


def test_truths() -> None:
    """Two doses equally near both are the MTD; none is where level 1 is above 1.4 times the target."""
    truths = Truths.of(np.array([[0.2, 0.25, 0.35, 0.5], [0.45, 0.5, 0.6, 0.7], [0.42, 0.5, 0.6, 0.7]]), 0.3)
    assert truths.mtd[0].tolist() == [False, True, True, False]
    assert truths.no_mtd.tolist() == [False, True, False]
    assert truths.acceptable[0].tolist() == [True, True, True, False]
    assert truths.under[0].tolist() == [False, False, False, False]


def test_no_mtd_scenario_counts_stopping_as_correct() -> None:
    """PCS is P(none) where every dose is too toxic; `pcs_nearest` keeps the nearest dose."""
    design = make({"kind": "boin"}, 3)
    toxic = esc.Scenario(name="toxic", dlt=(0.5, 0.6, 0.7))
    found = esc.simulate([design], [toxic], exact=True).designs[0].characteristics
    assert found.value(0, "pcs") == found.value(0, "selected_none")
    assert found.value(0, "pcs_nearest") == pytest.approx(found.of(0, "selected")[0][0])


def test_everything_adds_up() -> None:
    """Selections sum to one, patients to the mean size, the size distribution to one, over random scenarios."""
    rng = np.random.default_rng(5)
    truths = [esc.Scenario(name=str(k), dlt=tuple(sorted(rng.uniform(0.01, 0.9, 5).tolist()))) for k in range(50)]
    found = esc.simulate([make({"kind": "boin"})], truths, exact=True).designs[0].characteristics
    for v in range(50):
        selected = sum(x for x, _ in found.of(v, "selected")) + found.value(v, "selected_none")
        assert selected == pytest.approx(1.0, abs=1e-12)
        assert sum(x for x, _ in found.of(v, "patients")) == pytest.approx(found.value(v, "mean_patients"), abs=1e-11)
        assert found.size_mass[v].sum() == pytest.approx(1.0, abs=1e-12)
        rates = np.array(truths[v].dlt)
        dlts = np.array([x for x, _ in found.of(v, "dlts")])
        np.testing.assert_allclose(dlts, rates * [x for x, _ in found.of(v, "patients")], atol=1e-11)


def test_long_form() -> None:
    """One row a design, scenario, level and metric, with its error."""
    found = esc.simulate([make({"kind": "boin"}, 2, max_patients=6)], [esc.Scenario(name="a", dlt=(0.1, 0.3))])
    frame = found.to_frame()
    assert list(frame.columns) == ["design", "scenario", "level", "metric", "value", "se"]
    assert frame[frame.metric == "selected"].value.tolist() == [
        x for x, _ in found.designs[0].characteristics.of(0, "selected")
    ]
    assert (frame.se.dropna() == 0).all()
