"""Probabilities of paths: against quadrature, products of binomials, conjugate formulas and the exact engine."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, exp, pi, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

import escalate as esc
from escalate.core.moves import Action
from escalate.core.patients import from_outcomes
from escalate.methods.crm import Crm
from escalate.study.path_nodes import PathNode
from escalate.study.pathways import Pathways
from tests.cli.run import DESIGNS
from tests.helpers import make, quick

S = [0.05, 0.12, 0.25, 0.40, 0.55]
CRM = {"kind": "crm", "skeleton": S, "estimate": "plug_in"}
LOGISTIC = {"kind": "crm", "model": "logistic", "skeleton": S, "estimate": "mean", "prior_sd": 0.8}
LIKELIHOOD = {"kind": "crm", "skeleton": S, "inference": "mle"}
TRUTH = esc.Scenario(name="truth", dlt=(0.05, 0.15, 0.3, 0.45, 0.6))
HISTORIES = ("", "1NNN", "1NNN 2NNT", "1NNN 2NNN 3NTT 2NNT 2NNN", "1TTT 1NNN")


def _sum_at(found: Pathways, depth: int) -> float:
    """Return the probability of all that can be the case after so many cohorts, stopped trials included."""
    here = [n for n in found.nodes if n.depth == depth or (n.depth < depth and n.action is Action.STOP)]
    return sum(node.probability for node in here)


def _counts(design: esc.Design, outcomes: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return patients by dose and outcome, shape (J, C)."""
    return from_outcomes(outcomes, design, design.outcomes).prefixes(design.n_doses).tally.counts[-1]


def _each(found: Pathways, expected: Callable[[str, PathNode], float], tolerance: float) -> None:
    """Compare the probability of each node given its parent with one from the outcomes before it."""
    for node in found.nodes[1:]:
        assert node.parent is not None
        before = f"{found.before} {found.nodes[node.parent].path}".strip()
        assert node.conditional_probability == pytest.approx(expected(before, node), abs=tolerance), node.path
        assert node.probability == found.nodes[node.parent].probability * node.conditional_probability


@pytest.mark.parametrize("basis", ["predicted", "scenario"])
@pytest.mark.parametrize("path", quick(DESIGNS))
def test_sum_to_one(path: Any, basis: str) -> None:
    """Siblings, and all paths of each depth with the stopped ones, sum to one to 1e-12."""
    design = esc.load_design(path)
    middle = {o.letter: (0.1,) * design.n_doses for o in design.outcomes[1:-1]} or None
    dlt = TRUTH.dlt[: design.n_doses] if design.n_doses <= 5 else tuple(np.linspace(0.05, 0.6, design.n_doses).tolist())
    truth = esc.Scenario(name="truth", dlt=dlt, outcomes=middle)
    for before in ("", "1NNN 2NNT"):
        found = esc.paths(design, before, cohorts=2, scenario=truth if basis == "scenario" else None)
        for below in found.children:
            assert not below or sum(node.conditional_probability for node in below) == pytest.approx(1, abs=1e-12)
        for depth in range(3):
            assert _sum_at(found, depth) == pytest.approx(1, abs=1e-12)


def test_sum_to_one_after_many_patients() -> None:
    """Rounding does not add up: 300 patients, and more than the design allows so that the model's grid is another."""
    for method in (CRM, {"kind": "boin"}):
        found = esc.paths(make(method, rules=(), max_patients=1000), "1" + "N" * 200 + " 2" + "NNNT" * 25, cohorts=3)
        for depth in (1, 2, 3):
            assert _sum_at(found, depth) == pytest.approx(1, abs=1e-12)


def test_scenario_gives_products_of_binomials() -> None:
    """Under a scenario each cohort is binomial at its dose."""
    found = esc.paths(make({"kind": "boin"}), "1NNN", sizes=(3, 4), scenario=TRUTH)
    assert found.basis == "scenario: truth"

    def expected(_: str, node: PathNode) -> float:
        p = TRUTH.dlt[(node.level or 0) - 1]
        return comb(node.patients, node.dlts) * p**node.dlts * (1 - p) ** (node.patients - node.dlts)

    _each(found, expected, 1e-14)


@pytest.mark.parametrize("before", HISTORIES)
@pytest.mark.parametrize("settings", [CRM, LOGISTIC], ids=["power", "logistic"])
def test_model_predicts_as_quadrature_does(settings: dict[str, Any], before: str) -> None:
    """Double programming: SciPy's adaptive quadrature of likelihood times prior; to 1e-8."""
    design = make(settings, rules=())
    method = design.method
    assert isinstance(method, Crm)
    found = esc.paths(design, before, cohorts=2)
    assert (found.basis, found.predicted_by) == ("posterior predictive: the model", "model")

    def rates(beta: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        s = np.array(S)
        if method.model == "power":
            return s ** exp(beta)
        return np.asarray(special.expit(3 + exp(beta) * (special.logit(s) - 3)))

    def evidence(outcomes: str) -> float:
        free, dlt = _counts(design, outcomes).T
        sd = method.prior_sd

        def density(beta: float) -> float:
            p = rates(beta)
            return float(np.prod((1 - p) ** free * p**dlt)) * exp(-0.5 * (beta / sd) ** 2) / (sd * sqrt(2 * pi))

        pieces = [integrate.quad(density, a * sd, b * sd, epsabs=0, epsrel=1e-11, limit=200)[0]
                  for a, b in ((-9, -3), (-3, -1), (-1, 0), (0, 1), (1, 3), (3, 9))]  # fmt: skip
        return sum(pieces)

    def expected(earlier: str, node: PathNode) -> float:
        last = node.path.split()[-1]
        return comb(node.patients, node.dlts) * evidence(f"{earlier} {last}") / evidence(earlier)

    _each(found, expected, 1e-8)


def test_one_patient_is_predicted_by_the_mean() -> None:
    """Before any patient, a DLT in the first is as likely as the prior mean says, computed by another function."""
    for method in (CRM, LOGISTIC):
        design = make({**method, "estimate": "mean"}, rules=())
        found = esc.paths(design, sizes=(1,), next_level=3)
        mean = esc.recommend(design).doses[2].estimate
        assert found.next_cohort[1].probability == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("method", [{"kind": "boin"}, LIKELIHOOD, {"kind": "three_plus_three"}],
                         ids=["boin", "mle", "3+3"])  # fmt: skip
@pytest.mark.parametrize("before", HISTORIES[:3])
def test_uniform_prior_predicts_beta_binomials(method: dict[str, Any], before: str) -> None:
    """Methods without a posterior: each level by itself, Beta(1, 1); the text says so."""
    design = make(method, rules=(), max_patients=60)
    found = esc.paths(design, before, cohorts=2)
    assert found.basis == "posterior predictive: uniform, level by level"
    assert "each level by itself from a uniform prior: a level nobody had is as likely toxic as not" in found.basis_text

    def expected(earlier: str, node: PathNode) -> float:
        free, dlt = _counts(design, earlier)[(node.level or 0) - 1]
        return float(stats.betabinom.pmf(node.dlts, node.patients, 1 + dlt, 1 + free))

    _each(found, expected, 1e-13)


def test_uniform_prior_of_graded_outcomes() -> None:
    """With more than two outcomes: Dirichlet(1, .., 1), and the words fit."""
    design = make({"kind": "gboin"})
    found = esc.paths(design, "1NNM 1NST", cohorts=1)
    assert found.basis_text.endswith("a level nobody had has each outcome with equal probability.")
    assert len(found.next_cohort) == comb(6, 3)

    def expected(earlier: str, node: PathNode) -> float:
        alpha = 1 + _counts(design, earlier)[(node.level or 0) - 1]
        return float(stats.dirichlet_multinomial.pmf(node.outcomes, alpha, node.patients))

    _each(found, expected, 1e-13)


@pytest.mark.parametrize("method", [{"kind": "boin"}, {**CRM, "skeleton": S[:3]}, {"kind": "three_plus_three"}],
                         ids=["boin", "crm", "3+3"])  # fmt: skip
def test_the_whole_trial_has_the_exact_characteristics(method: dict[str, Any]) -> None:
    """Looking ahead to the end gives the selections, patients and reasons of the exact engine; to 1e-12."""
    design = make(method, 3, max_patients=15)
    truth = esc.Scenario(name="truth", dlt=(0.1, 0.3, 0.5))
    found = esc.paths(design, cohorts=9, scenario=truth)
    ends = [node for node in found.nodes if not found.children[node.id]]
    assert all(node.action is Action.STOP for node in ends)
    exact = esc.simulate([design], [truth]).designs[0].characteristics
    none, *levels = (sum(node.probability for node in ends if node.mtd_level == level) for level in (None, 1, 2, 3))
    assert none == pytest.approx(exact.value(0, "selected_none"), abs=1e-12)
    assert levels == pytest.approx([x for x, _ in exact.of(0, "selected")], abs=1e-12)
    patients = [sum(n.probability * n.patients for n in found.nodes if n.level == level) for level in (1, 2, 3)]
    assert patients == pytest.approx([x for x, _ in exact.of(0, "patients")], abs=1e-12)
    full = sum(n.probability for n in ends if "max_patients" in {reason.code for reason in n.reasons})
    assert full == pytest.approx(exact.value(0, "stopped:max_patients"), abs=1e-12)


cohort = st.tuples(st.integers(1, 5), st.text("NT", min_size=1, max_size=6))


@settings(max_examples=60, deadline=None)
@given(st.lists(cohort, max_size=6), st.sampled_from([CRM, LOGISTIC, LIKELIHOOD, {"kind": "boin"}]), st.integers(1, 5))
def test_any_history(cohorts: list[tuple[int, str]], method: dict[str, Any], level: int) -> None:
    """Whatever was seen, departures from the design included: sums are one, and nodes are what `recommend` says."""
    before = " ".join(f"{level}{letters}" for level, letters in cohorts)
    design = make(method, max_patients=40)
    found = esc.paths(design, before, cohorts=2, next_level=level)
    for depth in range(3):
        assert _sum_at(found, depth) == pytest.approx(1, abs=1e-12)
    for node in found.nodes[:: max(1, len(found.nodes) // 4)]:
        said = esc.recommend(design, f"{before} {node.path}".strip())
        assert (node.action, node.next_level, node.mtd_level) == (said.action, said.next_level, said.mtd_level)
