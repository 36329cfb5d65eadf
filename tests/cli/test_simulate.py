"""`escalate simulate`: exact, over random trials, several designs; the JSON that others rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.files import read_design
from tests.cli.run import DESIGN, DESIGNS, SCENARIO, SCENARIOS, escalate, write
from tests.cli.test_commands import answer
from tests.helpers import FURTHER, ROOT

BOIN, FIVE = ROOT / "designs" / "boin.yaml", ROOT / "simulations" / "scenarios" / "five-doses.yaml"
TOP = {"selected", "selected_none", "patients", "dlts", "stopped", "mean_patients", "metrics"}
METRICS = {
    "pcs",
    "pca",
    "overdose_selected",
    "overdose_allocated",
    "risk_overdose_60",
    "risk_overdose_80",
    "poor_allocation",
    "accuracy_index",
}


def _fit(design: Path, scenarios: Path) -> bool:
    """Return whether scenarios have the design's number of levels and the probability of each of its outcomes."""
    wanted, first = esc.load_design(design), esc.load_scenarios(scenarios)[0]
    letters = {outcome.letter for outcome in wanted.outcomes[1:-1]}
    return wanted.n_doses == len(first.dlt) and letters <= set(first.outcomes or {})


def _mixed() -> Iterator[tuple[Path, Path]]:
    """Yield each design with one of the scenario files that fit it, each file with many designs."""
    for k, design in enumerate(DESIGNS):
        fitting = [scenarios for scenarios in SCENARIOS if _fit(design, scenarios)]
        yield design, fitting[k % len(fitting)]


MIXED = list(_mixed())
SLOW = {"pymc", "tvec-liver-ordinal", "ordinal_crm", *FURTHER}
by_pair = pytest.mark.parametrize(
    ("design", "scenarios"),
    [pytest.param(*pair, marks=[pytest.mark.slow] if pair[0].stem in SLOW else []) for pair in MIXED],
    ids=lambda path: path.stem,
)


def numbers(found: Any) -> list[float]:
    """Return every number in a piece of JSON."""
    if isinstance(found, (dict, list)):
        parts = found.values() if isinstance(found, dict) else found
        return [x for part in parts for x in numbers(part)]
    return [float(found)] if isinstance(found, (int, float)) else []


def _well_formed(scenario: dict[str, Any], truth: esc.Scenario) -> None:
    assert {"name", "se", *TOP} <= set(scenario)
    assert scenario["name"] == truth.name
    assert set(scenario["metrics"]) >= METRICS
    assert set(scenario["se"]) == TOP
    for part in ("metrics", "stopped"):
        assert set(scenario["se"][part]) == set(scenario[part])
    for part in ("selected", "patients", "dlts"):
        assert len(scenario[part]) == len(scenario["se"][part]) == len(truth.dlt)
    assert all(0 <= share <= 1 for share in [*scenario["selected"], scenario["selected_none"]])
    assert all(0 < share <= 1 + 1e-12 for share in scenario["stopped"].values())
    assert sum(scenario["selected"]) + scenario["selected_none"] == pytest.approx(1, abs=1e-9)
    assert sum(scenario["patients"]) == pytest.approx(scenario["mean_patients"], abs=1e-9)
    # Several reasons can end one trial.
    assert sum(scenario["stopped"].values()) >= 1 - 1e-9
    for name in METRICS - {"accuracy_index"}:
        assert scenario["metrics"][name] is None or 0 <= scenario["metrics"][name] <= 1 + 1e-9


@by_pair
def test_exact(design: Path, scenarios: Path) -> None:
    """Exact is the default: every key is there, shares sum to one, no error, and DLTs are p times patients (Wald)."""
    found = answer("simulate", design, "--scenarios", scenarios)
    assert found["exact"] is True
    assert "trials" not in found
    assert "seed" in found
    (result,) = found["designs"]
    assert result["title"] == esc.load_design(design).title
    assert result["sha256"] == read_design(design).sha256
    for scenario, truth in zip(result["scenarios"], esc.load_scenarios(scenarios), strict=True):
        _well_formed(scenario, truth)
        assert set(numbers(scenario["se"])) == {0.0}
        expected = [p * n for p, n in zip(truth.dlt, scenario["patients"], strict=True)]
        assert scenario["dlts"] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert answer("simulate", design, "--scenarios", scenarios, "--exact") == found


@by_pair
def test_random_trials(design: Path, scenarios: Path) -> None:
    """Random trials have the same keys with their errors, and lie within 5 of them of the exact answer."""
    found = answer("simulate", design, "--scenarios", scenarios, "--trials", "20000", "--seed", "7")
    exact = answer("simulate", design, "--scenarios", scenarios)["designs"][0]["scenarios"]
    assert (found["trials"], found["seed"]) == (20000, 7)
    assert "exact" not in found
    for scenario, truth, right in zip(
        found["designs"][0]["scenarios"], esc.load_scenarios(scenarios), exact, strict=True
    ):
        _well_formed(scenario, truth)
        errors = numbers([scenario["se"]["selected"], scenario["se"]["patients"]])
        assert max(errors) > 0 or esc.load_design(design).method.kind == "constant"
        gaps = [
            abs(a - b)
            for a, b in zip(
                numbers([scenario["selected"], scenario["patients"]]),
                numbers([right["selected"], right["patients"]]),
                strict=True,
            )
        ]
        # What was never seen in 20,000 trials has no error of its own.
        assert all(gap <= max(5 * error, 20 / 20000) for gap, error in zip(gaps, errors, strict=True))


def test_result_does_not_depend_on_workers() -> None:
    """The same bytes with 1, 2, 3 and 7 threads, over several chunks of trials; another seed gives others."""
    arguments = ("simulate", BOIN, "--scenarios", FIVE, "--trials", "600000", "--json")
    first = escalate(*arguments, "--seed", "3", "--workers", "1")
    assert (first.code, first.stderr) == (0, "")
    for workers in ("2", "3", "7"):
        assert escalate(*arguments, "--seed", "3", "--workers", workers) == first
    assert escalate(*arguments, "--seed", "4", "--workers", "2").stdout != first.stdout


def test_exact_does_not_depend_on_workers() -> None:
    """The same bytes with 1, 2 and 5 threads."""
    arguments = ("simulate", BOIN, "--scenarios", FIVE, "--json")
    first = escalate(*arguments, "--workers", "1")
    assert all(escalate(*arguments, "--workers", workers) == first for workers in ("2", "5"))


def test_result_does_not_depend_on_the_engine() -> None:
    """Trials decided as they go, where states are too many, are the trials of the automaton: the same numbers."""
    arguments = ("simulate", BOIN, "--scenarios", FIVE, "--trials", "70000", "--seed", "9")
    walked, decided = answer(*arguments), answer(*arguments, "--max-states", "1000")
    (one,), (other,) = walked["designs"], decided["designs"]
    assert one.pop("reachable_states") > 1000
    assert other.pop("reachable_states") is None
    for scenario, same in zip(one["scenarios"], other["scenarios"], strict=True):
        assert same["selected"] == scenario["selected"]
        assert same["stopped"] == scenario["stopped"]
        # An error that is zero comes out as 1e-10 or so, by cancellation.
        assert numbers(same) == pytest.approx(numbers(scenario), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("how", [[], ["--trials", "5000"]], ids=["exact", "trials"])
def test_several_designs(how: list[str]) -> None:
    """Designs come in the order given, and each has the result it has alone: on the same patients."""
    designs = [ROOT / "designs" / f"{kind}.yaml" for kind in ("boin", "crm", "three_plus_three", "rolling_six")]
    together = answer("simulate", *reversed(designs), "--scenarios", FIVE, *how)["designs"]
    for design, result in zip(reversed(designs), together, strict=True):
        assert answer("simulate", design, "--scenarios", FIVE, *how)["designs"] == [result]


def test_standard_input(tmp_path: Path) -> None:
    """The design or the scenarios can come from standard input."""
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO)
    by_file = answer("simulate", "d.yaml", "--scenarios", "s.yaml", cwd=tmp_path)
    assert answer("simulate", "-", "--scenarios", "s.yaml", stdin=DESIGN, cwd=tmp_path) == by_file
    assert answer("simulate", "d.yaml", "--scenarios", "-", stdin=SCENARIO, cwd=tmp_path) == by_file


def test_one_trial(tmp_path: Path) -> None:
    """A single trial selects one dose or none, with certainty."""
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO)
    found = answer("simulate", "d.yaml", "--scenarios", "s.yaml", "--trials", "1", cwd=tmp_path)
    (scenario,) = found["designs"][0]["scenarios"]
    assert sorted([*scenario["selected"], scenario["selected_none"]]) == [0, 0, 0, 1]


def test_what_always_happens_has_share_one() -> None:
    """The share of what happened in every trial is 1, and none is above it: counts are added, then divided."""
    found = answer("simulate", ROOT / "designs" / "three_plus_three.yaml", "--scenarios", FIVE, "--trials", "20000")
    scenarios = found["designs"][0]["scenarios"]
    assert max(share for scenario in scenarios for share in scenario["stopped"].values()) == 1


def test_largest_seed(tmp_path: Path) -> None:
    """Seeds run from 0 to 2^63 - 1, both included."""
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO)
    for seed in (0, 2**63 - 1):
        arguments = ("--trials", "100", "--seed", str(seed))
        assert answer("simulate", "d.yaml", "--scenarios", "s.yaml", *arguments, cwd=tmp_path)["seed"] == seed


@by_pair
def test_printed_table(design: Path, scenarios: Path) -> None:
    """People read the title, every scenario and every metric's name; nothing on standard error."""
    done = escalate("simulate", design, "--scenarios", scenarios)
    assert (done.code, done.stderr) == (0, "")
    assert esc.load_design(design).title in done.stdout
    for scenario in esc.load_scenarios(scenarios):
        assert scenario.name in done.stdout
    for word in ("exact", "correct selection", "stopped by", "selected as MTD", "mean patients"):
        assert word in done.stdout


def test_json_has_no_nan(tmp_path: Path) -> None:
    """What means nothing for a design without target is null, and the JSON is JSON."""
    text = DESIGN.replace("target: 0.30\n", "").replace("max_patients: 12\n", "").replace("boin", "three_plus_three")
    write(tmp_path, d_yaml=text, s_yaml=SCENARIO)
    done = escalate("simulate", "d.yaml", "--scenarios", "s.yaml", "--json", cwd=tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    (scenario,) = json.loads(done.stdout, parse_constant=refuse)["designs"][0]["scenarios"]
    assert scenario["metrics"]["pcs"] is None
    assert sum(scenario["selected"]) + scenario["selected_none"] == pytest.approx(1)
