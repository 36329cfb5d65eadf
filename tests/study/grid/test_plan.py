"""What a study will take is reckoned from a few designs, and is of the order of what it then takes."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import pytest

from escalate.study.grid.plan import LONG, MANY_JOBS, SAMPLE, plan
from tests.study.grid.studies import STUDY, TRIALS, finished, loaded, parts


def test_the_plan_of_a_small_study(tmp_path: Path) -> None:
    """Designs, jobs and states are exact; room and memory of the right order."""
    study = loaded(tmp_path)
    found = plan(study)
    assert (found.designs, found.scenarios, found.jobs, found.trials) == (6, 20, 6, None)
    assert [each.number for each in found.tried] == [1, 2, 3, 4, 5, 6]
    assert not found.large
    assert found.states is not None
    assert 10 < found.states[0] < found.states[1] < 1000
    finished(study)
    taken = sum(path.stat().st_size for path in parts(study.folder))
    assert taken / 2 < found.disk < taken * 2


def test_a_study_of_very_many_jobs(tmp_path: Path) -> None:
    """A study of 10^9 designs is reckoned with in seconds, from as many designs as any, and said to be large."""
    text = STUDY.replace("[0.15, 0.18, 0.21]", '"0.10:0.199:0.0001"').replace(
        "max_patients: [9, 12]", 'method.p_tox: "0.40:0.499:0.0001", max_patients: "6:1000:1"'
    )
    found = plan(loaded(tmp_path, text + "max_states: 3000\n"))
    assert found.jobs == 991 * 991 * 995 > MANY_JOBS
    assert found.large
    assert 1 <= len(found.tried) <= SAMPLE


def test_designs_that_cannot_be_computed(tmp_path: Path) -> None:
    """A design that is none, or too large, is named with the reason; where none can be computed the time is not known."""
    text = STUDY.replace("[0.15, 0.18, 0.21]", "[0.31]").replace("[9, 12]", "[9]")
    (tried,) = plan(loaded(tmp_path / "a", text)).tried
    assert "is no design" in str(tried.error)
    found = plan(loaded(tmp_path / "b", STUDY.replace("[9, 12]", "[80]") + "max_states: 1000\n"))
    assert all("states" in str(each.error) for each in found.tried)
    assert isnan(found.seconds)
    assert not found.large


def test_random_trials(tmp_path: Path) -> None:
    """Random trials are reckoned from one scenario; they have no states."""
    found = plan(loaded(tmp_path, TRIALS))
    assert found.states is None
    assert 0 < found.seconds < LONG


@pytest.mark.parametrize("more", ["", "outputs: {per_trial: true}\n"])
def test_single_trials_take_room(more: str, tmp_path: Path) -> None:
    """The room on the disk is that of the parts, and of the single trials where they are kept."""
    study = loaded(tmp_path, TRIALS + more)
    found = plan(study)
    finished(study)
    taken = sum(path.stat().st_size for path in study.folder.rglob("*.parquet"))
    assert taken / 3 < found.disk < taken * 3
