"""CPU time of the installed command, from its start to its end."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measuring import Row, Timing, seconds_of_command

ROOT = Path(__file__).parents[1]
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
    escalate = _command()
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
        warm = _environment(Path(folder) / "warm")
        for name, command, limit in cases:
            seconds_of_command(command, warm)
            samples = tuple(seconds_of_command(command, warm) for _ in range(repeat))
            yield Timing(samples).row("startup", name, limit)
        cold = [seconds_of_command(trials, _environment(Path(folder) / f"cold-{k}")) for k in range(repeat)]
        yield Timing(tuple(cold)).row(
            "startup", "escalate simulate --trials 10000, 7 scenarios, no kernels cached", note="compiles them"
        )


def _command() -> str:
    """Return the installed command of this interpreter."""
    beside = Path(sys.executable).with_name("escalate")
    found = str(beside) if beside.exists() else shutil.which("escalate")
    if found is None:
        raise FileNotFoundError("the command 'escalate' is not installed; install the package first")
    return found


def _environment(kernel_cache: Path) -> dict[str, str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kernel_cache)}
    # With it set Python would compile every module anew each time, which no user's does.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
