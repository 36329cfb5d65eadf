"""Jobs on a Dask cluster: one started here, or one that is there already. The same function, the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from escalate.core.errors import EscalateError
from escalate.study.grid.job import Done
from escalate.study.grid.same_code import code, other_than_here
from escalate.study.grid.study import Study
from escalate.study.grid.workers import TRIES, Task, do, lost

if TYPE_CHECKING:
    from distributed import Client, Future

WAIT: Final = 10
"""Seconds in which a scheduler must answer."""
NO_WORKER: Final = 30
"""Seconds after which a cluster without a worker is given up."""
LOOK: Final = 5
"""Seconds without an answer after which it is asked whether there still is a cluster."""


@dataclass(frozen=True)
class Tls:
    """Files that prove who is who on a cluster: of the authority, and of this client."""

    ca_file: str
    cert: str
    key: str


class _Sent:
    """What every worker needs of the study, sent once: the result of a task, which is done again where a worker took it along."""

    def __init__(self, client: Client, payload: bytes, where: str) -> None:
        self.name = hashlib.sha256(payload).hexdigest()
        self.times = 0
        self._client, self._payload, self._where, self._in_a_row = client, payload, where, 0
        self._send()

    def _send(self) -> None:
        self.times += 1
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

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do tasks on the cluster; a task whose worker died is done again by another, and at last job by job.

        Raises
        ------
        EscalateError
            Where Dask is not installed, the scheduler does not answer, there is no worker, or one has another version.
        """
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(self._client(stack))
            check_versions(client)
            yield from self._run(client, tasks)

    def _run(self, client: Client, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        from distributed import CancelledError  # noqa: PLC0415 - slow to import, seldom needed
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        window = 2 * max(len(client.scheduler_info(n_workers=-1)["workers"]), 1) + 2
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
            while not suspects and len(running) < window:
                task = again.popleft() if again else next(tasks, None)
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

    def _client(self, stack: contextlib.ExitStack) -> Client:
        try:
            import dask  # noqa: PLC0415
            from distributed import Client, LocalCluster  # noqa: PLC0415
            from distributed.security import Security  # noqa: PLC0415
        except ImportError:
            raise EscalateError(
                "a cluster needs Dask; install 'escalate-trials[cluster]', or use --processes"
            ) from None
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": TRIES - 1}))
        silence = not os.environ.get("ESCALATE_DEBUG")
        if silence:
            # What Dask has to say is said in a sentence of ours.
            for name in ("distributed", "distributed.client", "distributed.worker"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
        if self.scheduler is None:
            local = LocalCluster(
                n_workers=self.n_workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL if silence else logging.WARNING,
            )
            return Client(stack.enter_context(local))
        tls = self.tls
        security = (
            None
            if tls is None
            else Security(
                tls_ca_file=tls.ca_file, tls_client_cert=tls.cert, tls_client_key=tls.key, require_encryption=True
            )
        )
        try:
            client = Client(self.scheduler, security=security, timeout=WAIT, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as fault:
            raise EscalateError(
                f"--scheduler {self.scheduler}: no scheduler answers there ({_short(fault)}); start one with 'dask scheduler'"
            ) from None
        try:
            client.wait_for_workers(1, timeout=NO_WORKER)
        except TimeoutError:
            client.close()
            raise EscalateError(
                f"--scheduler {self.scheduler}: has no worker; start some with 'dask worker {self.scheduler}'"
            ) from None
        return client


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
    found = _here.get(name)
    if found is None:
        found = pickle.loads(payload)
        _here.clear()
        _here[name] = found
    study, cache_folder = found
    return do(study, task, cache_folder)
