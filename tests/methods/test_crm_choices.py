"""The CRM with several skeletons, and by other choices than the nearest dose; margins against what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.errors import EscalateError
from escalate.core.tally import Tally
from escalate.methods.crm import Crm
from escalate.methods.families.estimate_choice import EstimateChoice
from tests.helpers import make

S = [0.05, 0.12, 0.25, 0.40, 0.55]
SKELETONS = (tuple(S), (0.10, 0.20, 0.30, 0.45, 0.60), (0.02, 0.06, 0.12, 0.20, 0.30))
BMA = {"kind": "crm", "skeletons": SKELETONS, "prior_sd": 2**0.5, "estimate": "mean"}
MEANS = [0.0524527, 0.1083264, 0.2131952, 0.3434264, 0.4860288]


@pytest.mark.parametrize(
    ("outcomes", "level"), [("1NNN 2NNN 3NNT", 3), ("1NNN 2NNNNTT 3NTT", 1), ("1NNN 2NNN 3NNN 4NNNNNT", 5)]
)
def test_averaged_dose(outcomes: str, level: int) -> None:
    """Source: dossier crm.md 4, the dose of each example, nearest to 0.25 without rules."""
    found = esc.recommend(make(BMA, target=0.25, rules=()), outcomes)
    assert found.next_level == level


def test_averaged_weights_are_reported() -> None:
    """Source: dossier crm.md 4, first example: posterior weights to four decimals, with the prior ones."""
    found = esc.recommend(make(BMA, target=0.25, rules=()), "1NNN 2NNN 3NNT")
    expected = "Posterior weights of the skeletons: 0.3731 (prior 0.333), 0.3128 (prior 0.333), 0.3142 (prior 0.333)."
    assert any(expected in reason.text for reason in found.reasons)


def test_averaged_safety_rule_and_evidence() -> None:
    """The mixture's Pr(p_1 > target) stops the trial; its evidence is that of the averaged model."""
    rules = ({"kind": "lowest_dose_too_toxic", "cutoff": 0.9},)
    design = make(BMA, target=0.25, rules=rules)
    assert esc.recommend(design, "1TTT").action == "stop"
    assert esc.recommend(design, "1NNT").action != "stop"
    method, tally = design.method, Tally.of([[3, 3, 3, 0, 0]], [[0, 0, 1, 0, 0]])
    assert isinstance(method, Crm)
    expected = np.log(np.mean(np.exp([-3.5582340, -3.7345051, -3.7300318])))
    assert method.log_evidence(design, tally)[0] == pytest.approx(expected, abs=1e-7)
    with pytest.raises(EscalateError, match="an average over skeletons is no single model for NUTS"):
        method.in_pymc(design, tally)


@pytest.mark.parametrize(
    ("a", "expected"),
    [
        (1.0, [0.785188, 0.207796, 0.008075, 0.038710, 0.223012]),
        (0.25, [0.089608, 0.042760, 0.003033, 0.023809, 0.213856]),
    ],
)
def test_criterion(a: float, expected: list[float]) -> None:
    """Source: dossier crm.md 5, at posterior means, six decimals; level 3 is chosen by both."""
    choice, estimates = EstimateChoice(choose="cibp", asymmetry=a), np.array([MEANS])
    assert choice.criterion(estimates, 0.25)[0] == pytest.approx(expected, abs=2e-6)
    assert choice.chosen(estimates, 0.25, np.ones((1, 5), dtype=bool)).tolist() == [2]


def test_criterion_in_a_trial() -> None:
    """The dossier's data give the dossier's criterion; an asymmetry near 0 takes the lower of two."""
    cibp = {"kind": "crm", "skeleton": S, "estimate": "mean", "choose": "cibp"}
    found = esc.recommend(make({**cibp, "asymmetry": 0.25}, target=0.25, rules=()), "1NNN 2NNN 3NNT")
    assert found.next_level == 3
    assert "0.08961, 0.04276, 0.003033, 0.02381, 0.2139, smallest at level 3" in found.reasons[0].text
    assert found.margin is not None
    assert found.margin.value == pytest.approx(0.023809 - 0.003033, abs=2e-6)
    # Plug-in estimates 0.174 and 0.319: by hand the criterion is 0.0125 and 0.0124 with 0.25, 0.0099 and 0.0111 with 0.1.
    plug_in = {"kind": "crm", "skeleton": S, "estimate": "plug_in"}
    assert esc.recommend(make(plug_in, target=0.25, rules=()), "1NNN 2NNN 3NTT").next_level == 3
    for a, level in ((1.0, 3), (0.25, 3), (0.1, 2)):
        design = make({**plug_in, "choose": "cibp", "asymmetry": a}, target=0.25, rules=())
        assert esc.recommend(design, "1NNN 2NNN 3NTT").next_level == level, a


def test_highest_below() -> None:
    """At the target counts as below; the lowest dose where none is."""
    choice, every = EstimateChoice(choose="highest_below"), np.ones((1, 3), dtype=bool)
    assert choice.chosen(np.array([[0.1, 0.25, 0.26]]), 0.25, every).tolist() == [1]
    assert choice.chosen(np.array([[0.3, 0.4, 0.5]]), 0.25, every).tolist() == [0]
    assert choice.chosen(np.array([[0.1, 0.2, 0.24]]), 0.25, every).tolist() == [2]
    assert choice.chosen(np.array([[0.1, 0.2, 0.24]]), 0.25, ~every).tolist() == [NONE]
    design = make(
        {"kind": "crm", "skeleton": S, "estimate": "plug_in", "choose": "highest_below"}, target=0.25, rules=()
    )
    found = esc.recommend(design, "1NNN 2NNN 3NTT")
    assert found.next_level == 2
    assert found.reasons[0].code == "highest_below_target"
    assert found.margin is not None
    assert found.margin.value == pytest.approx(0.0690, abs=1e-3)
    assert esc.recommend(design, "1TTT").reasons[0].text.endswith("so that the lowest level follows.")


rising = st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6, unique=True).map(sorted)
choices = st.sampled_from(
    [
        EstimateChoice(),
        EstimateChoice(choose="highest_below"),
        EstimateChoice(choose="cibp", asymmetry=0.25),
        EstimateChoice(choose="cibp", asymmetry=1.5),
    ]
)


@given(estimates=rising, target=st.floats(0.1, 0.5), choice=choices)
def test_choice_is_the_best_by_plain_search(estimates: list[float], target: float, choice: EstimateChoice) -> None:
    """Nearest, smallest criterion or highest below, found dose by dose; and never negative margins."""
    p = np.array([estimates])
    found = int(choice.chosen(p, target, np.ones(p.shape, dtype=bool))[0])
    margin = choice.choice_margin(p[0], target)
    assert margin is not None
    assert margin.value >= 0
    if choice.choose == "highest_below":
        assert found == max([j for j, q in enumerate(estimates) if q <= target + 1e-9], default=0)
        return
    loss = np.abs(p - target)[0] if choice.choose == "nearest" else choice.criterion(p, target)[0]
    assert loss[found] <= loss.min() + 1e-9


@given(estimates=rising, target=st.floats(0.1, 0.5), data=st.data())
def test_margin_of_highest_below_is_how_far_estimates_may_move(
    estimates: list[float], target: float, data: st.DataObject
) -> None:
    """No change of the estimates by less than the margin changes the dose."""
    choice, p = EstimateChoice(choose="highest_below"), np.array([estimates])
    margin = choice.choice_margin(p[0], target)
    assert margin is not None
    if margin.value < 1e-6:
        return
    moved = p + data.draw(st.floats(-0.999, 0.999)) * (margin.value - 1e-8)
    every = np.ones(p.shape, dtype=bool)
    assert choice.chosen(moved, target, every).tolist() == choice.chosen(p, target, every).tolist()


def test_saturated_estimates_still_lead_somewhere() -> None:
    """Estimates of exactly 0 or 1: up, or down, and no invalid number."""
    choice, every = EstimateChoice(choose="cibp", asymmetry=0.5), np.ones((1, 3), dtype=bool)
    assert choice.chosen(np.zeros((1, 3)), 0.25, every).tolist() == [2]
    assert choice.chosen(np.ones((1, 3)), 0.25, every).tolist() == [0]
    assert np.isfinite(choice.criterion(np.array([[0.0, 0.5, 1.0]]), 0.25)).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"choose": "cibp"}, r"method\.asymmetry: is missing; choose: cibp needs it"),
        ({"asymmetry": 0.5}, r"method\.asymmetry: belongs to choose: cibp"),
        ({"choose": "cibp", "asymmetry": 2.0}, r"method\.asymmetry: 2.0 is not below 2"),
        ({"choose": "lowest"}, r"method\.choose: 'lowest' is not known"),
        ({"skeleton": None}, r"method\.skeleton: is missing; give one prior guess a level"),
        ({"skeletons": SKELETONS}, r"method\.skeletons: is given beside skeleton"),
        ({"skeleton_weights": (0.5, 0.5)}, r"method\.skeleton_weights: belongs to skeletons"),
        ({"skeleton": None, "skeletons": SKELETONS[:1]}, r"method\.skeletons: has 1 entries; it needs at least 2"),
        (
            {"skeleton": None, "skeletons": SKELETONS, "skeleton_weights": (0.5, 0.5)},
            r"method\.skeleton_weights: has 2 entries for 3 skeletons",
        ),
        (
            {"skeleton": None, "skeletons": SKELETONS, "skeleton_weights": (0.5, 0.3, 0.3)},
            r"method\.skeleton_weights: sums to 1.1; prior probabilities sum to 1",
        ),
        (
            {"skeleton": None, "skeletons": (tuple(S), (0.1, 0.2))},
            r"method\.skeletons\[2\]: has 2 entries for 5 dose levels",
        ),
        (
            {"skeleton": None, "skeletons": SKELETONS, "estimate": "plug_in"},
            r"method\.estimate: must be mean with several skeletons",
        ),
        (
            {"skeleton": None, "skeletons": SKELETONS, "estimate": None, "inference": "mle"},
            r"method\.skeletons: are averaged by their posteriors",
        ),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    """One sentence, naming the setting and what would be right."""
    with pytest.raises(esc.DesignError, match=said) as caught:
        make({"kind": "crm", "skeleton": S, "estimate": "mean", **settings}, target=0.25)
    assert len(str(caught.value).splitlines()) == 1


def test_skeletons_that_do_not_increase_are_refused_when_used() -> None:
    """The second one, by its number."""
    method = {"kind": "crm", "skeletons": (tuple(S), (0.1, 0.3, 0.2, 0.4, 0.5)), "estimate": "mean"}
    with pytest.raises(esc.DesignError, match=r"method\.skeletons\[2\]: does not increase: level 3"):
        esc.recommend(make(method), "1NNN")
