"""The studies that are timed, written as study files into a folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

GRIDS = """schema: escalate/study/1
title: 500 designs and 1,000 scenarios
designs:
  - file: {designs}/boin.yaml
    vary: {{method.p_saf: "0.14:0.23:0.01", method.p_tox: "0.36:0.45:0.01", "rules[1].cutoff": [0.90, 0.95]}}
  - file: {designs}/crm.yaml
    vary: {{method.skeleton.half_width: "0.03:0.12:0.01", method.prior_sd: "0.4:1.3:0.1", method.skeleton.prior_mtd: [2, 3, 4]}}
scenarios:
  - generate: [{{kind: paoletti, doses: 5, target: 0.3, gap: 0.1, count: 1000, seed: 1}}]
"""
FEW = """schema: escalate/study/1
title: 80 designs and 1,000 scenarios
designs:
  - file: {designs}/boin.yaml
    vary: {{method.p_saf: "0.16:0.23:0.01", method.p_tox: "0.36:0.40:0.01"}}
  - file: {designs}/crm.yaml
    vary: {{method.skeleton.half_width: "0.03:0.10:0.01", method.prior_sd: "0.4:1.2:0.2"}}
scenarios:
  - generate: [{{kind: paoletti, doses: 5, target: 0.3, gap: 0.1, count: 1000, seed: 1}}]
"""
TINY = """schema: escalate/study/1
title: {jobs} small jobs
designs:
  - file: tiny.yaml
    vary: {{method.p_saf: "0.101:0.200:0.001", method.p_tox: {values}}}
scenarios:
  - scenarios: [{{name: a, dlt: [0.1, 0.3, 0.5]}}, {{name: b, dlt: [0.3, 0.5, 0.6]}}]
"""
TINY_DESIGN = """schema: escalate/design/1
title: small
doses: {unit: mg, levels: [10, 20, 40]}
target: 0.30
cohort_size: 3
max_patients: 6
start_level: 1
method: {kind: boin}
"""


def grids(folder: Path) -> Path:
    """Write the study of the goal: 200 BOIN and 300 CRM, five doses, ten cohorts of three."""
    return _written(folder, "grids.yaml", GRIDS.format(designs=ROOT / "designs"))


def few(folder: Path) -> Path:
    """Write a study of the same kind, a sixth as large."""
    return _written(folder, "few.yaml", FEW.format(designs=ROOT / "designs"))


def tiny(folder: Path, jobs: int) -> Path:
    """Write a study of so many jobs, a multiple of 100, each of some milliseconds."""
    _written(folder, "tiny.yaml", TINY_DESIGN)
    values = [round(0.35 + 0.001 * k, 3) for k in range(jobs // 100)]
    return _written(folder, f"tiny-{jobs}.yaml", TINY.format(jobs=jobs, values=values))


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path
