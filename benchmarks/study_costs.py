"""Measure how states, memory and time grow with doses, patients, cohort size and outcome categories.

python benchmarks/study_costs.py [--json FILE] [--quick] prints the tables of docs/explanation/studies-at-scale.md and the rule of
thumb fitted to them. Each design is measured in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

SCENARIOS = 256
BASE = {"kind": "boin", "doses": 5, "patients": 30, "cohort": 3, "outcomes": 2}
VARIED: dict[str, tuple[int, ...]] = {
    "doses": (3, 4, 5, 6, 7, 8),
    "patients": (18, 24, 30, 36, 42, 48),
    "cohort": (1, 2, 3, 5, 6),
}
GRADED = {"kind": "gboin", "doses": 4, "patients": 18, "cohort": 3}
SCORES = {2: (0, 1), 3: (0, 0.5, 1), 4: (0, 0.5, 0.75, 1)}
LARGE = 50_000
"""States from which on the bytes a state are told: below, what Python and NumPy keep at hand counts for more."""


def settings(quick: bool) -> list[dict[str, Any]]:
    """Return what is measured: the base and one thing varied at a time, for an interval method and a model."""
    found: list[dict[str, Any]] = []
    for kind in ("boin", "crm"):
        for name, values in VARIED.items():
            found += [
                {**BASE, "kind": kind, name: value, "varied": name} for value in (values[:3] if quick else values)
            ]
    found.append({**GRADED, "kind": "boin", "outcomes": 2, "varied": "outcomes"})
    categories = (3,) if quick else (3, 4)
    return found + [{**GRADED, "outcomes": value, "varied": "outcomes"} for value in categories]


def design(one: dict[str, Any]) -> Any:
    """Return the design of some settings; stopping rules aside, which only make it smaller."""
    from escalate import Design  # noqa: PLC0415 - in the process that measures alone

    method: dict[str, Any] = {"kind": one["kind"]}
    rules: list[dict[str, Any]] = [{"kind": "eliminate", "cutoff": 0.95, "min_patients": 3}]
    if one["kind"] == "crm":
        method |= {
            "model": "power",
            "skeleton": {"half_width": 0.05, "prior_mtd": 3},
            "prior_sd": 1.16,
            "estimate": "plug_in",
        }
        rules = [{"kind": "no_skipping", "from": "highest"}, {"kind": "lowest_dose_too_toxic", "cutoff": 0.90}]
    if one["kind"] == "gboin":
        scores = SCORES[one["outcomes"]]
        letters = "NABCDE"[: len(scores) - 1] + "T"
        method["grades"] = [
            {"letter": a, "name": f"grade {a}", "score": s} for a, s in zip(letters, scores, strict=True)
        ]
    return Design.from_dict(
        {
            "schema": "escalate/design/1",
            "title": one["kind"],
            "doses": {"unit": "mg", "levels": [10 * 2**j for j in range(one["doses"])]},
            "target": 0.30,
            "cohort_size": one["cohort"],
            "max_patients": one["patients"],
            "start_level": 1,
            "method": method,
            "rules": rules,
        }
    )


def truths(one: dict[str, Any]) -> list[Any]:
    """Return scenarios for it, the categories between none and DLT sharing a fifth of what is no DLT."""
    import numpy as np  # noqa: PLC0415

    from escalate import Scenario  # noqa: PLC0415

    rates = np.sort(np.random.default_rng(1).uniform(0.01, 0.7, (SCENARIOS, one["doses"])), axis=1)
    between = SCORES[one["outcomes"]][1:-1]
    letters = "ABCDE"[: len(between)]
    made = []
    for k, dlt in enumerate(rates):
        each = np.linspace(0.02, 0.1, one["doses"]) * (1 - dlt[-1])
        outcomes = {a: tuple(each) for a in letters} or None
        made.append(Scenario(name=f"s{k}", dlt=tuple(dlt), outcomes=outcomes))
    return made


def measure(one: dict[str, Any]) -> dict[str, Any]:
    """Return states, seconds and bytes of one design; called in a process of its own."""
    from time import process_time  # noqa: PLC0415

    from escalate import simulate  # noqa: PLC0415
    from escalate.engine import exact, kernels  # noqa: F401, PLC0415 - so that they count among the imports
    from escalate.engine.automaton import compile_design  # noqa: PLC0415
    from peak_memory import peak_megabytes  # noqa: PLC0415

    small = {**one, "doses": 3, "patients": 6}
    simulate([design(small)], truths(small)[:8], workers=1)
    chosen, scenarios, base = design(one), truths(one), peak_megabytes()
    start = process_time()
    automaton = compile_design(chosen)
    compiled, compile_peak = process_time() - start, peak_megabytes()
    states = automaton.n_states + len(automaton.terminals)
    start = process_time()
    simulate([chosen], scenarios, workers=1, compile_=lambda *_: automaton)
    figures = process_time() - start
    return {
        **one,
        "states": states,
        "terminals": len(automaton.terminals),
        "compile_seconds": compiled,
        "thousand_scenarios_seconds": figures * 1000 / SCENARIOS,
        "base_megabytes": base,
        "compile_megabytes": compile_peak - base,
        "peak_megabytes": peak_megabytes() - base,
    }


def measured(one: dict[str, Any]) -> dict[str, Any]:
    """Return what a process of its own measures."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps(one)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def fitted(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the powers of a rule of thumb, by least squares on logarithms over the designs with two outcomes."""
    import numpy as np  # noqa: PLC0415

    chosen = [row for row in rows if row["varied"] != "outcomes"]
    doses = np.array([row["doses"] for row in chosen])
    cohorts = np.log([row["patients"] / row["cohort"] for row in chosen])
    size = np.log([row["cohort"] for row in chosen])
    states = np.log([row["states"] for row in chosen])
    x = np.column_stack([np.ones(len(chosen)), doses * cohorts, cohorts, size])
    power, *_ = np.linalg.lstsq(x, states, rcond=None)
    error = np.exp(np.abs(x @ power - states))
    return {
        "constant": float(np.exp(power[0])),
        "cohorts_per_dose": float(power[1]),
        "cohorts": float(power[2]),
        "cohort_size": float(power[3]),
        "largest_factor_off": float(error.max()),
        "median_factor_off": float(np.median(error)),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| method | doses | patients | cohort | outcomes | states | compile, s | 1,000 scenarios, s | peak, MB | bytes a state |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        each = f"{row['peak_megabytes'] * 1e6 / row['states']:,.0f}" if row["states"] >= LARGE else ""
        lines.append(
            f"| `{row['kind']}` | {row['doses']} | {row['patients']} | {row['cohort']} | {row['outcomes']} | {row['states']:,} | "
            f"{row['compile_seconds']:.3g} | {row['thousand_scenarios_seconds']:.3g} | {row['peak_megabytes']:.0f} | {each} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="the smaller half only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(json.loads(chosen.one))))
        return
    rows = []
    for one in settings(chosen.quick):
        rows.append(measured(one))
        print(f"{rows[-1]['kind']} {rows[-1]['varied']}: {rows[-1]['states']:,} states", file=sys.stderr)
    found = {"rows": rows, "rule": fitted(rows)}
    print(table(rows))
    print(json.dumps(found["rule"], indent=1))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
