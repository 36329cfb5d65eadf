"""The 3+3 and trees of paths as bcrm and escalation have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.common import Vector, cases, design, paper, peer, vector

VERSION = "0.2.3"


def _three(inputs: dict[str, Any], n_doses: int, deescalate: bool) -> dict[str, Any]:
    return design(
        {"kind": "three_plus_three", "deescalate": deescalate},
        n_doses,
        target=None,
        max_patients=6 * n_doses,
        cohort_size=3,
        start_level=inputs.get("start", 1),
    )


def characteristics() -> Iterator[Vector]:
    """Make vectors of exact operating characteristics; bcrm is no reference for a start above level 1."""
    names = ("selected", "selected_none", "patients", "dlts", "mean_patients")
    tolerance = dict.fromkeys(names, 1e-12)
    for case in cases("3plus3"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if inputs["kind"] == "bcrm_exact_oc" and inputs["start"] == 1:
            shares, source = outputs["prob_mtd_0_to_K"], peer("bcrm", "0.5.4", "threep3", name, "3plus3")
            made = _three(inputs, len(inputs["true_prob_tox"]), not inputs["escalation_only"])
            means = {"patients": outputs["n_average"], "dlts": outputs["dlt_average"]}
        elif inputs["kind"] == "escalation_exact_oc":
            shares = outputs["prob_recommend_NoDose_1_to_K"]
            source = peer("escalation", VERSION, "calculate_probabilities", name, "3plus3")
            made = _three(inputs, inputs["num_doses"], inputs["allow_deescalate"])
            means = {"patients": outputs["n_at_dose"], "dlts": outputs["tox_at_dose"]}
        else:
            continue
        question = {"kind": "simulate", "design": made, "scenario": {"dlt": inputs["true_prob_tox"]}}
        expect = {"selected": shares[1:], "selected_none": shares[0], **means, "mean_patients": outputs["expected_n"]}
        yield vector(f"3plus3/{name}", "TPT-1", question, expect, source, tolerance)
    for name in ("threeplus3_wheeler_5", "threeplus3_wheeler_8"):
        case = next(case for case in cases("published_examples") if case["id"] == name)
        truth, shares = case["inputs"]["true_prob_tox"], next(iter(case["outputs"].values()))
        question = {
            "kind": "simulate",
            "design": _three({}, len(truth), case["inputs"]["allow_deescalate"]),
            "scenario": {"dlt": truth},
        }
        expect = {"selected": shares[1:], "selected_none": shares[0]}
        source = {
            **paper(case["citation"], "published_examples", name),
            "printed": "two decimals, one of them off by one",
        }
        yield vector(f"3plus3/{name}", "TPT-1", question, expect, source, dict.fromkeys(expect, 0.01))


def decisions() -> Iterator[Vector]:
    """Make vectors of single decisions and of whole trees; histories that the package refuses have no value."""
    for case in cases("3plus3"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if inputs["kind"] == "escalation_decision" and "error" not in outputs:
            texts, doses, going = [inputs["outcomes"]], [outputs["recommended_dose"]], [outputs["continue"]]
        elif inputs["kind"] == "escalation_paths":
            texts, doses, going = outputs["path"], outputs["next_dose"], outputs["continue"]
        else:
            continue
        question = {
            "kind": "recommend_each",
            "design": _three(inputs, inputs["num_doses"], inputs["allow_deescalate"]),
            "outcomes": texts,
        }
        source = peer("escalation", VERSION, "get_three_plus_three", name, "3plus3")
        yield vector(f"3plus3/{name}", "TPT-2", question, _doses(doses, going), source)


def _doses(doses: list[int | None], going: list[bool]) -> dict[str, Any]:
    """Return the next level, or the MTD where the trial stops."""
    return {
        "next_level": [dose if on else None for dose, on in zip(doses, going, strict=True)],
        "mtd_level": [None if on else dose for dose, on in zip(doses, going, strict=True)],
    }


def paths() -> Iterator[Vector]:
    """Make vectors of trees of paths: BOIN, CRM with and without rules, 3+3."""
    for case in cases("dose_paths"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        model, rules = inputs["model"], []
        if "stop_at_n" in model or inputs["previous_outcomes"] or "follow_path" in model:
            continue
        if "dont_skip" in model:
            rules.append({"kind": "no_skipping", "from": "last"})
        if "stop_when_n_at_dose" in model:
            rules.append({"kind": "stop_at_patients_at_dose", "patients": 6, "at": "next"})
        if model == "3+3":
            made = _three({}, inputs["num_doses"], deescalate=False)
        elif model == "boin":
            made = design({"kind": "boin"}, inputs["num_doses"], target=inputs["target"], rules=None)
        else:
            method = {"kind": "crm", "skeleton": inputs["skeleton"], "estimate": "plug_in", "mtd_among": "all"}
            made = design(method, len(inputs["skeleton"]), target=inputs["target"], rules=rules)
        question = {"kind": "paths", "design": made, "sizes": inputs["cohort_sizes"], "outcomes": outputs["path"]}
        doses = zip(outputs["recommended_dose"], outputs["continue"], strict=True)
        expect = {"next_level": [dose if on else None for dose, on in doses]}
        source = peer("escalation", VERSION, "get_dose_paths", name, "dose_paths")
        yield vector(f"paths/{name}", "PATH-1", question, expect, source)
