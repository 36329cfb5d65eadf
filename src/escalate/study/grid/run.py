"""Run a study: what is there already is kept, the rest is done by whoever works, and every result is written as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

import numpy as np

from escalate import __version__
from escalate.core.arrays import Mask
from escalate.core.errors import EscalateError
from escalate.study.grid.journal import Journal, Kept
from escalate.study.grid.listing import designs_table, scenarios_table
from escalate.study.grid.parts import encoded
from escalate.study.grid.store import SCHEMA, DiskFullError, Store, writing
from escalate.study.grid.study import Study
from escalate.study.grid.workers import Task, Workers

TASK_SECONDS: Final = 0.5
"""How long a task should take: so long that handing it out costs little, so short that little is lost."""
LARGEST_TASK: Final = 256

Progress = Callable[["Standing"], None]


@dataclass(frozen=True)
class Standing:
    """How far a study has come.

    Parameters
    ----------
    reused
        Jobs whose results were there.
    seconds
        Since the work began.
    """

    jobs: int
    reused: int
    done: int
    failed: int
    seconds: float

    @property
    def left(self) -> int:
        """Jobs still to do."""
        return self.jobs - self.reused - self.done - self.failed

    @property
    def rate(self) -> float | None:
        """Jobs a second; None where none is done yet."""
        worked = self.done + self.failed
        return worked / self.seconds if worked and self.seconds > 0 else None

    @property
    def remaining(self) -> float | None:
        """Seconds until the end, at this rate; None where it is not known."""
        return None if self.rate is None else self.left / self.rate


@dataclass(frozen=True)
class Outcome:
    """What came of a run; `failures` are at most the first hundred."""

    standing: Standing
    failures: tuple[Kept, ...]


@dataclass
class _Tasks:
    """Jobs to do, in tasks of about the same time; how many that is, is learnt on the way."""

    todo: Iterator[int]
    size: int = 1
    _per_job: float = field(default=0.0, init=False)

    def __iter__(self) -> Iterator[Task]:
        """Yield tasks as they are asked for."""
        while True:
            task = tuple(index for _, index in zip(range(self.size), self.todo, strict=False))
            if not task:
                return
            yield task

    def learn(self, seconds: float, jobs: int) -> None:
        """Say how long jobs took."""
        each = seconds / jobs
        self._per_job = each if not self._per_job else 0.8 * self._per_job + 0.2 * each
        self.size = int(min(max(TASK_SECONDS / max(self._per_job, 1e-6), 1), LARGEST_TASK))


def run(study: Study, workers: Callable[[], Workers], progress: Progress = lambda _: None) -> Outcome:
    """Do what is not done yet, and leave the results as an undisturbed run would.

    Parameters
    ----------
    workers
        Makes who does the jobs; not asked where there is nothing to do.
    progress
        Told how far it is, after every task.

    Raises
    ------
    EscalateError
        Where the folder holds another study, another process works on it, or it cannot be written.
    DiskFullError
        Where the disk is full; what is there can be resumed.
    KeyboardInterrupt
        Where the user ends it; what is there can be resumed.
    """
    store = Store(study.folder)
    store.check_title(study.title, study.name)
    standing = Standing(study.n_jobs, 0, 0, 0, 0.0)

    def told(now: Standing) -> None:
        nonlocal standing
        standing = now
        progress(now)

    try:
        with store.held():
            journal = store.begin({**_head(study), "status": "running"})
            there = np.zeros(study.n_jobs, dtype=bool)
            for found in _in_thousands(_there(study, store, journal)):
                with writing(store.folder):
                    journal.add(found)
                there[[index for index, _ in found]] = True
            standing = Standing(study.n_jobs, int(there.sum()), 0, 0, 0.0)
            if standing.left:
                _work(study, store, journal, there, workers(), standing, told)
            return Outcome(standing, _finish(study, store, journal))
    except DiskFullError as error:
        raise DiskFullError(f"{error}; {_so_far(study, standing)}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {_so_far(study, standing)}") from None


def _finish(study: Study, store: Store, journal: Journal) -> tuple[Kept, ...]:
    """Write what says what there is; return the first failures."""
    failed = journal.count("failed")
    failures = tuple(journal.jobs("failed", 100))
    counts = {"jobs": study.n_jobs, "done": study.n_jobs - failed, "failed": failed}
    status = "incomplete" if failed else "complete"
    tables = {
        "designs.parquet": encoded(designs_table(study)),
        "scenarios.parquet": encoded(scenarios_table(study)),
    }
    store.finish({**_head(study), "status": status, **counts}, journal.jobs(), tables)
    return failures


def _there(study: Study, store: Store, journal: Journal) -> Iterator[tuple[int, Kept]]:
    """Yield the jobs whose results are there already."""
    if not journal.has_earlier():
        # Of very many designs the keys alone take minutes.
        return
    for index, key in enumerate(study.keys()):
        found = None if key is None else journal.earlier(key)
        if found is not None and store.is_whole(found):
            yield index, found


def _in_thousands(found: Iterator[tuple[int, Kept]]) -> Iterator[list[tuple[int, Kept]]]:
    while some := list(islice(found, 1000)):
        yield some


def _left(there: Mask) -> Iterator[int]:
    """Yield jobs that are not there."""
    for start in range(0, len(there), 1000):
        yield from (start + np.flatnonzero(~there[start : start + 1000])).tolist()


def _work(
    study: Study,
    store: Store,
    journal: Journal,
    there: Mask,
    workers: Workers,
    standing: Standing,
    told: Progress,
) -> None:
    start = time.monotonic()
    tasks = _Tasks(_left(there))
    counts = {"done": 0, "failed": 0}
    told(standing)
    coming = workers.run(iter(tasks))
    try:
        for results in coming:
            written = []
            for done in results:
                kept = done.kept(study)
                store.keep(kept, done.content, done.trials)
                written.append((done.index, kept))
                counts[kept.status] += 1
            with writing(store.folder):
                journal.add(written)
            tasks.learn(sum(done.seconds for done in results), len(results))
            standing = replace(standing, **counts, seconds=time.monotonic() - start)
            told(standing)
    except (DiskFullError, KeyboardInterrupt):
        raise
    except EscalateError as error:
        raise EscalateError(f"{error}; {_so_far(study, standing)}" if standing.done else str(error)) from None
    finally:
        if isinstance(coming, Generator):
            # Whoever works ends now, not when the last trace of it is gone.
            coming.close()
    if standing.left:
        raise EscalateError(f"{standing.left} jobs were not done; {_so_far(study, standing)}")


def _so_far(study: Study, standing: Standing) -> str:
    there = standing.reused + standing.done
    return f"{there:,} of {standing.jobs:,} jobs are done and kept; go on with 'escalate study resume {study.name}'"


def _head(study: Study) -> dict[str, Any]:
    """Return what the manifest says of the study, whatever its state."""
    from importlib.metadata import version  # noqa: PLC0415

    return {
        "schema": SCHEMA,
        "title": study.title,
        "escalate": __version__,
        "versions": {name: version(name) for name in ("numpy", "scipy", "pyarrow")},
        "exact": study.trials is None,
        "trials": study.trials,
        "seed": None if study.trials is None else study.seed,
        "clock": study.how["clock"],
        "metrics": study.metrics,
        "per_trial": study.per_trial,
        "designs": len(study.designs),
        "scenarios": len(study.scenarios),
        "scenarios_sha256": study.scenarios_sha256,
        "block": study.block,
    }
