"""The JSON of the safety atlas: `escalate/atlas/1`, documented in docs/reference/json.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalate.core.scenario import Scenario
    from escalate.study.atlas import Atlas, Kind


def atlas(found: Atlas) -> dict[str, Any]:
    """Return the whole atlas as JSON."""
    return {
        "schema": "escalate/atlas/1",
        "design": found.design.title,
        "risk": found.risk,
        "reachable_states": found.n_states,
        "scenarios_built_in": found.built_in,
        "scenarios": [scenario.model_dump(mode="json", exclude_none=True) for scenario in found.scenarios],
        "kinds": [_kind(kind, found.scenarios) for kind in found.kinds],
        "left_out": [{"code": code, "text": "the design has no target"} for code in found.without],
        "cells": [
            {
                "level": cell.level,
                "patients": cell.patients,
                "dlts": cell.dlts,
                "actions": [{"action": action, "states": states} for action, states in cell.actions],
                "kinds": list(cell.kinds),
            }
            for cell in found.cells
        ],
    }


def _kind(kind: Kind, scenarios: tuple[Scenario, ...]) -> dict[str, Any]:
    return {
        "code": kind.code,
        "letter": kind.letter,
        "text": kind.text,
        "states": kind.n_states,
        "highest": None
        if kind.worst is None
        else {"scenario": scenarios[kind.worst].name, "probability": kind.probability[kind.worst]},
        "probability": list(kind.probability),
        "expected": list(kind.expected),
        "examples": [
            {
                "outcomes": example.outcomes,
                "patients": example.patients,
                "probability": list(example.probability),
                "probability_by_any_way": list(example.by_any_way),
            }
            for example in kind.examples
        ],
    }
