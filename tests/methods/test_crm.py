"""The CRM against quadrature, dfcrm, published examples and the dossier."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import integrate

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.tally import Tally
from escalate.methods.crm import Crm, nearest
from escalate.study.simulate import simulate
from tests.helpers import cases, make, outcome_string

S = [0.05, 0.12, 0.25, 0.40, 0.55]
FITS = [case for case in cases("crm_fit") if "error" not in case["outputs"]]
FORMS = {"empiric": "power", "logistic": "logistic"}


def _crm(inputs: dict[str, Any], **settings: Any) -> esc.Design:
    method = {
        "kind": "crm",
        "model": FORMS[inputs["model"]],
        "skeleton": inputs["prior"],
        "prior_sd": inputs["scale"],
        "intercept": float(inputs["intcpt"]),
        "inference": inputs["method"],
        "estimate": "plug_in",
        **settings.pop("method", {}),
    }
    return make(method, len(inputs["prior"]), target=inputs["target"], **{"rules": (), "max_patients": 100, **settings})


def _data(inputs: dict[str, Any]) -> tuple[list[int], list[int]]:
    keep = [i - 1 for i in inputs["include"] or range(1, len(inputs["tox"]) + 1)]
    return [inputs["level"][i] for i in keep], [inputs["tox"][i] for i in keep]


@pytest.mark.parametrize("case", FITS, ids=lambda case: case["id"])
def test_fit(case: dict[str, Any]) -> None:
    """Source: independent quadrature to 1e-6 (maximum likelihood likewise); dfcrm 0.2-2.1 to 1e-4, where it is exact.

    dfcrm integrates its numerators over [-10, 10] only (quirks D2), so with a prior sd of 10 its own value is no reference.
    """
    inputs, outputs = case["inputs"], case["outputs"]
    design, (levels, dlts) = _crm(inputs), _data(inputs)
    found = esc.recommend(design, outcome_string(levels, dlts))
    estimates = [dose.estimate for dose in found.doses]
    method = design.method
    assert isinstance(method, Crm)
    tally = Tally.of(
        [[levels.count(j) for j in range(1, design.n_doses + 1)]],
        [[sum(d for level, d in zip(levels, dlts, strict=True) if level == j) for j in range(1, design.n_doses + 1)]],
    )
    model = method.working_model(design)
    if inputs["method"] == "bayes":
        check = outputs["check_quadrature"]
        assert model.mean_beta(tally, 100)[0] == pytest.approx(check["estimate"], abs=1e-6)
        assert estimates == pytest.approx(check["ptox"], abs=1e-6)
    else:
        assert model.mle(tally)[0] == pytest.approx(outputs["check_mle"]["estimate"], abs=1e-6)
    if inputs["scale"] < 5:
        assert estimates == pytest.approx(outputs["ptox"], abs=1e-4)
        assert found.next_level == outputs["mtd"]


@pytest.mark.parametrize("case", [c for c in cases("crm_fit") if "error" in c["outputs"]], ids=lambda case: case["id"])
def test_where_the_reference_gives_up(case: dict[str, Any]) -> None:
    """An intercept that is too small is refused; without both outcomes the MLE is taken at its limit, and says so."""
    if case["inputs"]["tag"] == "intcpt_too_small":
        with pytest.raises(esc.DesignError, match=r"method\.intercept"):
            _crm(case["inputs"])
        return
    found = esc.recommend(_crm(case["inputs"]), outcome_string(*_data(case["inputs"])))
    assert found.next_level == (1 if any(case["inputs"]["tox"]) else 5)
    assert "does not exist" in found.reasons[0].text


def _dossier(**settings: Any) -> tuple[esc.Design, Tally]:
    design = make({"kind": "crm", "skeleton": S, **settings}, target=0.25, rules=())
    return design, Tally.of([[3, 3, 3, 0, 0]], [[0, 0, 1, 0, 0]])


@pytest.mark.parametrize(
    ("settings", "expected", "level"),
    [
        ({"estimate": "plug_in"}, [0.0293098, 0.0822263, 0.1952541, 0.3397130, 0.4943933], 3),
        ({"estimate": "mean"}, [0.0524527, 0.1083264, 0.2131952, 0.3434264, 0.4860288], 3),
        ({"model": "logistic", "estimate": "plug_in"}, [0.0273492, 0.0745418, 0.1778694, 0.3176476, 0.4763814], 4),
        ({"model": "logistic", "estimate": "mean"}, [0.0514338, 0.1072170, 0.2063220, 0.3272132, 0.4646555], 3),
        ({"inference": "mle"}, [0.0259592, 0.0754565, 0.1845878, 0.3273306, 0.4825601], 3),
    ],
)
def test_dossier_examples(settings: dict[str, Any], expected: list[float], level: int) -> None:
    """Source: dossier crm.md 1, examples 1, 2 and 4, by quadrature; plug-in and mean choose different doses."""
    design, tally = _dossier(**settings)
    method = design.method
    assert isinstance(method, Crm)
    assert method.estimate_doses(design, tally)[0] == pytest.approx(expected, abs=5e-8)
    assert esc.recommend(design, "1NNN 2NNN 3NNT").next_level == level


def test_probability_of_overdose() -> None:
    """Source: dossier crm.md 1, examples 1 and 6, by quadrature; seven decimals, far finer than 1e-6."""
    design, tally = _dossier(estimate="plug_in")
    method = design.method
    assert isinstance(method, Crm)
    expected = [0.0192051, 0.0929103, 0.3534666, 0.7122617, 0.9367913]
    assert method.prob_above(design, tally, 0.25)[0] == pytest.approx(expected, abs=6e-8)
    late = Tally.of([[3, 3, 3, 3, 0]], [[0, 0, 1, 2, 0]])
    assert method.prob_above(design, late, 0.25)[0, 0] == pytest.approx(0.0366804, abs=6e-8)


def _quad(f: Any, s: list[float], n: list[int], y: list[int], sd: float) -> float:
    """Return E[f(beta) | data] by adaptive quadrature, piece by piece."""
    log_s = np.log(s)

    def weight(beta: float) -> float:
        theta = math.exp(beta)
        log_p = theta * log_s
        log_q = np.log(-np.expm1(log_p))
        return math.exp(float(np.dot(y, log_p) + np.dot(np.subtract(n, y), log_q)) - beta**2 / (2 * sd**2))

    def integral(g: Any) -> float:
        pieces = pairwise(np.linspace(-9 * sd, 9 * sd, 80))
        return math.fsum(integrate.quad(lambda b: g(b) * weight(b), a, c, epsabs=0, epsrel=1e-11)[0] for a, c in pieces)

    return integral(f) / integral(lambda b: 1.0)


@pytest.mark.parametrize("n_dlt", [0, 1, 3])
@pytest.mark.parametrize("sd", [0.3, 1.1575836902790225, 3.0])
def test_posterior_mean_against_adaptive_quadrature(sd: float, n_dlt: int) -> None:
    """Source: scipy.integrate.quad in this test; 1e-8, also where all three patients had a DLT."""
    design = make({"kind": "crm", "skeleton": S, "estimate": "plug_in", "prior_sd": sd}, target=0.25, rules=())
    method = design.method
    assert isinstance(method, Crm)
    n, y = [3, 0, 0, 0, 0], [n_dlt, 0, 0, 0, 0]
    found = method.working_model(design).mean_beta(Tally.of([n], [y]), 30)[0]
    assert found == pytest.approx(_quad(lambda b: b, S, n, y, sd), abs=2e-8)


SIMULATED = [case for case in cases("crm_sim") if case["inputs"]["fun"] == "crmsim"]


@pytest.mark.parametrize("case", SIMULATED, ids=lambda case: case["id"])
def test_exact_characteristics_agree_with_simulated_ones(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 `crmsim`, 5,000 trials; within 4 of its Monte-Carlo errors, 13 cases x 15 figures.

    dfcrm may select an untried dose, so `mtd_among: all`; it restricts from the last dose given.
    """
    inputs, outputs = case["inputs"], case["outputs"]
    rules: tuple[dict[str, Any], ...] = ({"kind": "no_skipping", "from": "last"}, {"kind": "coherence"})
    method: dict[str, Any] = {"mtd_among": "all"}
    if inputs["two_stage"]:
        method["initial_levels"] = tuple(inputs["x0"])
    design = _crm(
        inputs,
        method=method,
        max_patients=inputs["n"],
        cohort_size=inputs["mcohort"],
        start_level=inputs["x0"][0],
        rules=rules if inputs["restrict"] else (),
    )
    truth = esc.Scenario(name="truth", dlt=tuple(inputs["PI"]))
    found = simulate([design], [truth], exact=True).designs[0].characteristics
    # A dose selected in none of 5,000 trials has no error of its own.
    floor = 4 * math.sqrt(10) / 5000
    for metric, key in (("selected", "sel_prob"), ("patients", "n_per_dose"), ("dlts", "tox_per_dose")):
        ours, errors = np.array([x for x, _ in found.of(0, metric)]), np.array(outputs[f"{key}_se"])
        assert np.all(np.abs(ours - outputs[key]) <= np.maximum(4 * errors, floor)), metric
    assert abs(found.value(0, "mean_dlts") - outputs["total_tox"]) <= 4 * outputs["total_tox_se"]


@pytest.mark.parametrize(
    "case",
    [c for c in cases("dose_paths") if c["inputs"]["model"].startswith("dfcrm")],
    ids=lambda case: case["id"],
)
def test_paths_of_another_package(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_dose_paths` on dfcrm fits, every node; estimates to 1e-4."""
    inputs, outputs = case["inputs"], case["outputs"]
    rules: list[dict[str, Any]] = []
    if "dont_skip" in inputs["model"]:
        rules.append({"kind": "no_skipping", "from": "last"})
    if "stop_when_n_at_dose" in inputs["model"]:
        rules.append({"kind": "stop_at_patients_at_dose", "patients": 6, "at": "next"})
    skeleton = inputs["skeleton"]
    method = {"kind": "crm", "skeleton": skeleton, "estimate": "plug_in", "mtd_among": "all"}
    design = make(method, len(skeleton), target=inputs["target"], rules=tuple(rules), max_patients=60)
    means_known = outputs.get("mean_prob_tox", [None] * len(outputs["path"]))
    nodes = zip(outputs["path"], outputs["recommended_dose"], outputs["continue"], means_known, strict=True)
    for path, dose, goes_on, means in nodes:
        outcomes = f"{inputs['previous_outcomes']} {path}".strip()
        if not outcomes or (inputs["next_dose"] and not path):
            continue
        found = esc.recommend(design, outcomes)
        assert (found.next_level or found.mtd_level) == dose, path
        assert (found.next_level is not None) == goes_on, path
        if means is not None:
            assert [row.estimate for row in found.doses] == pytest.approx(means, abs=1e-4), path


def _published(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    case = next(case for case in cases("published_examples") if case["id"] == name)
    return case["inputs"], case["outputs"]


def _beta_after(design: esc.Design, doses: list[int], dlts: list[int], patients: int) -> float:
    n, y = np.zeros((1, design.n_doses), dtype=int), np.zeros((1, design.n_doses), dtype=int)
    np.add.at(n[0], np.array(doses[:patients]) - 1, 1)
    np.add.at(y[0], np.array(doses[:patients]) - 1, dlts[:patients])
    method, tally = design.method, Tally.of(n, y)
    assert isinstance(method, Crm)
    model = method.working_model(design)
    return float((model.mle(tally) if method.inference == "mle" else model.mean_beta(tally, 30))[0])


def test_book_table() -> None:
    """Source: Cheung (2011), Table 3.2: each dose of a trial of 20, and beta to half a unit of its second decimal."""
    inputs, outputs = _published("cheung_table3_2")
    design = make(
        {"kind": "crm", "model": "logistic", "skeleton": inputs["skeleton"], "estimate": "plug_in"},
        target=inputs["target"], rules=(), start_level=3,
    )  # fmt: skip
    for k, beta in enumerate(outputs["beta_hat_after_patient"], start=1):
        assert _beta_after(design, outputs["dose"], outputs["tox"], k) == pytest.approx(beta, abs=0.0051)
        if k < len(outputs["dose"]):
            outcomes = outcome_string(outputs["dose"][:k], outputs["tox"][:k])
            assert esc.recommend(design, outcomes).next_level == outputs["dose"][k], k


def test_published_likelihood_crm() -> None:
    """Source: clintrials' worked trial, checked in R; beta to half a unit of its third decimal."""
    inputs, outputs = _published("clintrials_crm_mle")
    design = make(
        {"kind": "crm", "model": "logistic", "skeleton": inputs["skeleton"], "inference": "mle"}, target=0.25, rules=()
    )
    for k, beta in enumerate(outputs["beta_hat_before_patient_k"]):
        if beta is not None:
            assert _beta_after(design, inputs["dose"], inputs["tox"], k) == pytest.approx(beta, abs=0.00051)


@pytest.mark.parametrize(("model", "key"), [("power", "prob_tox_empiric"), ("logistic", "prob_tox_logistic")])
def test_published_posterior(model: str, key: str) -> None:
    """Source: clintrials' worked example, checked in R; half a unit of the third decimal."""
    inputs, outputs = _published("clintrials_crm_bayes")
    design = make(
        {"kind": "crm", "model": model, "skeleton": inputs["skeleton"], "estimate": "plug_in"}, 4, target=0.4, rules=()
    )
    found = esc.recommend(design, outcome_string(inputs["dose"], inputs["tox"]))
    assert [dose.estimate for dose in found.doses] == pytest.approx(outputs[key], abs=0.00051)


def test_nearest_takes_the_lower_dose_on_a_tie() -> None:
    """0.2 and 0.4 are equally far from 0.3; estimates all near zero lead up, not down."""
    every = np.ones((1, 3), dtype=bool)
    assert nearest(np.array([[0.1, 0.2, 0.4]]), 0.3, every).tolist() == [1]
    assert nearest(np.array([[1e-12, 2e-12, 3e-12]]), 0.3, every).tolist() == [2]
    assert nearest(np.array([[0.5, 0.6, 0.7]]), 0.3, every).tolist() == [0]
    assert nearest(np.array([[0.1, 0.2, 0.4]]), 0.3, ~every).tolist() == [NONE]


def test_untried_dose_is_not_declared_by_default() -> None:
    """After 0/3 at every level given, level 4 is nearest but nobody had it."""
    design = make({"kind": "crm", "skeleton": S, "estimate": "plug_in"}, target=0.25)
    assert esc.select(design, "1NNN 2NNN 3NNN").mtd_level == 3
    anywhere = make({"kind": "crm", "skeleton": S, "estimate": "plug_in", "mtd_among": "all"}, target=0.25)
    assert (esc.select(anywhere, "1NNN 2NNN 3NNN").mtd_level or 0) > 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "method.estimate: is missing; choose plug_in or mean"),
        ({"estimate": "mean", "inference": "mle"}, "method.estimate: mean needs a posterior"),
        ({"estimate": "mean", "skeleton": [0.1, 0.2]}, "method.skeleton: has 2 entries for 5"),
        ({"estimate": "mean", "skeleton": [0.1, 0.2, 0.3, 0.4, 1.0]}, r"method.skeleton\[5\]: 1.0 is not below 1"),
        (
            {"estimate": "mean", "skeleton": {"half_width": 0.3, "prior_mtd": 3}},
            "method.skeleton: half_width 0.3 is not between",
        ),
        (
            {"estimate": "mean", "skeleton": {"half_width": 0.05, "prior_mtd": 6}},
            "method.skeleton: prior_mtd 6 is not one",
        ),
        ({"estimate": "mean", "initial_levels": (1, 3, 2)}, "method.initial_levels: goes down"),
        ({"estimate": "mean", "initial_levels": (2, 3)}, "method.initial_levels: starts at level 2"),
        ({"estimate": "mean", "prior_sd": -1.0}, "method.prior_sd: -1.0 is not above 0"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    """One sentence, naming the setting and what would be right."""
    with pytest.raises(esc.DesignError, match=said):
        make({"kind": "crm", "skeleton": S, **settings}, target=0.25)


def test_skeleton_that_does_not_increase_is_refused_when_used_and_named_by_check() -> None:
    """`check` says so; nothing is recommended from it."""
    design = make({"kind": "crm", "skeleton": [0.1, 0.3, 0.2, 0.4, 0.5], "estimate": "mean"})
    assert "does not increase" in esc.check(design).findings[0].text
    assert not esc.check(design).passed
    with pytest.raises(esc.DesignError, match="level 3"):
        esc.recommend(design, "1NNN")
