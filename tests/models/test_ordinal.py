"""The ordinal model against exact integrals and samples of crmPack's, and against its own finer nodes."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.ordinal import Likelihood, OrdinalModel
from escalate.models.ordinal_grid import CLOSE, FINE, FINER, ROUGH
from escalate.models.ordinal_levels import posterior
from tests.helpers import cases, reference

CASES = [case for case in cases("ordinal") if case["kind"] == "ordinal_crm"]
by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
MODEL = OrdinalModel(tuple(log(x / 40) for x in (10, 20, 40, 80, 160)), (-0.5, -2.0), (1.5, 1.5), (0.0, 0.7))
WIDE = replace(MODEL, mean=(-3.0, -4.0), sd=(3.0, 3.0), log_slope=(0.0, 1.5))
NARROW = replace(MODEL, sd=(0.6, 0.6), log_slope=(0.0, 0.4))


def model_of(inputs: dict[str, Any], likelihood: Likelihood) -> OrdinalModel:
    """Return the model of a reference case."""
    mean, sd = [float(m) for m in inputs["mean"]], [sqrt(v) for v in inputs["variances"]]
    labels = tuple(log(dose / inputs["ref_dose"]) for dose in inputs["dose_grid"])
    return OrdinalModel(labels, tuple(mean[:-1]), tuple(sd[:-1]), (mean[-1], sd[-1]), likelihood)


def tally_of(inputs: dict[str, Any]) -> Tally:
    """Return the patients of a reference case."""
    counts = np.zeros((1, len(inputs["dose_grid"]), inputs["categories"]), dtype=np.int64)
    for cohort in inputs["history"]:
        for grade in cohort["y"]:
            counts[0, inputs["dose_grid"].index(cohort["dose"]), grade] += 1
    return Tally(counts)


@by_case
def test_products_of_bernoullis(case: dict[str, Any]) -> None:
    """Source: reference file, exact quadrature of crmPack's likelihood: all figures to 1e-9, or to twice that file's own error."""
    expected, tolerance = case["expected"], max(1e-9, 2 * case["expected"]["conv"])
    belief = posterior(model_of(case["inputs"], "bernoulli_products"), tally_of(case["inputs"]))
    for grade, values in enumerate(expected["grades"]):
        found = belief.of(grade)
        low, high = found.probs_above([0.2, 0.35])
        np.testing.assert_allclose(found.mean()[0], values["mean"], rtol=0, atol=tolerance)
        np.testing.assert_allclose(high[0], values["p_over_035"], rtol=0, atol=tolerance)
        np.testing.assert_allclose(low[0] - high[0], values["p_target_02_035"], rtol=0, atol=tolerance)
        mean, sd = found.parameters()
        name = f"alpha{grade + 1}"
        for k, parameter in ((0, name), (1, "log_beta")):
            # The prior case's second intercept moves on a longer scale than its rates do.
            assert mean[0, k] == pytest.approx(expected["param_mean"][parameter], abs=max(1e-8, 20 * tolerance))
            assert sd[0, k] == pytest.approx(expected["param_sd"][parameter], abs=max(1e-8, 20 * tolerance))


@by_case
def test_proper_cumulative_logit(case: dict[str, Any]) -> None:
    """Source: reference file, exact quadrature of the multinomial, to twice its own error or 1e-8; means and deviations."""
    alternative = case["alternative_proper_cumulative_logit"]
    belief = posterior(model_of(case["inputs"], "cumulative"), tally_of(case["inputs"]))
    for grade, values in enumerate(alternative["grades"]):
        np.testing.assert_allclose(
            belief.of(grade).mean()[0], values["mean"], rtol=0, atol=max(1e-8, 2 * alternative["conv"])
        )


@by_case
def test_samples_of_crmpack(case: dict[str, Any]) -> None:
    """Source: crmPack's JAGS runs: means and probabilities within 5 Monte-Carlo errors, and 3e-4 for its own zeros trick."""
    belief = posterior(model_of(case["inputs"], "bernoulli_products"), tally_of(case["inputs"]))
    for grade, values in enumerate(case["peers"]["crmPack"]["grades"]):
        found = belief.of(grade)
        assert (np.abs(found.mean()[0] - values["mean"]) < 5 * np.array(values["mcse"]) + 3e-4).all()
        errors = np.array([error or 0.0 for error in values["mcse_over"]])
        assert (np.abs(found.prob_above(0.35)[0] - values["p_over"]) < 5 * errors + 3e-4).all()


def test_published_vignette() -> None:
    """Source: crmPack's vignette ordinal-crm (10,000 draws): within 0.0064, what the reference file finds between the two."""
    published = next(case for case in cases("published_tables") if case["id"] == "ordinal_vignette_fit")
    inputs = next(case for case in CASES if case["id"] == "ordinal_vignette")["inputs"]
    belief = posterior(model_of(inputs, "bernoulli_products"), tally_of(inputs))
    for grade in (0, 1):
        printed = published["values"][f"grade{grade + 1}_mean"]
        np.testing.assert_allclose(belief.of(grade).mean()[0], printed, rtol=0, atol=0.0064)
    assert reference("published_tables")["description"]


tallies = st.lists(
    st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=5, max_size=5), min_size=1, max_size=3
)


@settings(max_examples=40)
@given(tallies, st.sampled_from([MODEL, WIDE, NARROW]), st.sampled_from(["cumulative", "bernoulli_products"]))
@pytest.mark.slow
def test_nodes_agree_with_finer_ones(
    counts: list[list[list[int]]], model: OrdinalModel, likelihood: Likelihood
) -> None:
    """Any data of up to 45 patients: each level's probabilities are as good as it says, the fine ones to 1e-6."""
    model, tally = replace(model, likelihood=likelihood), Tally(np.array(counts, dtype=np.int64))
    best = model.belief(tally, 48, FINER).probs_above((0.16, 0.33))
    for level in (ROUGH, CLOSE, FINE):
        found = model.belief(tally, 48, level).probs_above((0.16, 0.33))
        # Drawn data contradict prior and model more than a trial's do.
        assert np.abs(found - best).max() < (level.error if level is FINE else 20 * level.error)


def test_two_ways_to_an_expectation() -> None:
    """Random draws from the prior, weighted by the multinomial likelihood written out, give the same means; 5 errors."""
    rng = np.random.default_rng(7)
    size = 400_000
    a1 = rng.normal(MODEL.mean[0], MODEL.sd[0], size)
    from scipy.stats import truncnorm

    a2 = truncnorm.rvs(-np.inf, (a1 - MODEL.mean[1]) / MODEL.sd[1], MODEL.mean[1], MODEL.sd[1], random_state=rng)
    slope = np.exp(rng.normal(*MODEL.log_slope, size))
    counts = np.array([[[2, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 2], [0, 0, 0]]])
    eta = [a[:, None] + slope[:, None] * np.array(MODEL.labels) for a in (a1, a2)]
    p1, p2 = (1 / (1 + np.exp(-e)) for e in eta)
    weight = np.exp((np.log(np.stack([1 - p1, p1 - p2, p2], axis=2)) * counts).sum(axis=(1, 2)))
    for grade, p in enumerate((p1, p2)):
        mean = weight @ p / weight.sum()
        error = np.sqrt((weight**2) @ (p - mean) ** 2) / weight.sum()
        found = posterior(MODEL, Tally(counts)).of(grade).mean()[0]
        assert (np.abs(found - mean) < 5 * error).all()
    evidence = MODEL.log_evidence(Tally(counts), 12)[0]
    assert evidence == pytest.approx(np.log(weight.mean()), abs=5 * weight.std() / weight.mean() / sqrt(size))


def test_four_grades_are_a_longer_chain() -> None:
    """Three intercepts: means and probabilities of each grade agree with weighted draws from the prior; 5 errors."""
    rng = np.random.default_rng(3)
    size = 400_000
    model = replace(MODEL, mean=(0.0, -1.0, -2.0), sd=(1.5, 1.5, 1.5))
    from scipy.stats import truncnorm

    alpha = [rng.normal(0.0, 1.5, size)]
    for mean in (-1.0, -2.0):
        alpha.append(truncnorm.rvs(-np.inf, (alpha[-1] - mean) / 1.5, mean, 1.5, random_state=rng))
    slope = np.exp(rng.normal(*model.log_slope, size))
    counts = np.array([[[2, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 0]]])
    p = [1 / (1 + np.exp(-(a[:, None] + slope[:, None] * np.array(model.labels)))) for a in alpha]
    cells = np.stack([1 - p[0], p[0] - p[1], p[1] - p[2], p[2]], axis=2)
    weight = np.exp((np.log(np.maximum(cells, 1e-300)) * counts).sum(axis=(1, 2)))
    belief = posterior(model, Tally(counts))
    for grade in range(3):
        mean = weight @ p[grade] / weight.sum()
        error = np.sqrt((weight**2) @ (p[grade] - mean) ** 2) / weight.sum()
        assert (np.abs(belief.of(grade).mean()[0] - mean) < 5 * error).all()
        above = weight @ (p[grade] > 0.3) / weight.sum()
        error = np.sqrt((weight**2) @ ((p[grade] > 0.3) - above) ** 2) / weight.sum()
        assert (np.abs(belief.of(grade).prob_above(0.3)[0] - above) < 5 * error + 1e-4).all()


@given(st.sampled_from([0.025, 0.2, 0.5, 0.8, 0.975]), st.integers(0, 1))
def test_quantiles_invert_probabilities(probability: float, grade: int) -> None:
    """Pr(p > quantile) is what was asked, to 1e-7."""
    tally = Tally(np.array([[[2, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]]))
    belief = posterior(MODEL, tally).of(grade)
    quantile = belief.quantile(probability)[0]
    for dose, value in enumerate(quantile.tolist()):
        assert 1 - belief.prob_above(value)[0, dose] == pytest.approx(probability, abs=1e-7)


def test_plug_in_is_the_curve_at_the_means() -> None:
    """By hand from the parameters' means."""
    belief = posterior(MODEL, Tally(np.array([[[2, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]])))
    alpha, b = belief.parameters()[0][0]
    expected = 1 / (1 + np.exp(-(alpha + np.exp(b) * np.array(MODEL.labels))))
    np.testing.assert_allclose(belief.plug_in()[0], expected, rtol=1e-12)


def test_probabilities_of_outcomes_sum_to_one() -> None:
    """Over all outcomes of one more patient, whatever the likelihood used for learning."""
    counts = np.array([[[2, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]])
    after = np.repeat(counts, 3, axis=0)
    after[np.arange(3), 2, np.arange(3)] += 1
    for likelihood in ("cumulative", "bernoulli_products"):
        model = replace(MODEL, likelihood=likelihood)
        evidence = model.log_evidence(Tally(np.concatenate([counts, after])), 12)
        assert np.exp(evidence[1:] - evidence[0]).sum() == pytest.approx(1.0, abs=1e-9)


def test_a_prior_that_the_data_contradict_is_refused() -> None:
    """Rates of 1 believed with certainty, and no event in 400 patients: no answer rather than a wrong one."""
    model = replace(MODEL, mean=(19.0, 18.0), sd=(0.1, 0.1), log_slope=(0.0, 0.1))
    counts = np.zeros((1, 5, 3), dtype=np.int64)
    counts[0, :, 0] = 80
    with pytest.raises(
        NotConverged, match=r"^method\.prior: two quadratures of the posterior differ by .*larger standard"
    ):
        posterior(model, Tally(counts))
