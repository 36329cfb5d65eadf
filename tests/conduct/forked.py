"""Writers in processes of their own, which can be killed at any moment, and what they had been told was written."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from escalate.conduct import database, deciding, entering, store
from escalate.conduct.actor import Actor
from escalate.conduct.signatures import Signing

Tell = Callable[[str], None]


class Forked:
    """A process that works on a database and tells each entry that was acknowledged to it."""

    def __init__(self, where: str, work: Callable[[Tell], None], *, create: bool = False) -> None:
        from django.db import connections

        # A connection is never shared with a child.
        connections.close_all()
        number, name = tempfile.mkstemp(prefix="told-")
        os.close(number)
        self._told = Path(name)
        self.pid = os.fork()
        if self.pid:
            return
        out = os.open(name, os.O_WRONLY | os.O_APPEND)
        code = 1
        try:
            database.connect(where, create=create)
            work(lambda text: void(os.write(out, f"{text}\n".encode())))
            code = 0
        except BaseException:
            os.write(out, f"!{traceback.format_exc()}".encode())
        finally:
            os._exit(code)

    def has_told(self, seconds: float = 10) -> None:
        """Wait until it has told something."""
        until = time.monotonic() + seconds
        while not self._told.stat().st_size and time.monotonic() < until:
            time.sleep(0.001)

    def kill(self) -> list[str]:
        """Kill it, whatever it does, and return what it had told."""
        os.kill(self.pid, signal.SIGKILL)
        return self.told()

    def told(self) -> list[str]:
        """Wait for its end, and return what it told."""
        os.waitpid(self.pid, 0)
        text = self._told.read_text()
        self._told.unlink()
        assert "!" not in text, text
        return text.splitlines()


def void(_: object) -> None:
    """Return nothing."""


def write_for_ever(trial: str, tell: Tell, patient: str = "01") -> None:
    """Correct a patient and decide, sign too, again and again; each entry acknowledged is told."""
    who = Actor("ana", "forked", everywhere=True)
    while True:
        dlt = bool(store.load(trial).patients[patient].row.dlt)
        tell(entering.amend(trial, patient, {"dlt": not dlt}, who, reason="To and fro").hash)
        tell(deciding.decide(trial, "hold", who, reason="Again", signing=Signing("Ana", "authorship")).hash)


def whole_acts(trial: str) -> bool:
    """Return whether each analysis has its decision and each decision its signature behind it: nothing half was kept."""
    kinds = [entry.kind for entry in store.entries_of(trial)]
    pairs = list(pairwise([*kinds, "end"]))
    return all(after == "decided" for kind, after in pairs if kind == "analysed") and all(
        (kind == "decided") == (after == "signed") for kind, after in pairs
    )
