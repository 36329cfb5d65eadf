"""`escalate calibrate` as a user runs it: the answer, the files, JSON, and what is refused."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import escalate as esc
from tests.cli.run import escalate, snapshot, write
from tests.cli.test_commands import answer
from tests.helpers import ROOT

DESIGN = """# mine
schema: escalate/design/1
title: small
doses: {unit: mg, levels: [10, 20, 40]}
target: 0.30
cohort_size: 3
max_patients: 12
method: {kind: crm, skeleton: {half_width: 0.05, prior_mtd: 2}, prior_sd: 1.0, estimate: plug_in}  # to calibrate
rules:
  - {kind: no_skipping}
  - {kind: lowest_dose_too_toxic, cutoff: 0.9}
"""
FAMILY = """schema: escalate/scenarios/1
generate:
  - {kind: paoletti, gap: 0.10, count: 30, seed: 1}
"""
FIXED = "schema: escalate/scenarios/1\nscenarios:\n  - {name: a, dlt: [0.1, 0.3, 0.5]}\n  - {name: b, dlt: [0.3, 0.5, 0.6]}\n"
SEARCH = (
    "calibrate",
    "d.yaml",
    "--over",
    "f.yaml",
    "--vary",
    "method.prior_sd=0.4,1.0,1.6",
    "--vary",
    "cohort_size=2,3",
)
NUMBER = re.compile(r"\d\.\d{3,}")
STUDY = ROOT / "simulations" / "tvec-calibration"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a design and two scenario files."""
    write(tmp_path, d_yaml=DESIGN, f_yaml=FAMILY, g_yaml=FIXED)
    return tmp_path


def test_json(folder: Path) -> None:
    """Every key is there and documented; candidates agree with each other and with the CSV of evidence."""
    found = answer(*SEARCH, "--subject-to", "overdose_allocated <= 0.9", "--evidence", "ev", cwd=folder)
    assert set(found) == {
        "schema", "design", "scenarios", "vary", "loss", "limits", "chosen", "as_good", "candidates", "skipped", "fresh",
        "notes", "provenance",
    }  # fmt: skip
    assert found["schema"] == "escalate/calibration/1"
    assert found["scenarios"]["scenarios"] == found["scenarios"]["drawn"] == 30
    numbers = [one["number"] for one in found["candidates"]]
    assert numbers == list(range(len(numbers)))
    best = min(found["candidates"], key=lambda one: one["loss"])
    assert found["chosen"]["number"] == best["number"]
    assert found["chosen"]["settings"] == best["settings"]
    assert best["number"] in found["as_good"]
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    for key in {*found, *found["candidates"][0], *found["chosen"], *found["fresh"]}:
        assert f"`{key}`" in page, key
    with (folder / "ev" / "candidates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, one in zip(rows, found["candidates"], strict=True):
        assert float(row["loss"]) == one["loss"]
        assert float(row["pcs"]) == one["metrics"]["pcs"]
        assert row["chosen"] == str(one["number"] == best["number"]).lower()
    written = json.loads((folder / "ev" / "calibration.json").read_text())
    assert {**written, "provenance": 0} == {**found, "provenance": 0}


@pytest.mark.parametrize("scenarios", ["f.yaml", "g.yaml"])
def test_chosen_design_has_the_same_loss(scenarios: str, folder: Path) -> None:
    """The file written loads, keeps the user's lines, and has the loss that was promised."""
    search = [scenarios if word == "f.yaml" else word for word in SEARCH]
    found = answer(*search, "--loss", "1 - pcs + 0.3*overdose_selected", "-o", "c.yaml", cwd=folder)
    text = (folder / "c.yaml").read_text()
    assert text == found["chosen"]["yaml"]
    assert text.startswith("# mine\nschema: escalate/design/1\n")
    design = esc.load_design(folder / "c.yaml")
    assert {**design.to_dict(), "notes": None} == {**found["chosen"]["design"], "notes": None}
    truths = esc.load_scenarios(folder / scenarios, [design])
    scalars = esc.simulate([design], truths).designs[0].scalars
    loss = np.mean(1 - scalars["pcs"][0] + 0.3 * scalars["overdose_selected"][0])
    promised = next(one["loss"] for one in found["candidates"] if one["number"] == found["chosen"]["number"])
    assert loss == pytest.approx(promised, abs=1e-12)
    assert f"Loss {promised:.6f}" in (design.notes or "").replace("\n", " ")
    assert (found["fresh"] is None) == (scenarios == "g.yaml")
    assert escalate("check", "c.yaml", cwd=folder).stderr == ""


def test_tables_and_files(folder: Path) -> None:
    """The answer in words and tables; every file of evidence; again without --force nothing is touched."""
    done = escalate(*SEARCH, "--refine", "--evidence", "ev", "--plot", "p.png", "-o", "c.yaml", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(("Chosen: ", "No candidate has"))
    for words in (
        "Loss: incorrect_selection, that is",
        "that the search did not see",
        "The best candidate at each value",
        "Written: c.yaml",
    ):
        assert words in " ".join(done.stdout.split()), words
    names = sorted(path.name for path in (folder / "ev").iterdir())
    assert names == ["README.md", "calibration.json", "candidates.csv", "chosen.yaml", "loss.png"]
    assert (folder / "ev" / "chosen.yaml").read_text() == (folder / "c.yaml").read_text()
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "ev" / "README.md").read_text()
    assert "![Loss by setting](loss.png)" in page
    assert "escalate calibrate d.yaml" in page
    before = snapshot(folder)
    again = escalate(*SEARCH, "--evidence", "ev", cwd=folder)
    assert again.code == 2
    assert "exists already; use --force" in again.stderr
    assert snapshot(folder) == before


def test_same_answer_with_any_number_of_workers(folder: Path) -> None:
    """Workers change nothing."""
    found = [answer(*SEARCH, "--workers", workers, cwd=folder) for workers in ("1", "3")]
    for one in found:
        del one["provenance"]
    assert found[0] == found[1]


def test_check_seeds(folder: Path) -> None:
    """Other seeds for the check leave the search as it is and change the check alone."""
    one, other = (answer(*SEARCH, "--check-seeds", seed, cwd=folder) for seed in ("5", "6"))
    assert one["candidates"] == other["candidates"]
    assert one["fresh"]["seeds_moved_by"] == 5
    assert one["fresh"]["chosen"]["loss"] != other["fresh"]["chosen"]["loss"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--vary", "method.prior_sdd=1"], "vary method.prior_sdd: unknown setting; did you mean 'prior_sd'?"),
        (["--vary", "target=0.2"], "vary target: the target is the question"),
        (["--vary", "method.prior_sd=-1"], "method.prior_sd -1 is no design: method.prior_sd: -1 is not above 0"),
        (["--vary", "cohort_size=1,3", "--max-candidates", "1"], "or allow it with --max-candidates 2"),
        (["--vary", "cohort_size=2", "--vary", "cohort_size=3"], "vary cohort_size: is given twice"),
        (["--vary", "cohort_size=2", "--loss", "pcs"], "write '- pcs', or '1 - pcs' for pcs alone"),
        (["--vary", "cohort_size=2", "--loss", "pcz"], "did you mean 'pcs'?"),
        (["--vary", "cohort_size=2", "--subject-to", "pcs < 1"], "write a limit such as"),
        (["--vary", "cohort_size=2", "--subject-to", "pcs >= 1"], "no candidate is within the limits"),
        (["--vary", "cohort_size=2", "--plot", "x.txt"], "a picture's name ends in"),
        (["--vary", "cohort_size=2", "--evidence", "d.yaml"], "d.yaml: is a file, not a directory"),
        (["--vary", "cohort_size=2", "--evidence", "no/where"], "there is no directory"),
        (["--vary", "cohort_size=2", "--over", "d.yaml"], "is not 'escalate/scenarios/1'"),
        ([], "Missing option"),
    ],
)  # fmt: skip
def test_refused(options: list[str], says: str, folder: Path) -> None:
    """Each fault is one sentence on standard error, exit code 2, and nothing is written."""
    before = snapshot(folder)
    done = escalate("calibrate", "d.yaml", "--over", "f.yaml", *options, cwd=folder)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("error:") == 1
    assert says in done.stderr
    assert snapshot(folder) == before


def _study() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STUDY / "evidence" / "calibration.json").read_text())
    return found


def test_the_study_that_comes_with_the_package() -> None:
    """Its chosen design loads and has the loss that the evidence says, and its sources are the files beside it."""
    found, design = _study(), esc.load_design(STUDY / "evidence" / "chosen.yaml")
    scalars = esc.simulate([design], esc.load_scenarios(STUDY / "family.yaml", [design])).designs[0].scalars
    loss = np.mean(1 - scalars["pcs"][0] + 0.5 * scalars["overdose_selected"][0])
    chosen = next(one for one in found["candidates"] if one["number"] == found["chosen"]["number"])
    assert loss == pytest.approx(chosen["loss"], abs=1e-9)


@pytest.mark.parametrize("path", [ROOT / "docs" / "how-to" / "calibrate-a-design.md"])
def test_numbers_of_the_pages(path: Path) -> None:
    """Every number with three decimals or more on the pages about the study is one of its evidence."""
    evidence = (STUDY / "evidence" / "README.md").read_text() + (STUDY / "evidence" / "chosen.yaml").read_text()
    known = {float(number) for number in NUMBER.findall(evidence)}
    for one in (*_study()["candidates"], _study()["fresh"]["chosen"], _study()["fresh"]["start"]):
        known |= {round(x, 4) for x in (one["loss"], one["loss_se"], *one["metrics"].values()) if x is not None}
    for number in NUMBER.findall(path.read_text()):
        assert float(number) in known, number
