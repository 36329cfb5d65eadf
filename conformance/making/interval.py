"""mTPI, mTPI-2 and TPI as another package decides and selects; rows where it is known not to be followed are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.common import Vector, cases, design, paper, peer, tallied, vector

VERSION = "0.2.3"
REQUIREMENTS = {"mtpi": "TAB-1", "mtpi2": "TAB-2", "tpi": "TAB-3"}
SETTINGS = {"k1": "k1", "k2": "k2", "epsilon1": "epsilon_low", "epsilon2": "epsilon_high"}
ACTIONS = {"E": "escalate", "S": "stay", "D": "de-escalate", "STOP": "stop"}
BARRED = {
    0.20: {(5, 2), (8, 3), (11, 4), (12, 4), (14, 5), (15, 5), (17, 6), (18, 6)},
    0.25: {(12, 5), (15, 6), (17, 7), (18, 7)},
    0.30: {(13, 6), (15, 7), (18, 8)},
    0.35: {(16, 8), (18, 9)},
}
LEFT_OUT = {
    "mtpi-0004": BARRED[0.20],
    "mtpi-0005": BARRED[0.20],
    "mtpi-0010": BARRED[0.25],
    "mtpi-0016": BARRED[0.30],
    "mtpi-0017": BARRED[0.30],
    "mtpi-0018": BARRED[0.30],
    "mtpi-0022": BARRED[0.35],
    "mtpi-0023": BARRED[0.35],
    "mtpi-0008": {(2, 1)},
}
WHY = (
    "Rows where the package keeps treating at a dose that its own rule calls unacceptable, or where its rounding decides a tie "
    "of two intervals, are left out."
)
POOLED = "3 of 3 DLTs at level 1 end the trial; the package pools them away with the levels above."
EQUALLY_FAR = "Estimates 0.2 and 0.3 are equally far from 0.25: the lower is taken, the package takes the higher."
DISPUTED = {
    "mtpi-0135": POOLED,
    "mtpi2-0135": POOLED,
    "tpi-0103": POOLED,
    "mtpi2-0134": EQUALLY_FAR,
    "tpi-0102": EQUALLY_FAR,
}


def _design(kind: str, inputs: dict[str, Any], n_doses: int, **method: Any) -> dict[str, Any]:
    cutoff = inputs["exclusion_certainty"]
    settings: dict[str, Any] = {"kind": kind, **method}
    settings |= {ours: inputs[theirs] for theirs, ours in SETTINGS.items() if theirs in inputs}
    if "alpha" in inputs and inputs["kind"] != "mtd_selection":
        settings["prior"] = [inputs["alpha"], inputs["beta"]]
    prior = settings.get("prior", [0.005, 0.005] if kind == "tpi" else [1, 1])
    rules = [
        {"kind": "eliminate", "cutoff": cutoff, "min_patients": 2, "prior": prior},
        {"kind": "lowest_dose_too_toxic", "cutoff": cutoff, "basis": "beta_binomial", "prior": prior},
    ]
    return design(settings, n_doses, target=inputs["target"], rules=rules)


def decisions() -> Iterator[Vector]:
    """Make one vector of each decision table."""
    for kind, requirement in REQUIREMENTS.items():
        for case in cases(kind):
            inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
            if inputs["kind"] != "decision_table":
                continue
            out = LEFT_OUT.get(name, set())
            rows = [
                row for row in zip(outputs["n"], outputs["y"], outputs["decision"], strict=True) if row[:2] not in out
            ]
            question = {
                "kind": "decisions",
                "design": _design(kind, inputs, inputs["num_doses"]),
                "level": inputs["last_dose"],
                "patients": [n for n, _, _ in rows],
                "dlts": [y for _, y, _ in rows],
            }
            expect = {"action": [ACTIONS[decision] for _, _, decision in rows]}
            source = peer("escalation", VERSION, f"get_{kind}", name, kind)
            more = {"note": WHY} if out else {}
            yield vector(f"interval/{name}", requirement, question, expect, source, **more)


def exclusions() -> Iterator[Vector]:
    """Make one vector of each next dose where the dose above has data that may exclude it."""
    for kind, requirement in REQUIREMENTS.items():
        for case in cases(kind):
            inputs, name = case["inputs"], case["id"]
            if inputs["kind"] != "next_dose_exclusion":
                continue
            n, y = [0] * inputs["num_doses"], [0] * inputs["num_doses"]
            at = inputs["last_dose"] - 1
            n[at], y[at] = inputs["n_current"], inputs["y_current"]
            n[at + 1], y[at + 1] = inputs["n_next"], inputs["y_next"]
            question = {
                "kind": "decisions",
                "design": _design(kind, inputs, inputs["num_doses"]),
                "level": inputs["last_dose"],
                "tallies": [{"patients": n, "dlts": y}],
            }
            expect = {"next_level": [case["outputs"]["recommended_dose"]]}
            yield vector(
                f"interval/{name}",
                requirement,
                question,
                expect,
                peer("escalation", VERSION, f"get_{kind}", name, kind),
            )


def selections() -> Iterator[Vector]:
    """Make one vector of each selected MTD; where the package has no answer there is nothing to compare."""
    for kind in REQUIREMENTS:
        for case in cases(kind):
            inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
            if inputs["kind"] != "mtd_selection" or outputs.get("mtd_raw") == "-Inf" or not sum(inputs["n"]):
                continue
            made = _design(
                kind,
                inputs,
                len(inputs["n"]),
                mtd_prior=[max(float(inputs["alpha"]), 1e-6), max(float(inputs["beta"]), 1e-6)],
                mtd_among="tried" if inputs["pava_just_tested_doses"] else "all",
            )
            question = {"kind": "select", "design": made, "outcomes": tallied(inputs["n"], inputs["y"])}
            source = peer("escalation", VERSION, f"select_{kind}_mtd", name, kind)
            more = {"disputed": DISPUTED[name]} if name in DISPUTED else {}
            yield vector(f"interval/{name}", "SEL-1", question, {"mtd_level": outputs["mtd"]}, source, **more)


def published() -> Iterator[Vector]:
    """Make a vector of the decision figure of the mTPI paper."""
    case = next(case for case in cases("published_examples") if case["id"] == "mtpi_figure2")
    steps = case["outputs"]["sequence"]
    made = design({"kind": "mtpi"}, case["inputs"]["num_doses"], target=case["inputs"]["target"], rules=None)
    question = {"kind": "recommend_each", "design": made, "outcomes": [step["outcomes"] for step in steps]}
    expect = {"next_level": [step["recommended_dose"] for step in steps]}
    yield vector(
        "interval/mtpi_figure2", "TAB-1", question, expect, paper(case["citation"], "published_examples", case["id"])
    )
