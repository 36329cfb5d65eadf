"""An answer is held against what was expected: numbers within their tolerance, everything else exactly."""

from __future__ import annotations

from typing import Any

import pytest

from escalate.qualification.compare import differences, largest_error


@pytest.mark.parametrize(
    ("expect", "answer", "tolerance", "fields"),
    [
        ({"x": 1}, {"x": 1}, {}, []),
        ({"x": 1}, {"x": 1.0}, {}, []),
        ({"x": 1}, {"x": 2}, {}, ["x"]),
        ({"x": None}, {"x": None}, {}, []),
        ({"x": None}, {"x": 0}, {}, ["x"]),
        ({"x": 0}, {"x": None}, {}, ["x"]),
        ({"x": 0.5}, {"x": 0.5 + 1e-9}, {}, ["x"]),
        ({"x": 0.5}, {"x": 0.5 + 1e-9}, {"x": 1e-8}, []),
        ({"x": 0.5}, {"x": float("nan")}, {"x": 1e-8}, ["x"]),
        ({"x": 0.5}, {"x": float("inf")}, {"x": 1e-8}, ["x"]),
        ({"x": True}, {"x": 1}, {}, ["x"]),
        ({"x": "stop"}, {"x": "stay"}, {}, ["x"]),
        ({"x": [1, None, 3]}, {"x": [1, 2, 3]}, {}, ["x[2]"]),
        ({"x": [1, 2]}, {"x": [1]}, {}, ["x"]),
        ({"x": [1, 2]}, {"x": 1}, {}, ["x"]),
        ({"x": [0.1, 0.2]}, {"x": [0.15, 0.25]}, {"x": [0.1, 0.01]}, ["x[2]"]),
        ({"x": [[1], [2]]}, {"x": [[1], [3]]}, {}, ["x[2][1]"]),
        ({"x": 1}, {}, {}, ["x"]),
        ({"x": 1}, {"x": 1, "y": 2}, {}, []),
    ],
)
def test_differences(
    expect: dict[str, Any], answer: dict[str, Any], tolerance: dict[str, Any], fields: list[str]
) -> None:
    """Which fields differ, by hand; NaN is within no tolerance, and yes is not 1."""
    assert [each.field for each in differences(expect, answer, tolerance)] == fields


def test_words() -> None:
    """What is said of a difference names what was expected and what was obtained."""
    (found,) = differences({"next_level": 3}, {"next_level": None}, {})
    assert (found.wanted, found.got) == ("next_level 3", "next_level none")


def test_largest_error() -> None:
    """Of the numbers with a tolerance alone."""
    assert largest_error({"x": [1.0, None], "y": 5}, {"x": [1.5, None], "y": 9}, {"x": 1}) == 0.5
    assert largest_error({"y": 5}, {"y": 5}, {}) is None
