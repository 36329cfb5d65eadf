"""On a cluster of very many workers tasks are joined, so that the scheduler is not asked too often."""

from __future__ import annotations

import pytest

from escalate.study.grid.cluster import _Longer
from escalate.study.grid.job import Done


@pytest.mark.parametrize(
    ("seconds", "each", "sizes"), [(0.02, 0.1, [2, 2, 2, 1]), (0.5, 0.1, [6, 1]), (10.0, 0.1, [7])]
)
def test_tasks_are_joined_to_take_so_long(seconds: float, each: float, sizes: list[int]) -> None:
    """No job is lost or done twice, whatever the length; before a time is known nothing is joined."""
    first, *rest = (0, 1), (2, 3), (4, 5), (6, 7), (8,)
    tasks = _Longer(iter([first, *rest]), seconds)
    assert tasks.next() == first
    tasks.learn([Done(0, b"", seconds=each)])
    found = []
    while (task := tasks.next()) is not None:
        found.append(task)
    assert [len(task) for task in found] == sizes
    assert [index for task in found for index in task] == list(range(2, 9))


def test_a_long_job_is_a_task_by_itself() -> None:
    """Where a job takes longer than a task should, none is joined to it."""
    tasks = _Longer(iter([(0,), (1,), (2,)]), 5.0)
    tasks.learn([Done(0, b"", seconds=20.0)])
    assert [tasks.next(), tasks.next(), tasks.next(), tasks.next()] == [(0,), (1,), (2,), None]
