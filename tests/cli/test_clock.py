"""`escalate simulate --clock`: the JSON and the tables, stories and pictures of single trials, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import DESIGN, SCENARIO, escalate, snapshot, write
from tests.cli.test_commands import answer
from tests.helpers import ROOT

CLOCK = """schema: escalate/clock/1
accrual: {kind: fixed, days: 10}
"""
TIMED = DESIGN.replace("cohort_size: 3\n", "cohort_size: 3\ndlt_window: 28\n")
SIMULATE = ("simulate", "d.yaml", "--scenarios", "s.yaml", "--clock", "c.yaml")
TRIALS = (*SIMULATE, "--trials", "200")
SCENARIOS = ROOT / "simulations" / "scenarios" / "five-doses.yaml"
CLOCKS = sorted((ROOT / "simulations" / "clocks").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a design, scenarios and a clock."""
    write(tmp_path, d_yaml=TIMED, s_yaml=SCENARIO, c_yaml=CLOCK)
    return tmp_path


def _scenario(found: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = found["designs"][0]["scenarios"][0]
    return first


def test_json(folder: Path) -> None:
    """The clock stands beside the seed, and what it adds under each scenario and its errors; the rest is as without it."""
    found = answer(*TRIALS, "--seed", "2", cwd=folder)
    assert found["clock"]["accrual"] == {"kind": "fixed", "days": 10}
    assert found["clock"]["arrivals"] == "turn_away"
    scenario = _scenario(found)
    keys = {
        "duration_days",
        "duration_p10",
        "duration_p50",
        "duration_p90",
        "waiting_days",
        "turned_away",
        "not_evaluable",
    }
    assert set(scenario["clock"]) == set(scenario["se"]["clock"]) == {*keys, "level_reached", "days_to_level"}
    assert len(scenario["clock"]["level_reached"]) == len(scenario["dlt"])
    assert scenario["clock"]["days_to_level"][0] == 0
    assert not set(scenario["metrics"]) & keys
    plain = answer(*SIMULATE[:4], "--trials", "200", "--seed", "2", cwd=folder)
    assert "clock" not in plain
    assert "clock" not in _scenario(plain)
    assert set(scenario) == {*_scenario(plain), "clock"}


def test_backfill(tmp_path: Path) -> None:
    """The ready scenarios with responses, and the design that backfills: patients by level in JSON, table and story."""
    run = (
        "simulate",
        ROOT / "designs" / "late-onset" / "bf_boin.yaml",
        "--scenarios",
        ROOT / "simulations" / "backfill" / "five-doses.yaml",
        "--clock",
        ROOT / "simulations" / "clocks" / "poisson.yaml",
        "--trials",
        "60",
    )
    first, _, inactive = answer(*run, cwd=tmp_path)["designs"][0]["scenarios"]
    assert len(first["clock"]["backfilled"]) == len(first["se"]["clock"]["backfilled"]) == 5
    assert first["clock"]["backfilled"][1] > 0.1
    assert inactive["clock"]["backfilled"] == [0] * 5
    found = escalate(*run, "--trace-file", "story.txt", "--trace", "5", cwd=tmp_path)
    assert (found.code, found.stderr) == (0, "")
    assert found.stdout.count("patients backfilled") == 3
    assert "  backfilled   is backfilled at level " in (tmp_path / "story.txt").read_text()
    silent = escalate(*run[:2], "--scenarios", SCENARIOS, *run[4:], cwd=tmp_path)
    assert silent.code == 2
    assert silent.stderr.startswith(
        "error: scenario 'MTD at level 1' has no 'response', and 'BF-BOIN, five doses, target "
    )


@pytest.mark.parametrize("path", CLOCKS, ids=lambda path: path.stem)
def test_ready_clocks(path: Path, folder: Path) -> None:
    """Every clock of the repository runs; a queue tells the days in it, others who was turned away."""
    scenario = _scenario(answer(*SIMULATE[:4], "--clock", path, "--trials", "50", cwd=folder))
    queue = "arrivals: queue" in path.read_text()
    assert ("queued_days" in scenario["clock"], "turned_away" in scenario["clock"]) == (queue, not queue)


def test_table(folder: Path) -> None:
    """The table names the clock once, and for each scenario days, patients and levels."""
    found = escalate(*TRIALS, cwd=folder)
    assert (found.code, found.stderr) == (0, "")
    assert found.stdout.count("On a clock: accrual fixed (every 10 days); DLT times uniform;") == 1
    for words in (
        "accrual suspended for",
        "patients turned away",
        "trials that reach the level",
        "mean day of its first patient",
    ):
        assert words in found.stdout


def test_same_bytes_with_any_number_of_workers(folder: Path) -> None:
    """One, two and three threads print the same."""
    first = escalate(*SIMULATE, "--trials", "11000", "--json", "--workers", "1", cwd=folder)
    assert first.code == 0
    assert all(
        escalate(*SIMULATE, "--trials", "11000", "--json", "--workers", n, cwd=folder) == first for n in ("2", "3")
    )


def test_two_designs(folder: Path) -> None:
    """Designs are compared on the same arrivals."""
    write(
        folder, e_yaml=TIMED.replace("{kind: boin}", "{kind: three_plus_three}").replace("title: small", "title: 3+3")
    )
    found = answer("simulate", "d.yaml", "e.yaml", *SIMULATE[2:], "--trials", "100", cwd=folder)
    assert len(found["designs"]) == 2
    assert found["comparison"]
    assert all("clock" in design["scenarios"][0] for design in found["designs"])


def test_stories_and_pictures(folder: Path) -> None:
    """The story has every trial asked for, the picture is one; both are the same on repetition, and replaced only if told."""
    files = ("--trace", "3", "--trace-file", "t.txt", "--plot-trace", "t.png")
    plain = escalate(*TRIALS, "--json", cwd=folder)
    first = escalate(*TRIALS, "--json", *files, cwd=folder)
    assert first == plain
    story, picture = (folder / "t.txt").read_text(), (folder / "t.png").read_bytes()
    assert [line for line in story.splitlines() if line.startswith("Trial ")] == [
        f"Trial {k} of seed 1: small" for k in (1, 2, 3)
    ]
    assert picture.startswith(b"\x89PNG")
    before = snapshot(folder)
    again = escalate(*TRIALS, *files, cwd=folder)
    assert (again.code, again.stderr) == (2, "error: t.txt: exists already; use --force to replace it\n")
    assert snapshot(folder) == before
    assert escalate(*TRIALS, *files, "--force", cwd=folder).code == 0
    assert ((folder / "t.txt").read_text(), (folder / "t.png").read_bytes()) == (story, picture)


REFUSED = {
    "no trials": (SIMULATE, "there is no exact answer on a clock; give a number of random trials (--trials N)"),
    "exact": (
        (*SIMULATE, "--exact"),
        "there is no exact answer on a clock; give a number of random trials (--trials N)",
    ),
    "no window": (
        ("simulate", "n.yaml", *TRIALS[2:]),
        "'small' does not say within how many days after treatment a toxicity is a DLT; a simulation on a clock needs it: "
        "write 'dlt_window: 28' in the design file",
    ),
    "no clock": (
        (*SIMULATE[:4], "--trace-file", "t.txt"),
        "--trace-file needs --clock FILE: without a clock nothing happens on days",
    ),
    "trace to nowhere": (
        (*TRIALS, "--trace", "2"),
        "--trace needs a file to write to: --trace-file FILE for text, or --plot-trace FILE for a picture",
    ),
    "no picture": ((*TRIALS, "--plot-trace", "t.txt"), "t.txt: a picture's name ends in .png, .svg, .pdf"),
    "one file for two": (
        (*TRIALS, "--plot", "t.png", "--plot-trace", "t.png"),
        "t.png: --plot and --plot-trace name the same file",
    ),
    "a design as clock": (
        (*SIMULATE[:4], "--clock", "d.yaml", "--trials", "9"),
        "d.yaml:1 schema: 'escalate/design/1' is not 'escalate/clock/1', which a clock file starts with",
    ),
    "no such clock": ((*SIMULATE[:4], "--clock", "x.yaml", "--trials", "9"), "x.yaml: there is no such file"),
    "bad clock": (
        (*SIMULATE[:4], "--clock", "b.yaml", "--trials", "9"),
        "b.yaml:2 accrual.kind: 'poison' is not known; did you mean 'poisson'?",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, folder: Path) -> None:
    """One sentence on standard error, exit code 2, and no file written."""
    write(folder, n_yaml=DESIGN, b_yaml="schema: escalate/clock/1\naccrual: {kind: poison, mean_days: 3}\n")
    before = snapshot(folder)
    arguments, sentence = REFUSED[name]
    found = escalate(*arguments, cwd=folder)
    assert (found.code, found.stdout, found.stderr) == (2, "", f"error: {sentence}\n")
    assert snapshot(folder) == before


def test_clock_from_standard_input(folder: Path) -> None:
    """A clock may come from standard input, and then nothing else may."""
    whole = answer(*TRIALS, cwd=folder)
    arguments = [*SIMULATE[:4], "--clock", "-", "--trials", "200", "--json"]
    piped = escalate(*arguments, cwd=folder, stdin=CLOCK)
    assert json.loads(piped.stdout) == whole
    both = escalate("simulate", "-", *arguments[2:], cwd=folder, stdin=CLOCK)
    assert both.code == 2
