"""CPU time of the installed command, from its start to its end."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import commands
from commands import ROOT
from measuring import Row, Timing

BOIN_DESIGN = ROOT / "designs" / "boin.yaml"
SCENARIOS = ROOT / "simulations" / "scenarios" / "five-doses.yaml"
CRM_DESIGN = """\
schema: escalate/design/1
title: CRM
doses: {unit: mg, levels: [10, 20, 40, 80, 160]}
target: 0.25
cohort_size: 3
max_patients: 30
method: {kind: crm, skeleton: {half_width: 0.05, prior_mtd: 3}, estimate: plug_in}
"""
OUTCOMES = "1NNN 2NNN 3NNT"


def rows(repeat: int) -> Iterator[Row]:
    escalate = commands.escalate()
    with tempfile.TemporaryDirectory() as folder:
        crm_design = Path(folder) / "crm.yaml"
        crm_design.write_text(CRM_DESIGN)
        simulate = [escalate, "simulate", str(BOIN_DESIGN), "--scenarios", str(SCENARIOS), "--workers", "1"]
        trials = [*simulate, "--trials", "10000"]
        cases: list[tuple[str, list[str], float | None]] = [
            ("python -c 'import numpy'", [sys.executable, "-c", "import numpy"], None),
            ("python -c 'import numpy, numba'", [sys.executable, "-c", "import numpy, numba"], None),
            ("escalate --help", [escalate, "--help"], 0.4),
            ("escalate recommend, BOIN", [escalate, "recommend", str(BOIN_DESIGN), "--outcomes", OUTCOMES], 0.4),
            ("escalate recommend, CRM", [escalate, "recommend", str(crm_design), "--outcomes", OUTCOMES], 0.8),
            ("escalate simulate --exact, 7 scenarios", [*simulate, "--exact"], 1.2),
            ("escalate simulate --trials 10000, 7 scenarios, kernels cached", trials, 1.2),
        ]
        warm = commands.environment(Path(folder) / "warm")
        for name, command, limit in cases:
            yield commands.timed(command, warm, repeat).row("startup", name, limit)
        cold = [commands.seconds(trials, commands.environment(Path(folder) / f"cold-{k}")) for k in range(repeat)]
        yield Timing(tuple(cold)).row(
            "startup", "escalate simulate --trials 10000, 7 scenarios, no kernels cached", note="compiles them"
        )
