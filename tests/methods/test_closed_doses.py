"""Doses that a method itself gives no more: said in every answer, never asked for, and no change to any decision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.tally import States, Tally
from tests.helpers import make

ROWS = [
    (n, k, "E" if 5 * k < n else "DU" if 2 * k > n else "S" if 3 * k <= n else "D")
    for n in (3, 6)
    for k in range(n + 1)
]
OWN: dict[str, Any] = {"kind": "decision_table", "rows": ROWS}
CLOSING: list[dict[str, Any]] = [
    {"kind": "three_plus_three"},
    {"kind": "three_plus_three", "deescalate": False},
    {"kind": "three_plus_three", "six_at_mtd": True},
    {"kind": "rolling_six"},
    {"kind": "accelerated_titration"},
    OWN,
]
each_method = pytest.mark.parametrize(
    "method", CLOSING, ids=[f"{method['kind']}-{k}" for k, method in enumerate(CLOSING)]
)


def _why(design: esc.Design, outcomes: str) -> list[str | None]:
    return [row.why_not for row in esc.recommend(design, outcomes).doses]


@pytest.mark.parametrize(
    ("method", "outcomes", "why"),
    [
        ({"kind": "three_plus_three"}, "1NNN 2NNN 3NTT", [None, None, *["too_toxic"] * 3]),
        ({"kind": "rolling_six"}, "1NN 1NN 2TT", [None, *["too_toxic"] * 4]),
        ({"kind": "accelerated_titration"}, "1N 2N 3T 3NT", [None, None, *["too_toxic"] * 3]),
        (OWN, "2NNN 3TTT", [None, None, *["eliminated"] * 3]),
        (OWN, "1TTT", [None, *["level_1_eliminated"] * 4]),
        ({"kind": "three_plus_three"}, "1NNN 2NNT", [None] * 5),
    ],
)
def test_closed_levels_are_not_allowed(method: dict[str, Any], outcomes: str, why: list[str | None]) -> None:
    """A level that the method closed, and every level above it, is not allowed, under a code of the method."""
    design = make(method, rules=())
    assert _why(design, outcomes) == why
    assert [row.allowed for row in esc.recommend(design, outcomes).doses] == [each is None for each in why]


def _tallies(design: esc.Design, size: int) -> Tally:
    rng = np.random.default_rng(4)
    n = 3 * rng.integers(0, 3, (size, design.n_doses))
    dlt = rng.binomial(n, rng.uniform(0, 0.6, (size, design.n_doses)))
    counts = np.zeros((size, design.n_doses, len(design.outcomes)), dtype=np.int64)
    counts[:, :, 0], counts[:, :, -1] = n - dlt, dlt
    return Tally(counts)


@each_method
def test_no_decision_asks_for_a_closed_level(method: dict[str, Any]) -> None:
    """Whatever the data, in the order of a trial or not, the method never wants a level that it says is closed."""
    design = make(method, rules=())
    tally = _tallies(design, 20_000)
    # The table has no row for a level that nobody had.
    some = np.flatnonzero(tally.tried.any(axis=1))
    tally = tally.take(some)
    highest = design.n_doses - 1 - np.argmax(tally.tried[:, ::-1], axis=1)
    moves = design.method.decide(design, States(tally, highest, tally.counts[np.arange(len(tally)), highest]))
    given = np.flatnonzero(moves.next != NONE)
    seen = 0
    for code, closed in design.method.closed(design, tally):
        assert not closed[given, moves.next[given]].any(), code
        seen += int(closed.any())
    assert seen


@each_method
def test_what_is_closed_stays_closed(method: dict[str, Any]) -> None:
    """In trials that follow the design, a level closed for good is never given again; what is said once is said to the end."""
    design, rng, closings = make(method, rules=(), max_patients=30), np.random.default_rng(8), 0
    for _ in range(25):
        outcomes, closed = "", set[int]()
        found = esc.recommend(design)
        while found.next_level is not None:
            assert found.next_level not in closed
            size = found.next_cohort_size or 0
            outcomes += f" {found.next_level}" + "".join("T" if t < 0.4 else "N" for t in rng.random(size))
            found = esc.recommend(design, outcomes)
            codes = {row.level: set((row.why_not or "").split(", ")) for row in found.doses}
            now = {level for level, those in codes.items() if those & set(design.method.closes)}
            assert closed <= now
            closed = now
        closings += bool(closed)
    assert closings > 3


@each_method
def test_final_data_close_what_cannot_be_the_mtd(method: dict[str, Any]) -> None:
    """`select` marks closed levels where the method selects below them, and none where its MTD is judged otherwise."""
    design = make(method, rules=())
    out = "TTT" if method["kind"] != "accelerated_titration" else "NTT"
    doses = esc.select(design, f"1NNN 1NNN 2{out}").doses
    assert [row.allowed for row in doses] == ([True] * 5 if method is OWN else [True, *[False] * 4])


def test_the_rule_speaks_where_there_is_one() -> None:
    """With `eliminate_by_table` a level is barred by the rule alone, not twice."""
    assert _why(make(OWN), "2NNN 3TTT") == [None, None, *["eliminate_by_table"] * 3]


def test_pending_outcomes_can_take_back_no_closing() -> None:
    """Two DLTs close a level whatever is pending; a table closes one only where it would without a further DLT too."""
    rows = [(n, k, "DU" if k == n else "E" if k == 0 else "D") for n in (1, 2, 3) for k in range(n + 1)]
    design = make({"kind": "decision_table", "rows": rows}, rules=(), dlt_window=28)
    tally = Tally(np.array([[[0, 0], [1, 2], [0, 0], [0, 0], [0, 0]]]))
    assert not any(closed.any() for _, closed in design.method.closed(design, tally))
