"""Designs of a study, and the names of its jobs: made one at a time, in a fixed order, equal where everything is equal."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.errors import EscalateError
from escalate.study.calibration_axes import axis_of
from escalate.study.grid.designs import DesignGrid, Source
from escalate.study.grid.study import Study
from tests.helpers import make
from tests.study.grid.studies import STUDY, TRIALS, loaded


def grid(*varied: Mapping[str, Any]) -> DesignGrid:
    design = make({"kind": "boin"}, max_patients=12)
    return DesignGrid(tuple(Source(design, tuple(axis_of(*each) for each in axes.items())) for axes in varied))


def test_the_last_setting_is_varied_fastest() -> None:
    """Designs are numbered from 1 in the order of the file; every combination is there once."""
    found = list(grid({}, {"method.p_saf": [0.15, 0.18], "max_patients": "9:15:3"}))
    assert [member.number for member in found] == list(range(1, 8))
    assert found[0].choices == ()
    assert [tuple(value for _, value in member.choices) for member in found[1:]] == [
        (0.15, 9), (0.15, 12), (0.15, 15), (0.18, 9), (0.18, 12), (0.18, 15)
    ]  # fmt: skip
    assert found[1].design.title == "test [p_saf 0.15, max_patients 9]"
    assert found[1].design.max_patients == 9
    assert len({member.design.sha256 for member in found}) == 7


def test_very_many_are_not_made() -> None:
    """A grid of 10^9 designs is counted at once, and any of them is made alone."""
    axes = {"method.p_saf": "0.10:0.199:0.0001", "method.p_tox": "0.40:0.499:0.0001", "max_patients": "1:999:1"}
    found = grid(axes)
    assert len(found) == 991 * 991 * 999
    assert found[len(found) - 1].design.max_patients == 999
    with pytest.raises(IndexError):
        found[len(found)]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data())
def test_any_design_by_its_number(sizes: list[int], data: st.DataObject) -> None:
    """The k-th design is the k-th in order, whatever the sizes of the grids before it."""
    fields = ("max_patients", "cohort_size", "start_level")
    values = (list(range(20, 25)), list(range(1, 6)), list(range(1, 6)))
    found = grid({field: each[:n] for field, each, n in zip(fields, values, sizes, strict=False)}, {})
    k = data.draw(st.integers(0, len(found) - 1))
    assert found[k].design.sha256 == list(found)[k].design.sha256
    assert found[k].number == k + 1


def test_a_setting_varied_twice() -> None:
    """Two lists for one setting are refused."""
    axis = axis_of("max_patients", [9])
    with pytest.raises(EscalateError, match="vary max_patients: is given twice"):
        Source(make({"kind": "boin"}), (axis, axis))


# --- jobs ------------------------------------------------------------------------------------------------------------


def test_jobs_are_designs_times_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job is a design and a block; every scenario is in one block."""
    monkeypatch.setattr("escalate.study.grid.study.BLOCK", 7)
    study = loaded(tmp_path)
    assert (study.n_blocks, study.n_jobs) == (3, 18)
    assert [study.job(index) for index in (0, 2, 3, 17)] == [(0, 0), (0, 2), (1, 0), (5, 2)]
    every = [scenario for block in range(3) for scenario in study.scenarios_of(block)]
    assert tuple(every) == study.scenarios


@pytest.mark.parametrize(("trials", "block"), [(1, 1000), (2000, 1000), (20_000, 100), (3_000_000, 1)])
def test_blocks_of_random_trials(trials: int, block: int, tmp_path: Path) -> None:
    """A job has about two million random trials, and one scenario at least."""
    assert loaded(tmp_path, f"{STUDY}trials: {trials}\n").block == block


def keys(study: Study) -> list[str | None]:
    return list(study.keys())


def test_keys(tmp_path: Path) -> None:
    """Equal keys where design, scenarios and question are equal; other keys where any of them is not."""
    study = loaded(tmp_path, TRIALS)
    assert keys(study) == keys(loaded(tmp_path / "b", TRIALS)) == keys(pickle.loads(pickle.dumps(study)))
    assert len(set(keys(study))) == 6
    for other in (
        replace(study, seed=2),
        replace(study, trials=2999),
        replace(study, trials=None),
        replace(study, metrics=("pcs",)),
        replace(study, max_states=5000),
        replace(study, per_trial=True),
        replace(study, scenarios=study.scenarios[:-1]),
        replace(study, scenarios=study.scenarios[::-1]),
    ):
        assert not set(keys(other)) & set(keys(study))
    assert keys(replace(study, title="other", name="other", folder=Path("other"))) == keys(study)


def test_no_key_where_there_is_no_design(tmp_path: Path) -> None:
    """A combination that is no design has no key, and keeps its place."""
    found = keys(loaded(tmp_path, STUDY.replace("[0.15, 0.18, 0.21]", "[0.15, 0.31]")))
    assert [key is None for key in found] == [False, False, True, True]


def test_the_seed_is_no_part_of_exact_figures(tmp_path: Path) -> None:
    """Exact figures have the same key whatever the seed."""
    study = loaded(tmp_path)
    assert keys(study) == keys(replace(study, seed=2))
