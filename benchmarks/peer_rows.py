"""The R packages BOIN and dfcrm on the same design and truth, in the same run; only where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import designs
from escalate import Design, Scenario, simulate
from escalate.core.arrays import FloatArray
from escalate.methods.crm import Crm
from measuring import Row, timed

SCRIPT = Path(__file__).with_name("peers.R")
NOT_INSTALLED = 3
OUR_TRIALS = 1 << 20
FAR = 5.0
"""Monte-Carlo errors between a peer's selection shares and the exact ones that tell different designs."""


@dataclass(frozen=True)
class Peer:
    """A peer's function, its number of trials, and our design and truth for the same."""

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


def rows(repeat: int) -> Iterator[Row]:
    peers = (
        Peer("BOIN", "get.oc", 10_000, designs.boin(3), designs.BOIN_TRUTH),
        Peer("dfcrm", "crmsim", 1_000, designs.crm_as_dfcrm(3), designs.CRM_TRUTH),
    )
    for peer in peers:
        what = f"{peer.package}::{peer.function}, {peer.trials:,} trials in cohorts of 3"
        found = _run(peer)
        if found is None:
            yield Row("peers", what, None, note="not installed")
        else:
            yield from _compared(peer, what, found, repeat)


def _run(peer: Peer) -> Measured | None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    method, skeleton = peer.design.method, ""
    if isinstance(method, Crm):
        skeleton = ",".join(map(repr, method.working_model(peer.design).skeleton))
    done = subprocess.run(
        [rscript, str(SCRIPT), peer.package, str(peer.trials), skeleton], check=False, capture_output=True, text=True
    )
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
