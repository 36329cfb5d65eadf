"""What a study left, read by us and by others; and studies on a clock."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from escalate.core.errors import EscalateError
from escalate.study.grid.results import StudyResults, mean_of, status
from escalate.study.grid.study_file import load_study
from escalate.study.simulate import simulate
from tests.cli.run import DESIGN
from tests.study.grid.studies import (
    STUDY,
    Disorderly,
    files,
    finished,
    loaded,
    nobody,
    parts,
    undisturbed,
)


def test_nothing_yet(tmp_path: Path) -> None:
    """Before a study is run it has no results, and it is said how to get them."""
    assert status(tmp_path / "none").state == "nothing"
    with pytest.raises(EscalateError, match=r"there are no results yet; start with 'escalate study run s\.yaml'"):
        StudyResults.read(tmp_path / "none", "s.yaml")


def test_not_finished(tmp_path: Path) -> None:
    """A study that was stopped tells its jobs, and shows no figures before it is finished."""
    study = loaded(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        finished(study, lambda: Disorderly(study, 1, largest=1, stop_after=4))
    found = status(study.folder, check=True)
    assert (found.state, found.done, found.n_failed, found.damaged) == ("running", 4, 0, ())
    with pytest.raises(EscalateError, match=r"is not finished; go on with 'escalate study resume s\.yaml'"):
        StudyResults.read(study.folder, "s.yaml")


def test_a_folder_with_a_strange_name(tmp_path: Path) -> None:
    """A folder whose name has signs that mean something in an address is looked into all the same."""
    study = loaded(tmp_path, STUDY + "outputs: {folder: 'a?b#c %41'}\n")
    with pytest.raises(KeyboardInterrupt):
        finished(study, lambda: Disorderly(study, 1, largest=1, stop_after=2))
    assert status(study.folder).done == 2
    assert finished(study).standing.reused == 2


def test_designs_and_scenarios(tmp_path: Path) -> None:
    """The tables beside the parts say what each design and scenario is, and join with the parts by name."""
    undisturbed(tmp_path)
    found = StudyResults.read(tmp_path / "s-results", "s.yaml")
    designs = found.designs.to_pylist()
    assert [row["number"] for row in designs] == [1, 2, 3, 4, 5, 6]
    assert [row["method.p_saf"] for row in designs] == [0.15, 0.15, 0.18, 0.18, 0.21, 0.21]
    assert [row["max_patients"] for row in designs] == [9, 12] * 3
    assert {path.parent.name.removeprefix("design=") for path in parts(found.folder)} == {
        row["design"] for row in designs
    }
    study = load_study(tmp_path / "s.yaml")
    assert [row["sha256"] for row in designs] == [member.design.sha256 for member in study.designs]
    scenarios = found.scenarios.to_pylist()
    assert [tuple(row["dlt"]) for row in scenarios] == [scenario.dlt for scenario in study.scenarios]


def test_pandas_reads_the_whole(tmp_path: Path) -> None:
    """The folder of parts is one partitioned table for pandas, with the design as a column."""
    pandas = pytest.importorskip("pandas")
    undisturbed(tmp_path)
    whole = pandas.read_parquet(tmp_path / "s-results" / "parts")
    assert len(whole) == 120
    designs = pandas.read_parquet(tmp_path / "s-results" / "designs.parquet")
    joined = whole.astype({"design": str}).merge(designs, on="design")
    assert len(joined) == 120
    study = load_study(tmp_path / "s.yaml")
    found = simulate([study.designs[0].design], study.scenarios).designs[0]
    of_first = joined[joined.number == 1]
    assert of_first.pcs.to_numpy().tolist() == found.scalars["pcs"][0].tolist()


def test_means(tmp_path: Path) -> None:
    """A mean is over the scenarios that have the metric; over some families where asked; none where there is none."""
    undisturbed(tmp_path)
    found = StudyResults.read(tmp_path / "s-results", "s.yaml")
    row, table = next(found.figures())
    assert row["number"] == 1
    assert table is not None
    assert mean_of(table, "pcs") == pytest.approx(float(np.nanmean(table["pcs"].to_numpy())))
    assert mean_of(table, "pcs", ["no such"]) is None
    assert mean_of(table, "no_such_metric") is None
    assert mean_of(None, "pcs") is None


def test_a_journal_that_another_writes(tmp_path: Path) -> None:
    """Looking at a study while it runs tells the jobs so far, though another process holds the journal."""
    study = loaded(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        finished(study, lambda: Disorderly(study, 1, largest=1, stop_after=3))
    other = sqlite3.connect(study.folder / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert status(study.folder).done == 3
    finally:
        other.close()


# --- on a clock ------------------------------------------------------------------------------------------------------

ON_A_CLOCK = """schema: escalate/study/1
title: clock
designs:
  - {file: d.yaml, vary: {max_patients: [9, 12]}}
scenarios:
  - scenarios: [{name: a, dlt: [0.1, 0.3, 0.5]}, {name: b, dlt: [0.2, 0.3, 0.5]}]
trials: 300
clock: c.yaml
"""
CLOCK = "schema: escalate/clock/1\naccrual: {kind: poisson, mean_days: 10}\n"


def on_a_clock(folder: Path, clock: str = CLOCK) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "d.yaml").write_text(DESIGN + "dlt_window: 28\n")
    (folder / "c.yaml").write_text(clock)
    (folder / "s.yaml").write_text(ON_A_CLOCK)
    return folder / "s.yaml"


def test_a_study_on_a_clock(tmp_path: Path) -> None:
    """On a clock the figures are those of `simulate` with the clock; the manifest has the clock; any order gives the same bytes."""
    study = load_study(on_a_clock(tmp_path / "a"))
    finished(study)
    found = StudyResults.read(study.folder, "s.yaml")
    assert found.manifest["clock"]["accrual"] == {"kind": "poisson", "mean_days": 10}
    design = study.designs[1].design
    expected = simulate([design], study.scenarios, trials=300, seed=1, clock=study.clock).designs[0]
    table = found.of_design(design.sha256[:16])
    assert table is not None
    assert table["duration_days"].to_pylist() == expected.scalars["duration_days"][0].tolist()
    other = load_study(on_a_clock(tmp_path / "b"))
    finished(other, lambda: Disorderly(other, 3))
    assert files(other.folder) == files(study.folder)


def test_another_clock(tmp_path: Path) -> None:
    """The same clock gives nothing to do; another, everything."""
    finished(load_study(on_a_clock(tmp_path)))
    finished(load_study(on_a_clock(tmp_path)), nobody)
    again = load_study(on_a_clock(tmp_path, CLOCK.replace("10", "20")))
    assert finished(again).standing.done == 2
