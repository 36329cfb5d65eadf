"""`escalate report simulation` as a user runs it: from results or from scenarios, refusals, and the flagship report."""

from __future__ import annotations

import json
import re
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.cli.run import DESIGN, SCENARIO, escalate, snapshot, write
from tests.helpers import ROOT

LIVER = tuple(f"designs/tvec-liver-{name}.yaml" for name in ("3plus3", "boin", "crm"))
FOLDER = ROOT / "simulations" / "tvec-liver"


OTHER = DESIGN.replace("title: small", "title: other").replace("max_patients: 12", "max_patients: 9")


@cache
def results() -> str:
    """Return what `simulate` gives for both designs."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), one_yaml=DESIGN, two_yaml=OTHER, s_yaml=SCENARIO)
        return escalate("simulate", "one.yaml", "two.yaml", "--scenarios", "s.yaml", "--json", cwd=Path(name)).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two designs, scenarios and results."""
    write(tmp_path, one_yaml=DESIGN, two_yaml=OTHER, s_yaml=SCENARIO)
    (tmp_path / "r.json").write_text(results())
    return tmp_path


def report(folder: Path, *arguments: str) -> str:
    """Return the one sentence with which a command is refused; it writes nothing."""
    before = snapshot(folder)
    done = escalate("report", "simulation", *arguments, cwd=folder)
    assert done.code == 2, done
    assert done.stdout == ""
    assert snapshot(folder) == before
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("ending", ["html", "md"])
def test_from_results(folder: Path, ending: str) -> None:
    """A document is made from results and design files, says on one line that it was written, and names its sections."""
    done = escalate(
        "report", "simulation", "one.yaml", "two.yaml", "--study", "r.json", "-o", f"r.{ending}", cwd=folder
    )
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == f"Simulation report written to r.{ending}.\n"
    text = (folder / f"r.{ending}").read_text()
    for section in ("Purpose and summary", "Scenarios", "Results", "Example trials", "Sensitivity", "Limitations"):
        assert section in text


@pytest.mark.parametrize("ending", ["docx", "pdf"])
def test_word_and_pdf(folder: Path, ending: str) -> None:
    """The same command writes Word and PDF files."""
    done = escalate(
        "report", "simulation", "one.yaml", "--scenarios", "s.yaml", "--no-sensitivity", "--examples", "0", "-o", f"r.{ending}",
        cwd=folder,
    )  # fmt: skip
    assert (done.code, done.stderr) == (0, "")
    assert (folder / f"r.{ending}").read_bytes()[:2] == {"docx": b"PK", "pdf": b"%P"}[ending]


def test_results_now_or_before_are_the_same(folder: Path) -> None:
    """From scenarios the report has the same results as from the file of results; designs may come in any order."""
    blocks = []
    for source in (["--study", "r.json"], ["--scenarios", "s.yaml"]):
        done = escalate(
            "report", "simulation", "one.yaml", "two.yaml", *source, "--no-sensitivity", "--json", cwd=folder
        )
        assert (done.code, done.stderr) == (0, "")
        found = json.loads(done.stdout)
        assert (found["schema"], found["kind"]) == ("escalate/report/1", "simulation")
        blocks.append({block["key"]: block for block in found["blocks"] if block["type"] == "table"})
    assert blocks[0]["selection"] == blocks[1]["selection"]
    swapped = escalate(
        "report", "simulation", "two.yaml", "one.yaml", "--study", "r.json", "--no-sensitivity", "--json", cwd=folder
    )
    assert swapped.code == 0
    table = next(block for block in json.loads(swapped.stdout)["blocks"] if block.get("key") == "selection")
    assert table == blocks[0]["selection"]


def test_from_standard_input(folder: Path) -> None:
    """Results may come from standard input."""
    done = escalate(
        "report", "simulation", "one.yaml", "two.yaml", "--study", "-", "--no-sensitivity", "--examples", "1", "--json",
        stdin=(folder / "r.json").read_text(), cwd=folder,
    )  # fmt: skip
    assert (done.code, done.stderr) == (0, "")


def test_vary(folder: Path) -> None:
    """--vary says which settings the sensitivity section changes."""
    done = escalate(
        "report",
        "simulation",
        "one.yaml",
        "--scenarios",
        "s.yaml",
        "--vary",
        "rules[1].cutoff=0.9,0.99",
        "--json",
        cwd=folder,
    )
    assert (done.code, done.stderr) == (0, "")
    table = next(block for block in json.loads(done.stdout)["blocks"] if block.get("key") == "sensitivity")
    changes = [row[0]["text"][0]["text"] for row in table["rows"]]
    assert changes == [
        "as it is", "rules[1].cutoff 0.9", "rules[1].cutoff 0.99", "DLT odds times 1.2", "DLT odds divided by 1.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("one.yaml two.yaml -o r.md", "give either --study, results of 'escalate simulate --json', or --scenarios"),
        ("one.yaml --study r.json --scenarios s.yaml -o r.md", "give either --study"),
        ("one.yaml two.yaml --study r.json", "--output: is missing; name a file that ends in"),
        ("one.yaml two.yaml --study r.json --trials 10 -o r.md", "--trials goes with --scenarios"),
        ("one.yaml two.yaml --study r.json --clock c.yaml -o r.md", "--clock goes with --scenarios"),
        ("one.yaml --scenarios s.yaml --seed 3 -o r.md", "--seed goes with --trials"),
        ("one.yaml --scenarios s.yaml --exact --trials 9 -o r.md", "choose either exact or trials, not both"),
        ("one.yaml two.yaml --study r.json -o r.txt", "r.txt: the name of a document ends in .html"),
        ("one.yaml two.yaml --study r.json -o s.yaml", "s.yaml: the name of a document ends in .html"),
        ("one.yaml two.yaml --study r.json -o no/r.md", "no/r.md: there is no directory"),
        ("one.yaml --study r.json -o r.md", "r.json: designs[2] holds results of 'other'"),
        ("one.yaml two.yaml --study s.yaml -o r.md", "s.yaml: is not JSON"),
        ("one.yaml two.yaml --study none.json -o r.md", "none.json: there is no such file"),
        ("one.yaml --scenarios s.yaml --vary x.y=1 -o r.md", "vary x.y"),
        ("one.yaml --scenarios s.yaml --vary target=0.2 -o r.md", "vary target: the target is the question"),
        (
            "one.yaml --scenarios s.yaml --vary max_patients=9 --no-sensitivity -o r.md",
            "--vary is for the sensitivity section",
        ),
        ("- --scenarios - -o r.md", "cannot both come from standard input"),
    ],
)
def test_refusals(folder: Path, arguments: str, text: str) -> None:
    """What cannot be done is refused in one sentence before anything is written."""
    assert text in report(folder, *arguments.split())


def test_results_of_another_version_are_refused(folder: Path) -> None:
    """Results of a design file that has changed since are refused with both hashes."""
    write(folder, two_yaml=(folder / "two.yaml").read_text().replace("max_patients: 9", "max_patients: 10"))
    text = report(folder, "one.yaml", "two.yaml", "--study", "r.json", "-o", "r.md")
    assert re.fullmatch(
        r"error: r\.json: designs\[2\] was computed from another version of two\.yaml \(sha256 [0-9a-f]{12} in the results, "
        r"[0-9a-f]{12} in the file\); run escalate simulate again",
        text,
    )


def test_a_file_that_exists_is_kept(folder: Path) -> None:
    """A document that exists is not replaced without --force."""
    (folder / "r.md").write_text("mine")
    assert "r.md: exists already; use --force to replace it" in report(
        folder, "one.yaml", "two.yaml", "--study", "r.json", "-o", "r.md"
    )
    done = escalate(
        "report",
        "simulation",
        "one.yaml",
        "two.yaml",
        "--study",
        "r.json",
        "--no-sensitivity",
        "-o",
        "r.md",
        "--force",
        cwd=folder,
    )
    assert done.code == 0
    assert (folder / "r.md").read_text() != "mine"


def test_the_flagship_report_has_the_numbers_of_its_study() -> None:
    """The T-VEC report in simulations/ has the selection, allocation and hashes of characteristics.json in that folder."""
    text = (FOLDER / "simulation-report.md").read_text()
    saved = json.loads((FOLDER / "characteristics.json").read_text())
    table = text.partition("Selection of the MTD\n")[2].lstrip("\n").partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert len(cells) == 15
    for v in range(5):
        for d, name in enumerate(("3+3", "BOIN", "CRM")):
            of = saved["designs"][d]["scenarios"][v]
            row = cells[3 * v + d]
            assert row[1:3] == [name, f"{100 * of['metrics']['pcs']:.1f}"]
            assert row[5] == f"{100 * of['selected_none']:.1f}"
    for design in saved["designs"]:
        assert design["sha256"] in text
    assert saved["provenance"]["scenarios_sha256"] in text
    for ending in ("html", "docx", "pdf"):
        assert (FOLDER / f"simulation-report.{ending}").stat().st_size > 20_000
