"""BOIN: boundaries and tables, selection, published paths, simulated characteristics; each value as its source gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.common import Vector, cases, design, paper, peer, tallied, vector

VERSION = "2.7.2"
AT_EQUALITY = {"boin_boundary-0279"}
NO_VALUE = {"boin_boundary-0256", "boin_boundary-0288"}
QUICK = (
    "10x3_mtd1",
    "10x3_mtd5",
    "10x3_all_toxic",
    "10x3_earlystop12",
    "10x3_extrasafe",
    "10x3_startdose3_earlystop12",
)


def boin(inputs: dict[str, Any], n_doses: int, **settings: Any) -> dict[str, Any]:
    """Return a reference case as a design."""
    rules: list[dict[str, Any]] = [{"kind": "eliminate", "cutoff": inputs["cutoff_eli"]}]
    if inputs.get("extrasafe"):
        rules.append({"kind": "extra_safe", "cutoff": inputs["cutoff_eli"], "offset": inputs["offset"]})
    if inputs.get("n_earlystop", 100) < 100:
        rules.append({"kind": "stop_at_patients_at_dose", "patients": inputs["n_earlystop"], "only_if_staying": True})
    method: dict[str, Any] = {"kind": "boin"}
    if not inputs.get("p_saf_p_tox_default", False) and "p_saf" in inputs:
        method |= {"p_saf": inputs["p_saf"], "p_tox": inputs["p_tox"]}
    if inputs.get("boundMTD"):
        method["bound_mtd"] = True
    return design(method, n_doses, target=inputs["target"], rules=rules, **settings)


def tables() -> Iterator[Vector]:
    """Make one vector of each boundary table; where the software fails by a fault of its own there is nothing to compare."""
    for case in cases("boin_boundary"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if "error" in outputs:
            continue
        size = inputs["ncohort"] * inputs["cohortsize"]
        rows = outputs.get("full_boundary_tab", outputs["boundary_tab"])
        expect = {
            "lambda_e": outputs["lambda_e"],
            "lambda_d": outputs["lambda_d"],
            "escalate_if_dlts_at_most": rows["escalate_if_le"],
            "deescalate_if_dlts_at_least": rows["deescalate_if_ge"],
            "eliminate_if_dlts_at_least": rows["eliminate_if_ge"],
        }
        if "stop_boundary" in outputs:
            expect["stop_at_lowest_if_dlts_at_least"] = outputs["stop_boundary"]["stop_if_ge"]
        question = {
            "kind": "table",
            "design": boin(inputs, 5, max_patients=size, cohort_size=inputs["cohortsize"]),
            "patients": rows["n"],
        }
        more = {}
        if name in AT_EQUALITY:
            more["disputed"] = (
                "lambda_d is exactly 1/2: the paper and the package's documentation de-escalate at equality, its code does not. "
                "The paper is followed."
            )
        requirement = "ELIM-2" if "stop_boundary" in outputs else "BOIN-1"
        source = peer("BOIN", VERSION, "get.boundary", name, "boin_boundary")
        yield vector(
            f"boin/{name}", requirement, question, expect, source, {"lambda_e": 1e-12, "lambda_d": 1e-12}, **more
        )


def selections() -> Iterator[Vector]:
    """Make one vector of each selection."""
    for case in cases("boin_select_mtd"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if not sum(inputs["npts"]):
            # Without patients there is nothing to select from, and the question is refused.
            continue
        expect: dict[str, Any] = {"mtd_level": None if outputs["mtd_none"] else outputs["mtd"]}
        names = {"estimate": "p_iso", "lower": "ci_lower", "upper": "ci_upper", "prob_overdose": "p_overdose"}
        expect |= {ours: outputs[theirs] for ours, theirs in names.items() if theirs in outputs}
        made = boin({**inputs, "p_saf": 0.6 * inputs["target"]}, len(inputs["npts"]), max_patients=200)
        question = {"kind": "select", "design": made, "outcomes": tallied(inputs["npts"], inputs["ntox"])}
        source = peer("BOIN", VERSION, "select.mtd", name, "boin_select_mtd")
        yield vector(f"boin/{name}", "BOIN-2", question, expect, source, dict.fromkeys(names, 1e-6))


def published() -> Iterator[Vector]:
    """Make a vector of the worked trial of the tutorial."""
    case = next(case for case in cases("published_examples") if case["id"] == "boin_worked_path")
    steps = case["outputs"]["sequence"]
    made = design({"kind": "boin"}, case["inputs"]["num_doses"], target=case["inputs"]["target"], rules=None)
    question = {"kind": "recommend_each", "design": made, "outcomes": [step["outcomes"] for step in steps]}
    expect = {"next_level": [step["recommended_dose"] for step in steps]}
    source = paper(case["citation"], "published_examples", case["id"])
    yield vector("boin/worked_path", "BOIN-1", question, expect, source)


def characteristics() -> Iterator[Vector]:
    """Make a vector of each of the quicker simulations: within four standard errors of 20,000 trials."""
    floor = 4 * 20**0.5 / 20_000
    for case in cases("boin_oc"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if name.removeprefix("boin_oc-") not in QUICK:
            continue
        made = boin(
            inputs,
            len(inputs["p_true"]),
            max_patients=inputs["ncohort"] * inputs["cohortsize"],
            cohort_size=inputs["cohortsize"],
            start_level=inputs["startdose"],
        )
        question = {"kind": "simulate", "design": made, "scenario": {"dlt": inputs["p_true"]}}
        expect = {
            "selected": [share / 100 for share in outputs["sel_percent"]],
            "selected_none": outputs["percent_stop"] / 100,
            "patients": outputs["npatients"],
            "dlts": outputs["ntox"],
        }
        tolerance = {
            "selected": [max(4 * error / 100, floor) for error in outputs["sel_percent_se"]],
            "selected_none": max(4 * outputs["percent_stop_se"] / 100, floor),
            "patients": [max(4 * error, floor) for error in outputs["npatients_se"]],
            "dlts": [max(4 * error, floor) for error in outputs["ntox_se"]],
        }
        source = {
            **peer("BOIN", VERSION, "get.oc", name, "boin_oc"),
            "sampled": "20,000 trials; within 4 standard errors",
        }
        yield vector(f"boin/{name}", "BOIN-3", question, expect, source, tolerance)
