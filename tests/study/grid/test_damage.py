"""Results that were damaged: found, named, computed again to the same bytes; and what is no result of the study is left alone."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from escalate.core.errors import EscalateError
from escalate.study.grid.results import StudyResults, status
from escalate.study.grid.study import Study
from tests.cli.run import escalate
from tests.study.grid.studies import (
    MANY,
    TRIALS,
    Disorderly,
    files,
    finished,
    loaded,
    nobody,
    parts,
    undisturbed,
)

KEPT = TRIALS + "outputs: {per_trial: true}\n"


def cut(path: Path) -> None:
    """Cut a file in the middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Turn one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    """Leave nothing in it."""
    path.write_bytes(b"")


DAMAGES = [cut, flip, empty, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["parts", "trials"])
def test_a_damaged_part(kind: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    """A part that is cut, changed, emptied or gone is named by `status --check`, and it alone is computed again."""
    expected = undisturbed(tmp_path, KEPT)
    study = loaded(tmp_path, KEPT)
    path = sorted(study.folder.glob(f"{kind}/*/*.parquet"))[2]
    damage(path)
    assert status(study.folder, check=True).damaged == (str(path.relative_to(study.folder)),)
    assert status(study.folder).damaged == ()
    outcome = finished(study)
    assert (outcome.standing.reused, outcome.standing.done) == (5, 1)
    assert files(study.folder) == expected


def test_a_damaged_part_is_not_shown(tmp_path: Path) -> None:
    """Figures of a part that is not what was written are refused, not printed; the command says so with exit code 1 and 2."""
    undisturbed(tmp_path)
    flip(parts(tmp_path / "s-results")[0])
    shown = escalate("study", "show", "s.yaml", cwd=tmp_path)
    assert (shown.code, shown.stdout) == (2, "")
    assert "is damaged or missing; run the study again, which computes it anew" in shown.stderr
    checked = escalate("study", "status", "s.yaml", "--check", cwd=tmp_path)
    assert (checked.code, checked.stderr) == (1, "")
    assert "parts/design=" in checked.stdout
    assert escalate("study", "status", "s.yaml", cwd=tmp_path).code == 0


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["jobs.jsonl", "designs.parquet", "scenarios.parquet"])
def test_a_damaged_list(name: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    """A list beside the parts that is not what was written is named, not read, and written anew by the next run."""
    expected = undisturbed(tmp_path)
    study = loaded(tmp_path)
    damage(study.folder / name)
    assert name in status(study.folder, check=True).damaged
    with pytest.raises(EscalateError, match="is damaged or missing; run the study again"):
        _read_all(study)
    finished(study)
    assert files(study.folder) == expected


def _read_all(study: Study) -> None:
    found = StudyResults.read(study.folder, "s.yaml")
    assert found.scenarios.num_rows == 20
    for design in found.designs["design"].to_pylist():
        found.of_design(design)


ZEROS = "0" * 64
LINES = [
    "",
    "{",
    "[" * 100_000,
    "null",
    "[]",
    "3",
    '{"design": 3}',
    '{"design": ["a"], "block": 0, "key": {}, "status": "done"}',
    f'{{"design": "../../etc", "block": 0, "key": "{ZEROS}", "status": "done", "sha256": "{ZEROS}", "rows": 1}}',
    f'{{"design": "{ZEROS}", "block": -1, "key": "{ZEROS}", "status": "failed", "error": "x"}}',
    "\udcff\udcfe\x00",
]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_damaged_line_of_the_list(line: str, tmp_path: Path) -> None:
    """Whatever stands in place of a line, the job is computed again, and the others are kept."""
    expected = undisturbed(tmp_path)
    study = loaded(tmp_path)
    path = study.folder / "jobs.jsonl"
    lines = path.read_bytes().splitlines()
    lines[3] = line.encode(errors="surrogateescape")
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert status(study.folder, check=True).damaged == ("jobs.jsonl",)
    outcome = finished(study)
    assert (outcome.standing.reused, outcome.standing.done) == (5, 1)
    assert files(study.folder) == expected


def interrupted(folder: Path) -> Study:
    """Stop a study after three of six jobs."""
    study = loaded(folder)
    with pytest.raises(KeyboardInterrupt):
        finished(study, lambda: Disorderly(study, 1, largest=1, stop_after=3))
    return study


def noise(path: Path) -> None:
    """Write noise into it."""
    path.write_bytes(os.urandom(path.stat().st_size))


def noise_within(path: Path) -> None:
    """Write noise into the middle, the heading left as it is."""
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def of_another_kind(path: Path) -> None:
    """Put a database there that has other tables."""
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE jobs (number INTEGER PRIMARY KEY, what TEXT)")
    other.commit()
    other.close()


@pytest.mark.parametrize("damage", [*DAMAGES, noise, noise_within, of_another_kind])
def test_a_damaged_journal(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """A journal that is damaged costs the jobs it spoke of, no more: the study comes to the bytes of an undisturbed run."""
    expected = undisturbed(tmp_path / "a")
    study = interrupted(tmp_path / "b")
    damage(study.folder / "journal.sqlite")
    assert status(study.folder).state == "running"
    finished(study)
    assert files(study.folder) == expected


def test_a_whole_journal_counts(tmp_path: Path) -> None:
    """The control: an undamaged journal keeps its three jobs."""
    assert finished(interrupted(tmp_path)).standing.reused == 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_of_an_interrupted_study(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """A part that the journal speaks of and that is not what was written is computed again."""
    expected = undisturbed(tmp_path / "a")
    study = interrupted(tmp_path / "b")
    damage(parts(study.folder)[0])
    assert finished(study).standing.reused == 2
    assert files(study.folder) == expected


# --- folders that hold something else --------------------------------------------------------------------------------


def refused(study: Study, text: str) -> None:
    before = files(study.folder)
    with pytest.raises(EscalateError, match=text):
        finished(study, nobody)
    assert files(study.folder) == before


def test_results_of_another_study(tmp_path: Path) -> None:
    """A folder with the results of another study is refused, and left as it is."""
    undisturbed(tmp_path)
    refused(
        loaded(tmp_path, MANY),
        r"holds the results of another study, 'small', not of 'many'; name another folder under outputs",
    )


def test_a_folder_of_other_files(tmp_path: Path) -> None:
    """A folder with files and no manifest is refused."""
    study = loaded(tmp_path)
    study.folder.mkdir()
    (study.folder / "letter.txt").write_text("mine")
    refused(study, "holds other files and no results of a study")


def test_no_manifest_any_more(tmp_path: Path) -> None:
    """Results without their manifest are not taken for this study's."""
    undisturbed(tmp_path)
    study = loaded(tmp_path)
    (study.folder / "manifest.json").unlink()
    refused(study, "holds other files and no results of a study")


MANIFESTS = {
    "": "cannot be read as a manifest",
    "{": "cannot be read as a manifest",
    "\x00\x01": "cannot be read as a manifest",
    "[]": "is no manifest of a study's results",
    "{}": "is no manifest of a study's results",
    '{"schema": "escalate/study-results/2", "title": "small"}': "is no manifest of a study's results",
    '{"schema": "escalate/study-results/1"}': "is no manifest of a study's results",
    '{"schema": "escalate/study-results/1", "title": "small"}': "is no manifest of a study's results",
    '{"schema": "escalate/study-results/1", "title": "small", "status": "complete"}': "is no manifest of a study's results",
    '{"schema": "escalate/study-results/1", "title": "small", "status": "done", "jobs": 1, "failed": 0}': "is no manifest",
}


@pytest.mark.parametrize("content", MANIFESTS)
def test_a_damaged_manifest(content: str, tmp_path: Path) -> None:
    """A manifest that is none is refused by every command, in a sentence."""
    undisturbed(tmp_path)
    study = loaded(tmp_path)
    (study.folder / "manifest.json").write_text(content)
    refused(study, MANIFESTS[content])
    with pytest.raises(EscalateError, match=MANIFESTS[content]):
        status(study.folder)
    with pytest.raises(EscalateError, match=MANIFESTS[content]):
        StudyResults.read(study.folder, "s.yaml")


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """Where a file has the name of the folder it is said."""
    study = loaded(tmp_path)
    study.folder.write_text("mine")
    with pytest.raises(EscalateError, match="Not a directory"):
        finished(study, nobody)


def test_killed_as_it_began(tmp_path: Path) -> None:
    """What a process leaves that was killed before its first manifest was whole hinders nobody."""
    expected = undisturbed(tmp_path / "a")
    study = loaded(tmp_path / "b")
    study.folder.mkdir()
    for name in (".lock", ".manifest.json.tmp"):
        (study.folder / name).write_text("")
    finished(study)
    assert files(study.folder) == expected


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """Files of the user's among the parts are left; what a killed process left half written is swept away."""
    undisturbed(tmp_path)
    study = loaded(tmp_path)
    folder = parts(study.folder)[0].parent
    (folder / "notes.txt").write_text("mine")
    (folder / f".{'0' * 16}.parquet.tmp").write_text("half")
    (folder / f"{'0' * 16}.parquet").write_text("old")
    finished(study)
    assert (folder / "notes.txt").read_text() == "mine"
    assert len(list(folder.iterdir())) == 2


def test_the_manifest_says_what_there_is(tmp_path: Path) -> None:
    """Title, versions, counts, hashes of the lists; no time, no name of a machine."""
    undisturbed(tmp_path)
    said = json.loads((tmp_path / "s-results" / "manifest.json").read_text())
    assert (said["status"], said["jobs"], said["done"], said["failed"]) == ("complete", 6, 6, 0)
    assert set(said["sha256"]) == {"jobs.jsonl", "designs.parquet", "scenarios.parquet"}
    assert set(said["versions"]) == {"numpy", "scipy", "pyarrow"}
