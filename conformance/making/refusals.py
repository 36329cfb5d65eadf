"""Design files that must be refused, with the setting that is at fault: by the definitions of the methods, or of the format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.common import Vector, cases, design, vector

SPECIFICATION = {"kind": "specification", "where": "docs/reference/design-file.md"}
SKELETON = [0.05, 0.12, 0.25, 0.4, 0.55]
CRM = {"kind": "crm", "skeleton": SKELETON, "estimate": "plug_in"}
PRIOR = {"mean": [0, 0], "sd": [2, 1]}
BLRM = {"kind": "blrm", "reference_amount": 3, "prior": PRIOR}

METHODS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("boin-p_saf-at-target", {"kind": "boin", "p_saf": 0.3}, "method.p_saf"),
    ("boin-p_saf-above-target", {"kind": "boin", "p_saf": 0.4}, "method.p_saf"),
    ("boin-p_tox-at-target", {"kind": "boin", "p_tox": 0.3}, "method.p_tox"),
    ("boin-p_saf-zero", {"kind": "boin", "p_saf": 0}, "method.p_saf"),
    ("unknown-method", {"kind": "bion"}, "method.kind"),
    ("unknown-setting", {"kind": "boin", "p_safe": 0.2}, "method.p_safe"),
    ("not-a-number", {"kind": "boin", "p_saf": "low"}, "method.p_saf"),
    ("crm-no-estimate", {"kind": "crm", "skeleton": SKELETON}, "method.estimate"),
    (
        "crm-mean-of-mle",
        {"kind": "crm", "skeleton": SKELETON, "estimate": "mean", "inference": "mle"},
        "method.estimate",
    ),
    ("crm-short-skeleton", {**CRM, "skeleton": [0.1, 0.2]}, "method.skeleton"),
    ("crm-skeleton-of-one", {**CRM, "skeleton": [0.1, 0.2, 0.3, 0.4, 1]}, "method.skeleton[5]"),
    ("crm-skeleton-that-falls", {**CRM, "skeleton": [0.1, 0.3, 0.2, 0.4, 0.5]}, "method.skeleton"),
    ("crm-half-width-too-wide", {**CRM, "skeleton": {"half_width": 0.3, "prior_mtd": 3}}, "method.skeleton"),
    ("crm-prior-mtd-beyond", {**CRM, "skeleton": {"half_width": 0.05, "prior_mtd": 6}}, "method.skeleton"),
    ("crm-negative-sd", {**CRM, "prior_sd": -1}, "method.prior_sd"),
    ("blrm-no-prior", {"kind": "blrm", "reference_amount": 3}, "method.prior"),
    ("blrm-zero-reference", {**BLRM, "reference_amount": 0}, "method.reference_amount"),
    ("blrm-zero-sd", {**BLRM, "prior": {"mean": [0, 0], "sd": [0, 1]}}, "method.prior.sd[1]"),
    ("blrm-correlation-of-one", {**BLRM, "prior": {**PRIOR, "correlation": 1}}, "method.prior.correlation"),
    ("blrm-intervals-reversed", {**BLRM, "intervals": [0.33, 0.16]}, "method.intervals"),
    ("blrm-cutoff-above-one", {**BLRM, "overdose_cutoff": 1.5}, "method.overdose_cutoff"),
    ("mtpi-interval-to-zero", {"kind": "mtpi", "epsilon_low": 0.3}, "method.epsilon_low"),
    ("mtpi2-interval-to-one", {"kind": "mtpi2", "epsilon_high": 0.7}, "method.epsilon_high"),
    (
        "three-plus-three-no-variant",
        {"kind": "three_plus_three", "six_at_mtd": True, "deescalate": False},
        "method.six_at_mtd",
    ),
)
FRAMES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("target-above-one", {"target": 1.3}, "target"),
    ("target-zero", {"target": 0}, "target"),
    ("start-level-beyond", {"start_level": 6}, "start_level"),
    ("start-level-zero", {"start_level": 0}, "start_level"),
    ("no-patients", {"max_patients": 0}, "max_patients"),
    ("cohort-of-none", {"cohort_size": 0}, "cohort_size"),
    ("half-a-patient", {"cohort_size": 2.5}, "cohort_size"),
    ("unknown-frame-setting", {"cohortsize": 3}, "cohortsize"),
    ("unknown-rule", {"rules": [{"kind": "elimination"}]}, "rules[1].kind"),
    ("rule-cutoff-above-one", {"rules": [{"kind": "eliminate", "cutoff": 1.2}]}, "rules[1].cutoff"),
)


def refusals() -> Iterator[Vector]:
    """Make vectors of what must be refused, and of boundaries that the authors' software refuses."""
    for name, method, field in METHODS:
        question = {"kind": "refuse", "design": design(method, 5, rules=None)}
        yield vector(f"refuse/{name}", "FILE-1", question, {"refused": True, "fields": [field]}, SPECIFICATION)
    for name, frame, field in FRAMES:
        question = {"kind": "refuse", "design": {**design({"kind": "boin"}, 5, rules=None), **frame}}
        yield vector(f"refuse/{name}", "FILE-1", question, {"refused": True, "fields": [field]}, SPECIFICATION)
    falling = {**design({"kind": "boin"}, 5, rules=None), "doses": {"unit": "mg", "levels": [10, 30, 20]}}
    question = {"kind": "refuse", "design": falling}
    yield vector("refuse/doses-that-fall", "FILE-1", question, {"refused": True}, SPECIFICATION)
    other = {**design({"kind": "boin"}, 5, rules=None), "schema": "escalate/design/99"}
    question = {"kind": "refuse", "design": other}
    yield vector("refuse/another-schema", "FILE-1", question, {"refused": True, "fields": ["schema"]}, SPECIFICATION)
    for case in cases("crm_fit"):
        if case["inputs"]["tag"] == "intcpt_too_small":
            inputs = case["inputs"]
            method = {
                "kind": "crm",
                "model": "logistic",
                "skeleton": inputs["prior"],
                "intercept": inputs["intcpt"],
                "estimate": "plug_in",
            }
            question = {"kind": "refuse", "design": design(method, len(inputs["prior"]), target=inputs["target"])}
            expect = {"refused": True, "fields": ["method.intercept"]}
            yield vector(f"refuse/{case['id']}", "FILE-1", question, expect, SPECIFICATION)


def data() -> Iterator[Vector]:
    """Make vectors of outcomes that cannot be of the trial: a level that is not there, a letter that means nothing."""
    for name, text in (
        ("level-beyond", "6NNN"),
        ("level-zero", "0NNN"),
        ("unknown-letter", "1NNX"),
        ("no-patients", "1"),
    ):
        question = {"kind": "refuse", "design": design({"kind": "boin"}, 5, rules=None), "outcomes": text}
        yield vector(f"refuse/data-{name}", "DATA-1", question, {"refused": True}, SPECIFICATION)
