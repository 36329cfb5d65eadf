"""Small studies to run: their files, how they are run, and a method of another package that misbehaves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from escalate.study.grid.job import Done
from escalate.study.grid.run import Outcome, run
from escalate.study.grid.study import Study
from escalate.study.grid.study_file import load_study
from escalate.study.grid.workers import Serial, Task, Workers, do
from tests.cli.run import COMMAND, DESIGN, Result, environment
from tests.core.test_registry import install

STUDY = """schema: escalate/study/1
title: small
designs:
  - {file: d.yaml, vary: {method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}}
scenarios:
  - generate: [{kind: paoletti, doses: 3, target: 0.3, gap: 0.1, count: 20, seed: 1}]
"""
"""Six designs under twenty scenarios: six jobs of about 50 ms."""
TRIALS = STUDY + "trials: 3000\n"
MANY = """schema: escalate/study/1
title: many
designs:
  - {file: d.yaml, vary: {method.p_saf: "0.15:0.24:0.01", method.p_tox: [0.36, 0.40, 0.44], max_patients: [12, 15]}}
scenarios:
  - generate: [{kind: paoletti, doses: 3, target: 0.3, gap: 0.1, count: 2000, seed: 1}]
"""
"""60 designs under two blocks of scenarios: 120 jobs, some seconds' work."""
WICKED = '''"""Methods of another package that harm the process they run in."""
import os
import signal
import sys
import time
from multiprocessing import parent_process
from typing import Literal
import numpy as np
from escalate.methods.boin import Boin
from escalate.methods.families.interval import IntervalMethod


class Wicked(IntervalMethod):
    """Escalate without DLT, unless told to do harm.

    Notes
    -----
    Written for a test.
    """

    kind: Literal["wicked"] = "wicked"
    deed: Literal["none", "die", "raise", "exit", "wait"] = "none"
    cut: int = 2

    def actions(self, plan, n, dose):
        # The process that was started is spared: it reads the design files.
        if parent_process() is not None or os.environ.get("WICKED_EVERYWHERE"):
            if self.deed == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.deed == "raise":
                raise RuntimeError("the boundaries are lost")
            if self.deed == "exit":
                sys.exit(3)
            if self.deed == "wait":
                time.sleep(0.2)
        dlt = np.arange(n + 1)
        return np.where(dlt == 0, 1, np.where(dlt >= self.cut, -1, 0))

    def explain(self, plan, state, moves):
        return "By the table."

    @classmethod
    def examples(cls):
        return (cls(),)
'''


def lay_out(folder: Path, study: str = STUDY, name: str = "s.yaml") -> Path:
    """Write a study file and the design it varies; return the study file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "d.yaml").write_text(DESIGN)
    (folder / name).write_text(study)
    return folder / name


def loaded(folder: Path, study: str = STUDY) -> Study:
    """Return a study that was written into a folder."""
    return load_study(lay_out(folder, study))


def finished(study: Study, workers: Callable[[], Workers] | None = None) -> Outcome:
    """Run a study, in this process unless told otherwise."""
    return run(study, workers or (lambda: Serial(study)))


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def fresh(folder: Path, study: str = STUDY) -> dict[str, bytes]:
    """Run a study in one process without a break; return its results."""
    asked = loaded(folder, study)
    finished(asked)
    return files(asked.folder)


@cache
def _once(study: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return fresh(Path(folder), study)


def undisturbed(folder: Path, study: str = STUDY) -> dict[str, bytes]:
    """Lay out a study with the results of one process that did it without a break; return them."""
    asked = loaded(folder, study)
    for name, content in _once(study).items():
        path = asked.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return _once(study)


def wicked(folder: Path) -> dict[str, str]:
    """Return the environment in which the wicked method is installed."""
    return install(folder, "[escalate.methods]\nwicked = wickedness:Wicked\n", wickedness=WICKED)


def wicked_design(title: str, deed: str, max_patients: int = 9) -> str:
    """Return a design file with the wicked method."""
    return (
        DESIGN.replace("small", title)
        .replace("{kind: boin}", f"{{kind: wicked, deed: {deed}}}")
        .replace("max_patients: 12", f"max_patients: {max_patients}")
    )


@dataclass
class Disorderly:
    """Does tasks of random sizes in random order, and remembers which jobs it did."""

    study: Study
    seed: int
    largest: int = 5
    stop_after: int | None = None

    def __post_init__(self) -> None:
        """Begin with nothing done."""
        self.did: list[int] = []

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Take every task, and do the jobs in another order; fall down after some, where told to."""
        dice = random.Random(self.seed)
        jobs = [index for task in tasks for index in task]
        dice.shuffle(jobs)
        while jobs:
            n = dice.randint(1, self.largest)
            task, jobs = tuple(jobs[:n]), jobs[n:]
            if self.stop_after is not None and len(self.did) >= self.stop_after:
                raise KeyboardInterrupt
            self.did += task
            yield do(self.study, task, None)


def nobody() -> Workers:
    """Fail where somebody is asked to work."""
    raise AssertionError("there was something to do")


class Running:
    """The real command, in a group of its own."""

    def __init__(self, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [str(COMMAND), "study", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment(env),
            start_new_session=True,
        )

    def signal_group(self, number: int) -> None:
        """Send a signal to the command and all it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def members(self) -> list[int]:
        """Return the processes of its group that live."""
        return [pid for pid, group in _groups() if group == self.process.pid]

    def ended(self, timeout: float = 120) -> Result:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=timeout)
        return Result(out.decode(), err.decode(), self.process.returncode)


@contextmanager
def running(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start the real command; nothing of it is left at the end."""
    started = Running(*arguments, cwd=cwd, env=env)
    try:
        yield started
    finally:
        started.signal_group(signal.SIGKILL)
        started.process.communicate()


def _groups() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                after = (entry / "stat").read_text().rpartition(")")[2].split()
                if after[0] not in "ZX":
                    yield int(entry.name), int(after[2])


def until(what: Callable[[], bool], seconds: float = 60, every: float = 0.02) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(every)


def parts(folder: Path) -> list[Path]:
    """Return the parts that are there."""
    return sorted(folder.glob("parts/*/*.parquet"))
