"""Each outcome of the next cohort: what `escalate paths` says, and what `recommend` says once it has happened."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from escalate import Design, load_design, paths, recommend
from escalate.core.dated_patients import DatedTrial
from escalate.core.read_dated import parse_dated
from escalate.report.next_cohort import next_cohort
from tests.helpers import ROOT, make

DESIGNS = ROOT / "designs"
CASES = [
    (name, outcomes)
    for name in ("boin", "crm", "three_plus_three", "keyboard", "mtpi2", "i3p3", "rolling_six", "iboin", "tvec-liver-boin",
                 "blrm", "crm-gamma", "tpi", "ccd", "constant", "decision_table")
    for outcomes in ("", "1NNN", "1NNN 2NNT", "1NNN 2NNN 3TTT", "1NNN 2NNN 3TTT 2NNN", "1NNN 2TTN 3NNN")
]  # fmt: skip
GRADED = [("gboin", "1NMN 2NTM"), ("gboin", ""), ("accelerated_titration", "1N 2M"), ("ordinal_crm", "1NMN")]


@pytest.mark.parametrize(("name", "outcomes"), [*CASES, *GRADED])
def test_rows_are_those_of_the_paths(name: str, outcomes: str) -> None:
    """Action, level, MTD, size, bars and reasons agree with `paths` for each outcome, in its order."""
    design = load_design(DESIGNS / f"{name}.yaml")
    found = next_cohort(design, outcomes or None, recommend(design, outcomes or None))
    nodes = paths(design, outcomes or None, cohorts=1).next_cohort
    assert [row.outcomes for row in found.rows] == [node.outcomes for node in nodes]
    for row, node in zip(found.rows, nodes, strict=True):
        assert (row.action, row.next_level, row.mtd_level, row.next_cohort_size, row.barred_levels, row.reasons) == (
            node.action, node.next_level, node.mtd_level, node.next_cohort_size, node.barred_levels, node.reasons
        )  # fmt: skip
    assert (found.why_none is None) == bool(nodes)


@pytest.mark.parametrize("name", ["boin", "crm", "three_plus_three"])
def test_rows_are_what_is_recommended_then(name: str) -> None:
    """When the outcome has come, `recommend` says the same."""
    design = load_design(DESIGNS / f"{name}.yaml")
    before = "1NNN 2NNT"
    found = next_cohort(design, before, recommend(design, before))
    assert found.size
    for row in found.rows:
        letters = "N" * row.outcomes[0] + "T" * row.outcomes[1]
        then = recommend(design, f"{before} {found.level}{letters}")
        assert (row.action, row.next_level, row.mtd_level, row.reasons) == (
            then.action, then.next_level, then.mtd_level, then.reasons
        )  # fmt: skip


def test_words() -> None:
    """Rows read as sentences, with the dose by its label, and letters with names where outcomes are graded."""
    tvec = load_design(DESIGNS / "tvec-liver-boin.yaml")
    rows = next_cohort(tvec, "1NNN", recommend(tvec, "1NNN")).rows
    assert [row.text for row in rows] == [
        "0 of 3 have a DLT", "1 of 3 has a DLT", "2 of 3 have a DLT", "3 of 3 have a DLT"
    ]  # fmt: skip
    assert rows[0].sentence == "Escalate to level 3 (8 x 10^8 PFU; 10^8 PFU/mL, up to 8 mL)."
    assert rows[3].sentence == (
        "De-escalate to level 1 (4 x 10^7 PFU; 10^7 PFU/mL, up to 4 mL); levels 2 and 3 are barred for good."
    )
    assert rows[0].because == "0/3 DLTs at level 2, a rate of 0.0000, is at most lambda_e = 0.2365: escalate."
    graded = load_design(DESIGNS / "gboin.yaml")
    assert next_cohort(graded, None, recommend(graded)).rows[1].text == "NNM: 2 none or mild, 1 moderate"


def test_no_next_cohort() -> None:
    """A trial that stops has none, and says so; nor are a thousand outcomes listed."""
    design = make({"kind": "boin"})
    found = next_cohort(design, "1TTT", recommend(design, "1TTT"))
    assert (found.level, found.rows) == (None, ())
    assert found.why_none == "The trial stops: there is no next cohort."
    large = load_design(DESIGNS / "gboin.yaml").model_copy(update={"cohort_size": 20})
    many = next_cohort(large, None, recommend(large))
    assert many.rows == ()
    assert many.why_none == "A cohort of 20 with 3 outcomes has 231 results, too many to list."


@pytest.mark.parametrize(("before", "decided", "completes"), [
    ("1NNN", (1, 2), False),
    ("1NNN", (3, 3), False),
    ("1NNN 2NT", (2, 1), True),
    ("1NNN 2NNN 3TTT", (2, 4), False),
])  # fmt: skip
def test_rows_of_what_was_decided_are_what_is_recommended_then(
    before: str, decided: tuple[int, int], completes: bool
) -> None:
    """Where another cohort was decided than recommended, each row is what `recommend` says once that cohort is there."""
    design = make({"kind": "boin"})
    found = next_cohort(design, before, recommend(design, before), decided=decided, completes=completes)
    assert (found.level, found.size) == decided
    assert len(found.rows) == decided[1] + 1
    for row in found.rows:
        letters = "N" * row.outcomes[0] + "T" * row.outcomes[1]
        then = recommend(design, f"{before}{letters}" if completes else f"{before} {decided[0]}{letters}")
        assert (row.action, row.next_level, row.mtd_level) == (then.action, then.next_level, then.mtd_level)
        assert row.next_cohort_size == then.next_cohort_size


TITE = {"max_patients": 30, "dlt_window": 28}
START = date(2026, 1, 5)


def _csv(rows: list[tuple[str, str, int, date, date | None]]) -> bytes:
    head = "patient,cohort,level,treated,dlt_date,backfill\n"
    return (head + "".join(
        f"{name},{cohort},{level},{treated},{dlt or ''},{0 if cohort else 1}\n" for name, cohort, level, treated, dlt in rows
    )).encode()  # fmt: skip


def _trial(design: Design, rows: list[tuple[str, str, int, date, date | None]], day: date) -> DatedTrial:
    return parse_dated(_csv(rows), "test", design, day)


def _day(days: int) -> date:
    return START + timedelta(days=days)


FULL = [(f"a{k}", "1", 1, _day(k), None) for k in range(3)]
SECOND = [*FULL, ("b1", "2", 2, _day(35), None), ("b2", "2", 2, _day(36), _day(40)), ("b3", "2", 2, _day(37), None)]
BACKFILLED = [*SECOND, ("x1", "", 1, _day(38), None), ("x2", "", 1, _day(38), None)]


@pytest.mark.parametrize(
    ("kind", "rows", "day", "extra"),
    [
        ({"kind": "tite_boin"}, FULL, 35, {}),
        ({"kind": "tite_boin"}, SECOND, 63, {}),
        ({"kind": "tite_boin"}, SECOND, 70, {}),
        ({"kind": "tite_crm", "model": "power", "skeleton": {"half_width": 0.05, "prior_mtd": 3}, "estimate": "plug_in"},
         SECOND, 50, {"rules": ()}),
        ({"kind": "boin"}, SECOND, 70, {}),
        ({"kind": "bf_boin"}, BACKFILLED, 70, {"backfill": {"activity": "none"}}),
        ({"kind": "bf_boin"}, BACKFILLED, 70, {"backfill": {"activity": "none"}, "max_patients": 9}),
        ({"kind": "tite_boin"}, FULL[:2], 40, {}),
        ({"kind": "rolling_six"}, SECOND[:5], 70, {}),
    ],
    ids=["start", "pending", "complete", "tite_crm", "waits-for-all", "backfill", "backfill-last", "part", "rolling"],
)  # fmt: skip
def test_dated_rows_are_what_is_recommended_then(
    kind: dict[str, Any], rows: list[tuple[str, str, int, date, date | None]], day: int, extra: dict[str, Any]
) -> None:
    """Of a trial with dates: the same as `recommend`, once the cohort and all before it are followed to the end."""
    design = make(kind, **{**TITE, **extra})
    trial = _trial(design, rows, _day(day))
    now = recommend(design, trial)
    found = next_cohort(design, trial, now)
    assert found.rows
    assert found.size
    completes = now.reasons[0].code == "complete_cohort"
    number = str(len({cohort for _, cohort, *_ in rows if cohort}) + (not completes))
    for row in found.rows:
        dlts = row.outcomes[1]
        more = [
            (f"n{k}", number, found.level or 0, _day(day), _day(day + 5) if k < dlts else None)
            for k in range(found.size)
        ]
        then = recommend(design, _trial(design, [*rows, *more], _day(day + 28)))
        assert (row.action, row.next_level, row.mtd_level, row.next_cohort_size, row.reasons) == (
            then.action, then.next_level, then.mtd_level, then.next_cohort_size, then.reasons
        )  # fmt: skip
    assert bool(found.notes)
    assert completes == (found.notes[0] == "The cohort under way is completed.")


def test_a_wait_has_no_next_cohort_yet() -> None:
    """While accrual waits the next cohort is not known."""
    design = make({"kind": "boin"}, **TITE)
    trial = _trial(design, SECOND, _day(45))
    found = next_cohort(design, trial, recommend(design, trial))
    assert found.rows == ()
    assert found.why_none == "Accrual waits for pending outcomes: what the next cohort gets is not known yet."
