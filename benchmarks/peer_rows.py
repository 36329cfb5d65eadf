"""R packages on the same design and truth: in the same run where they are installed, and beside figures recorded earlier."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import designs
from escalate import Design, Scenario, paths, simulate
from escalate.core.arrays import FloatArray
from escalate.methods.crm import Crm
from measuring import Row, timed

SCRIPT = Path(__file__).with_name("peers.R")
NOT_INSTALLED = 3
OUR_TRIALS = 1 << 20
FAR = 5.0
"""Monte-Carlo errors between a peer's selection shares and the exact ones that tell different designs."""
NOT_LIVE = "the peer's figure is of another run"


@dataclass(frozen=True)
class Peer:
    """A peer's function, its number of trials (or repeats), and our design and truth for the same."""

    package: str
    function: str
    trials: int
    design: Design
    truth: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """What the R script found: the version, CPU seconds a trial, share of the trials that select each dose."""

    version: str
    seconds: float
    selected: FloatArray


@dataclass(frozen=True)
class Recorded:
    """A peer's trials a second, recorded in another run on a machine of the same kind, and our design and truth."""

    peer: str
    rate: float
    trials: int
    design: Design
    truth: tuple[float, ...]
    note: str = ""


def rows(repeat: int) -> Iterator[Row]:
    yield from _recorded_rows(repeat)
    peers = (
        Peer("BOIN", "get.oc", 10_000, designs.boin(3), designs.BOIN_TRUTH),
        Peer("dfcrm", "crmsim", 1_000, designs.crm_as_dfcrm(3), designs.CRM_TRUTH),
        Peer("escalation", "simulate_trials", 100, designs.mtpi2_as_escalation(3), designs.BOIN_TRUTH),
    )
    for peer in peers:
        what = f"{peer.package}::{peer.function}, {peer.design.title}, {peer.trials:,} trials in cohorts of 3"
        found = _run(peer)
        if found is None:
            yield Row("peers", what, None, note="not installed")
        else:
            yield from _compared(peer, what, found, repeat)
    yield from _path_rows(repeat)


def _recorded_rows(repeat: int) -> Iterator[Row]:
    """Time the designs of figures recorded in another run: what was recorded, ours, and their ratio, which is not a live one."""
    for case in _recorded():
        scenario = [Scenario(name="truth", dlt=case.truth)]
        ours = timed(partial(simulate, [case.design], scenario, trials=OUR_TRIALS, workers=1), repeat)
        exact = timed(partial(simulate, [case.design], scenario, workers=1), repeat)
        rate = OUR_TRIALS / ours.best
        about = "; ".join(filter(None, (NOT_LIVE, case.note)))
        yield Row("peers", f"{case.peer}: recorded figure", case.rate, None, "trials/s", note=case.note)
        what = f"{case.peer}: our random trials, all metrics"
        yield Row("peers", what, rate, OUR_TRIALS / ours.median, "trials/s", higher=True, note="compiling included")
        yield Row("peers", f"{case.peer}: our rate over the recorded one", rate / case.rate, None, "ratio", note=about)
        yield exact.row("peers", f"{case.peer}: our exact answer, compiling included")
        ratio = case.trials / case.rate / exact.best
        what = f"{case.peer}: {case.trials:,} trials at the recorded rate over our exact answer"
        yield Row("peers", what, ratio, None, "ratio", note=about)


def _recorded() -> tuple[Recorded, ...]:
    boin, crm, mtpi2 = designs.boin(3), designs.crm_as_dfcrm(3), designs.mtpi2_as_escalation(3)
    return (
        Recorded("BOIN get.oc, cohorts of 3", 740, 10_000, boin, designs.BOIN_TRUTH),
        Recorded("dfcrm crmsim, cohorts of 3", 62, 1_000, crm, designs.CRM_TRUTH),
        Recorded("dfcrm crmsim, cohorts of 1", 20, 1_000, designs.crm_as_dfcrm(1), designs.CRM_TRUTH),
        Recorded("escalation simulate_trials, BOIN", 13, 1_000, boin, designs.BOIN_TRUTH),
        Recorded("escalation simulate_trials, dfcrm", 16, 1_000, crm, designs.CRM_TRUTH),
        Recorded("escalation simulate_trials, mTPI-2", 4.5, 1_000, mtpi2, designs.BOIN_TRUTH),
        Recorded("crmPack simulate", 0.5, 1_000, crm, designs.CRM_TRUTH, "another design: two parameters by MCMC"),
    )


def _run(peer: Peer) -> Measured | None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    method, skeleton = peer.design.method, ""
    if isinstance(method, Crm):
        skeleton = ",".join(map(repr, method.working_model(peer.design).skeleton))
    command = [rscript, str(SCRIPT), peer.package, peer.function, str(peer.trials), skeleton]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == NOT_INSTALLED:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"{SCRIPT.name} {peer.package}: {done.stderr.strip()}")
    # R may print more, so only the lines that are ours are read.
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return Measured(
        lines["version"].strip(),
        float(lines["cpu"]) / peer.trials,
        np.array(lines["selected"].split(), dtype=np.float64),
    )


def _compared(peer: Peer, what: str, found: Measured, repeat: int) -> Iterator[Row]:
    design, scenario = peer.design, Scenario(name="truth", dlt=peer.truth)
    exact = timed(lambda: simulate([design], [scenario], workers=1), repeat)
    ours = timed(lambda: simulate([design], [scenario], trials=OUR_TRIALS, workers=1), repeat)
    title, version = design.title, f"{peer.package} {found.version}, run once"
    yield Row("peers", f"{what}: a trial", found.seconds * 1e6, None, "us", note=version)
    yield ours.row("peers", f"{title}: escalate simulate --trials: a trial", scale=1e6 / OUR_TRIALS, unit="us")
    yield Row(
        "peers", f"{title}: CPU a trial, peer over escalate", found.seconds * OUR_TRIALS / ours.best, None, "ratio"
    )
    total = found.seconds * peer.trials
    yield Row(
        "peers", f"{title}: CPU of all its trials over escalate's exact answer", total / exact.best, None, "ratio"
    )
    known = simulate([design], [scenario], workers=1).designs[0].characteristics
    share = np.array([value for value, _ in known.of(0, "selected")])
    error = np.sqrt(np.maximum(share * (1 - share), 1e-12) / peer.trials)
    off = float((np.abs(found.selected - share) / error).max())
    yield Row(
        "peers", f"{title}: largest difference in selection", off, None, "MC errors", FAR, note="the same design?"
    )


def _path_rows(repeat: int) -> Iterator[Row]:
    """Time every path of three cohorts of 3."""
    peer = Peer("escalation", "get_dose_paths", 1, designs.mtpi2_as_escalation(3), designs.BOIN_TRUTH)
    what = f"{peer.package}::{peer.function}, {peer.design.title}, three cohorts of 3"
    ours = timed(lambda: paths(peer.design, cohorts=3), repeat)
    yield ours.row("peers", f"{peer.design.title}: paths, three cohorts of 3", scale=1e3, unit="ms")
    found = _run(peer)
    if found is None:
        yield Row("peers", what, None, note="not installed")
    else:
        yield Row("peers", what, found.seconds * 1e3, None, "ms", note=f"{peer.package} {found.version}, run once")
        yield Row("peers", f"{what}: CPU over escalate's", found.seconds / ours.best, None, "ratio")
