"""CPU time of the installed command, run as a user runs it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from measuring import Timing

ROOT = Path(__file__).parents[1]


def escalate() -> str:
    """Return the installed command of this interpreter."""
    beside = Path(sys.executable).with_name("escalate")
    found = str(beside) if beside.exists() else shutil.which("escalate")
    if found is None:
        raise FileNotFoundError("the command 'escalate' is not installed; install the package first")
    return found


def environment(kernel_cache: Path) -> dict[str, str]:
    """Return a user's environment, but with the compiled kernels kept in a folder of the benchmark's own."""
    found = {**os.environ, "NUMBA_CACHE_DIR": str(kernel_cache)}
    # With it set Python would compile every module anew each time, which no user's does.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def timed(command: Sequence[str], variables: dict[str, str], repeat: int, allowed: Sequence[int] = (0,)) -> Timing:
    """Return the CPU time of a command from its start to its end, after a warm-up; the exit codes allowed are no failure."""
    seconds(command, variables, allowed)
    return Timing(tuple(seconds(command, variables, allowed) for _ in range(repeat)))


def seconds(command: Sequence[str], variables: dict[str, str], allowed: Sequence[int] = (0,)) -> float:
    """Return the CPU time, user and system, of one run of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=variables, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        raise subprocess.CalledProcessError(done.returncode, command)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
