"""What the tests share: reference values with their sources, and designs built in a line."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from escalate import Design

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


def outcome_string(levels: list[int], dlts: list[int]) -> str:
    """Return patients one by one as an outcome string."""
    return " ".join(f"{level}{'T' if dlt else 'N'}" for level, dlt in zip(levels, dlts, strict=True))
