"""`escalate report checklist`: the installed command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import DESIGN, SCENARIO, Result, escalate, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, d_yaml=DESIGN, e_yaml=DESIGN.replace("12", "15"), s_yaml=SCENARIO)
    return tmp_path


def checklist(folder: Path, *arguments: str) -> Result:
    return escalate("report", "checklist", *arguments, cwd=folder)


def items(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    done = checklist(folder, *arguments, "--json")
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["schema"] == "escalate/checklist/1"
    return {item["key"]: item for item in found["items"]}


def refused(folder: Path, *arguments: str) -> str:
    done = checklist(folder, *arguments)
    assert (done.code, done.stdout) == (2, ""), done
    assert not (folder / "c.html").exists()
    return done.stderr


@pytest.mark.parametrize("of", ["spirit", "consort"])
def test_a_checklist_is_written(folder: Path, of: str) -> None:
    """It is written, told in one line, and lists every item with its status as JSON does."""
    done = checklist(folder, "d.yaml", "--of", of, "-o", "c.html")
    name = f"{of.upper()}-DEFINE"
    assert (done.code, done.stderr, done.stdout) == (0, "", f"{name} checklist written to c.html.\n")
    page = (folder / "c.html").read_text()
    found = items(folder, "d.yaml", "--of", of)
    assert all(item["topic"] in page for item in found.values())
    assert {item["state"] for item in found.values()} == {"answered", "in part", "open"}
    assert "12 evaluable patients" in found["size"]["text"]
    assert found["harms"] == {**found["harms"], "status": "open", "text": None}


def test_scenarios_and_studies(folder: Path) -> None:
    """A scenario file names what is to be studied, a study what came out; one of another design is refused."""
    named = items(folder, "d.yaml", "--of", "spirit", "--scenarios", "s.yaml")["characteristics"]
    assert (named["holder"], named["state"]) == ("scenario file", "in part")
    done = escalate("simulate", "d.yaml", "--scenarios", "s.yaml", "--exact", "--json", cwd=folder)
    (folder / "r.json").write_text(done.stdout)
    found = items(folder, "d.yaml", "--of", "spirit", "--study", "r.json")["characteristics"]
    (row,) = json.loads(done.stdout)["designs"][0]["scenarios"]
    assert found["holder"] == "study"
    assert f"none {row['selected_none']:.2f}; mean number of patients {row['mean_patients']:.1f}" in found["text"]
    assert "r.json" in refused(folder, "e.yaml", "--of", "spirit", "--study", "r.json", "-o", "c.html")


def test_with_a_record(folder: Path) -> None:
    """The record answers what a report asks; a design file beside it must be the locked one."""
    for arguments in (("new", "d.yaml", "--trial", "t"), ("enter", "t", "--outcomes", "1NNT")):
        assert escalate("trial", *arguments, "--by", "ana", cwd=folder).code == 0
    found = items(folder, "--trial", "t", "--of", "consort")
    assert found["flow"]["holder"] == "record"
    assert "level 1: 1 of 3" in found["dlts"]["text"]
    assert items(folder, "d.yaml", "--trial", "t", "--of", "consort").keys() == found.keys()
    assert "is not the design locked in t" in refused(
        folder, "e.yaml", "--trial", "t", "--of", "consort", "-o", "c.html"
    )


def test_what_is_refused(folder: Path) -> None:
    """A command that cannot be meant says what would be right."""
    assert refused(folder, "d.yaml", "-o", "c.html").splitlines() == [
        "error: Missing option '--of'. Choose from: spirit, consort; see 'escalate --help'"
    ]
    assert "spirit" in refused(folder, "d.yaml", "--of", "prisma", "-o", "c.html")
    assert "--output: is missing" in refused(folder, "d.yaml", "--of", "spirit")
    assert "give a design file" in refused(folder, "--of", "spirit", "-o", "c.html")
    two = ("--scenarios", "s.yaml", "--study", "r.json")
    assert "not both" in refused(folder, "d.yaml", "--of", "spirit", *two, "-o", "c.html")
    assert "needs the design file" in refused(
        folder, "--trial", "t", "--of", "spirit", "--study", "r.json", "-o", "c.html"
    )
    assert "name it with --trial" in refused(folder, "d.yaml", "--of", "spirit", "--database", "x.db", "-o", "c.html")
