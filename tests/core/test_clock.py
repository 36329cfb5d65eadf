"""Clock files: what they may say, how a fault is told, and the laws of arrivals and of times to DLT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.clock import Clock, PiecewiseTimes, WeibullTimes, load_clock, weibull_shape
from escalate.core.errors import DesignError
from tests.helpers import ROOT

FIXED = {"kind": "fixed", "days": 7}
CLOCKS = sorted((ROOT / "simulations" / "clocks").glob("*.yaml"))
probabilities = st.floats(1e-3, 0.97)


@pytest.mark.parametrize(
    ("p", "late", "shape", "scale"),
    [(0.3, 0.5, 1.1340021, 69.499013), (0.3, 0.8, 2.5271719, 42.104006), (0.1, 0.5, 1.0384922, 244.486716)],
)
def test_weibull_golden(p: float, late: float, shape: float, scale: float) -> None:
    """Shape and scale of a window of 28 days, computed independently."""
    k = float(weibull_shape(np.array(p), late))
    assert k == pytest.approx(shape, abs=5e-8)
    assert 28 / (-np.log(1 - p)) ** (1 / k) == pytest.approx(scale, abs=5e-7)


@given(u=probabilities, p=probabilities, late=st.floats(0.05, 0.95))
def test_weibull_quantile(u: float, p: float, late: float) -> None:
    """The quantile inverts the law given a DLT, and (1 - late) of the DLTs happen in the first half of the window."""
    times = WeibullTimes(kind="weibull", late=late)
    k = float(weibull_shape(np.array(p), late))

    def law(share: float) -> float:
        return float(-np.expm1(np.log1p(-p) * share**k)) / p

    share = float(times.shares(np.array([u]), np.array([p]))[0])
    assert 0 < share <= 1
    assert law(share) == pytest.approx(u, rel=1e-6)
    assert law(0.5) == pytest.approx(1 - late, rel=1e-9)


def test_piecewise_quantile() -> None:
    """By hand for masses 0.1, 0.2, 0.7: half of the first mass is a sixth of the window; a part without mass is jumped over."""
    times = PiecewiseTimes(kind="piecewise", masses=(0.1, 0.2, 0.7))
    u = np.array([0.05, 0.1, 0.2, 0.65, 1 - 1e-12])
    assert times.shares(u, u) == pytest.approx([1 / 6, 1 / 3, 1 / 2, 5 / 6, 1.0])
    gap = PiecewiseTimes(kind="piecewise", masses=(0.5, 0.0, 0.5, 0.0))
    assert gap.shares(np.array([0.25, 0.5, 0.75]), u[:3]) == pytest.approx([1 / 8, 1 / 2, 5 / 8])


@given(masses=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any), u=probabilities)
def test_piecewise_inverts_its_law(masses: list[int], u: float) -> None:
    """The share of DLTs before the quantile u is u."""
    parts = tuple(mass / sum(masses) for mass in masses)
    share = float(PiecewiseTimes(kind="piecewise", masses=parts).shares(np.array([u]), np.array([0.3]))[0])
    ends = np.concatenate([[0.0], np.cumsum(parts)])
    assert np.interp(share, np.linspace(0, 1, len(ends)), ends) == pytest.approx(u, abs=1e-9)


def test_listed_gaps() -> None:
    """The gaps are those of the list; after it the last one is repeated."""
    clock = Clock.from_dict({"accrual": {"kind": "listed", "days": [0, 2, 9]}})
    assert clock.accrual.gaps(np.zeros(4), np.arange(4)).tolist() == [2, 7, 7, 7]


@pytest.mark.parametrize("path", CLOCKS, ids=lambda path: path.stem)
def test_ready_clocks(path: Path) -> None:
    """Every clock of the repository can be read, and what it says makes the same clock again."""
    clock = load_clock(path)
    again = Clock.from_dict(clock.to_dict())
    assert again == clock
    assert again.to_dict() == clock.to_dict()
    assert clock.title


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "accrual: is missing"),
    (
        {"accrual": 10},
        "accrual: is not a group of settings; write it such as 'accrual: {kind: poisson, mean_days: 10}'",
    ),
    ({"accrual": {"mean_days": 10}}, "accrual.kind: is missing; it can be poisson, fixed, uniform, listed"),
    ({"accrual": {"kind": "poison"}}, "accrual.kind: 'poison' is not known; did you mean 'poisson'?"),
    ({"accrual": {"kind": "poisson"}}, "accrual.mean_days: is missing"),
    ({"accrual": {"kind": "poisson", "mean_days": 0}}, "accrual.mean_days: 0 is not above 0"),
    ({"accrual": {**FIXED, "rate": 3}}, "accrual.rate: unknown setting; known: days, kind"),
    ({"accrual": {"kind": "listed", "days": [0]}}, "accrual.days: has 1 entries; it needs at least 2"),
    (
        {"accrual": {"kind": "listed", "days": [0, 5, 4]}},
        "accrual.days: arrival 3 (day 4) is before arrival 2 (day 5)",
    ),
    (
        {"accrual": {"kind": "listed", "days": [3, 5]}},
        "accrual.days: begins with day 3; days are counted from the first arrival, which is day 0",
    ),
    (
        {"accrual": {"kind": "listed", "days": [0, 5, 5]}},
        "accrual.days: the last two arrivals are both on day 5; their gap is repeated after the list, so it must not be 0",
    ),
    ({"accrual": FIXED, "dlt_times": {"kind": "weibull", "late": 1}}, "dlt_times.late: 1 is not below 1"),
    (
        {"accrual": FIXED, "dlt_times": {"kind": "piecewise", "masses": [0.5, 0.4]}},
        "dlt_times.masses: the masses sum to 0.9; they must sum to 1",
    ),
    ({"accrual": FIXED, "drop_out": 0.6}, "drop_out: 0.6 is not at most 0.5"),
    (
        {"accrual": FIXED, "arrivals": "send_home"},
        "arrivals: 'send_home' is not known; it can be 'turn_away' or 'queue'",
    ),
    ({"accrual": FIXED, "stagger_days": -1}, "stagger_days: -1 is not at least 0"),
    ({"accrual": FIXED, "drop_outs": 0}, "drop_outs: unknown setting; did you mean 'drop_out'?"),
]


@pytest.mark.parametrize(("data", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_faults(data: dict[str, Any], sentence: str) -> None:
    """Each fault is one sentence with its field and what would be right."""
    with pytest.raises(DesignError) as raised:
        Clock.from_dict(data)
    assert str(raised.value) == sentence


def test_faults_have_lines(tmp_path: Path) -> None:
    """Faults of a file are told all at once, each with its line; a file of another kind is refused by its first line."""
    path = tmp_path / "clock.yaml"
    path.write_text("schema: escalate/clock/1\naccrual: {kind: fixed, days: -3}\ndrop_out: 2\n")
    with pytest.raises(DesignError) as raised:
        load_clock(path)
    assert sorted(str(raised.value).splitlines()) == [
        f"{path}:2 accrual.days: -3 is not above 0",
        f"{path}:3 drop_out: 2 is not at most 0.5",
    ]
    path.write_text("schema: escalate/design/1\n")
    with pytest.raises(DesignError, match="is not 'escalate/clock/1', which a clock file starts with"):
        load_clock(path)
