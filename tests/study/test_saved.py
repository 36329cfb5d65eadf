"""Results of `simulate` as JSON, read back: nothing is lost, and what does not belong or is not whole is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from escalate.core.clock import Clock
from escalate.core.errors import DataError
from escalate.core.files import DesignFile, load_scenarios, read_design
from escalate.core.scenario import Scenario
from escalate.core.scenario_files import generate
from escalate.report import json_forms
from escalate.study.results import OperatingCharacteristics
from escalate.study.saved import read_simulation
from escalate.study.simulate import simulate
from tests.helpers import ROOT

LIVER = tuple(f"designs/tvec-liver-{name}.yaml" for name in ("3plus3", "boin", "crm"))
FIVE = "simulations/scenarios/five-doses.yaml"
DATED = tuple(f"simulations/durations/designs/{name}.yaml" for name in ("boin", "tite_boin", "rolling_six"))
CLOCK = Clock.from_dict({"accrual": {"kind": "poisson", "mean_days": 6.0}, "arrivals": "queue"})


@cache
def files(*paths: str) -> tuple[DesignFile, ...]:
    """Read design files of the repository."""
    return tuple(read_design(ROOT / path) for path in paths)


def text_of(found: OperatingCharacteristics, read: tuple[DesignFile, ...]) -> str:
    """Write results as the command does."""
    return json.dumps(json_forms.simulation(found, [file.sha256 for file in read]), indent=2, allow_nan=False)


def study(paths: tuple[str, ...], scenarios: str | tuple[Scenario, ...], **how: Any) -> str:
    """Return the JSON of a simulation."""
    read = files(*paths)
    designs = [file.design for file in read]
    truths = load_scenarios(ROOT / scenarios, designs) if isinstance(scenarios, str) else scenarios
    return text_of(simulate(designs, truths, **how), read)


CASES: dict[str, tuple[tuple[str, ...], str | tuple[Scenario, ...], dict[str, Any]]] = {
    "exact": (LIVER, "simulations/scenarios/tvec-liver.yaml", {}),
    "one design over trials": (("designs/boin.yaml",), FIVE, {"trials": 300, "seed": 5}),
    "three designs over trials": (LIVER, "simulations/scenarios/tvec-liver.yaml", {"trials": 300, "seed": 2**62 + 1}),
    "on a clock": (DATED, "simulations/scenarios/tvec-liver.yaml", {"trials": 60, "clock": CLOCK}),
    "graded outcomes": (("designs/gboin.yaml",), "simulations/scenarios/five-doses-graded.yaml", {}),
    "graded over trials": (("designs/gboin.yaml",), "simulations/scenarios/five-doses-graded.yaml", {"trials": 50}),
    "families": (("designs/boin.yaml", "designs/ccd.yaml"), "simulations/scenarios/families-five-doses.yaml", {}),
    "drawn": (
        ("designs/boin.yaml", "designs/ccd.yaml"),
        generate("paoletti", target=0.3, doses=5, gap=0.1, count=4),
        {"trials": 40},
    ),
    "at the target everywhere": (("designs/boin.yaml",), (Scenario(name="flat", dlt=(0.3,) * 5),), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_read_back_the_same_bytes(case: str, tmp_path: Path) -> None:
    """What is read back is written as the same bytes, whether exact, over trials, on a clock, graded, or several designs."""
    paths, scenarios, how = CASES[case]
    text = study(paths, scenarios, **how)
    (tmp_path / "results.json").write_text(text)
    read = files(*paths)
    found = read_simulation(tmp_path / "results.json", tuple(reversed(read)))
    assert text_of(found, read) == text
    assert [result.design for result in found.designs] == [file.design for file in read]


def test_the_errors_of_all_pairs_are_there(tmp_path: Path) -> None:
    """Paired differences between any two designs have their errors again, not only those to the first."""
    read = files(*LIVER)
    designs = [file.design for file in read]
    made = simulate(designs, load_scenarios(ROOT / "simulations/scenarios/tvec-liver.yaml"), trials=200)
    (tmp_path / "results.json").write_text(text_of(made, read))
    found = read_simulation(tmp_path / "results.json", read)
    assert made.comparison is not None
    assert found.comparison is not None
    for mine, theirs in zip(found.comparison.differences(2, 1), made.comparison.differences(2, 1), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found.provenance == made.provenance


def test_results_of_other_designs_may_be_passed_over(tmp_path: Path) -> None:
    """Where asked for, results of designs that are not given are left out, and those of the others are as in the file."""
    read = files(*LIVER)
    designs = [file.design for file in read]
    made = simulate(designs, load_scenarios(ROOT / "simulations/scenarios/tvec-liver.yaml"), trials=200)
    (tmp_path / "results.json").write_text(text_of(made, read))
    found = read_simulation(tmp_path / "results.json", read[1:], others=True)
    assert [result.design for result in found.designs] == designs[1:]
    assert made.comparison is not None
    assert found.comparison is not None
    for mine, theirs in zip(found.comparison.differences(1, 0), made.comparison.differences(2, 1), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    one = read_simulation(tmp_path / "results.json", read[:1], others=True)
    assert one.comparison is None
    other = files("designs/tvec-liver-blrm.yaml")
    with pytest.raises(DataError, match="there are no results of"):
        read_simulation(tmp_path / "results.json", other, others=True)


def test_another_version_is_not_passed_over(tmp_path: Path) -> None:
    """Results of another version of a design file are refused even where those of other designs are passed over."""
    data = copy.deepcopy(whole())
    data["designs"][1]["sha256"] = "b" * 64
    (tmp_path / "results.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="another version of"):
        read_simulation(tmp_path / "results.json", files(*LIVER)[:2], others=True)


def test_the_flagship_study_belongs_to_its_design_files() -> None:
    """The results in simulations/tvec-liver are those of the design files in the repository."""
    found = read_simulation(ROOT / "simulations/tvec-liver/characteristics.json", files(*LIVER))
    assert found.exact
    assert len(found.designs[0].scenarios) == 5
    assert all(scenario.reason for scenario in found.designs[0].scenarios)


@cache
def whole() -> dict[str, Any]:
    """Return results of two designs over a few trials."""
    text = study(LIVER[:2], "simulations/scenarios/tvec-liver.yaml", trials=100, seed=1)
    return json.loads(text)


def refusal(tmp_path: Path, content: str, paths: tuple[str, ...] = LIVER[:2]) -> str:
    """Return why results are refused."""
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(DataError) as refused:
        read_simulation(tmp_path / "results.json", files(*paths))
    text = str(refused.value)
    assert text.startswith(f"{tmp_path / 'results.json'}: ")
    assert "\n" not in text
    return text.removeprefix(f"{tmp_path / 'results.json'}: ")


Change = Callable[[dict[str, Any]], Any]


def at(data: dict[str, Any], design: int = 0, scenario: int = 0) -> dict[str, Any]:
    """Return one scenario of one design."""
    return data["designs"][design]["scenarios"][scenario]


FAULTS: dict[str, tuple[Change, str]] = {
    "schema": (
        lambda d: d.update(schema="escalate/table/1"),
        "schema: 'escalate/table/1' is not 'escalate/simulation/1'",
    ),
    "no schema": (lambda d: d.pop("schema"), "schema: is missing"),
    "other version": (
        lambda d: d["designs"][1].update(sha256="a" * 64),
        "designs[2] was computed from another version of",
    ),
    "unknown design": (
        lambda d: d["designs"][1].update(sha256="a" * 64, title="Mine"),
        "designs[2] holds results of 'Mine' (sha256 aaaaaaaaaaaa), which none of the design files given is",
    ),
    "title": (lambda d: d["designs"][0].update(title="x"), "designs[1].title: 'x' is not the title of"),
    "target": (lambda d: d["designs"][0].update(target=0.25), "designs[1].target: is not the target of"),
    "design left out": (lambda d: d["designs"].pop(), "there are no results of"),
    "no designs": (lambda d: d.update(designs=[]), "there are no results of"),
    "designs is text": (lambda d: d.update(designs="x"), "designs: is not a list"),
    "summary": (lambda d: d["designs"][0].pop("scenarios"), "designs[1].scenarios: is missing; this is a summary"),
    "no provenance": (lambda d: d.pop("provenance"), "provenance: is missing; these are results of an earlier version"),
    "scenarios edited": (
        lambda d: [at(d, k).update(dlt=[0.02, 0.03, 0.05]) for k in (0, 1)],
        "provenance.scenarios_sha256: is not the hash of the scenarios in the file",
    ),
    "another scenario": (
        lambda d: at(d, 1).update(name="x"),
        "designs[2].scenarios[1]: is not the scenario 'rare DLTs",
    ),
    "scenario cut": (
        lambda d: d["designs"][1]["scenarios"].pop(),
        "designs[2].scenarios: has 4 items, and should have 5",
    ),
    "falling": (lambda d: at(d).update(dlt=[0.5, 0.3, 0.1]), "designs[1].scenarios[1].dlt: the DLT probability falls"),
    "level cut": (
        lambda d: at(d)["selected"].pop(),
        "designs[1].scenarios[1].selected: has 2 items, and should have 3",
    ),
    "above one": (
        lambda d: at(d).update(selected_none=1.2),
        "designs[1].scenarios[1].selected_none: 1.2 is not between",
    ),
    "below zero": (lambda d: at(d)["patients"].__setitem__(0, -1), "scenarios[1].patients[1]: -1 is not 0 or more"),
    "text": (lambda d: at(d)["dlts"].__setitem__(0, "x"), "scenarios[1].dlts[1]: is not a number"),
    "true": (lambda d: at(d)["dlts"].__setitem__(0, True), "scenarios[1].dlts[1]: is not a number"),
    "huge": (lambda d: at(d)["dlts"].__setitem__(0, 10**400), "scenarios[1].dlts[1]: is not a number"),
    "selection edited": (
        lambda d: at(d, 0, 2)["selected"].__setitem__(1, at(d, 0, 2)["selected"][1] + 0.01),
        "designs[1].scenarios[3].selected: with selected_none, does not add to 1: 1.01",
    ),
    "moved": (
        lambda d: at(d, 0, 2).update(selected=[at(d, 0, 2)["selected"][k] for k in (1, 0, 2)]),
        "designs[1].scenarios[3].metrics.pcs: is not the pcs of the shares under 'selected'",
    ),
    "pcs edited": (lambda d: at(d)["metrics"].update(pcs=0.5), "scenarios[1].metrics.pcs: is not the pcs"),
    "patients edited": (
        lambda d: at(d).update(mean_patients=3.0),
        "scenarios[1].patients: does not add to mean_patients",
    ),
    "dlts edited": (
        lambda d: at(d)["metrics"].update(mean_dlts=3.0),
        "scenarios[1].dlts: does not add to metrics.mean_dlts",
    ),
    "sizes cut": (lambda d: at(d)["sample_size"].pop(), "scenarios[1].sample_size: the shares do not add to 1"),
    "size twice": (
        lambda d: at(d)["sample_size"].append(dict(at(d)["sample_size"][0])),
        "is there twice",
    ),
    "metric gone": (
        lambda d: at(d)["metrics"].pop("pca"),
        "scenarios[1].metrics.pca: is missing; the file is not whole",
    ),
    "metric new": (lambda d: at(d)["metrics"].update(luck=1.0), "scenarios[1].metrics.luck: is no metric"),
    "reason new": (lambda d: at(d)["stopped"].update(luck=1.0), "scenarios[1].stopped.luck: is no reason for which"),
    "error gone": (lambda d: at(d).pop("se"), "designs[1].scenarios[1].se: is missing"),
    "error null": (lambda d: at(d)["se"]["metrics"].update(pcs=None), "scenarios[1].se: there is no error of pcs"),
    "error below zero": (lambda d: at(d)["se"]["metrics"].update(pcs=-0.1), "se.metrics.pcs: -0.1 is not 0 or more"),
    "exact too": (lambda d: d.update(exact=True), "exact: results are exact, or of random trials with a seed"),
    "no trials": (lambda d: d.pop("trials"), "trials: is missing"),
    "trials 0": (lambda d: d.update(trials=0), "trials: is not a whole number of 1 or more"),
    "seed": (lambda d: d.update(seed=1.5), "seed: is not a whole number of 0 or more"),
    "said to be exact": (
        lambda d: (d.pop("trials"), d.update(exact=True, seed=None)),
        "designs[1].scenarios[1].se: is above 0, and the results are exact",
    ),
    "clock": (
        lambda d: d.update(clock={"accrual": {"kind": "x"}}),
        "clock: is not a clock: accrual.kind: 'x' is not known",
    ),
    "no clock's results": (
        lambda d: d.update(clock=CLOCK.to_dict()),
        "designs[1].scenarios[1].clock: is missing",
    ),
    "no squares": (
        lambda d: d["comparison"]["scenarios"][0].pop("mean_squared_differences"),
        "comparison.scenarios[1].mean_squared_differences: is missing",
    ),
    "squares too small": (
        lambda d: d["comparison"]["scenarios"][0]["mean_squared_differences"][0].update(mean_patients=0.0),
        "is below the square of a mean difference, which cannot be",
    ),
    "squares of others": (
        lambda d: d["comparison"]["scenarios"][0]["mean_squared_differences"][0].update(designs=["x", "y"]),
        "comparison.scenarios[1].mean_squared_differences[1]: is not of",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_refused(fault: str, tmp_path: Path) -> None:
    """A file of results that was changed or cut, or belongs to other designs, is refused with the field and what is wrong."""
    change, text = FAULTS[fault]
    data = copy.deepcopy(whole())
    change(data)
    assert text in refusal(tmp_path, json.dumps(data))


def test_the_hashes_are_named(tmp_path: Path) -> None:
    """Results of another version of a design file are refused with both hashes."""
    data = copy.deepcopy(whole())
    data["designs"][1]["sha256"] = "b" * 64
    sha = files(*LIVER)[1].sha256[:12]
    assert f"(sha256 bbbbbbbbbbbb in the results, {sha} in the file); run escalate simulate again" in refusal(
        tmp_path, json.dumps(data)
    )


def test_design_files_and_results_must_match(tmp_path: Path) -> None:
    """A design file without results, and results without their design file, are both refused."""
    text = json.dumps(whole())
    assert "there are no results of" in refusal(tmp_path, text, LIVER)
    assert "holds results of 'T-VEC in liver tumours, BOIN" in refusal(tmp_path, text, LIVER[:1])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "is empty"),
        ("{", "is not JSON at line 1"),
        ("[1]", "is not a group of fields"),
        ('{"schema": NaN}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "schema: is missing"),
    ],
)
def test_what_is_no_results_file(content: str, text: str, tmp_path: Path) -> None:
    """What is not JSON, or no object, is refused in one sentence."""
    if content:
        assert text in refusal(tmp_path, content)
        return
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(DataError, match=text):
        read_simulation(tmp_path / "results.json", files(*LIVER))


def test_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """A file that ends too early is no JSON, wherever it was cut."""
    text = json.dumps(whole(), indent=2)
    for k in range(1, 20):
        assert "is not JSON" in refusal(tmp_path, text[: k * len(text) // 20])
