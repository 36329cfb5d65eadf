"""What a prior says before any patient, against closed forms, independent quadrature and the decisions themselves."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

import escalate as esc
from escalate.core import registry
from escalate.core.belief import Belief
from escalate.core.design import Design
from escalate.core.method import ModelMethod
from escalate.models.two_parameter import TwoParameterBelief
from escalate.study.prior import QUANTILES, Prior, nothing, prior
from tests.helpers import ROOT, make

SKELETON, TARGET = (0.05, 0.12, 0.25, 0.40, 0.55), 0.25
CRM: dict[str, Any] = {"kind": "crm", "skeleton": SKELETON, "prior_sd": 0.741495, "estimate": "plug_in"}
WIDE = {**CRM, "prior_sd": sqrt(1.34)}
BLRM: dict[str, Any] = {
    "kind": "blrm", "reference_amount": 3.0, "prior": {"mean": (-1.5, -0.2), "sd": (1.2, 0.6), "correlation": 0.3}
}  # fmt: skip


def crm(method: dict[str, Any] = CRM, **settings: Any) -> Design:
    """Return a CRM design with five levels and target 0.25."""
    return make(method, **{"target": TARGET, **settings})


def expected(function: Any, sd: float) -> float:
    """Return E[function(beta)], beta ~ N(0, sd^2), by adaptive quadrature."""
    value, _ = quad(lambda b: function(b) * norm.pdf(b, scale=sd), -9 * sd, 9 * sd, epsabs=1e-12, limit=400)
    return float(value)


def codes(found: Prior) -> list[str]:
    """Return the codes of the warnings."""
    return [warning.code for warning in found.warnings]


# --- the doses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sd", [0.741495, sqrt(1.34)])
def test_doses_of_the_power_model(sd: float) -> None:
    """Moments agree with adaptive quadrature to 1e-8, tails and quantiles with their closed forms to 1e-6."""
    found = prior(crm({**CRM, "prior_sd": sd}))
    for s, dose in zip(SKELETON, found.doses, strict=True):
        mean, second = (expected(lambda b, s=s, k=k: s ** (k * exp(b)), sd) for k in (1, 2))
        variance = second - mean**2
        assert dose.mean == pytest.approx(mean, abs=1e-8)
        assert dose.sd == pytest.approx(sqrt(variance), abs=1e-8)
        assert dose.effective_patients == pytest.approx(mean * (1 - mean) / variance - 1, abs=1e-5)
        above = norm.cdf(log(log(TARGET) / log(s)) / sd)
        assert dose.prob_above_target == pytest.approx(above, abs=1e-6)
        assert dose.prob_overdose == dose.prob_above_target
        for q, x in zip(QUANTILES, dose.quantiles, strict=True):
            assert x == pytest.approx(s ** exp(norm.ppf(1 - q) * sd), abs=1e-6)
        assert dose.intervals is None


def test_dose_at_the_reference_of_a_blrm() -> None:
    """At the reference amount logit p is normal: closed forms and one-dimensional quadrature, to 1e-6."""
    dose = prior(make(BLRM, target=TARGET)).doses[2]
    a, sd = -1.5, 1.2

    def logit(p: float) -> float:
        return log(p / (1 - p))

    def moment(k: int) -> float:
        return float(quad(lambda z: (1 / (1 + exp(-a - sd * z))) ** k * norm.pdf(z), -10, 10, epsabs=1e-12)[0])

    assert dose.mean == pytest.approx(moment(1), abs=1e-6)
    assert dose.sd == pytest.approx(sqrt(moment(2) - moment(1) ** 2), abs=1e-6)
    above = [norm.sf((logit(limit) - a) / sd) for limit in (0.16, 0.33)]
    assert dose.intervals == pytest.approx((1 - above[0], above[0] - above[1], above[1]), abs=1e-6)
    assert dose.prob_overdose == pytest.approx(above[1], abs=1e-6)
    assert dose.prob_above_target == pytest.approx(norm.sf((logit(TARGET) - a) / sd), abs=1e-6)
    for q, x in zip(QUANTILES, dose.quantiles, strict=True):
        assert x == pytest.approx(1 / (1 + exp(-a - sd * norm.ppf(q))), abs=1e-5)


def test_variance_from_tails_is_that_of_the_nodes() -> None:
    """The variance that every posterior has, from its tail probabilities, is the one by the nodes: before and after data."""
    design = crm(WIDE)
    method, tally = design.method, nothing(design)
    assert isinstance(method, ModelMethod)
    tally.counts[0, 0] = (2, 1)
    for belief in (method.posterior(design, nothing(design)), method.posterior(design, tally)):
        assert Belief.variance(belief) == pytest.approx(belief.variance(), abs=2e-6)
    two = make(BLRM)
    assert isinstance(two.method, ModelMethod)
    wide = two.method.posterior(two, nothing(two))
    assert isinstance(wide, TwoParameterBelief)
    second = wide.grid.nodes.expect(wide.tally, wide.model.rates(wide.grid.a, wide.grid.b) ** 2)
    assert wide.variance() == pytest.approx(second - wide.mean() ** 2, abs=2e-6)


# --- the MTD -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sd", "shares"),
    [(0.741495, (0.2124, 0.1795, 0.2225, 0.1904, 0.1953)), (sqrt(1.34), (0.3046, 0.1257, 0.1436, 0.1350, 0.2912))],
)
def test_nearest_level(sd: float, shares: tuple[float, ...]) -> None:
    """Pr(level k is nearest to the target), of Lee and Cheung (2011), to the four decimals of a second program."""
    mtd = prior(crm({**CRM, "prior_sd": sd})).mtd
    assert mtd is not None
    assert mtd.nearest == pytest.approx(shares, abs=5e-5)


@pytest.mark.parametrize("form", ["power", "logistic"])
def test_nearest_level_by_brute_force(form: str) -> None:
    """The same shares from a million even quantiles of the prior, each curve asked which level is nearest."""
    found = prior(crm({**WIDE, "model": form})).mtd
    assert found is not None
    assert found.nearest is not None
    beta = norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000) * sqrt(1.34)
    theta, s = np.exp(beta)[:, None], np.array(SKELETON)
    rates = s**theta if form == "power" else expit(3 + theta * (np.log(s / (1 - s)) - 3))
    # A level is nearer than the next one where the two add up to more than twice the target.
    nearest = np.bincount((rates[:, :-1] + rates[:, 1:] <= 2 * TARGET).sum(axis=1), minlength=5) / 1_000_000
    assert found.nearest == pytest.approx(nearest, abs=3e-6)
    at_most = (rates <= TARGET).sum(axis=1)
    highest = np.bincount(at_most, minlength=6) / 1_000_000
    assert (found.none, *found.levels) == pytest.approx(highest, abs=3e-6)


def test_mtd_of_a_blrm_by_brute_force() -> None:
    """The distribution of the highest level at or below target, and of an underdose at the highest, from random curves."""
    found = prior(make(BLRM, target=TARGET)).mtd
    assert found is not None
    rng = np.random.default_rng(20261125)
    a, b = rng.multivariate_normal((-1.5, -0.2), [[1.44, 0.216], [0.216, 0.36]], 1_000_000).T
    rates = 1 / (1 + np.exp(-a[:, None] - np.exp(b)[:, None] * np.log(np.arange(1, 6) / 3)))
    highest = np.bincount((rates <= TARGET).sum(axis=1), minlength=6) / 1_000_000
    # Five standard errors of a share, 0.5 / 1000 each at most.
    assert (found.none, *found.levels) == pytest.approx(highest, abs=2.5e-3)
    assert found.highest_underdosed == pytest.approx((rates[:, -1] <= 0.16).mean(), abs=2.5e-3)
    assert found.nearest is None


def test_mtd_without_a_target() -> None:
    """Without a target the MTD is the highest level that is no overdose."""
    found = prior(make(BLRM, target=None))
    assert found.mtd is not None
    assert found.mtd.limit == 0.33
    assert {dose.prob_above_target for dose in found.doses} == {None}
    assert found.mtd.none == found.doses[0].prob_overdose


# --- the first decisions -----------------------------------------------------------------------------------------------


def test_predicted_outcomes_of_the_first_cohort() -> None:
    """The beta-binomial-like prediction of 0 to 3 DLTs agrees with adaptive quadrature to 1e-9."""
    found = prior(crm(WIDE))
    for k, outcome in enumerate(found.first_cohort):
        share = expected(lambda b, k=k: float(binom.pmf(k, 3, SKELETON[0] ** exp(b))), sqrt(1.34))
        assert outcome.probability == pytest.approx(share, abs=1e-9)
    assert sum(outcome.probability for outcome in found.first_cohort) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", ["crm", "blrm", "tvec-liver-crm", "tvec-liver-blrm"])
def test_first_decisions_are_those_of_the_trial(name: str) -> None:
    """After each outcome of the first cohort, and along the run without DLTs, `recommend` says the same."""
    design = esc.load_design(ROOT / "designs" / f"{name}.yaml")
    found = prior(design)
    start, n = design.start_level, design.cohort_size
    for k, outcome in enumerate(found.first_cohort):
        asked = esc.recommend(design, f"{start}{'N' * (n - k)}{'T' * k}")
        assert (outcome.action, outcome.next_level, outcome.mtd_level) == (
            asked.action,
            asked.next_level,
            asked.mtd_level,
        )
        assert outcome.reasons == asked.reasons
        assert outcome.estimates == pytest.approx([dose.estimate for dose in asked.doses], abs=1e-12)
        assert outcome.prob_overdose == pytest.approx([dose.prob_overdose for dose in asked.doses], abs=1e-12)
    seen: list[str] = []
    for cohort in found.no_dlt.cohorts:
        asked = esc.recommend(design, " ".join(seen) or None)
        assert (asked.next_level, asked.next_cohort_size) == (cohort.level, cohort.patients)
        seen.append(f"{cohort.level}{'N' * cohort.patients}")
    last = esc.recommend(design, " ".join(seen))
    assert (last.next_level, last.mtd_level, last.reasons) == (None, found.no_dlt.mtd_level, found.no_dlt.ended_by)


def test_rules_that_count_cohorts_are_obeyed() -> None:
    """A rule on cohorts in a row ends the run without DLTs where it ends the trial."""
    rules = [{"kind": "stop_when_stable", "cohorts": 2}, {"kind": "no_skipping", "from": "highest"}]
    design = crm(rules=rules)
    run = prior(design).no_dlt
    text = " ".join(f"{cohort.level}{'N' * cohort.patients}" for cohort in run.cohorts)
    asked = esc.recommend(design, text)
    assert asked.next_level is None
    assert asked.reasons == run.ended_by
    assert [reason.code for reason in run.ended_by] == ["stop_when_stable"]


def test_fewest_dlts_that_stop() -> None:
    """None where nothing can end the trial in its first cohort, else the smallest number that does."""
    assert prior(crm()).stops_at_dlts is None
    safe = [{"kind": "lowest_dose_too_toxic", "cutoff": 0.8}]
    assert prior(crm(WIDE, rules=safe)).stops_at_dlts == 2
    found = prior(crm(WIDE, rules=safe)).first_cohort
    assert [outcome.next_level is None for outcome in found] == [False, False, True, True]


@given(
    steps=st.lists(st.floats(0.02, 0.2), min_size=1, max_size=7),
    sd=st.floats(0.2, 3.0),
    size=st.integers(1, 6),
    target=st.floats(0.1, 0.5),
)
def test_probabilities_add_up(steps: list[float], sd: float, size: int, target: float) -> None:
    """Whatever the prior: shares sum to one, quantiles and tails are in order, and a prior is worth some patients."""
    skeleton = tuple((np.cumsum(steps) / (np.sum(steps) + 0.1)).tolist())
    method = {"kind": "crm", "skeleton": skeleton, "prior_sd": sd, "estimate": "mean"}
    found = prior(make(method, len(skeleton), target=target, cohort_size=size))
    mtd = found.mtd
    assert mtd is not None
    assert mtd.nearest is not None
    assert sum([mtd.none, *mtd.levels]) == pytest.approx(1, abs=1e-12)
    assert sum(mtd.nearest) == pytest.approx(1, abs=1e-12)
    assert sum(outcome.probability for outcome in found.first_cohort) == pytest.approx(1, abs=1e-9)
    above = [dose.prob_above_target or 0.0 for dose in found.doses]
    assert min(np.diff(above), default=0.0) > -1e-6
    for dose in found.doses:
        assert min(np.diff(dose.quantiles)) >= 0
        assert dose.effective_patients is None or dose.effective_patients > 0


# --- every method with a posterior -------------------------------------------------------------------------------------

BAYESIAN = [
    (kind, k)
    for kind in registry.methods().kinds()
    for k, example in enumerate(registry.methods().get(kind).examples())
    if isinstance(example, ModelMethod) and example.has_posterior
]


@pytest.mark.parametrize(("kind", "k"), BAYESIAN, ids=[f"{kind}-{k}" for kind, k in BAYESIAN])
def test_every_method_with_a_posterior(kind: str, k: int) -> None:
    """The examples of each method have a prior that can be shown, whatever family they are of."""
    example = registry.methods().get(kind).examples()[k]
    design = make(example.model_dump(mode="json"), 3, max_patients=15)
    found = prior(design)
    assert len(found.doses) == 3
    assert sum(outcome.probability for outcome in found.first_cohort) == pytest.approx(1, abs=1e-6)
    for dose in found.doses:
        assert 0 <= dose.mean <= 1
        assert dose.quantiles[0] <= dose.quantiles[2] <= dose.quantiles[-1]


# --- warnings ----------------------------------------------------------------------------------------------------------

NEVER_STOPS = [{"kind": "no_skipping"}]


@pytest.mark.parametrize(
    ("method", "settings", "code", "said"),
    [
        ({**CRM, "prior_sd": 0.1}, {}, "strong_at_dose", "At level 5 the prior says as much as 228.8 patients, and"),
        ({**CRM, "prior_sd": 0.02}, {}, "wants_up_after_all_dlts", "After 3/3 DLTs at level 1 the model still wants level 3"),
        ({**CRM, "prior_sd": 0.02}, {"rules": NEVER_STOPS}, "first_cohort_ignored", "3/3 DLTs both lead to level 2"),
        ({**CRM, "prior_sd": 0.2}, {}, "highest_out_of_reach", "level 5 is never given"),
        ({**CRM, "prior_sd": 8.0}, {}, "u_shaped", "those above 0.99"),
        ({**CRM, "prior_sd": 8.0}, {}, "says_nothing", "narrowest 95% interval is 1.000 wide"),
        (
            WIDE,
            {"rules": [{"kind": "lowest_dose_too_toxic", "cutoff": 0.4}], "target": 0.2},
            "stops_on_first_dlt",
            "A single DLT among the first 3 patients ends the trial",
        ),
        (WIDE, {"cohort_size": 1, "rules": [{"kind": "lowest_dose_too_toxic", "cutoff": 0.5}]}, "stops_on_first_dlt",
         "A DLT in the first patient ends the trial"),
        (WIDE, {"start_level": 4}, "start_not_acceptable", "(an even chance)"),
        (WIDE, {"rules": [{"kind": "overdose_cap", "cutoff": 0.1}]}, "start_not_acceptable", "(rule overdose_cap)"),
        (WIDE, {"rules": [{"kind": "lowest_dose_too_toxic", "cutoff": 0.1}]}, "start_not_acceptable",
         "(rule lowest_dose_too_toxic)"),
        ({**BLRM, "prior": {"mean": (2.0, -2.0), "sd": (1.0, 0.5), "correlation": 0.0}}, {}, "start_not_acceptable",
         "(blrm overdose_cutoff)"),
        ({**CRM, "skeleton": (0.4, 0.5, 0.6, 0.7, 0.8)}, {}, "mtd_below_all", "even level 1"),
        ({**CRM, "skeleton": (0.01, 0.02, 0.03, 0.04, 0.05)}, {}, "mtd_above_all", "even level 5"),
        ({**CRM, "skeleton": (0.05, 0.24, 0.25, 0.26, 0.55)}, {}, "mtd_uneven", "level 3 a probability of 0.016"),
    ],
)  # fmt: skip
def test_warnings(method: dict[str, Any], settings: dict[str, Any], code: str, said: str) -> None:
    """Each fault of a prior is named, with its number, in one sentence."""
    found = prior(make(method, **{"target": TARGET, **settings}))
    texts = {warning.code: warning.text for warning in found.warnings}
    assert code in texts
    assert said in texts[code]
    assert texts[code].endswith(".")
    assert texts[code].count(". ") == 0


@pytest.mark.parametrize("method", [CRM, WIDE])
def test_nothing_to_warn_of(method: dict[str, Any]) -> None:
    """The least informative prior of Lee and Cheung (2011) and the common sqrt(1.34) pass every bar."""
    assert codes(prior(crm(method))) == []


def test_bars_of_strength() -> None:
    """A prior is strong above a third of the trial, and never below one cohort."""
    found = prior(crm({**CRM, "prior_sd": 0.35}))
    sizes = [dose.effective_patients or 0.0 for dose in found.doses]
    for patients in (int(3 * max(sizes)) - 1, int(3 * max(sizes)) + 1):
        strong = "strong_at_dose" in codes(prior(crm({**CRM, "prior_sd": 0.35}, max_patients=patients)))
        assert strong == (max(sizes) > patients / 3)


# --- what has no prior -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"kind": "boin"}, "boin does not rest on a model of all doses"),
        (
            {**CRM, "estimate": None, "inference": "mle", "initial_levels": (1, 2, 3)},
            "has no prior (maximum likelihood)",
        ),
        ({**CRM, "skeleton": (0.1, 0.1, 0.2, 0.3, 0.4)}, "does not increase"),
    ],
)
def test_refusals(method: dict[str, Any], said: str) -> None:
    """A method without a prior, or a model that cannot be built, is refused in one sentence."""
    with pytest.raises(esc.EscalateError, match=said.replace("(", r"\(").replace(")", r"\)")):
        prior(make({key: value for key, value in method.items() if value is not None}, target=TARGET))
