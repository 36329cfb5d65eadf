"""The study that the product promises: 500 designs under 1,000 scenarios, killed again and again, to the same bytes."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.study.grid.dask_processes import dask_processes, workers_under
from tests.study.grid.studies import files, lay_out, parts, running, until

LARGE = f"""schema: escalate/study/1
title: large
designs:
  - file: {ROOT}/designs/boin.yaml
    vary: {{method.p_saf: "0.10:0.26:0.01", method.p_tox: "0.35:0.49:0.01"}}
  - file: {ROOT}/designs/crm.yaml
    vary:
      method.skeleton.half_width: "0.02:0.12:0.005"
      method.skeleton.prior_mtd: [2, 3, 4]
      method.prior_sd: [0.6, 0.9, 1.2, 1.5]
scenarios:
  - generate: [{{kind: paoletti, doses: 5, target: 0.3, gap: 0.1, count: 1000, seed: 1}}]
"""
JOBS = 507
RESULTS = "s-results"


def ran(folder: Path, *options: str) -> None:
    with running("run", "s.yaml", "--no-cache", *options, cwd=folder) as command:
        done = command.ended(1500)
    assert (done.code, done.stderr) == (0, "")
    assert f"{JOBS} jobs, " in done.stdout


@pytest.mark.slow
def test_a_large_study_killed_three_times(tmp_path: Path) -> None:
    """On two processes, killed (-9) three times; on a Dask cluster of two, one killed: as an undisturbed run, to the byte."""
    dice = random.Random(20)
    for name in ("undisturbed", "killed", "dask"):
        lay_out(tmp_path / name, LARGE)
    ran(tmp_path / "undisturbed", "--processes", "2")
    expected = files(tmp_path / "undisturbed" / RESULTS)
    assert len(expected) == JOBS + 4

    folder = tmp_path / "killed"
    for k in range(3):
        with running("run", "s.yaml", "--processes", "2", "--no-cache", cwd=folder) as command:
            least = dice.randint(100 * k + 20, 100 * k + 100)
            until(lambda least=least: len(parts(folder / RESULTS)) >= least, 600)  # type: ignore[misc]
            command.signal_group(signal.SIGKILL)
            command.process.wait()
    ran(folder, "--processes", "2")
    assert files(folder / RESULTS) == expected

    folder = tmp_path / "dask"
    with dask_processes(tmp_path / "cluster") as dask:
        workers = [dask.worker(), dask.worker()]
        until(lambda: all(workers_under(worker.pid) for worker in workers))
        with running("run", "s.yaml", "--scheduler", dask.address, "--no-cache", cwd=folder) as command:
            until(lambda: len(parts(folder / RESULTS)) >= 60, 600)
            os.kill(workers_under(workers[0].pid)[0], signal.SIGKILL)
            done = command.ended(1500)
    assert (done.code, done.stderr) == (0, "")
    assert files(folder / RESULTS) == expected
