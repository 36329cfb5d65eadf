"""Time the package on one core and print a table: python benchmarks/run.py [--only NAME] [--repeat N] [--json FILE]."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from measuring import Row

GROUPS = {
    "boin": "exact_rows:boin",
    "crm3": "exact_rows:crm_threes",
    "crm1": "exact_rows:crm_ones",
    "trials": "trial_rows:rows",
    "clock": "clock_rows:rows",
    "methods": "method_rows:rows",
    "blrm": "blrm_rows:rows",
    "comparison": "comparison_rows:rows",
    "paths": "path_rows:rows",
    "generators": "generator_rows:rows",
    "posterior": "posterior_rows:rows",
    "startup": "startup_rows:rows",
    "peers": "peer_rows:rows",
}
PACKAGES = ("numpy", "numba", "scipy", "pydantic", "typer")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="CPU time on one core, after a warm-up: best and median of the repeats."
    )
    parser.add_argument(
        "--only", action="append", choices=GROUPS, metavar="NAME", help=f"one of: {', '.join(GROUPS)}; may be repeated"
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="repeats of each job (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    chosen = parser.parse_args()
    if chosen.repeat < 1:
        parser.error("--repeat: give at least 1")
    _keep_to_one_core()
    about = _about(chosen.repeat)
    rows = list(_measured(chosen.only or list(GROUPS), chosen.repeat))
    print(table(rows))
    if chosen.json is not None:
        lines = [{**asdict(row), "met": row.met} for row in rows]
        chosen.json.write_text(json.dumps({**about, "rows": lines}, indent=1) + "\n")


def _keep_to_one_core() -> None:
    # Before NumPy is imported: its libraries count the threads they may use once.
    for library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _measured(names: list[str], repeat: int) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        module, function = GROUPS[name].split(":")
        for row in getattr(import_module(module), function)(repeat):
            print(f"{row.group}: {row.what}", file=sys.stderr)
            rows.append(row)
    return rows


def table(rows: list[Row]) -> str:
    """Return rows as text."""
    lines = [("job", "best", "median", "unit", "goal", "met", "note")]
    for row in rows:
        bound = ">= " if row.higher else "<= "
        goal = "" if row.goal is None else bound + number(row.goal)
        met = {None: "", True: "yes", False: "NO"}[row.met]
        lines.append((row.what, number(row.best), number(row.median), row.unit, goal, met, row.note))
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    right = (1, 2, 4)
    padded = (
        "  ".join(
            cell.rjust(width) if k in right else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def number(value: float | None) -> str:
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _about(repeat: int) -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    models = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return {
        "schema": "escalate/benchmarks/1",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "repeat": repeat,
        "machine": {
            "processor": models[0] if models else platform.processor(),
            "cpus": os.cpu_count(),
            "load_average": [round(load, 2) for load in os.getloadavg()],
            "system": platform.platform(),
        },
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("escalate-trials", *PACKAGES)},
    }


if __name__ == "__main__":
    main()
