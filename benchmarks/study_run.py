"""Measure studies at scale and print a table: python benchmarks/study_run.py [--only GROUP] [--repeat N] [--json FILE].

Unlike run.py this uses two processors: on a machine that does other work, compare the CPU times and not the clock.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

for library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import study_rows  # noqa: E402 - NumPy's libraries count their threads once


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", action="append", choices=study_rows.GROUPS, metavar="GROUP", help=", ".join(study_rows.GROUPS)
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="repeats of each (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    chosen = parser.parse_args()
    rows, loads = [], [os.getloadavg()[0]]
    print("| group | what | measured | goal |\n| --- | --- | ---: | ---: |", flush=True)
    for group in chosen.only or study_rows.GROUPS:
        for row in study_rows.GROUPS[group](chosen.repeat):
            rows.append(row)
            print(f"| {row.group} | {row.what} | {row.value:.3g} {row.unit} | {row.goal} |", flush=True)
        loads.append(os.getloadavg()[0])
    print(
        f"\nLoad average before and after each group: {', '.join(f'{each:.1f}' for each in loads)}; {os.cpu_count()} processors."
    )
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"load": loads, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
