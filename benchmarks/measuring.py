"""CPU time of a job, and the lines of the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from time import process_time

Job = Callable[[], object]

LEAST_SECONDS = 0.05
"""Short jobs are run in a loop that takes at least this long, since the clock ticks and other work interferes."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    group
        What `--only` asks for.
    what
        The job.
    best, median
        The figure from the minimum and from the median CPU time of the repeats; None where it could not be measured.
    goal
        To be at most this, or at least this where `higher` is true; None where there is none.
    note
        What else is worth knowing.
    """

    group: str
    what: str
    best: float | None
    median: float | None = None
    unit: str = "s"
    goal: float | None = None
    higher: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the best figure meets the goal."""
        if self.goal is None or self.best is None:
            return None
        return self.best >= self.goal if self.higher else self.best <= self.goal


@dataclass(frozen=True)
class Timing:
    """CPU seconds of one call, in each repeat."""

    samples: tuple[float, ...]

    @property
    def best(self) -> float:
        """The minimum."""
        return min(self.samples)

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    def row(
        self, group: str, what: str, goal: float | None = None, *, scale: float = 1.0, unit: str = "s", note: str = ""
    ) -> Row:
        """Return a line that shows the time, times `scale`."""
        return Row(group, what, self.best * scale, self.median * scale, unit, goal, note=note)

    def rate(self, group: str, what: str, trials: int, goal: float | None = None, *, note: str = "") -> Row:
        """Return a line that shows million trials a second."""
        best, median = trials / self.best / 1e6, trials / self.median / 1e6
        return Row(group, what, best, median, "M trials/s", goal, higher=True, note=note)


def timed(job: Job, repeat: int) -> Timing:
    """Return the CPU time of a job, after a warm-up."""
    return timed_in_turn([job], repeat)[0]


def timed_in_turn(jobs: Sequence[Job], repeat: int) -> list[Timing]:
    """Return the CPU times of jobs run by turns, so that a busy spell strikes them all, after a warm-up of each."""
    loops = []
    for job in jobs:
        job()
        loops.append(max(1, ceil(LEAST_SECONDS / max(_seconds(job, 1), 1e-7))))
    samples = [[_seconds(job, n) for job, n in zip(jobs, loops, strict=True)] for _ in range(repeat)]
    return [Timing(tuple(times)) for times in zip(*samples, strict=True)]


def _seconds(job: Job, loops: int) -> float:
    start = process_time()
    for _ in range(loops):
        job()
    return (process_time() - start) / loops
