"""Who does the jobs: this process, other processes on this machine. The same function in each of them."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from escalate.core.errors import EscalateError
from escalate.engine.automaton_cache import Compile, cache_of
from escalate.study.grid.job import Done, run_job
from escalate.study.grid.study import Study

Task: TypeAlias = tuple[int, ...]
"""Jobs that are done together."""
TRIES: Final = 3
"""How often a job may take its worker down before it is reported as failed."""
ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class Workers(Protocol):
    """Something that does tasks, in any order."""

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Yield the results of tasks as they come; tasks are taken as they are needed."""
        ...


def do(study: Study, task: Iterable[int], cache: str | None) -> list[Done]:
    """Return the results of jobs."""
    compile_: Compile | None = cache_of(cache)
    return [run_job(study, index, compile_) for index in task]


@dataclass(frozen=True)
class Serial:
    """One process, the one that was started."""

    study: Study
    cache: str | None = None

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do one task after the other."""
        for task in tasks:
            yield do(self.study, task, self.cache)


@dataclass
class Processes:
    """Several processes on this machine.

    Parameters
    ----------
    cache
        Where compiled automata are kept; None for nowhere.
    """

    study: Study
    n_workers: int
    cache: str | None = None
    _deaths: dict[int, int] = field(default_factory=dict, init=False)

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do tasks side by side. Where a worker dies its tasks are done again, one job at a time, to find the one to blame."""
        suspects: deque[int] = deque()
        running: dict[Future[list[Done]], Task] = {}
        pool = self._pool()
        try:
            while True:
                while suspects and not running:
                    # Alone, so that it is known whose death it was.
                    index = suspects.popleft()
                    done, pool = self._alone(pool, index)
                    yield [done]
                broken = False
                while not suspects and len(running) < 2 * self.n_workers and (task := next(tasks, None)) is not None:
                    try:
                        running[pool.submit(_work, task)] = task
                    except BrokenProcessPool:
                        suspects.extend(task)
                        broken = True
                if not running and not suspects:
                    return
                finished, _ = (
                    wait(running, return_when=FIRST_COMPLETED) if running else (set[Future[list[Done]]](), None)
                )
                for future in finished:
                    task = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        suspects.extend(task)
                        broken = True
                if broken:
                    for task in running.values():
                        suspects.extend(task)
                    running.clear()
                    _stop(pool)
                    pool = self._pool()
        finally:
            _stop(pool)

    def _alone(self, pool: ProcessPoolExecutor, index: int) -> tuple[Done, ProcessPoolExecutor]:
        while self._deaths.get(index, 0) < TRIES:
            try:
                return pool.submit(_work, (index,)).result()[0], pool
            except BrokenProcessPool:
                self._deaths[index] = self._deaths.get(index, 0) + 1
                _stop(pool)
                pool = self._pool()
        return lost(self.study, index), pool

    def _pool(self) -> ProcessPoolExecutor:
        """Start the workers.

        Raises
        ------
        EscalateError
            Where they end before they have a job, time and again.
        """
        from multiprocessing import get_context  # noqa: PLC0415

        payload = pickle.dumps((self.study, self.cache))
        for _ in range(TRIES):
            with environment(ONE_THREAD):
                # Forked processes would share locks of threads; these start afresh.
                pool = ProcessPoolExecutor(self.n_workers, get_context("spawn"), _begin, (payload,))
                try:
                    # Started here, while the environment says one thread each.
                    for ready in [pool.submit(_ready) for _ in range(self.n_workers)]:
                        ready.result()
                except BrokenProcessPool:
                    _stop(pool)
                except BaseException:
                    _stop(pool)
                    raise
                else:
                    return pool
        raise EscalateError("the worker processes end as they start (out of memory?); try '--processes 1'")


def lost(study: Study, index: int) -> Done:
    """Return that a job took its workers down."""
    k, block = study.job(index)
    design, scenarios = study.designs[k].design, study.scenarios_of(block)
    which = f"scenario '{scenarios[0].name}'" + (f" to '{scenarios[-1].name}'" if len(scenarios) > 1 else "")
    return Done(
        index, None, design.sha256, error=f"{design.title}: {which}: the worker died {TRIES} times (out of memory?)"
    )


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set variables for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_HERE: dict[str, tuple[Study, str | None]] = {}


def _begin(payload: bytes) -> None:
    from multiprocessing import parent_process  # noqa: PLC0415

    # Control-C is for the process that the user started.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _HERE["study"] = pickle.loads(payload)


def _end_with(sentinel: int) -> None:
    """End this process when its parent has gone, killed as it may be."""
    from multiprocessing.connection import wait as wait_for  # noqa: PLC0415

    wait_for([sentinel])
    os._exit(1)


def _ready() -> None:
    return None


def _work(task: Task) -> list[Done]:
    study, cache = _HERE["study"]
    return do(study, task, cache)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers without waiting for what they are at."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
