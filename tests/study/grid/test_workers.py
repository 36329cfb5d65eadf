"""Worker processes that die, and jobs that kill them: nothing is lost but what they were at, and who is to blame is named."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from escalate.core.errors import EscalateError
from escalate.study.grid import job, processes
from escalate.study.grid.processes import Processes
from escalate.study.grid.results import status
from escalate.study.grid.run import Standing, run
from tests.study.grid.dask_processes import workers_under
from tests.study.grid.studies import (
    STUDY,
    files,
    finished,
    lay_out,
    loaded,
    parts,
    running,
    undisturbed,
    wicked,
    wicked_design,
)

BAD_ONES = """schema: escalate/study/1
title: bad ones
designs: [good.yaml, raise.yaml, exit.yaml, die.yaml, d.yaml]
scenarios:
  - scenarios:
      - {name: first, dlt: [0.1, 0.3, 0.5]}
      - {name: second, dlt: [0.2, 0.3, 0.5]}
"""
DEEDS = {
    "raise": "raise: every scenario: RuntimeError: the boundaries are lost",
    "exit": "exit: every scenario: SystemExit: 3",
    "die": "die: scenario 'first' to 'second': the worker died 3 times (out of memory?)",
}


@pytest.mark.parametrize("option", ["--processes", pytest.param("--workers", marks=pytest.mark.slow)])
def test_jobs_that_do_harm(option: str, tmp_path: Path) -> None:
    """A method that raises, ends or kills its worker fails its own job, named with design and scenario; the others are done."""
    env = wicked(tmp_path / "site")
    lay_out(tmp_path, BAD_ONES)
    (tmp_path / "good.yaml").write_text(wicked_design("good", "none"))
    for deed in DEEDS:
        (tmp_path / f"{deed}.yaml").write_text(wicked_design(deed, deed))
    with running("run", "s.yaml", option, "2", "--json", cwd=tmp_path, env=env) as command:
        done = command.ended()
    assert (done.code, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert (said["jobs"], said["done"], said["failed"]) == (5, 2, 3)
    assert [failure["error"] for failure in said["failures"]] == list(DEEDS.values())
    assert len(parts(tmp_path / "s-results")) == 2
    assert status(tmp_path / "s-results", check=True).n_failed == 3


def test_the_first_scenario_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a design fails under some scenarios alone, the first of them is named."""
    text = STUDY[: STUDY.index("scenarios:")] + "scenarios:\n  - scenarios:\n"
    text += "".join(f"      - {{name: s{k}, dlt: [0.1, 0.3, 0.{50 + k}]}}\n" for k in range(1, 10))
    simulate = vars(job)["simulate"]

    def fails_for_some(designs: Any, scenarios: Any, **more: Any) -> Any:
        if any(scenario.name in ("s6", "s8") for scenario in scenarios):
            raise ZeroDivisionError("of a test")
        return simulate(designs, scenarios, **more)

    monkeypatch.setattr(job, "simulate", fails_for_some)
    study = loaded(tmp_path, text)
    outcome = finished(study)
    assert (
        outcome.failures[0].error == "small [p_saf 0.15, max_patients 9]: scenario 's6': ZeroDivisionError: of a test"
    )
    assert outcome.standing.failed == 6


def test_a_worker_killed_loses_only_what_it_was_at(tmp_path: Path) -> None:
    """A worker is killed after each of the first results: every job is done in the end, and the bytes are the same."""
    expected = undisturbed(tmp_path / "a")
    study = loaded(tmp_path / "b")
    killed: list[int] = []

    def kill_one(standing: Standing) -> None:
        if len(killed) < 2:
            pid = next(iter(set(workers_under(os.getpid())) - set(killed)), None)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    outcome = run(study, lambda: Processes(study, 2), kill_one)
    assert len(killed) == 2
    assert (outcome.standing.done, outcome.standing.failed) == (6, 0)
    assert files(study.folder) == expected


def test_workers_that_never_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where workers end as they start it is said, after some tries; nothing hangs."""
    monkeypatch.setattr(processes, "_serve", _end)
    study = loaded(tmp_path)
    with pytest.raises(EscalateError, match="the worker processes end as they start"):
        finished(study, lambda: Processes(study, 1))


def _end(*_: object) -> None:
    os._exit(1)
