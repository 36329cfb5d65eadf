"""BLRM: golden values of the literature, the choices of dose, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import escalate as esc
from escalate.core.errors import DesignError
from escalate.core.moves import Action
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design
from escalate.methods.blrm import Blrm
from escalate.models.bivariate_normal import BivariateNormal
from tests.helpers import ROOT, make

VAGUE = {"mean": (0.0, 0.0), "sd": (2.0, 1.0)}
NBG = {"mean": (2.15, 0.52), "sd": (0.84, 0.80), "correlation": 0.2}


def design(method: dict[str, Any], amounts: tuple[float, ...], **frame: Any) -> esc.Design:
    """Build a BLRM design with the amounts given."""
    return make({"kind": "blrm", **method}, len(amounts), doses={"unit": "mg", "levels": amounts}, **frame)


def test_example_a_of_the_dossier() -> None:
    """NBG data, prior (0, 0; 2, 1), reference 50 (quadrature, JAGS agrees): the next dose is 15."""
    amounts = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 25.0)
    found = esc.recommend(
        design({"reference_amount": 50.0, "prior": VAGUE}, amounts, rules=(), max_patients=60),
        "1NNN 2NNNN 3NNNNN 4NNNN 7TT",
    )
    assert [row.estimate for row in found.doses[2:]] == pytest.approx(
        [0.0414013, 0.1160662, 0.2208016, 0.3366141, 0.4438687], abs=1e-6
    )
    assert [row.prob_overdose for row in found.doses[2:]] == pytest.approx(
        [0.0012373, 0.0371402, 0.2119977, 0.4690415, 0.6699701], abs=1e-6
    )
    assert found.next_level == 5


def test_example_b_of_the_dossier() -> None:
    """NBG prior and categories: Pr(p > .35) is .221530 at 20 and .371965 at 25, so that 20 is the highest admissible."""
    amounts = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
    method = {"reference_amount": 250.0, "prior": NBG, "intervals": (0.2, 0.35, 0.6), "choose": "highest"}
    trial = design(method, amounts, rules=(), max_patients=60)
    data = Tally.of([[3, 4, 5, 4, 0, 0, 2, 0]], [[0, 0, 0, 0, 0, 0, 2, 0]])
    assert isinstance(trial.method, Blrm)
    cells = trial.method.interval_probabilities(trial, data)[0]
    assert cells[3:7] == pytest.approx(
        np.array(
            [
                [0.808456, 0.170112, 0.021387, 0.000045],
                [0.578499, 0.326845, 0.093837, 0.000819],
                [0.376819, 0.401651, 0.216032, 0.005498],
                [0.233226, 0.394809, 0.351787, 0.020177],
            ]
        ),
        abs=1e-6,
    )
    assert esc.recommend(trial, "1NNN 2NNNN 3NNNNN 4NNNN 7TT").next_level == 6


def test_example_c_of_the_dossier() -> None:
    """First cohort at 10: after 0/3 Pr(p > .33) is .0450, .1804, .4558 at 10, 25, 50; after 2/3 no dose is admissible."""
    trial = design({"reference_amount": 50.0, "prior": VAGUE}, (1.0, 10.0, 25.0, 50.0), rules=(), start_level=2)
    clean = esc.recommend(trial, "2NNN")
    assert [row.prob_overdose for row in clean.doses[1:]] == pytest.approx([0.0449850, 0.1803602, 0.4557891], abs=1e-6)
    assert clean.next_level == 3
    toxic = esc.recommend(trial, "2NTT")
    assert [row.prob_overdose for row in toxic.doses[:2]] == pytest.approx([0.3648015, 0.8074180], abs=1e-6)
    assert (toxic.action, toxic.mtd_level) == (Action.STOP, None)
    held = design({"reference_amount": 50.0, "prior": VAGUE, "if_none_admissible": "lowest"}, (1.0, 10.0), rules=())
    assert esc.recommend(held, "2NTT").next_level == 1


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_choice_is_that_of_the_definitions(data: st.DataObject) -> None:
    """Any data, any choice, any vetoes from above: the dose by hand from the interval probabilities."""
    choose = data.draw(st.sampled_from(["target", "highest", "loss"]))
    cap = data.draw(st.integers(1, 5))
    trial = make(
        {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": (-1.0, 0.0), "sd": (1.0, 0.6)}, "choose": choose},
        rules=({"kind": "no_skipping", "from": "last"},) if cap < 5 else (),
    )
    n = [data.draw(st.integers(0, 6)) for _ in range(5)]
    dlt = [data.draw(st.integers(0, k)) for k in n]
    dose = data.draw(st.integers(0, 4))
    n[dose] = max(n[dose], 1)
    states = States(Tally.of([n], [dlt]), np.array([dose]), np.array([[1, 0]]))
    method = trial.method
    assert isinstance(method, Blrm)
    under, target, over = (method.cells(method.posterior(trial, states.tally))[0, :, k] for k in range(3))
    eligible = [j for j in range(5) if over[j] <= 0.25 and (cap == 5 or j <= dose + 1)]
    if not eligible:
        expected = -1
    elif choose == "highest" or (choose == "target" and max(target[eligible]) <= 0.05):
        expected = eligible[-1]
    elif choose == "target":
        expected = max(eligible, key=lambda j: target[j])
    else:
        expected = min(eligible, key=lambda j: under[j] + over[j])
    from escalate.core.decision import decide

    assert decide(trial, states).next[0] == expected


def test_amounts_in_other_units_change_nothing() -> None:
    """Micrograms for milligrams, everywhere: the same states and decisions."""
    amounts, known = (2.0, 6.0), {"name": "other", "patients": (10.0, 10.0), "dlts": (0.0, 2.0), "discount": 0.3}
    found = []
    for unit in (1.0, 1000.0):
        scaled = {**known, "amounts": tuple(unit * amount for amount in amounts)}
        method = {
            "reference_amount": 4 * unit, "prior": {"mean": (-1.0, 0.0), "sd": (1.0, 0.6)}, "historical": (scaled,)
        }  # fmt: skip
        found.append(compile_design(design(method, (unit, 2 * unit, 4 * unit, 8 * unit), max_patients=18)))
    assert np.array_equal(found[0].child, found[1].child)
    assert np.array_equal(found[0].terminals.selected, found[1].terminals.selected)


def test_trusted_history_moves_the_start_and_data_overrule_it() -> None:
    """T-VEC (synthetic): the trial goes up after 0/3, and stops where two of the first three have a DLT."""
    trial = esc.load_design(ROOT / "designs" / "tvec-liver-blrm.yaml")
    assert esc.recommend(trial, "1NNN").next_level == 2
    stopped = esc.recommend(trial, "1NTT")
    assert stopped.action is Action.STOP
    assert "0.1629 (prior 0.8), 0.8371 (prior 0.2)" in stopped.trace[0].text


def test_page_shows_what_the_command_prints() -> None:
    """The worked example of docs/methods/blrm.md."""
    page = (ROOT / "docs" / "methods" / "blrm.md").read_text()
    trial = esc.load_design(ROOT / "designs" / "blrm.yaml")
    words = " ".join(page.split())
    found = esc.recommend(trial, "1NNN 2NNT")
    assert found.reasons[0].text in words
    assert found.margin is not None
    assert found.margin.text in words
    oc = esc.simulate([trial], [esc.Scenario(name="page", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))], exact=True)
    frame = oc.to_frame()
    selected = frame[frame.metric == "selected"].value.tolist()
    assert f"selected {', '.join(f'{p:.4f}' for p in selected[:5])}" in words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reference_amount": 0.0}, "method.reference_amount"),
        ({"prior": {"mean": (0.0, 0.0), "sd": (0.0, 1.0)}}, "method.prior.sd"),
        ({"prior": {"mean": (0.0, 0.0), "sd": (2.0, 1.0), "correlation": 1.0}}, "method.prior.correlation"),
        ({"prior": {"mixture": ({"weight": 0.5, "mean": (0.0, 0.0), "sd": (2.0, 1.0)},)}}, "sum to 0.5"),
        ({"intervals": ((0, 0.2), (0.16, 0.33), (0.33, 1))}, "overlap between 0.16 and 0.2"),
        ({"intervals": ((0, 0.16), (0.2, 0.33), (0.33, 1))}, "leave a hole between 0.16 and 0.2"),
        ({"intervals": (0.33, 0.16)}, "overlap"),
        ({"intervals": (0.33,)}, "give two, or three"),
        ({"overdose_cutoff": 1.5}, "method.overdose_cutoff"),
        ({"choose": "loss", "losses": (1.0, 0.0)}, "2 entries for 3 intervals"),
        ({"losses": (1.0, 0.0, 1.0)}, "are not used"),
        ({"choose": "loss", "losses": (1.0, 2.0, 0.0)}, "the target interval the cheapest"),
        ({"choose": "loss", "losses": (0.0, 1.0, 1.0)}, "the target interval the cheapest"),
        ({"choose": "loss", "intervals": (0.2, 0.35, 0.6), "losses": (1.0, 0.0, 5.0, 1.0)}, "cheaper than a lower one"),
        ({"historical": ({"name": "a", "amounts": (1.0,), "patients": (3.0,), "dlts": (4.0,)},)}, "4 DLTs among 3"),
        ({"historical": ({"name": "a", "amounts": (1.0,), "patients": (), "dlts": (4.0,)},)}, "0 patients"),
        ({"prior": {"mean": (0.0,), "sd": (2.0, 1.0)}}, "method.prior"),
        ({"prior": None}, "method.prior"),
    ],
)
def test_bad_settings_are_one_sentence(change: dict[str, Any], said: str) -> None:
    """Every fault names the setting and what would be right."""
    with pytest.raises(DesignError) as fault:
        make({"kind": "blrm", "reference_amount": 3.0, "prior": VAGUE, **change})
    assert said in str(fault.value)
    assert len(str(fault.value).splitlines()) == 1


def test_start_that_the_prior_calls_an_overdose_is_doubted() -> None:
    """`check` says so."""
    trial = make(
        {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": (1.0, 0.0), "sd": (1.0, 0.5)}}, start_level=3
    )
    assert "not admissible before any patient" in "".join(trial.method.doubts(trial))
    far = make({"kind": "blrm", "reference_amount": 300.0, "prior": {"mean": (1.0, 0.0), "sd": (1.0, 0.5)}})
    assert "far outside" in "".join(far.method.doubts(far))


@pytest.mark.slow
def test_nodes_agree_with_nuts() -> None:
    """A robust prior with history, at one state: PyMC within four Monte-Carlo errors."""
    import arviz as az
    import pymc as pm

    trial = esc.load_design(ROOT / "designs" / "tvec-liver-blrm.yaml")
    assert isinstance(trial.method, Blrm)
    data = Tally.of([[3, 6, 3]], [[0, 1, 1]])
    with trial.method.in_pymc(trial, data):
        drawn = pm.sample(1500, tune=1500, chains=4, cores=2, random_seed=5, progressbar=False, target_accept=0.95)
    belief = trial.method.posterior(trial, data)
    p = drawn.posterior["p"]
    over = (p > 0.33).astype(float)
    for values, expected in ((p, belief.mean()[0]), (over, belief.prob_above(0.33)[0])):
        for j in range(3):
            error = float(az.mcse(values[..., j].to_dataset(name="x"))["x"])  # type: ignore[no-untyped-call]
            assert float(values[..., j].mean()) == pytest.approx(expected[j], abs=4 * error + 1e-4)


def test_prior_settings_are_hashable_and_round_trip() -> None:
    """What a file says is what the design writes again."""
    path: Path = ROOT / "designs" / "tvec-liver-blrm.yaml"
    trial = esc.load_design(path)
    assert BivariateNormal(mean=(-2.0, -0.5), sd=(1.0, 0.7)) == trial.method.prior  # type: ignore[attr-defined]
    again = trial.to_dict()
    assert again["method"]["robust"]["weight"] == 0.2
