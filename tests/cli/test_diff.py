"""`escalate diff` and `escalate cite`: two designs side by side, and what to cite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import DESIGN, DESIGNS, escalate
from tests.helpers import ROOT

BOIN, CRM = (ROOT / "designs" / f"tvec-liver-{name}.yaml" for name in ("boin", "crm"))


def test_two_designs_of_the_t_vec_trial() -> None:
    """Settings that differ, and an outcome string after which `recommend` gives the two answers shown."""
    done = escalate("diff", BOIN, CRM, "--json")
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["schema"] == "escalate/diff/1"
    assert [each["title"] for each in found["designs"]] == [
        "T-VEC in liver tumours, BOIN (synthetic illustration)",
        "T-VEC in liver tumours, CRM (synthetic illustration)",
    ]
    assert "method" in {each["field"] for each in found["settings"]}
    decisions = found["decisions"]
    assert not decisions["same"]
    assert decisions["separating"][0]["outcomes"] == "1NNN 2NNN 3NTT"
    for separation in decisions["separating"]:
        for path, side in ((BOIN, "first"), (CRM, "second")):
            asked = json.loads(escalate("recommend", path, "--outcomes", separation["outcomes"], "--json").stdout)
            assert {key: asked[key] for key in ("action", "next_level", "mtd_level")} == {
                key: separation[side][key] for key in ("action", "next_level", "mtd_level")
            }


def test_printed() -> None:
    """What is printed names both designs, the setting, the outcomes and both answers."""
    done = escalate("diff", BOIN, CRM, "--strings", "1")
    assert done.code == 0
    for part in (
        "A: T-VEC",
        "B: T-VEC",
        "rules.coherence",
        "After 1NNN 2NNN 3NTT (9 patients)",
        "De-escalate to level 2",
    ):
        assert part in done.stdout


def test_exit_code(tmp_path: Path) -> None:
    """With --exit-code, 1 says that decisions differ; a title that differs is no decision."""
    other = tmp_path / "other.yaml"
    other.write_text(DESIGN.replace("title: small", "title: another name"))
    same = tmp_path / "small.yaml"
    same.write_text(DESIGN)
    done = escalate("diff", same, other, "--exit-code")
    assert done.code == 0
    assert "Decisions are the same in all" in done.stdout
    assert escalate("diff", BOIN, CRM, "--exit-code").code == 1
    other.write_text(DESIGN.replace("[10, 20, 40]", "[12, 20, 40]"))
    done = escalate("diff", same, other, "--exit-code")
    assert done.code == 1
    assert "Decisions by level are the same in all" in done.stdout
    assert "Levels are not the same doses." in done.stdout
    assert escalate("diff", BOIN, CRM).code == 0


def test_levels_that_do_not_match() -> None:
    """Designs of other sizes are compared by settings, and the reason why decisions are not is given."""
    done = escalate("diff", ROOT / "designs" / "boin.yaml", BOIN)
    assert done.code == 0
    assert "Decisions cannot be compared: the designs have 5 and 3 dose levels" in done.stdout


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_cite(path: Path) -> None:
    """Every example design has its references, in each format, and ends with this software."""
    done = escalate("cite", path)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].partition(". ")[2].startswith("The escalate authors.")
    listed = json.loads(escalate("cite", path, "--json").stdout)["references"]
    assert [f"{k}. {each['text']}" for k, each in enumerate(listed, start=1)] == done.stdout.splitlines()[:-1]


def test_cite_for_reference_managers() -> None:
    """BibTeX and RIS are printed when asked for, and not beside JSON."""
    assert "@article{Liu2015," in escalate("cite", BOIN, "--format", "bibtex").stdout
    assert "TY  - JOUR" in escalate("cite", BOIN, "--format", "ris").stdout
    done = escalate("cite", BOIN, "--format", "ris", "--json")
    assert (done.code, done.stderr) == (2, "error: give --json or --format, not both\n")
