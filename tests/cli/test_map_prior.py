"""`escalate map-prior` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import escalate, write
from tests.helpers import ROOT

EXAMPLE = ROOT / "designs" / "data" / "melanoma-synthetic.csv"
HEADER = "study,amount,patients,dlts\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--robust", "1.2"), "--robust: 1.2 is not between 0 and 1"),
        (("--expected-rate", "1.5"), "--expected-rate: 1.5 is not between 0 and 1"),
        (("--expected-rate", "nan"), "--expected-rate: nan is not between 0 and 1"),
        (("--reference-amount", "-1"), "--reference-amount: -1 is not a number above 0"),
        (("--reference-amount", "inf"), "--reference-amount: inf is not a number above 0"),
        (("--tau", "huge"), "--tau: 'huge' is neither small, moderate, substantial, large, nor two numbers"),
        (("--tau", "0,0.1"), "--tau: 0,0.1: both medians must be above 0"),
        (("--components", "9"), "less than or equal to 5"),
        (("--json", "-o", "x.yaml"), "choose either --json or --output"),
        (("-o", "/nowhere/x.yaml"), "there is no directory"),
    ],
)
def test_wrong_options(arguments: tuple[str, ...], said: str) -> None:
    """A wrong option is told in one sentence before anything is sampled; exit code 2."""
    done = escalate("map-prior", EXAMPLE, "--reference-amount", "400", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER, "d.csv: holds no study"),
        (HEADER + "A,10,3,4\n", "d.csv:2 dlts: 4 DLTs among 3 patients are not possible"),
        (HEADER + "A,-10,3,0\n", "d.csv:2 amount: -10 is not above 0"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, said: str) -> None:
    """A wrong file is told with its line; exit code 2."""
    write(tmp_path, d_csv=text)
    done = escalate("map-prior", "d.csv", "--reference-amount", "10", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")


@pytest.mark.slow
def test_one_study_end_to_end(tmp_path: Path) -> None:
    """A file is written that a blrm design takes as it is; one study is warned of; the JSON says the same."""
    write(tmp_path, d_csv=HEADER + "A,10,6,0\nA,20,6,1\nA,40,6,2\n")
    command = ("map-prior", "d.csv", "--reference-amount", "20", "--tau", "0.5,0.25", "--robust", "0.3", "--seed", "4")
    done = escalate(*command, "-o", "prior.yaml", cwd=tmp_path)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")
    block = (tmp_path / "prior.yaml").read_text()
    assert "one study only" in block
    design = (
        "schema: escalate/design/1\ntitle: pasted\ndoses: {unit: mg, levels: [10, 20, 40]}\ntarget: 0.30\n"
        f"max_patients: 12\nmethod:\n  kind: blrm\n{block}"
    )
    write(tmp_path, design_yaml=design)
    assert escalate("recommend", "design.yaml", cwd=tmp_path).code == 0
    found = json.loads(escalate(*command, "--json", cwd=tmp_path).stdout)
    assert found["schema"] == "escalate/map-prior/1"
    for part in found["prior"]["mixture"]:
        assert f"{{weight: {part['weight']:g}, mean: [{part['mean'][0]:g}, {part['mean'][1]:g}]" in block
    assert escalate(*command, "-o", "prior.yaml", cwd=tmp_path).code == 2
