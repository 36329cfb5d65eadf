"""The real command killed or stopped at any moment: its workers end with it, and it goes on to the bytes of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.cli.run import escalate
from tests.study.grid.studies import MANY, Running, files, lay_out, parts, running, undisturbed, until

RESULTS = "s-results"
SERIAL, PROCESSES, DASK = ("--processes", "1"), ("--processes", "2"), ("--workers", "2")


def kill_group(command: Running) -> None:
    """Kill (-9) the command with all it started."""
    command.signal_group(signal.SIGKILL)


def kill_parent(command: Running) -> None:
    """Kill (-9) the process that was started alone."""
    command.process.send_signal(signal.SIGKILL)


def _has(folder: Path, least: int) -> bool:
    return len(parts(folder)) >= least


def _is_gone(command: Running) -> bool:
    return not command.members()


def disturbed(folder: Path, who: tuple[str, str], kill: Callable[[Running], None], times: int, seed: int) -> None:
    """Kill a study at random moments, then let it come to its end."""
    dice = random.Random(seed)
    there = 0
    for _ in range(times):
        with running("run", "s.yaml", *who, cwd=folder) as command:
            least = there + dice.randint(1, 12)
            until(partial(_has, folder / RESULTS, least))
            time.sleep(dice.uniform(0, 0.1))
            assert command.process.poll() is None, "it was done before it was killed"
            kill(command)
            command.process.wait()
            until(partial(_is_gone, command), 20)
        there = len(parts(folder / RESULTS))
    done = escalate("study", "resume", "s.yaml", *SERIAL, cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert "120 jobs, " in done.stdout
    assert "120 jobs, 0 kept" not in done.stdout


@pytest.mark.parametrize(
    ("who", "kill", "times"),
    [
        pytest.param(PROCESSES, kill_group, 1, id="processes"),
        pytest.param(SERIAL, kill_group, 3, id="serial-3", marks=pytest.mark.slow),
        pytest.param(PROCESSES, kill_group, 3, id="processes-3", marks=pytest.mark.slow),
        pytest.param(PROCESSES, kill_parent, 3, id="processes-parent-3", marks=pytest.mark.slow),
        pytest.param(DASK, kill_group, 3, id="dask-3", marks=pytest.mark.slow),
        pytest.param(DASK, kill_parent, 3, id="dask-parent-3", marks=pytest.mark.slow),
    ],
)
def test_killed_and_gone_on_with(
    who: tuple[str, str], kill: Callable[[Running], None], times: int, tmp_path: Path
) -> None:
    """Killed (-9) at random moments, alone or with all it started, and resumed: the same bytes; no worker outlives it."""
    expected = undisturbed(tmp_path / "a", MANY)
    lay_out(tmp_path / "b", MANY)
    disturbed(tmp_path / "b", who, kill, times, seed=len(who[0]) + times)
    assert files(tmp_path / "b" / RESULTS) == expected


@pytest.mark.parametrize(
    "who", [PROCESSES, pytest.param(SERIAL, marks=pytest.mark.slow), pytest.param(DASK, marks=pytest.mark.slow)]
)
def test_control_c(who: tuple[str, str], tmp_path: Path) -> None:
    """Control-C ends with code 130 and a sentence with the jobs done and how to go on; it then goes on to the same bytes."""
    expected = undisturbed(tmp_path / "a", MANY)
    lay_out(tmp_path / "b", MANY)
    folder = tmp_path / "b"
    with running("run", "s.yaml", *who, cwd=folder) as command:
        until(lambda: len(parts(folder / RESULTS)) >= 3)
        command.signal_group(signal.SIGINT)
        done = command.ended()
        until(lambda: not command.members(), 20)
    assert done.code == 130
    assert done.stdout == ""
    (said,) = done.stderr.splitlines()
    counted = int(said.partition("interrupted; ")[2].partition(" of 120 jobs are done and kept")[0])
    assert said.endswith("go on with 'escalate study resume s.yaml'")
    status = escalate("study", "status", "s.yaml", cwd=folder)
    assert f"running or interrupted; {counted} of 120 jobs done, 0 failed" in " ".join(status.stdout.split())
    done = escalate("study", "resume", "s.yaml", *SERIAL, cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert f"{counted} kept" in done.stdout
    assert files(folder / RESULTS) == expected


def test_two_runs_at_once(tmp_path: Path) -> None:
    """While one command works on a study another is refused in a sentence, and does no harm."""
    lay_out(tmp_path, MANY)
    with running("run", "s.yaml", *SERIAL, cwd=tmp_path) as first:
        until(lambda: len(parts(tmp_path / RESULTS)) >= 1)
        os.kill(first.process.pid, signal.SIGSTOP)
        before = files(tmp_path / RESULTS)
        for what in ("run", "resume"):
            done = escalate("study", what, "s.yaml", *SERIAL, cwd=tmp_path)
            assert (done.code, done.stdout) == (2, "")
            assert done.stderr == (
                "error: s-results: another process is working on this study; wait for it or stop it\n"
            )
        assert files(tmp_path / RESULTS) == before
