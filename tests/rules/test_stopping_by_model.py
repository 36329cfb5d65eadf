"""Stops that ask a model: against draws from the posterior, definitions, and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.tally import States, Tally
from escalate.methods.blrm import Blrm
from escalate.rules.stop_at_patients_near_dose import StopAtPatientsNearDose
from escalate.rules.stop_when_mtd_above import StopWhenMtdAbove
from escalate.rules.stop_when_mtd_certain import StopWhenMtdCertain
from escalate.rules.stop_when_target_likely import StopWhenTargetLikely
from tests.helpers import make

AMOUNTS = (10.0, 20.0, 40.0, 80.0, 160.0)
MEAN, SD = (-1.1, 0.0), (1.0, 0.6)
BLRM: dict[str, Any] = {
    "kind": "blrm",
    "reference_amount": 40.0,
    "prior": {"mean": MEAN, "sd": SD, "correlation": 0.0},
    "intervals": (0.16, 0.33),
}
CRM: dict[str, Any] = {"kind": "crm", "skeleton": (0.05, 0.12, 0.25, 0.40, 0.55), "estimate": "mean"}


def design(*rules: dict[str, Any], method: dict[str, Any] | None = None, **frame: Any) -> esc.Design:
    """Return a design with five amounts and some rules."""
    return make(method or BLRM, rules=rules, **{"doses": {"unit": "mg", "levels": AMOUNTS}, "target": 0.25, **frame})


def states(n: list[list[int]], dlt: list[list[int]]) -> States:
    """Return states whose last dose does not matter."""
    return States(Tally.of(n, dlt), np.zeros(len(n), dtype=np.int64), np.tile([3, 0], (len(n), 1)))


def some_states(size: int, seed: int) -> States:
    """Return random states."""
    rng = np.random.default_rng(seed)
    n = 3 * rng.integers(0, 4, (size, 5))
    return states(n.tolist(), rng.binomial(n, [0.05, 0.1, 0.2, 0.35, 0.5]).tolist())


def draws(n: list[int], dlt: list[int]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return a, b and weights: independent importance sampling from the prior."""
    rng = np.random.default_rng(20)
    a, b = rng.normal(MEAN[0], SD[0], 400_000), rng.normal(MEAN[1], SD[1], 400_000)
    eta = a[:, None] + np.exp(b)[:, None] * np.log(np.array(AMOUNTS) / 40)
    log_weight = -(np.array(dlt) * np.logaddexp(0, -eta) + (np.array(n) - dlt) * np.logaddexp(0, eta)).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    return a, b, weight / weight.sum()


def weighted_quantile(x: np.ndarray[Any, Any], weight: np.ndarray[Any, Any], q: float) -> float:
    """Return the quantile of weighted draws."""
    order = np.argsort(x)
    return float(x[order][np.searchsorted(np.cumsum(weight[order]), q)])


N, DLT = [3, 3, 6, 3, 0], [0, 0, 1, 2, 0]


# --- stop_when_target_likely -----------------------------------------------------------------------------------------
def test_likely_is_the_interval_of_the_method() -> None:
    """At the probability the trial stops, above it not; the interval is that of the method unless given."""
    one = states([N], [DLT])
    plain = design()
    assert isinstance(plain.method, Blrm)
    above = plain.method.belief(plain, one.tally).probs_above((0.16, 0.33))[:, 0, 2]
    value = float(above[0] - above[1])
    following = np.array([2])
    for probability, stops in ((value - 1e-5, True), (value + 1e-5, False)):
        for rule in (
            StopWhenTargetLikely(probability=probability),
            StopWhenTargetLikely(probability=probability, interval=(0.16, 0.33)),
        ):
            assert rule.stops(plain, one, following).tolist() == [stops]
    # At the cut-off itself: closed.
    assert StopWhenTargetLikely(probability=0.5).stops(plain, one, np.array([NONE])).tolist() == [False]
    a, b, weight = draws(N, DLT)
    p = 1 / (1 + np.exp(-a))
    assert weight[(p > 0.16) & (p <= 0.33)].sum() == pytest.approx(value, abs=0.006)
    assert b.shape == p.shape


def test_likely_for_a_crm() -> None:
    """Any method with a posterior, with an interval; by an independent integral over the one parameter."""
    rule = {"kind": "stop_when_target_likely", "interval": (0.16, 0.33), "probability": 0.5}
    trial = design(rule, method=CRM)
    one = states([[3, 6, 6, 0, 0]], [[0, 1, 1, 0, 0]])
    beta = np.linspace(-8, 8, 40_001)
    p = np.power.outer(np.array(CRM["skeleton"]), np.exp(beta))
    log_mass = -(beta**2) / (2 * 1.34)
    n, dlt = one.tally.n[0], one.tally.dlt[0]
    log_p, log_q = np.log(np.maximum(p, 1e-300)), np.log(np.maximum(1 - p, 1e-300))
    terms = dlt[:, None] * log_p + (n - dlt)[:, None] * log_q
    mass = np.exp(log_mass + terms.sum(axis=0))
    mass /= mass.sum()
    for j in range(3):
        value = mass[(p[j] > 0.16) & (p[j] <= 0.33)].sum()
        for probability, stops in ((value - 2e-3, True), (value + 2e-3, False)):
            asked = StopWhenTargetLikely(interval=(0.16, 0.33), probability=probability)
            assert asked.stops(trial, one, np.array([j])).tolist() == [stops]


def test_many_states_and_one_agree() -> None:
    """What an engine asks of thousands at once is what a trial asks of one, near the cut-off too."""
    many = some_states(300, 1)
    trial = design()
    following = np.random.default_rng(2).integers(-1, 5, 300)
    for rule in (
        StopWhenTargetLikely(probability=0.45),
        StopWhenTargetLikely(probability=0.4, interval=(0.2, 0.4)),
        StopWhenMtdAbove(factor=0.7, probability=0.6),
        StopWhenMtdCertain(cv=0.5),
    ):
        together = rule.stops(trial, many, following)
        alone = [bool(rule.stops(trial, many.take(np.array([s])), following[s : s + 1])[0]) for s in range(0, 300, 7)]
        assert together[::7].tolist() == alone
        assert 0 < together.sum() < 300
        assert not together[following == NONE].any()


# --- stop_at_patients_near_dose --------------------------------------------------------------------------------------
def test_near_is_closed_and_exact() -> None:
    """80, 100 and 120 are within 20% of 100; 79.9 and 120.1 are not. 0.3 of 0.1 is 0.13, as decimals."""
    trial = design(doses={"unit": "mg", "levels": (79.9, 80.0, 100.0, 120.0, 120.1)})
    one = states([[1, 1, 1, 1, 1]], [[0, 0, 0, 0, 0]])
    for patients, stops in ((3, True), (4, False)):
        rule = StopAtPatientsNearDose(patients=patients, within=0.2)
        assert rule.stops(trial, one, np.array([2])).tolist() == [stops]
    small = design(doses={"unit": "mg", "levels": (0.07, 0.1, 0.13, 0.14, 0.2)})
    rule = StopAtPatientsNearDose(patients=3, within=0.3)
    assert rule.stops(small, one, np.array([1])).tolist() == [True]
    assert StopAtPatientsNearDose(patients=4, within=0.3).stops(small, one, np.array([1])).tolist() == [False]
    assert rule.explain(small, one, 1) == (
        "Within 30% of 0.1 mg, which would follow, levels 1 to 3 have 3 evaluable patients; the rule asks for 3."
    )


@given(st.lists(st.integers(0, 9), min_size=5, max_size=5), st.integers(0, 4), st.integers(1, 9))
def test_near_by_nothing_is_at_the_dose(n: list[int], dose: int, patients: int) -> None:
    """`within: 0` is `stop_at_patients_at_dose` with `at: next`."""
    trial = design({"kind": "stop_at_patients_at_dose", "patients": patients, "at": "next"})
    one, following = states([n], [[0] * 5]), np.array([dose])
    near = StopAtPatientsNearDose(patients=patients, within=0.0)
    assert near.stops(trial, one, following).tolist() == trial.rules[0].stops(trial, one, following).tolist()


def test_a_distance_that_reaches_nothing_is_doubted() -> None:
    """Doses that double are more than 20% apart."""
    trial = design({"kind": "stop_at_patients_near_dose", "patients": 6})
    assert len(list(trial.rules[0].doubts(trial))) == 1
    assert list(StopAtPatientsNearDose(patients=6, within=0.5).doubts(trial)) == []
    assert list(StopAtPatientsNearDose(patients=6, within=0.0).doubts(trial)) == []


# --- the MTD as an amount --------------------------------------------------------------------------------------------
def test_mtd_against_draws() -> None:
    """Median and robust coefficient of variation, and Pr(MTD > amount), from weighted draws of the parameters."""
    trial, one = design(), states([N], [DLT])
    a, b, weight = draws(N, DLT)
    mtd = 40 * np.exp(np.clip((np.log(0.25 / 0.75) - a) / np.exp(b), -50, 50))
    middle = weighted_quantile(mtd, weight, 0.5)
    cv = 1.4826 * weighted_quantile(np.abs(mtd - middle), weight, 0.5) / middle
    found = StopWhenMtdCertain(cv=0.3).variation(trial, one.tally)
    assert found is not None
    assert found[0] == pytest.approx(middle, rel=0.01)
    assert found[1] == pytest.approx(cv, rel=0.02)
    for factor, dose in ((0.5, 2), (1.0, 2), (1.5, 1)):
        value = weight[mtd > factor * AMOUNTS[dose]].sum()
        for probability, stops in ((value - 0.01, True), (value + 0.01, False)):
            rule = StopWhenMtdAbove(factor=factor, probability=probability)
            assert rule.stops(trial, one, np.array([dose])).tolist() == [stops]


def test_cv_is_a_threshold_of_the_variation() -> None:
    """The trial stops where the coefficient that the rule reports is at most `cv`."""
    trial = design(max_patients=45)
    many = some_states(16, 3)
    following = np.zeros(16, dtype=np.int64)
    rule = StopWhenMtdCertain(cv=0.5)
    each = [rule.variation(trial, many.take(np.array([s])).tally) for s in range(16)]
    assert rule.stops(trial, many, following).tolist() == [found is not None and found[1] <= 0.5 for found in each]
    for s, found in enumerate(each[:4]):
        if found is None or not 0.051 < found[1] < 1.99:
            continue
        one = many.take(np.array([s]))
        assert StopWhenMtdCertain(cv=found[1] + 1e-5).stops(trial, one, following[:1]).tolist() == [True]
        assert StopWhenMtdCertain(cv=found[1] - 1e-5).stops(trial, one, following[:1]).tolist() == [False]


def test_at_the_dose_it_is_the_overdose_probability() -> None:
    """With factor 1, Pr(MTD > dose) is Pr(p <= target) at that dose."""
    trial, many = design(), some_states(40, 5)
    assert isinstance(trial.method, Blrm)
    below = 1 - trial.method.prob_above(trial, many.tally, 0.25)
    for j in range(5):
        rule = StopWhenMtdAbove(factor=1.0, probability=0.5)
        stops = rule.stops(trial, many, np.full(40, j))
        assert stops.tolist() == (below[:, j] >= 0.5).tolist()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 5.0), st.integers(0, 4))
def test_larger_factors_stop_less(factor: float, dose: int) -> None:
    """Pr(MTD > x) falls with x."""
    trial, one = design(), states([N], [DLT])
    asked = np.array([dose])
    low = StopWhenMtdAbove(factor=factor, probability=0.5).stops(trial, one, asked)[0]
    high = StopWhenMtdAbove(factor=factor * 1.3, probability=0.5).stops(trial, one, asked)[0]
    assert low or not high


def test_nothing_is_known_of_an_mtd_far_outside() -> None:
    """After 60 patients with no DLT at the lowest amount the median is out of sight: no stop, and the reason is said."""
    wide = {**BLRM, "prior": {"mean": (-4.0, 0.0), "sd": (0.5, 0.3)}}
    trial = design(method=wide, max_patients=100)
    one = states([[60, 30, 0, 0, 0]], [[0, 0, 0, 0, 0]])
    rule = StopWhenMtdCertain(cv=2.0, target=0.99)
    assert rule.variation(trial, one.tally) is None
    assert rule.stops(trial, one, np.array([4])).tolist() == [False]
    assert "more than a factor 100 outside" in rule.explain(trial, one, 4)


# --- what is refused, and what is said -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "method", "frame", "said"),
    [
        ({"kind": "stop_when_target_likely"}, {"kind": "boin"}, {}, r"rules\[1\]\.kind: boin here gives no posterior"),
        ({"kind": "stop_when_target_likely"}, CRM, {}, r"rules\[1\]\.interval: is missing, and crm has no target"),
        ({"kind": "stop_when_target_likely", "interval": (0.4, 0.2)}, CRM, {}, r"interval: 0\.4 is not below 0\.2"),
        ({"kind": "stop_when_target_likely", "probability": 1.0}, BLRM, {}, r"probability: 1\.0 is not below 1"),
        (
            {"kind": "stop_at_patients_near_dose", "patients": 3, "within": 1.0},
            BLRM,
            {},
            r"within: 1\.0 is not below 1",
        ),
        ({"kind": "stop_at_patients_near_dose"}, BLRM, {}, r"patients: is missing"),
        ({"kind": "stop_when_mtd_certain"}, CRM, {}, r"kind: crm says nothing of amounts between the doses"),
        (
            {"kind": "stop_when_mtd_certain"},
            BLRM,
            {"target": None},
            r"target: is missing, and the design has no target",
        ),
        ({"kind": "stop_when_mtd_certain", "cv": 0.01}, BLRM, {}, r"cv: 0\.01 is not at least 0\.05"),
        ({"kind": "stop_when_mtd_above", "factor": 0.5}, BLRM, {}, r"probability: is missing"),
        (
            {"kind": "stop_when_mtd_above", "factor": 0, "probability": 0.5},
            BLRM,
            {},
            r"factor: 0 is not at least 0\.01",
        ),
    ],
)
def test_refused(rule: dict[str, Any], method: dict[str, Any], frame: dict[str, Any], said: str) -> None:
    """One sentence: which setting, what is wrong, what would be right."""
    with pytest.raises(esc.DesignError, match=said):
        design(rule, method=method, **frame)


def test_they_combine_and_explain() -> None:
    """Practice: six patients at the dose and half the posterior in the target interval; the trace gives both numbers."""
    parts = (
        {"kind": "stop_at_patients_at_dose", "patients": 6, "at": "next"},
        {"kind": "stop_when_target_likely", "probability": 0.35},
    )
    trial = design({"kind": "all_of", "rules": parts})
    assert esc.recommend(trial, "1NNN 2NNT").action != "stop"
    found = esc.recommend(trial, "1NNN 2NNT 2NNT")
    assert found.action == "stop"
    text = next(line.text for line in found.trace if line.source == "rule: all_of")
    assert text.startswith("2 of 2 parts hold")
    assert "At level 2, which would follow, Pr(0.16 < p <= 0.33) is 0." in text


def test_no_dose_follows() -> None:
    """Where the method stops by itself each rule says that there is nothing to look at."""
    trial, one = design(), states([[3, 0, 0, 0, 0]], [[3, 0, 0, 0, 0]])
    for rule in (
        StopWhenTargetLikely(),
        StopAtPatientsNearDose(patients=1),
        StopWhenMtdAbove(factor=0.5, probability=0.5),
    ):
        assert rule.stops(trial, one, np.array([NONE])).tolist() == [False]
        assert rule.explain(trial, one, NONE).startswith("No dose follows")
