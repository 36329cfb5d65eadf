"""What happened, in words."""

from __future__ import annotations

import pytest

from escalate.conduct.bodies import PatientRow
from escalate.conduct.history import outcome


@pytest.mark.parametrize(
    ("day", "window", "said"),
    [
        ("2026-03-20", None, "toxicity on 2026-03-20"),
        ("2026-03-20", 28, "DLT on 2026-03-20"),
        ("2026-03-29", 28, "DLT on 2026-03-29"),
        ("2026-03-30", 28, "toxicity on 2026-03-30, day 29, after the window: no DLT"),
    ],
)
def test_a_toxicity_is_a_dlt_within_the_window(day: str, window: int | None, said: str) -> None:
    """A toxicity after the window is none; where the window is not known, it is not called one."""
    assert outcome(PatientRow(patient="1", level=1, treated="2026-03-01", dlt_date=day), window) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"evaluable": False, "reason": "death", "dlt": True}, "not evaluable (death)"),
        ({"outcome": "N"}, "outcome N"),
        ({"dlt": True}, "DLT"),
        ({"dlt": False}, "no DLT"),
        ({"treated": "2026-03-01"}, "treated 2026-03-01, no DLT seen so far"),
        ({}, "outcome not known yet"),
    ],
)
def test_outcomes_in_words(more: dict[str, object], said: str) -> None:
    """An outcome that is not known is never said as none."""
    assert outcome(PatientRow.model_validate({"patient": "1", "level": 1, **more})) == said
