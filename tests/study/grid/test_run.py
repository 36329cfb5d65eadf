"""Running a study: the same bytes whoever works and in whatever order, and only what changed is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from escalate.core.errors import EscalateError
from escalate.study.grid.job import Done
from escalate.study.grid.processes import Processes
from escalate.study.grid.results import StudyResults
from escalate.study.grid.run import LARGEST_TASK, TASK_SECONDS, Standing, _Tasks, run
from escalate.study.grid.same_code import code
from escalate.study.grid.store import Store
from escalate.study.grid.study_file import load_study
from escalate.study.grid.workers import Serial, Task, do
from tests.cli.run import DESIGN
from tests.study.grid.studies import (
    STUDY,
    TRIALS,
    Disorderly,
    files,
    finished,
    fresh,
    loaded,
    nobody,
    parts,
    undisturbed,
)


@pytest.mark.parametrize(
    "text", [STUDY, TRIALS, TRIALS + "outputs: {per_trial: true}\n"], ids=["exact", "trials", "kept"]
)
def test_any_order_and_any_size_of_tasks(text: str, tmp_path: Path) -> None:
    """Jobs done in random order, in tasks of random size, leave the bytes of one process that went from first to last."""
    expected = undisturbed(tmp_path / "a", text)
    for seed in range(3):
        study = loaded(tmp_path / f"b{seed}", text)
        finished(study, partial(Disorderly, study, seed))
        assert files(study.folder) == expected


def test_processes_give_the_same(tmp_path: Path) -> None:
    """Two processes leave the bytes of one, with a cache of compiled designs and without."""
    expected = undisturbed(tmp_path / "a")
    for cache in (None, str(tmp_path / "cache")):
        study = loaded(tmp_path / f"b{cache is None}")
        finished(study, partial(Processes, study, 2, cache))
        assert files(study.folder) == expected


def test_blocks_of_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study of several blocks a design has the rows of a study of one block, whatever the order in which they come."""
    one = loaded(tmp_path / "a")
    finished(one)
    monkeypatch.setattr("escalate.study.grid.study.BLOCK", 7)
    several = loaded(tmp_path / "b")
    assert (several.n_blocks, several.n_jobs) == (3, 18)
    finished(several, lambda: Disorderly(several, 1))
    found = [StudyResults.read(study.folder, "s.yaml") for study in (one, several)]
    for design in found[0].designs["design"].to_pylist():
        assert found[0].of_design(design) == found[1].of_design(design)


def _itself(workers: Disorderly) -> Disorderly:
    return workers


@pytest.mark.parametrize("seed", range(4))
def test_stopped_and_gone_on_with(seed: int, tmp_path: Path) -> None:
    """Stopped three times after some jobs, each is kept: none is done twice, and the bytes are those of an undisturbed run."""
    expected = undisturbed(tmp_path / "a")
    study = loaded(tmp_path / "b")
    did: list[int] = []
    for k in range(3):
        workers = Disorderly(study, 10 * seed + k, largest=1, stop_after=1 + k % 2)
        with pytest.raises(KeyboardInterrupt, match="jobs are done and kept; go on with 'escalate study resume"):
            finished(study, partial(_itself, workers))
        did += workers.did
    last = Disorderly(study, seed)
    finished(study, lambda: last)
    assert sorted(did + last.did) == list(range(6))
    assert files(study.folder) == expected


def test_nothing_to_do(tmp_path: Path) -> None:
    """A study that is done asks nobody to work, and changes no byte."""
    expected = undisturbed(tmp_path)
    study = loaded(tmp_path)
    outcome = finished(study, nobody)
    assert (outcome.standing.reused, outcome.standing.done) == (6, 0)
    assert files(study.folder) == expected


def rerun(folder: Path, old: str, new: str) -> tuple[int, int]:
    """Change a study file, run it again, hold it against a run from nothing; return how many jobs were kept and done."""
    text = STUDY + "  - scenarios: [{name: a, dlt: [0.1, 0.3, 0.5], reason: why}]\n"
    assert old in text
    fresh(folder / "a", text)
    study = loaded(folder / "a", text.replace(old, new))
    outcome = finished(study)
    assert files(study.folder) == fresh(folder / "b", text.replace(old, new))
    return outcome.standing.reused, outcome.standing.done


def test_a_design_more(tmp_path: Path) -> None:
    """Of a longer grid only the new designs are computed."""
    assert rerun(tmp_path, "[9, 12]", "[9, 12, 15]") == (6, 3)


def test_a_design_less(tmp_path: Path) -> None:
    """Of a shorter grid nothing is computed, and what belongs to no design any more is swept away."""
    assert rerun(tmp_path, "[9, 12]", "[12]") == (3, 0)
    assert len(parts(tmp_path / "a" / "s-results")) == 3


def test_another_reason(tmp_path: Path) -> None:
    """Why a scenario is there changes no figure: nothing is computed."""
    assert rerun(tmp_path, "reason: why", "reason: because") == (6, 0)


def test_another_rate(tmp_path: Path) -> None:
    """Another rate of a scenario: its block is computed for every design."""
    assert rerun(tmp_path, "dlt: [0.1, 0.3, 0.5]", "dlt: [0.1, 0.3, 0.6]") == (0, 6)


def test_another_rate_of_one_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three blocks only that with another rate is computed."""
    monkeypatch.setattr("escalate.study.grid.study.BLOCK", 8)
    assert rerun(tmp_path, "dlt: [0.1, 0.3, 0.5]", "dlt: [0.1, 0.3, 0.6]") == (12, 6)


@pytest.mark.parametrize("more", ["metrics: [pcs]\n", "max_states: 100000\n", "trials: 1000\n"])
def test_another_question(more: str, tmp_path: Path) -> None:
    """Other metrics, another limit, or random trials: everything is computed."""
    assert rerun(tmp_path, "reason: why}]\n", "reason: why}]\n" + more) == (0, 6)


def test_another_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that another source computed, of the same version even, are computed again."""
    study = loaded(tmp_path, STUDY)
    assert finished(study).standing.done == 6
    version, _, libraries = code()
    with monkeypatch.context() as changed:
        changed.setattr("escalate.study.grid.study.code", lambda: (version, "0" * 64, libraries))
        outcome = finished(loaded(tmp_path, STUDY))
    assert (outcome.standing.reused, outcome.standing.done) == (0, 6)
    assert finished(loaded(tmp_path, STUDY)).standing.done == 6


def test_another_seed(tmp_path: Path) -> None:
    """Another seed counts for random trials, and not for exact figures."""
    undisturbed(tmp_path / "a", STUDY + "seed: 1\n")
    assert finished(loaded(tmp_path / "a", STUDY + "seed: 2\n")).standing.done == 0
    undisturbed(tmp_path / "b", TRIALS + "seed: 1\n")
    assert finished(loaded(tmp_path / "b", TRIALS + "seed: 2\n")).standing.done == 6


def test_a_combination_that_is_no_design(tmp_path: Path) -> None:
    """A combination of a grid that is no design is a failed job with the reason; the others are computed."""
    text = STUDY.replace("[0.15, 0.18, 0.21]", "[0.15, 0.31]")
    study = loaded(tmp_path, text)
    outcome = finished(study)
    assert (outcome.standing.done, outcome.standing.failed) == (2, 2)
    assert "design 3: the candidate with method.p_saf 0.31" in str(outcome.failures[0].error)
    assert Store(study.folder).manifest()["status"] == "incomplete"  # type: ignore[index]
    rows = StudyResults.read(study.folder, "s.yaml").figures()
    assert [table is None for _, table in rows] == [False, False, True, True]
    again = finished(study)
    assert (again.standing.reused, again.standing.failed) == (2, 2)


def test_a_design_that_is_too_large(tmp_path: Path) -> None:
    """A design with more states than allowed fails in a sentence with its title, in every scenario."""
    study = loaded(tmp_path, STUDY.replace("max_patients: [9, 12]", "max_patients: [9, 60]") + "max_states: 20000\n")
    outcome = finished(study)
    assert (outcome.standing.done, outcome.standing.failed) == (3, 3)
    said = str(outcome.failures[0].error)
    assert said.startswith("small [p_saf 0.15, max_patients 60]: every scenario: ")
    assert "states" in said


def test_a_grid_that_passes_through_another_design(tmp_path: Path) -> None:
    """A design that is there twice, once of a grid, has its own rows once."""
    text = STUDY.replace("  - {file", "  - d.yaml\n  - {file").replace("[0.15, 0.18, 0.21]", "[null, 0.15]")
    study = loaded(tmp_path, text)
    finished(study)
    found = StudyResults.read(study.folder, "s.yaml")
    assert all(found.of_design(design).num_rows == 20 for design in found.designs["design"].to_pylist())  # type: ignore[union-attr]


def test_progress(tmp_path: Path) -> None:
    """After every task it is told how far the study is; the counts add up, and the last says that nothing is left."""
    study = loaded(tmp_path)
    told: list[Standing] = []
    run(study, lambda: Disorderly(study, 1, largest=1), told.append)
    assert [standing.left for standing in told] == [6, 5, 4, 3, 2, 1, 0]
    assert told[0].rate is None
    assert told[3].remaining == pytest.approx(told[3].seconds)


class Lazy:
    """Does the first task and goes home."""

    def __init__(self, study: object) -> None:
        self.study = study

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do one task."""
        yield do(self.study, next(tasks), None)  # type: ignore[arg-type]


def test_workers_who_go_home(tmp_path: Path) -> None:
    """Where jobs are left undone it is said, and the study can be resumed."""
    study = loaded(tmp_path)
    with pytest.raises(EscalateError, match="5 jobs were not done; 1 of 6 jobs are done and kept"):
        finished(study, lambda: Lazy(study))
    assert finished(study).standing.reused == 1


def test_size_of_tasks_is_learnt() -> None:
    """Quick jobs go into larger tasks, up to a limit; slow ones go one by one."""
    tasks = _Tasks(iter(range(1000)))
    given = iter(tasks)
    assert next(given) == (0,)
    tasks.learn(TASK_SECONDS / 10, 1)
    assert len(next(given)) == 10
    for _ in range(50):
        tasks.learn(1e-9, 1)
    assert len(next(given)) == LARGEST_TASK
    for _ in range(50):
        tasks.learn(60.0, 1)
    assert len(next(given)) == 1


def test_results_of_another_place_are_kept(tmp_path: Path) -> None:
    """A study file and its results that were moved together go on where they were."""
    undisturbed(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert finished(load_study(tmp_path / "b" / "s.yaml"), nobody).standing.reused == 6


def test_another_title_of_a_design_is_another_design(tmp_path: Path) -> None:
    """A design file that changes gives new hashes: its parts are computed again, the old ones swept."""
    undisturbed(tmp_path)
    (tmp_path / "d.yaml").write_text(DESIGN.replace("cohort_size: 3", "cohort_size: 1"))
    study = load_study(tmp_path / "s.yaml")
    assert finished(study).standing.done == 6
    assert len(parts(study.folder)) == 6


def test_serial_takes_a_cache(tmp_path: Path) -> None:
    """One process with a cache gives the bytes of one without."""
    expected = undisturbed(tmp_path / "a")
    study = loaded(tmp_path / "b")
    finished(study, lambda: Serial(study, str(tmp_path / "cache")))
    assert files(study.folder) == expected
