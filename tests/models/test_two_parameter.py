"""The two-parameter logistic model against published posteriors, quadrature and PyMC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.engine.automaton import compile_design
from escalate.methods.blrm import Blrm
from escalate.models.bivariate_normal import Component
from escalate.models.two_parameter import Known, TwoParameterModel
from escalate.models.two_parameter_grid import CLOSE, FINE, ROUGH
from tests.helpers import cases, make

VAGUE = (Component(weight=1.0, mean=(-1.0, 0.0), sd=(2.0, 1.0)),)
PRIORS = (
    VAGUE,
    (Component(weight=1.0, mean=(-2.0, 0.0), sd=(2.0, 1.0)),),
    (Component(weight=1.0, mean=(-0.5, 0.5), sd=(0.7, 0.4), correlation=-0.3),),
    (Component(weight=1.0, mean=(0.0, 0.0), sd=(2.0, 1.0)),),
    (Component(weight=1.0, mean=(-1.35, 0.74), sd=(1.23, 0.46), correlation=0.32),),
)
LABELS = tuple(np.log(np.array([1, 2, 4, 8, 12, 16, 24, 32]) / 16).tolist())


def model_and_data(inputs: dict[str, Any]) -> tuple[TwoParameterModel, Tally]:
    """Return what a case of blrm_single.json describes."""
    covariance, grid = np.array(inputs["Sigma"]), np.array(inputs["dose_grid"])
    sd = np.sqrt(np.diag(covariance))
    r = float(covariance[0, 1] / sd.prod())
    prior = (Component(weight=1.0, mean=tuple(inputs["mu"]), sd=(float(sd[0]), float(sd[1])), correlation=r),)
    n, dlt = np.zeros((1, len(grid)), dtype=np.int64), np.zeros((1, len(grid)), dtype=np.int64)
    for seen in inputs["observations"]:
        at = int(np.argmin(np.abs(grid - seen["dose"])))
        n[0, at] += seen["n"]
        dlt[0, at] += seen["dlt"]
    return TwoParameterModel(tuple(np.log(grid / inputs["ref_dose"]).tolist()), prior), Tally.of(n, dlt)


@pytest.mark.parametrize("case", cases("blrm_single"), ids=lambda case: str(case["id"]))
def test_posteriors_of_the_reference(case: dict[str, Any]) -> None:
    """blrm_single.json, made by independent quadrature and cross-checked with crmPack, trialr and OncoBayes2."""
    model, tally = model_and_data(case["inputs"])
    belief = model.belief(tally, max(30, int(tally.n_total[0])))
    expected = case["expected"]["doses"]
    assert np.allclose(belief.mean()[0], [dose["mean"] for dose in expected], rtol=0, atol=1e-7)
    for limit in ("0.16", "0.2", "0.33", "0.35", "0.6"):
        below = 1 - belief.prob_above(float(limit))[0]
        assert np.allclose(below, [dose["cdf"][limit] for dose in expected], rtol=0, atol=1e-7)
    for name in ("q2.5", "q25", "q50", "q75", "q97.5"):
        quantile = belief.quantile(float(name[1:]) / 100)[0]
        assert np.allclose(quantile, [dose["quantiles"][name] for dose in expected], rtol=0, atol=2e-5)
    assert belief.log_evidence()[0] == pytest.approx(case["expected"]["log_marginal_likelihood"], abs=1e-8)


def test_parameters_of_the_example_of_neuenschwander() -> None:
    """NBG data under the weak prior (0, 0; 2, 1), reference 50: dossier example A, checked with JAGS to three digits."""
    model = TwoParameterModel(
        tuple(np.log(np.array([1, 2.5, 5, 10, 25]) / 50).tolist()), (Component(weight=1.0, mean=(0, 0), sd=(2, 1)),)
    )
    belief = model.belief(Tally.of([[3, 4, 5, 4, 2]], [[0, 0, 0, 0, 2]]), 30)
    mean, covariance = belief.parameters()
    assert mean[0] == pytest.approx([1.3958259, 0.7336630], abs=1e-6)
    assert np.sqrt(np.diag(covariance[0])) == pytest.approx([1.5288828, 0.5832413], abs=1e-6)


def test_mixture_weights_of_the_dossier() -> None:
    """Informative .8 and vague .2, reference 50, at 25: prior, after 0/3 and after 3/3 (quadrature)."""
    prior = (
        Component(weight=0.8, mean=(float(np.log(0.2 / 0.8)), 0.0), sd=(0.5, 0.3)),
        Component(weight=0.2, mean=(0.0, 0.0), sd=(2.0, 1.0)),
    )
    model = TwoParameterModel((float(np.log(0.5)),), prior)
    belief = model.belief(Tally.of([[0], [3], [3]], [[0], [0], [3]]), 30)
    assert belief.prob_above(0.33)[:, 0] == pytest.approx([0.0931084, 0.0125124, 0.9206750], abs=2e-7)
    assert belief.mean()[1:, 0] == pytest.approx([0.1095995, 0.7578119], abs=2e-7)
    assert belief.component_weights()[1] == pytest.approx([0.8641944, 0.1358056], abs=2e-7)
    assert belief.component_weights()[2] == pytest.approx([0.0687217, 0.9312783], abs=2e-7)


def test_known_patients_count_as_their_likelihood() -> None:
    """Pseudo-data at a dose of the trial are patients of the trial; discounted by half, half their log likelihood."""
    own = TwoParameterModel(LABELS, VAGUE).belief(Tally.of([[0, 6, 0, 0, 0, 0, 0, 0]], [[0, 1, 0, 0, 0, 0, 0, 0]]), 30)
    known = TwoParameterModel(LABELS, VAGUE, (Known(LABELS[1], 6, 1),)).belief(Tally.of([[0] * 8], [[0] * 8]), 30)
    assert np.allclose(own.mean(), known.mean(), atol=1e-9)
    assert np.allclose(own.prob_above(0.33), known.prob_above(0.33), atol=1e-7)
    half = TwoParameterModel(LABELS[:1], VAGUE, (Known(LABELS[1], 3.0, 0.5),)).belief(Tally.of([[3]], [[1]]), 30)

    # Gauss-Legendre, 600 x 600 nodes over 8 standard deviations.
    t, w = np.polynomial.legendre.leggauss(600)
    a, b = -1.0 + 16 * t[:, None], 8 * t[None, :]
    p, q = (0.5 * (1 + np.tanh((a + np.exp(b) * x) / 2)) for x in (LABELS[0], LABELS[1]))
    mass = w[:, None] * w * np.exp(-(((a + 1) / 2) ** 2) / 2 - b**2 / 2) * p * (1 - p) ** 2 * q**0.5 * (1 - q) ** 2.5
    assert half.mean()[0, 0] == pytest.approx((mass * p).sum() / mass.sum(), abs=1e-7)


def test_robust_component_knows_nothing_of_the_known_patients() -> None:
    """Weights are those before the trial: with no data Pr(p > c) is the weighted mean of both parts, each alone."""
    informed = Component(weight=0.8, mean=(-2.0, 0.0), sd=(1.0, 0.7))
    vague = Component(weight=0.2, mean=(0.0, 0.0), sd=(2.0, 1.0))
    known = (Known(0.0, 12.0, 1.0),)
    nothing = Tally.of([[0] * 8], [[0] * 8])
    both = TwoParameterModel(LABELS, (informed, vague), known, blind=1).belief(nothing, 30)
    one = TwoParameterModel(LABELS, (informed.model_copy(update={"weight": 1.0}),), known).belief(nothing, 30)
    other = TwoParameterModel(LABELS, (vague.model_copy(update={"weight": 1.0}),)).belief(nothing, 30)
    assert np.allclose(both.prob_above(0.33), 0.8 * one.prob_above(0.33) + 0.2 * other.prob_above(0.33), atol=1e-6)
    assert both.component_weights()[0] == pytest.approx([0.8, 0.2], abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=8, max_size=8), st.integers(0, 4))
def test_grids_are_as_good_as_they_say(data: list[tuple[int, int]], k: int) -> None:
    """Any data of up to 36 patients: the coarse grids against the fine one."""
    n = np.array([max(pair) for pair in data])
    dlt = np.array([min(pair) for pair in data])
    if n.sum() > 36:
        keep = np.cumsum(n) <= 36
        n, dlt = n * keep, dlt * keep
    model, tally = TwoParameterModel(LABELS, PRIORS[k]), Tally.of(n[None], dlt[None])
    limits = (0.16, 0.33)
    exact = model.belief(tally, 36, FINE).probs_above(limits)
    for level in (ROUGH, CLOSE):
        assert np.abs(model.belief(tally, 36, level).probs_above(limits) - exact).max() < 2 * level.error


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=8), st.integers(0, 7))
def test_one_more_dlt_never_lowers_the_probability_of_overdosing(dlts: list[int], dose: int) -> None:
    """At the dose where it happened, and wherever one more of three had none before."""
    model = TwoParameterModel(LABELS, VAGUE)
    more = list(dlts)
    more[dose] = min(3, more[dose] + 1)
    over = model.belief(Tally.of([[3] * 8, [3] * 8], [dlts, more]), 36).prob_above(0.33)
    assert over[1, dose] >= over[0, dose] - 1e-9
    assert (np.diff(over, axis=1) >= -1e-6).all()


@pytest.mark.parametrize(
    ("mean", "sd", "r", "intervals"),
    [
        ((-3.44, -0.49), (0.8, 0.7), -0.7, (0.3, 0.6)),
        ((-3.21, -0.68), (0.3, 0.5), 0.0, (0.3, 0.6)),
        ((0.0, 0.0), (3.0, 1.0), 0.3, (0.2, 0.35)),
        ((0.0, 0.0), (3.0, 0.3), 0.3, (0.16, 0.33)),
        ((-1.74, -0.51), (0.5, 1.0), -0.35, (0.2, 0.35)),
        ((0.9, 0.1), (2.0, 0.33), 0.7, (0.16, 0.33)),
    ],
)
def test_many_at_once_are_decided_as_one_by_one(
    mean: tuple[float, float], sd: tuple[float, float], r: float, intervals: tuple[float, float]
) -> None:
    """Every tally that a design can end with: the same admissible doses on few nodes and on the finest."""
    prior = {"mean": mean, "sd": sd, "correlation": r}
    levels = {"unit": "mg", "levels": (10.0, 20.0, 40.0, 80.0)}
    trial = make(
        {"kind": "blrm", "reference_amount": 20.0, "prior": prior, "intervals": intervals, "choose": "highest"},
        doses=levels,
        max_patients=24,
        rules=({"kind": "no_skipping"},),
    )
    method = trial.method
    assert isinstance(method, Blrm)
    tally = compile_design(trial).terminals.tally
    exact = method.cells(method.working_model(trial).belief(tally, 24))
    found = method.interval_probabilities(trial, tally)
    assert np.abs(found - exact).max() < ROUGH.error
    assert np.array_equal(found[:, :, 2] <= 0.25, exact[:, :, 2] <= 0.25)


def test_absurd_prior_is_refused() -> None:
    """A prior that no grid resolves gives a sentence, not a number."""
    prior = (Component(weight=1.0, mean=(0.0, 0.0), sd=(3000.0, 1e-4)),)
    with pytest.raises(NotConverged, match=r"method\.prior"):
        TwoParameterModel(LABELS, prior).belief(Tally.of([[3] + [0] * 7], [[1] + [0] * 7]), 36)
