"""`escalate report protocol`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import escalate
from tests.helpers import ROOT

BOIN = str(ROOT / "designs" / "tvec-liver-boin.yaml")
CRM = str(ROOT / "designs" / "tvec-liver-crm.yaml")
SCENARIOS = str(ROOT / "simulations" / "scenarios" / "tvec-liver.yaml")


@pytest.mark.parametrize("ending", ["html", "docx", "pdf", "md"])
def test_writes_each_kind_of_document(tmp_path: Path, ending: str) -> None:
    """And says so in one line."""
    out = tmp_path / f"protocol.{ending}"
    found = escalate("report", "protocol", BOIN, "-o", str(out))
    assert found.code == 0, found.stderr
    assert out.stat().st_size > 5000
    assert found.stdout.strip() == f"Dose escalation: protocol section written to {out}."


def test_json_has_the_blocks(tmp_path: Path) -> None:
    """With operating characteristics computed now, exactly or by random trials."""
    found = escalate("report", "protocol", BOIN, "--scenarios", SCENARIOS, "--trials", "200", "--seed", "3", "--json")
    assert found.code == 0, found.stderr
    assert "200 simulated trials under each scenario, with the seed 3" in found.stdout
    assert json.loads(found.stdout)["title"] == "Dose escalation: protocol section"


def test_results_of_a_study(tmp_path: Path) -> None:
    """Read back for the design they belong to, and refused for another."""
    study = tmp_path / "study.json"
    made = escalate("simulate", BOIN, "--scenarios", SCENARIOS, "--json")
    study.write_text(made.stdout)
    out = tmp_path / "protocol.md"
    found = escalate("report", "protocol", BOIN, "--study", str(study), "-o", str(out))
    assert found.code == 0, found.stderr
    text = out.read_text()
    pcs = json.loads(made.stdout)["designs"][0]["scenarios"][1]["metrics"]["pcs"]
    assert f"| MTD at level 3 | {100 * pcs:.1f} |" in text
    assert "escalate simulate" in text
    assert str(tmp_path) not in text.replace(str(study), "")
    other = escalate("report", "protocol", CRM, "--study", str(study), "-o", str(tmp_path / "crm.md"))
    assert other.code == 2
    assert other.stderr.count("\n") == 1
    assert not (tmp_path / "crm.md").exists()


def test_several_designs(tmp_path: Path) -> None:
    """One section each; paths can be left out."""
    out = tmp_path / "both.md"
    found = escalate("report", "protocol", BOIN, CRM, "--cohorts", "0", "-o", str(out))
    assert found.code == 0, found.stderr
    text = out.read_text()
    assert "T-VEC in liver tumours, BOIN" in text
    assert "T-VEC in liver tumours, CRM" in text
    assert "What the first cohorts can lead to" not in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--output: is missing"),
        (("-o", "protocol.txt"), "ends in"),
        (("-o", "{}/p.md", "--study", "a", "--scenarios", "b"), "not both"),
        (("-o", "{}/p.md", "--trials", "10"), "--trials goes with --scenarios"),
        (("-o", "{}/p.md", "--scenarios", SCENARIOS, "--seed", "2"), "--seed goes with --trials"),
        (("-o", "{}/nowhere/p.md"), "there is no directory"),
        (("-o", "{}/p.md", "--scenarios", "nothing.yaml"), "nothing.yaml"),
    ],
)
def test_bad_usage_is_one_sentence(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """On standard error, with exit code 2, and nothing is written."""
    found = escalate("report", "protocol", BOIN, *(each.replace("{}", str(tmp_path)) for each in options))
    assert found.code == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_needs_force(tmp_path: Path) -> None:
    """It stays as it was without it."""
    out = tmp_path / "protocol.md"
    out.write_text("mine")
    assert escalate("report", "protocol", BOIN, "-o", str(out)).code == 2
    assert out.read_text() == "mine"
    assert escalate("report", "protocol", BOIN, "-o", str(out), "--force").code == 0
    assert out.read_text() != "mine"
