"""Worker processes on this machine, each with a pipe of its own, so that one that dies takes nothing from the others.

The pool of the standard library has one pipe for all results: a worker that is killed while it writes leaves half a result in it,
for the rest of which the pool waits for ever.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from typing import Final

from escalate.core.errors import EscalateError
from escalate.study.grid.job import Done
from escalate.study.grid.study import Study
from escalate.study.grid.workers import TRIES, Task, do, lost

ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
AHEAD: Final = 2
"""Tasks that a worker has at a time, so that it need not wait for the next."""


@dataclass(eq=False)
class _Worker:
    """One process, the tasks that it was given, in order, and whether it has begun."""

    process: SpawnProcess
    pipe: Connection
    tasks: deque[Task] = field(default_factory=deque)
    ready: bool = False
    listener: threading.Thread | None = None

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        # That it has died is told by the thread that listens to it.
        with contextlib.suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        if self.listener is not None:
            # It ends with the pipe; one that were still there at the end of this process could bring it down.
            self.listener.join(timeout=5)


_News = tuple[_Worker, list[Done] | None]


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

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do tasks side by side; what a worker was at when it died is done again, one job at a time, by another.

        Raises
        ------
        EscalateError
            Where workers end before they have begun, time and again.
        """
        crew = _Crew(self.study, pickle.dumps((self.study, self.cache)), tasks)
        try:
            crew.workers += [_start(crew.payload, crew.news) for _ in range(self.n_workers)]
            while crew.busy():
                worker, results = crew.news.get()
                if results is None:
                    failed = crew.without(worker)
                    if failed is not None:
                        yield [failed]
                elif results:
                    worker.tasks.popleft()
                    yield results
        finally:
            for worker in crew.workers:
                worker.end()


@dataclass(eq=False)
class _Crew:
    """Workers, what they say, and what is to be done again."""

    study: Study
    payload: bytes
    tasks: Iterator[Task]
    workers: list[_Worker] = field(default_factory=list)
    news: SimpleQueue[_News] = field(default_factory=SimpleQueue)
    again: deque[Task] = field(default_factory=deque)
    deaths: dict[int, int] = field(default_factory=dict)
    stillborn: int = 0

    def busy(self) -> bool:
        """Give tasks to those that have few; return whether anybody has any."""
        for _ in range(AHEAD):
            for worker in sorted(self.workers, key=lambda each: len(each.tasks)):
                if len(worker.tasks) < AHEAD and (task := self._next()) is not None:
                    worker.give(task)
        return any(worker.tasks for worker in self.workers)

    def _next(self) -> Task | None:
        return self.again.popleft() if self.again else next(self.tasks, None)

    def without(self, worker: _Worker) -> Done | None:
        """Put another in the place of a worker that died; return the job that it died of, where that is certain by now."""
        worker.end()
        self.workers[self.workers.index(worker)] = _start(self.payload, self.news)
        blamed = worker.tasks.popleft() if worker.ready and worker.tasks else ()
        self.again.extendleft(reversed(worker.tasks))
        self.stillborn = 0 if worker.ready else self.stillborn + 1
        if self.stillborn >= TRIES * len(self.workers):
            raise EscalateError("the worker processes end as they start (out of memory?); try '--processes 1'")
        if len(blamed) != 1:
            self.again.extend((index,) for index in blamed)
            return None
        (index,) = blamed
        self.deaths[index] = self.deaths.get(index, 0) + 1
        if self.deaths[index] >= TRIES:
            return lost(self.study, index)
        self.again.append(blamed)
        return None


def _start(payload: bytes, news: SimpleQueue[_News]) -> _Worker:
    from multiprocessing import get_context  # noqa: PLC0415

    # Forked processes would share locks of threads; these start afresh.
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, payload), daemon=True)
    with environment(ONE_THREAD):
        process.start()
    # The worker has the only other end: where it dies, this one is told.
    there.close()
    worker = _Worker(process, here)
    worker.listener = threading.Thread(target=_listen, args=(worker, news), daemon=True)
    worker.listener.start()
    return worker


def _listen(worker: _Worker, news: SimpleQueue[_News]) -> None:
    """Pass on what a worker says; an empty list says that it has begun, None that it has ended."""
    while True:
        try:
            found: list[Done] | None = worker.pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            found = None
        if found == []:
            worker.ready = True
        news.put((worker, found))
        if found is None:
            return


def _serve(pipe: Connection, payload: bytes) -> None:
    """Do the tasks that come through a pipe until it is closed."""
    from multiprocessing import parent_process  # noqa: PLC0415

    # Control-C is for the process that the user started.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    study, cache = pickle.loads(payload)
    with contextlib.suppress(EOFError, OSError):
        pipe.send([])
        while True:
            pipe.send(do(study, pipe.recv(), cache))


def _end_with(sentinel: int) -> None:
    """End this process when its parent has gone, killed as it may be."""
    from multiprocessing.connection import wait  # noqa: PLC0415

    wait([sentinel])
    os._exit(1)


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
