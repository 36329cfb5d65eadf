"""What the tests share: reference values with their sources, and designs built in a line."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from escalate import Design, Scenario
from escalate.core.files import load_scenarios

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "tests" / "reference"


@cache
def reference(name: str) -> dict[str, Any]:
    """Return a file of reference values: where they come from, and the cases."""
    found: dict[str, Any] = json.loads((REFERENCE / f"{name}.json").read_text())
    return found


def cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of a file of reference values."""
    found: list[dict[str, Any]] = reference(name)["cases"]
    return found


def make(method: dict[str, Any], n_doses: int = 5, **settings: Any) -> Design:
    """Build a design with amounts 1..J mg."""
    frame = {
        "title": "test",
        "doses": {"unit": "mg", "levels": tuple(float(level) for level in range(1, n_doses + 1))},
        "target": 0.3,
        "max_patients": 30,
        "method": {key: tuple(value) if isinstance(value, list) else value for key, value in method.items()},
    }
    return Design.from_dict({**frame, **settings})


def graded(scenario: Scenario, design: Design) -> Scenario:
    """Return a scenario with, where the design grades outcomes, more of each middle grade the higher the dose."""
    between = design.outcomes[1:-1]
    if not between:
        return scenario
    n_doses = len(scenario.dlt)
    rates = tuple((1 - p) * 0.4 * (j + 1) / (n_doses + 1) / len(between) for j, p in enumerate(scenario.dlt))
    return scenario.model_copy(update={"outcomes": {outcome.letter: rates for outcome in between}})


def scenarios_for(design: Design) -> tuple[Scenario, ...]:
    """Return the scenarios of the repository for a design's number of doses, graded where it needs that."""
    name = {5: "five-doses", 4: "four-doses-graded", 3: "tvec-liver"}[design.n_doses]
    found = load_scenarios(ROOT / "simulations" / "scenarios" / f"{name}.yaml")
    return tuple(scenario if scenario.outcomes else graded(scenario, design) for scenario in found)


FURTHER = {
    "crm-bma", "crm-cibp", "crm-gamma", "tvec-liver-3plus3", "tvec-liver-blrm", "tvec-liver-ewoc", "tvec-liver-gboin",
    "tvec-liver-iboin",
}  # fmt: skip
"""Designs of methods that have another design among the examples."""


def each(paths: list[Path]) -> list[ParameterSet]:
    """Return design files as parameters; the larger of the two ordinal ones, which takes minutes, is for the slow set."""
    return _each(paths, {"tvec-liver-ordinal"})


def quick(paths: list[Path]) -> list[ParameterSet]:
    """Return design files as parameters; those whose decisions are slow, and further designs of a method, are for the slow set."""
    return _each(paths, {"tvec-liver-ordinal", "ordinal_crm", "pymc", *FURTHER})


def _each(paths: list[Path], slow: set[str]) -> list[ParameterSet]:
    return [pytest.param(path, marks=[pytest.mark.slow] if path.stem in slow else [], id=path.stem) for path in paths]


def outcome_string(levels: list[int], dlts: list[int]) -> str:
    """Return patients one by one as an outcome string."""
    return " ".join(f"{level}{'T' if dlt else 'N'}" for level, dlt in zip(levels, dlts, strict=True))
