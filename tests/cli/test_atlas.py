"""`escalate check --atlas`: tables, JSON, a picture, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from tests.cli.run import DESIGN, DESIGNS, SCENARIO, escalate, snapshot, write
from tests.helpers import ROOT, quick

BOIN, FIVE = ROOT / "designs" / "boin.yaml", ROOT / "simulations" / "scenarios" / "five-doses.yaml"
KINDS = [
    "incoherent",
    "escalates_after_dlt_majority",
    "escalates_after_all_dlts",
    "escalates_into_risk",
    "stays_in_risk",
    "stays_on_half",
    "not_monotone",
    "rigid",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a design and a scenario file."""
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO)
    return tmp_path


def answer(*arguments: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    """Return the JSON of a check that passes."""
    done = escalate("check", *arguments, "--json", cwd=cwd)
    assert (done.code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("path", quick(DESIGNS))
def test_atlas_adds_and_changes_nothing_else(path: Path) -> None:
    """With --atlas the check, its findings and its exit code are as without; JSON has one key more."""
    plain, more = (escalate("check", path, *arguments, "--json") for arguments in ((), ("--atlas",)))
    assert (plain.code, plain.stderr) == (more.code, more.stderr)
    check, with_atlas = json.loads(plain.stdout), json.loads(more.stdout)
    found = with_atlas.pop("atlas")
    assert check == with_atlas
    assert found["schema"] == "escalate/atlas/1"
    assert found["reachable_states"] == check["reachable_states"]
    left_out = {entry["code"] for entry in found["left_out"]}
    assert [kind["code"] for kind in found["kinds"]] == [code for code in KINDS if code not in left_out]
    states = {kind["code"]: kind["states"] for kind in found["kinds"]}
    for finding in check["findings"]:
        if finding["code"] in states:
            assert finding["text"].split(": ")[-1].split()[0] == f"{states[finding['code']]:,}"


def test_printed() -> None:
    """Every kind is defined in words, and the rates of the built-in scenarios are printed."""
    done = escalate("check", BOIN, "--atlas")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(escalate("check", BOIN).stdout)
    for code in KINDS:
        assert f" {code}" in done.stdout
    assert "stays at a dose with six or more patients half or more of whom had a DLT" in done.stdout
    assert "is above 0.8, prior Beta(1, 1)" in done.stdout
    assert "MTD at level 3: 0.0968, 0.176, 0.3, 0.462, 0.632" in done.stdout
    assert "1NNN 2NTT 1NNN 2NNT 1NNN 2NNT 1NNN 2NNT 1TTT   8.7e-06 under MTD at level 2" in done.stdout


def test_json_is_what_python_says(folder: Path) -> None:
    """Scenarios and risk are used, and every number is that of `esc.atlas`."""
    found = answer(BOIN, "--atlas", "--scenarios", FIVE, "--risk", "0.9")["atlas"]
    expected = esc.atlas(esc.load_design(BOIN), esc.load_scenarios(FIVE), 0.9)
    assert (found["risk"], found["scenarios_built_in"]) == (0.9, False)
    assert [scenario["name"] for scenario in found["scenarios"]] == [scenario.name for scenario in expected.scenarios]
    for row, kind in zip(found["kinds"], expected.kinds, strict=True):
        assert row["probability"] == list(kind.probability)
        assert row["expected"] == list(kind.expected)
        assert len(row["examples"]) == len(kind.examples) <= 10
        assert (row["highest"] is None) == (kind.n_states == 0)
        if row["highest"]:
            assert row["highest"]["probability"] == max(row["probability"])
        for example, other in zip(row["examples"], kind.examples, strict=True):
            assert (example["outcomes"], example["patients"]) == (other.outcomes, other.patients)
            assert example["probability"] == list(other.probability)
            assert example["probability_by_any_way"] == list(other.by_any_way)
    assert sum(len(cell["actions"]) for cell in found["cells"]) == sum(len(cell.actions) for cell in expected.cells)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_picture(kind: str, folder: Path) -> None:
    """A picture, the same bytes on repetition; one that exists is kept unless --force."""
    name = f"x.{kind}"
    assert escalate("check", "d.yaml", "--atlas", "--plot", name, cwd=folder).code == 0
    first = (folder / name).read_bytes()
    refused = escalate("check", "d.yaml", "--atlas", "--plot", name, cwd=folder)
    assert (refused.stdout, refused.code) == ("", 2)
    assert refused.stderr == f"error: {name}: exists already; use --force to replace it\n"
    assert escalate("check", "d.yaml", "--atlas", "--plot", name, "--force", cwd=folder).code == 0
    assert (folder / name).read_bytes() == first


def test_without_a_target(folder: Path) -> None:
    """Kinds that need a target are left out, and it says so; a scenario file gives the probabilities of the rest."""
    design = DESIGN.replace("target: 0.30\n", "").replace("kind: boin", "kind: three_plus_three")
    write(folder, d_yaml=design.replace("max_patients: 12", "max_patients: 18"))
    done = escalate("check", "d.yaml", "--atlas", cwd=folder)
    assert done.code == 0
    assert "No probabilities: without a target there are no built-in scenarios; give --scenarios FILE." in done.stdout
    assert "Left out, because the design has no target: incoherent, escalates_into_risk, stays_in_risk." in done.stdout
    found = answer("d.yaml", "--atlas", "--scenarios", "s.yaml", cwd=folder)["atlas"]
    assert [len(kind["probability"]) for kind in found["kinds"]] == [1] * 5


def test_graded_outcomes() -> None:
    """No scenarios are built in; those of a file that grades outcomes are used."""
    design = ROOT / "designs" / "gboin.yaml"
    assert "No probabilities: the design grades outcomes" in escalate("check", design, "--atlas").stdout
    graded = ROOT / "simulations" / "scenarios" / "five-doses-graded.yaml"
    found = answer(design, "--atlas", "--scenarios", graded)["atlas"]
    assert all(0 < p < 1 for p in found["kinds"][0]["probability"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenarios", "s.yaml"), "--scenarios is for the safety atlas; add --atlas"),
        (("--risk", "0.9"), "--risk is for the safety atlas; add --atlas"),
        (("--plot", "x.png"), "--plot is for the safety atlas; add --atlas"),
        (("--force",), "--force is for the safety atlas; add --atlas"),
        (("--atlas", "--risk", "1.5"), "risk: 1.5 is not between 0 and 1; give a probability such as 0.8"),
        (("--atlas", "--risk", "0"), "risk: 0 is not between 0 and 1; give a probability such as 0.8"),
        (("--atlas", "--risk", "nan"), "risk: nan is not between 0 and 1; give a probability such as 0.8"),
        (("--atlas", "--plot", "x.txt"), "x.txt: a picture's name ends in .png, .svg, .pdf"),
    ],
)
def test_refused(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    """One sentence on standard error, exit code 2, and nothing written."""
    before = snapshot(folder)
    done = escalate("check", "d.yaml", *arguments, cwd=folder)
    assert (done.stdout, done.stderr, done.code) == ("", f"error: {said}\n", 2)
    assert snapshot(folder) == before


def test_scenarios_of_another_length(folder: Path) -> None:
    """The file, the line and both numbers are named."""
    done = escalate("check", BOIN, "--atlas", "--scenarios", folder / "s.yaml")
    assert (done.stdout, done.code) == ("", 2)
    assert "has 3 DLT probabilities, but 'Local BOIN, five doses, target 30%' has 5 dose levels" in done.stderr


def test_too_large_to_walk(folder: Path) -> None:
    """The plain check goes on without walking; the atlas cannot, and says why."""
    large = DESIGN.replace("[10, 20, 40]", "[1, 2, 3, 4, 5, 6]").replace("cohort_size: 3", "cohort_size: 1")
    write(folder, d_yaml=large.replace("max_patients: 12", "max_patients: 60"))
    done = escalate("check", "d.yaml", "--atlas", cwd=folder)
    assert (done.stdout, done.code) == ("", 2)
    assert done.stderr.startswith("error: the atlas walks every reachable state: this design has about ")
    assert done.stderr.endswith("and the limit is 1,500,000; use larger cohorts, fewer doses or fewer patients\n")


def test_design_that_cannot_be_run(folder: Path) -> None:
    """The check says why and fails as before; there is no atlas."""
    crm = "method: {kind: crm, skeleton: [0.5, 0.3, 0.2], estimate: plug_in}"
    write(folder, d_yaml=DESIGN.replace("method: {kind: boin}", crm))
    plain, more = (escalate("check", "d.yaml", *arguments, cwd=folder) for arguments in ((), ("--atlas",)))
    assert plain.code == more.code == 1
    assert more.stdout == plain.stdout + "No safety atlas: the design cannot be run.\n"
    assert json.loads(escalate("check", "d.yaml", "--atlas", "--json", cwd=folder).stdout)["atlas"] is None


def test_page_shows_the_real_output() -> None:
    """Every line that the how-to page quotes is printed by the command it quotes."""
    page = (ROOT / "docs" / "how-to" / "safety-atlas.md").read_text(encoding="utf-8").splitlines()
    quoted = [line[4:] for line in page if line.startswith("    ") and not line.startswith(("    $", "        --"))]
    scenarios = ROOT / "simulations" / "scenarios" / "tvec-liver.yaml"
    done = escalate("check", ROOT / "designs" / "tvec-liver-boin.yaml", "--atlas", "--scenarios", scenarios)
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert len(quoted) > 20
    assert [line for line in quoted if line not in printed] == []
