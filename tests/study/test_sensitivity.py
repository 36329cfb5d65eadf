"""What changes when an assumption changes: each variation is what `simulate` says of the changed design or truth."""

from __future__ import annotations

import numpy as np
import pytest

from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.files import load_design, load_scenarios
from escalate.core.scenario import Scenario
from escalate.study.calibration_axes import parse_axis
from escalate.study.sensitivity import MOST_SCENARIOS, sensitivity, shifted
from escalate.study.simulate import simulate
from tests.helpers import ROOT

NAMES = ("3plus3", "boin", "crm")
TRUTHS = load_scenarios(ROOT / "simulations/scenarios/tvec-liver.yaml")


def designs() -> list[Design]:
    """Return the three designs of the T-VEC study."""
    return [load_design(ROOT / f"designs/tvec-liver-{name}.yaml") for name in NAMES]


def test_usual_changes() -> None:
    """By default cohort size, sample size and the odds of a DLT change, each alone; what is no design is said, not guessed."""
    found = sensitivity(simulate(designs(), TRUTHS))
    boin = [each.what for each in found.of(1)]
    assert boin == [
        "", "cohorts of 2", "cohorts of 4", "at most 15 patients", "at most 21 patients", "DLT odds times 1.2",
        "DLT odds divided by 1.2",
    ]  # fmt: skip
    assert [each.what for each in found.of(0)] == ["", *boin[3:]]
    assert [text.partition(": ")[2][:27] for text in found.left_out] == [
        "cohorts of 2 is no valid de",
        "cohorts of 4 is no valid de",
    ]
    changed = found.of(1)[1].result.design
    assert (changed.cohort_size, changed.max_patients, changed.method) == (2, 18, designs()[1].method)
    assert found.trials is None


def test_as_it_is_and_changed_as_simulated() -> None:
    """The first line of a design is the study itself, and a changed truth is simulated as such."""
    study = simulate(designs()[1:2], TRUTHS, trials=400, seed=9)
    found = sensitivity(study)
    first, last = found.of(0)[0], found.of(0)[-1]
    assert first.result.scalars["pcs"][0].tolist() == study.designs[0].scalars["pcs"][0].tolist()
    truths = [shifted(scenario, 1 / 1.2) for scenario in TRUTHS]
    again = simulate(designs()[1:2], truths, trials=400, seed=9)
    assert last.result.scalars["mean_dlts"][0].tolist() == again.designs[0].scalars["mean_dlts"][0].tolist()
    assert found.trials == 400


def test_odds() -> None:
    """The odds of a DLT are multiplied; milder outcomes share what is left as before."""
    truth = Scenario(name="a", dlt=(0.1, 0.4), outcomes={"M": (0.3, 0.2)})
    found = shifted(truth, 1.2)
    odds = [p / (1 - p) / (q / (1 - q)) for p, q in zip(found.dlt, truth.dlt, strict=True)]
    assert odds == pytest.approx([1.2, 1.2])
    assert found.outcomes is not None
    assert [m / (1 - p) for m, p in zip(found.outcomes["M"], found.dlt, strict=True)] == pytest.approx(
        [0.3 / 0.9, 0.2 / 0.6]
    )


def test_settings_asked_for() -> None:
    """A setting asked for is varied in the designs that have it, and replaces the usual ones."""
    found = sensitivity(simulate(designs(), TRUTHS), [parse_axis("method.prior_sd=0.5,1.0")])
    assert [each.what for each in found.of(2)] == [
        "", "method.prior_sd 0.5", "method.prior_sd 1", "DLT odds times 1.2", "DLT odds divided by 1.2",
    ]  # fmt: skip
    assert len(found.of(1)) == 3


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("method.luck=1,2", "vary method.luck"),
        ("max_patients=0,3", "is no design: max_patients"),
        ("rules[9].cutoff=0.9", "rules"),
    ],
)
def test_what_cannot_be_varied(asked: str, text: str) -> None:
    """A setting of no design, and a value that no design allows, are refused."""
    with pytest.raises(EscalateError, match=text.replace("[", r"\[")):
        sensitivity(simulate(designs()[1:], TRUTHS), [parse_axis(asked)])


def test_many_scenarios_are_sampled_evenly() -> None:
    """Of many scenarios some are taken, evenly spaced, so that it takes no longer."""
    many = tuple(Scenario(name=f"s{k}", dlt=(0.05 + k / 1000, 0.3, 0.5)) for k in range(150))
    found = sensitivity(simulate(designs()[1:2], many))
    assert found.n_scenarios == MOST_SCENARIOS
    taken = [int(scenario.name[1:]) for scenario in found.variations[0].result.scenarios]
    assert set(np.diff(taken).tolist()) == {2, 3}


def test_rules_that_a_cohort_size_switches_off() -> None:
    """3 and 6 patients cannot be met by cohorts of 4: left out by default with the rule's name; said where it was asked for."""
    sticky = [{"kind": "stick_on_dlts", "patients": n, "dlts": 1, "then": "stay"} for n in (3, 6)]
    base = designs()[1].model_dump(mode="json", by_alias=True, exclude_none=True)
    design = Design.from_dict({**base, "rules": sticky})
    study = simulate([design], TRUTHS[:1], trials=50)
    found = sensitivity(study)
    assert [each.what for each in found.of(0)] == [
        "", "at most 15 patients", "at most 21 patients", "DLT odds times 1.2", "DLT odds divided by 1.2",
    ]  # fmt: skip
    assert [text.partition(": ")[2] for text in found.left_out] == [
        "cohorts of 2 is left out, for it would change a rule too (stick_on_dlts for 3 patients never speaks: cohorts of 2 do not "
        "lead to 3 patients at a dose).",
        "cohorts of 4 is left out, for it would change a rule too (stick_on_dlts for 3 patients never speaks: cohorts of 4 do not "
        "lead to 3 patients at a dose; stick_on_dlts for 6 patients never speaks: cohorts of 4 do not lead to 6 patients at a "
        "dose).",
    ]
    asked = sensitivity(study, [parse_axis("cohort_size=4")])
    assert [each.what for each in asked.of(0)][1] == "cohort_size 4"
    assert "cohort_size 4 changes a rule too (stick_on_dlts for 3 patients never speaks" in asked.left_out[0]
