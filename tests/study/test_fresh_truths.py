"""Scenarios that a search has not seen."""

from __future__ import annotations

from typing import Any

from escalate.core.scenario_files import Context, build
from escalate.study.fresh_truths import fresh_truths

DRAWS = {"kind": "paoletti", "target": 0.3, "doses": 3, "gap": 0.1, "count": 20}
NAMED = {"kind": "named", "target": 0.3, "doses": 3}
FIXED = {"name": "mine", "dlt": (0.1, 0.2, 0.3)}


def _data(*generators: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "escalate/scenarios/1", "scenarios": (FIXED,), "generate": generators}


def test_random_generators_draw_anew() -> None:
    """Random generators move their seed on; fixed scenarios and those without randomness stay."""
    data = _data({**DRAWS, "seed": 3}, NAMED)
    seen, fresh = build(data, Context())[0], fresh_truths(data, Context())[0]
    assert seen is not None
    assert fresh is not None
    assert len(seen.scenarios) == len(fresh.scenarios)
    for a, b in zip(seen.scenarios, fresh.scenarios, strict=True):
        assert a.name == b.name
        assert (a.dlt == b.dlt) is not bool(a.drawn)
    moved = build(_data({**DRAWS, "seed": 1_000_003}, NAMED), Context())[0]
    assert moved is not None
    assert moved.scenarios == fresh.scenarios


def test_seed_left_out() -> None:
    """A seed that is left out is 1."""
    said, unsaid = (fresh_truths(_data(settings), Context())[0] for settings in ({**DRAWS, "seed": 1}, DRAWS))
    assert said is not None
    assert said == unsaid


def test_nothing_random() -> None:
    """Where nothing is random there are no fresh scenarios."""
    assert fresh_truths(_data(NAMED), Context()) == (None, [])
    assert fresh_truths({"schema": "escalate/scenarios/1", "scenarios": (FIXED,)}, Context()) == (None, [])
