"""The command `paths`: the tree, JSON, CSV, pictures, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.files import read_design
from tests.cli.run import DESIGN, DESIGNS, SCENARIO, Result, escalate, snapshot, write
from tests.helpers import ROOT, quick

TVEC = ROOT / "designs" / "tvec-liver-boin.yaml"
TVEC_DATA = ROOT / "designs" / "data" / "tvec-liver-synthetic.csv"
NODE_KEYS = {
    "id", "parent", "depth", "path", "level", "patients", "dlts", "probability", "conditional_probability", "action",
    "next_level", "next_amount", "next_cohort_size", "mtd_level", "barred_levels", "reasons",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a design, and scenario files with one and with two scenarios."""
    two = SCENARIO + "  - {name: MTD at level 3, dlt: [0.1, 0.2, 0.3]}\n"
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO, two_yaml=two, l_yaml=SCENARIO.replace(", 0.5", ""))
    return tmp_path


def _json(*arguments: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    done = escalate("paths", *arguments, "--json", cwd=cwd)
    assert (done.code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_tree_of_the_liver_trial() -> None:
    """What was assumed comes first, then the tree with the probability of each path, then what one more DLT would do."""
    done = escalate("paths", TVEC, TVEC_DATA, "--cohorts", "1")
    assert (done.code, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0].startswith("Probabilities are predicted from the data so far, each level by itself")
    tree = lines.index("next cohort at level 3, 8 x 10^8 PFU, 3 patients path")
    assert lines[tree + 1 : tree + 5] == [
        "├── 0/3 -> stay at level 3, 8 x 10^8 PFU 25.0%",
        "├── 1/3 -> stay at level 3, 8 x 10^8 PFU 25.0%",
        "├── 2/3 -> de-escalate to level 2, 4 x 10^8 PFU 25.0%",
        "└── 3/3 -> de-escalate to level 2, 4 x 10^8 PFU; level 3 barred for good 25.0%",
    ]
    assert "What would one more DLT do?" in lines
    assert any("escalate, but there is" in line for line in lines)


def test_plain_tree_where_the_terminal_is_plain(folder: Path) -> None:
    """A terminal without line drawing gets ASCII, and no question marks."""
    done = escalate("paths", "d.yaml", cwd=folder, env={"PYTHONIOENCODING": "ascii"})
    assert "+-- 0/3  -> escalate to level 2, 20 mg" in done.stdout
    assert done.stdout.isascii()
    assert "?" not in done.stdout.replace("What would one more DLT do?", "")


@pytest.mark.parametrize("path", quick(DESIGNS))
def test_json(path: Path) -> None:
    """Every key is there, ids and parents make a tree, and each node is what the library says."""
    design, found = esc.load_design(path), _json(path, "--outcomes", "1NNN", "--cohorts", "2")
    assert set(found) == {
        "schema", "design", "unit", "basis", "basis_text", "before", "cohorts", "sizes", "what_if_level", "notes",
        "nodes", "provenance",
    }  # fmt: skip
    assert (found["schema"], found["design"], found["before"]) == ("escalate/paths/1", design.title, "1NNN")
    assert (found["cohorts"], found["sizes"], found["what_if_level"]) == (2, None, None)
    assert found["provenance"]["design_sha256"] == read_design(path).sha256
    expected = esc.paths(design, "1NNN", cohorts=2)
    graded = {"outcomes"} if len(design.outcomes) > 2 else set()
    for k, (node, same) in enumerate(zip(found["nodes"], expected.nodes, strict=True)):
        assert set(node) == NODE_KEYS | graded
        assert (node["id"], node["path"], node["next_level"]) == (k, same.path, same.next_level)
        assert (node["next_level"] is None) == (node["action"] == "stop") == (node["next_amount"] is None)
        assert node["parent"] is None if k == 0 else node["parent"] < k
        assert node["probability"] == same.probability
        assert [reason["code"] for reason in node["reasons"]] == [reason.code for reason in same.reasons]
        for name in graded:
            assert sum(node[name].values()) == node["patients"]


def test_csv(folder: Path) -> None:
    """One line a node, the columns of the JSON, numbers in full; the same bytes each time."""
    for name in ("a.csv", "b.csv"):
        assert escalate("paths", "d.yaml", "--csv", name, "--cohorts", "3", cwd=folder).code == 0
    text = (folder / "a.csv").read_text()
    assert text == (folder / "b.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    nodes = _json("d.yaml", "--cohorts", "3", cwd=folder)["nodes"]
    assert len(rows) == len(nodes)
    assert set(rows[0]) == NODE_KEYS | {"reason_texts", "before", "basis"}
    for row, node in zip(rows, nodes, strict=True):
        assert row["path"] == node["path"]
        assert float(row["probability"]) == node["probability"]
        assert row["next_level"] == ("" if node["next_level"] is None else str(node["next_level"]))


def test_csv_of_graded_outcomes(tmp_path: Path) -> None:
    """A column for each outcome."""
    design = ROOT / "designs" / "gboin.yaml"
    assert escalate("paths", design, "--cohorts", "1", "--csv", "a.csv", cwd=tmp_path).code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [row["patients_M"] for row in rows] == ["0", "0", "1", "2", "3", "0", "1", "2", "0", "1", "0"]


@pytest.mark.parametrize(
    ("design", "cohorts"), [(TVEC, "1"), (TVEC, "3"), (ROOT / "designs" / "crm.yaml", "2"), (ROOT / "designs" / "gboin.yaml", "2")]
)  # fmt: skip
def test_picture(design: Path, cohorts: str, tmp_path: Path) -> None:
    """An SVG with the same bytes on repetition."""
    for name in ("a.svg", "b.svg"):
        done = escalate("paths", design, "--cohorts", cohorts, "--plot", name, cwd=tmp_path)
        assert (done.code, done.stderr) == (0, "")
    one = (tmp_path / "a.svg").read_bytes()
    assert one.startswith(b"<?xml")
    assert one == (tmp_path / "b.svg").read_bytes()


def test_nothing_in_a_picture_overlaps_or_is_cut() -> None:
    """Boxes keep their distance; each text lies in the picture, and what a box says in its box."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patches import FancyBboxPatch

    from escalate.report import path_figures

    for name, outcomes, level in (("tvec-liver-boin", "1NNN 2NNT 2NNN", None), ("crm", "", 5), ("gboin", "", None)):
        design = esc.load_design(ROOT / "designs" / f"{name}.yaml")
        for cohorts in (1, 2) if name == "gboin" else (1, 2, 3):
            figure = path_figures.pathways(esc.paths(design, outcomes, cohorts=cohorts, next_level=level))
            renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
            (ax,) = figure.axes
            boxes = [p.get_window_extent(renderer) for p in ax.patches if isinstance(p, FancyBboxPatch)]
            texts = [text.get_window_extent(renderer) for text in ax.texts]
            page = figure.bbox
            for k, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[:k])
            for text in texts:
                assert page.x0 <= text.x0 <= text.x1 <= page.x1
                assert page.y0 <= text.y0 <= text.y1 <= page.y1
                for box in boxes:
                    inside = box.x0 <= text.x0 and text.x1 <= box.x1 and box.y0 <= text.y0 and text.y1 <= box.y1
                    assert inside or not box.overlaps(text)


def test_picture_of_a_stop(folder: Path) -> None:
    """A trial that has stopped has a picture of one box, and its answer is exit code 0."""
    done = escalate("paths", "d.yaml", "--outcomes", "1TTT", "--plot", "x.svg", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("Stop the trial: no dose can be declared the MTD.\n")
    assert "There is no next cohort, so there are no paths to show." in done.stdout
    assert (folder / "x.svg").exists()


def test_scenario_by_name_or_alone(folder: Path) -> None:
    """The only scenario of a file needs no name; the basis says which it was."""
    alone = _json("d.yaml", "--scenarios", "s.yaml", "--cohorts", "1", cwd=folder)
    assert alone["basis"] == "scenario: a"
    assert alone["nodes"][1]["probability"] == pytest.approx(0.9**3, abs=1e-15)
    named = _json("d.yaml", "--scenarios", "two.yaml", "--scenario", "MTD at level 3", cwd=folder)
    assert named["basis"] == "scenario: MTD at level 3"


def test_what_if_is_labelled(folder: Path) -> None:
    """A level of one's own choice is marked as that, with what the design says, in every form."""
    asked = ("paths", "d.yaml", "--outcomes", "1NNN", "--next-level", "3", "--sizes", "2,4")
    done = escalate(*asked, cwd=folder)
    assert "Note: What if: the next cohort gets level 3. The design says level 2." in done.stdout
    assert "what if: next cohort at level 3, 40 mg, 2 patients" in done.stdout
    found = _json(*asked[1:], cwd=folder)
    assert (found["what_if_level"], found["sizes"], found["cohorts"]) == (3, [2, 4], 2)
    assert found["nodes"][0]["next_level"] == 2
    assert {node["level"] for node in found["nodes"] if node["depth"] == 1} == {3}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cohorts", "0"), "cohorts: 0 is not between 1 and 1000"),
        (("--cohorts", "x"), "--cohorts"),
        (("--sizes", "3,x"), "--sizes: 'x' is not a number of patients; write one size a cohort, such as 3,4,2"),
        (("--sizes", "3,,2"), "--sizes: has an empty place"),
        (("--sizes", ""), "--sizes: has an empty place"),
        (("--sizes", "3,0"), "sizes: 0 is not between 1 and 100"),
        (("--sizes", "-3"), "--sizes: '-3' is not a number of patients"),
        (("--cohorts", "3", "--sizes", "3,3"), "3 cohorts are asked for, but --sizes gives 2"),
        (("--next-level", "4"), "next_level: level 4 does not exist; the design has levels 1 to 3"),
        (("--scenario", "a"), "--scenario 'a' needs the file it is in; give it with --scenarios"),
        (("--scenarios", "two.yaml"), "two.yaml: has 2 scenarios; choose one with --scenario: 'a', 'MTD at level 3'"),
        (("--scenarios", "two.yaml", "--scenario", "mtd at level 3"), "did you mean 'MTD at level 3'?"),
        (("--scenarios", "l.yaml"), "l.yaml:3 scenarios[1].dlt: has 2 DLT probabilities"),
        (("--outcomes", "9NNN"), "level 9 does not exist"),
        (("--sizes", "20,20,20,20,20"), "give up to"),
        (("--csv", "d.yaml"), "d.yaml: exists already; use --force to replace it"),
        (("--csv", "no/x.csv"), "no/x.csv: there is no directory"),
        (("--csv", "."), ".: is a directory"),
        (("--plot", "x.txt"), "a picture's name ends in"),
        (("--sizes", "3,3,3,3,3,3", "--plot", "x.svg"), "paths of up to"),
    ],
)
def test_refusals(options: tuple[str, ...], said: str, folder: Path) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output, and no file."""
    if "20,20" in options[1] or options[-1] == "x.svg":
        write(folder, d_yaml=DESIGN.replace("patients: 12", "patients: 200"))
    before = snapshot(folder)
    done: Result = escalate("paths", "d.yaml", *options, cwd=folder)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(folder) == before
