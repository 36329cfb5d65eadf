"""Jobs on a Dask cluster: one started here, or one that is there already. The same function, the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from escalate.core.errors import EscalateError
from escalate.study.grid.job import Done
from escalate.study.grid.joining import NO_WORKER, Tls, check_address, client_of
from escalate.study.grid.same_code import code, other_than_here
from escalate.study.grid.study import Study
from escalate.study.grid.workers import TRIES, Task, do, lost

if TYPE_CHECKING:
    from distributed import Client, Future

SERVED: Final = 100
"""Tasks that a scheduler hands out a second, at some milliseconds each and with room to spare."""
SETTLE: Final = 1.0
"""Seconds that a worker has before its first task."""
LOOK: Final = 5
"""Seconds without an answer after which it is asked whether there still is a cluster."""


@dataclass
class _Longer:
    """Tasks joined until they take so many seconds: many workers ask for more faster than a scheduler hands it out."""

    tasks: Iterator[Task]
    seconds: float
    _each: float = inf

    def next(self) -> Task | None:
        """Return a task; None where there is no more."""
        task = next(self.tasks, None)
        while task and len(task) * self._each < self.seconds and (more := next(self.tasks, None)):
            task += more
        return task

    def learn(self, results: list[Done]) -> None:
        """Say how long jobs took."""
        self._each = sum(done.seconds for done in results) / len(results)


@dataclass
class _Room:
    """How many tasks to have out at a time, so that no thread of a worker waits for its next; workers come and go."""

    client: Client
    longer: _Longer
    _tasks: int = 1
    _looked: float = -inf

    def tasks(self) -> int:
        """Return how many, looking again after some seconds."""
        if time.monotonic() - self._looked > LOOK:
            # Whether the scheduler has gone is found out where it is waited for.
            with contextlib.suppress(OSError, TimeoutError):
                workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
                threads = max(sum(worker["nthreads"] for worker in workers), 1)
                self._tasks, self.longer.seconds = 2 * threads + 2, threads / SERVED
            self._looked = time.monotonic()
        return self._tasks


class _Sent:
    """What every worker needs of the study, sent once: the result of a task, which is done again where a worker took it along."""

    def __init__(self, client: Client, payload: bytes, where: str) -> None:
        self.name = hashlib.sha256(payload).hexdigest()
        self.times = 0
        self._client, self._payload, self._where, self._in_a_row = client, payload, where, 0
        self._send()

    def _send(self) -> None:
        self.times += 1
        with warnings.catch_warnings():
            # Of many scenarios it is large; that it is sent once is what Dask then advises.
            warnings.simplefilter("ignore", UserWarning)
            self.data = self._client.submit(same, self._payload, pure=False)

    def fine(self) -> None:
        """Say that a worker had it."""
        self._in_a_row = 0

    def renew(self, time_sent: int) -> None:
        """Send it again, once for all tasks that were lost together.

        Raises
        ------
        EscalateError
            Where it is lost time and again.
        """
        if time_sent == self.times:
            self._in_a_row += 1
            if self._in_a_row > TRIES:
                raise EscalateError(f"{self._where}: gives up tasks unasked; look at what its scheduler says")
            self._send()


def same(payload: bytes) -> bytes:
    """Return what was sent."""
    return payload


@dataclass
class Cluster:
    """The workers of a Dask cluster.

    Parameters
    ----------
    n_workers
        Start so many worker processes on this machine; None to join the cluster at `scheduler`.
    scheduler
        Address, such as `tcp://10.0.0.1:8786`.
    cache
        Where workers keep compiled automata, each on its own machine; None for nowhere.
    """

    study: Study
    n_workers: int | None = None
    scheduler: str | None = None
    tls: Tls | None = None
    cache: str | None = None

    def __post_init__(self) -> None:
        """Refuse an address that is none before anything is begun."""
        if self.scheduler is not None:
            check_address(self.scheduler, self.tls)

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do tasks on the cluster; a task whose worker died is done again by another, and at last job by job.

        Raises
        ------
        EscalateError
            Where Dask is not installed, the scheduler does not answer, there is no worker, or one has another version.
        """
        with contextlib.ExitStack() as stack:
            client = client_of(stack, self.n_workers, self.scheduler, self.tls)
            check_versions(client)
            yield from self._run(client, tasks)

    def _run(self, client: Client, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        from distributed import CancelledError  # noqa: PLC0415 - slow to import, seldom needed
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        longer = _Longer(tasks, 0.0)
        room = _Room(client, longer)
        sent = _Sent(client, pickle.dumps((self.study, self.cache)), self._where)
        again: deque[Task] = deque()
        suspects: deque[int] = deque()
        running: dict[str, tuple[Future, Task, int]] = {}
        finished: SimpleQueue[Future] = SimpleQueue()

        def submit(task: Task) -> None:
            future = client.submit(work, sent.name, sent.data, task, code(), pure=False)
            running[future.key] = future, task, sent.times
            future.add_done_callback(finished.put)

        while True:
            while not suspects and len(running) < room.tasks():
                task = again.popleft() if again else longer.next()
                if task is None:
                    break
                submit(task)
            alone = not running and bool(suspects)
            if alone:
                # A worker's death is counted against all that it had before it; alone it is known whose death it was.
                submit((suspects.popleft(),))
            if not running:
                return
            future, task, time_sent = running.pop(self._next(client, finished).key)
            try:
                results = future.result()
                sent.fine()
                longer.learn(results)
                yield results
            except CancelledError:
                sent.renew(time_sent)
                again.append(task)
            except KilledWorker as death:
                if death.task != future.key:
                    # What was sent is blamed, not the job.
                    sent.renew(time_sent)
                    suspects.extend(task)
                elif alone:
                    yield [lost(self.study, task[0])]
                else:
                    suspects.extend(task)
            except EscalateError:
                raise
            except Exception as fault:
                raise EscalateError(f"{self._where}: a worker could not do a task ({_short(fault)})") from None
            future.release()

    def _next(self, client: Client, finished: SimpleQueue[Future]) -> Future:
        """Return the next task that has come to an end, well or not.

        Raises
        ------
        EscalateError
            Where the scheduler has gone, or every worker for too long.
        """
        since: float | None = None
        while True:
            try:
                found = finished.get(timeout=LOOK)
            except Empty:
                found = None
            if client.status != "running":
                raise EscalateError(f"{self._where}: the scheduler has gone")
            if found is not None:
                return found
            try:
                workers = client.scheduler_info(n_workers=-1)["workers"]
            except (OSError, TimeoutError):
                continue
            if workers:
                since = None
            else:
                since = since or time.monotonic()
                if time.monotonic() - since > NO_WORKER:
                    raise EscalateError(f"{self._where}: every worker has gone")

    @property
    def _where(self) -> str:
        return "the cluster on this machine" if self.scheduler is None else f"--scheduler {self.scheduler}"


def _short(fault: BaseException) -> str:
    return str(fault).splitlines()[0][:120] if str(fault) else type(fault).__name__


def check_versions(client: Client) -> None:
    """Refuse workers that have another escalate than this process, by name.

    Raises
    ------
    EscalateError
        Naming the first of them, and what it has.
    """

    # A function inside a function is sent whole, so that a worker without escalate can answer too.
    def ask() -> tuple[str, ...] | None:
        try:
            import escalate  # noqa: PLC0415
            from escalate.study.grid import same_code  # noqa: PLC0415
        except ImportError:
            # An escalate from before there were studies has no such module.
            return (escalate.__version__,) if "escalate" in locals() else None
        return same_code.code()

    for address, found in sorted(client.run(ask).items()):
        said = other_than_here(None if found is None else tuple(found))
        if said is not None:
            raise EscalateError(f"worker {address}: {said}")


_here: dict[str, tuple[Study, str | None]] = {}


def work(name: str, payload: bytes, task: Task, wanted: tuple[str, ...]) -> list[Done]:
    """Do a task on a worker.

    Raises
    ------
    EscalateError
        Where the worker, which may have come later, has other code.
    """
    other = other_than_here(wanted)
    if other is not None:
        raise EscalateError(f"the process that asks {other}")
    if not _here:
        # A worker that dies before its nanny knows that it lives is not replaced; let the first job not be its death.
        time.sleep(SETTLE)
    found = _here.get(name)
    if found is None:
        found = pickle.loads(payload)
        _here.clear()
        _here[name] = found
    study, cache_folder = found
    return do(study, task, cache_folder)
