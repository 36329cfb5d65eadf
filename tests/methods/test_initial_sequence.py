"""Initial sequences of a two-stage CRM against dfcrm."""

from __future__ import annotations

from typing import Any

import pytest

import escalate as esc
from escalate.methods.families.initial_sequence import coherent_after, longest_coherent
from tests.helpers import cases, make

FORMS = {"empiric": "power", "logistic": "logistic"}


def _of(fun: str) -> list[dict[str, Any]]:
    return [case for case in cases("crm_skeleton") if case["inputs"]["fun"] == fun]


def _design(inputs: dict[str, Any]) -> esc.Design:
    method = {
        "kind": "crm",
        "model": FORMS[inputs["model"]],
        "skeleton": inputs["prior"],
        "inference": inputs["method"],
        "estimate": "plug_in",
    }
    return make(method, len(inputs["prior"]), target=inputs["target"], rules=(), max_patients=60)


@pytest.mark.parametrize("case", _of("cohere"), ids=lambda case: case["id"])
def test_coherence(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 `cohere`, patient by patient."""
    design = _design(case["inputs"])
    assert coherent_after(design.method, design, case["inputs"]["x0"]) == case["outputs"]["coherent_after_i"]


@pytest.mark.parametrize("case", _of("getinit"), ids=lambda case: case["id"])
def test_longest(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 `getinit`."""
    design, inputs = _design(case["inputs"]), case["inputs"]
    assert list(longest_coherent(design.method, design, inputs["n"], inputs["nK"])) == case["outputs"]["x0"]


def test_too_few_patients() -> None:
    """One patient a level is the least."""
    design = _design({"model": "empiric", "prior": [0.1, 0.2, 0.3], "method": "bayes", "target": 0.2})
    with pytest.raises(ValueError, match="less than one"):
        longest_coherent(design.method, design, 6, 5)
