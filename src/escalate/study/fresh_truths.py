"""Scenarios that a search has not seen: those of the same file, random generators drawing anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from escalate.core import registry
from escalate.core.errors import EscalateError, Problem
from escalate.core.scenario_files import Context, ScenarioSet, build

FURTHER: Final = 1_000_000
"""What is added to the seed of each random generator."""


def fresh_truths(
    data: Mapping[str, Any], context: Context, further: int = FURTHER
) -> tuple[ScenarioSet | None, list[Problem]]:
    """Return the scenarios of a file with the seed of every random generator moved on; None where it has none.

    Fixed scenarios, and those of generators without randomness, are the same again.

    Parameters
    ----------
    data
        What a scenario file says, valid.
    further
        Added to each seed, modulo 2^63.
    """
    listed = data.get("generate") or ()
    if not any(_draws(settings) for settings in listed):
        return None, []
    moved = tuple(
        {**settings, "seed": (int(settings.get("seed", 1)) + further) % 2**63} if _draws(settings) else settings
        for settings in listed
    )
    return build({**data, "generate": moved}, context)


def _draws(settings: Mapping[str, Any]) -> bool:
    try:
        return "seed" in registry.generators().get(settings["kind"]).model_fields
    except (EscalateError, KeyError):
        return False
