"""Patients with dates: who is pending on a day, and every fault of such a file in one sentence."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from escalate import Design
from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import DataError
from escalate.core.read_dated import day_of, read_dated
from tests.helpers import make

HEADER = "patient,cohort,level,treated,dlt_date,last_follow_up,evaluable,reason\n"
ROWS = (
    "a,1,1,2026-01-05,,2026-02-10,,\n"
    "b,1,1,2026-01-08,2026-01-30,,,\n"
    "c,1,1,2026-01-12,,2026-01-20,0,progression\n"
    "d,2,2,2026-01-20,,2026-02-10,,\n"
)


def design() -> Design:
    return make({"kind": "boin"}, dlt_window=28)


def read(folder: Path, text: str, as_of: str = "2026-02-10") -> DatedTrial:
    path = folder / "p.csv"
    path.write_text(text)
    return read_dated(path, design(), date.fromisoformat(as_of))


def test_states_on_the_day_and_at_each_decision(tmp_path: Path) -> None:
    """Cohort 2 began on 20 January: a and b were pending then, c had left on that day."""
    trial = read(tmp_path, HEADER + ROWS)
    assert [p.name for p in trial.pending] == ["d"]
    assert trial.n_not_evaluable == 1
    history = trial.prefixes(5)
    assert history.tally.counts[:, :2].tolist() == [[[2, 0], [0, 0]], [[1, 1], [1, 0]]]
    pending = history.tally.pending
    assert pending is not None
    assert pending.count(5)[:, :2].tolist() == [[2, 0], [0, 1]]
    assert np.allclose(pending.total(5)[:, :2], [[15 / 28 + 12 / 28, 0], [0, 21 / 28]])
    assert np.isnan(pending.dlt_shares[0, 0])
    assert pending.dlt_shares[1, 0] == 22 / 28
    assert history.dose.tolist() == [0, 1]
    assert history.cohort.tolist() == [[2, 0], [1, 0]]


@pytest.mark.parametrize(("seen", "dlts", "late"), [("2026-02-02", 1, 0), ("2026-02-03", 0, 1)])
def test_the_last_day_of_the_window_counts(tmp_path: Path, seen: str, dlts: int, late: int) -> None:
    """A DLT 28 days after treatment counts with a window of 28 days; one after 29 days does not, but is named."""
    trial = read(tmp_path, HEADER + f"a,1,1,2026-01-05,{seen},,,\n")
    assert trial.cohorts[0].dlt == dlts
    assert len(trial.late) == late
    assert trial.pending == ()
    assert trial.prefixes(5).tally.pending is None


@pytest.mark.parametrize(("as_of", "n_pending"), [("2026-02-01", 1), ("2026-02-02", 0)])
def test_pending_until_the_window_is_over(tmp_path: Path, as_of: str, n_pending: int) -> None:
    """Followed for fewer days than the window is pending, as many days is not."""
    assert len(read(tmp_path, HEADER + "a,1,1,2026-01-05,,,,\n", as_of).pending) == n_pending


def test_backfill_patients_stand_beside_the_cohorts(tmp_path: Path) -> None:
    """They are in the tally, and in no cohort."""
    text = "patient,cohort,level,treated,dlt_date,backfill,response\na,1,2,2026-01-05,,0,1\nb,,1,2026-01-06,2026-01-09,1,0\n"
    trial = read(tmp_path, text)
    last = trial.last(5)
    assert last.tally.n[0, :2].tolist() == [1, 1]
    assert last.tally.dlt[0, :2].tolist() == [1, 0]
    assert last.cohort.tolist() == [[1, 0]]
    responders = trial.responders(5)
    assert responders is not None
    assert responders.tolist() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("a,1,1,,,,,", "treated: is empty"),
        ("a,1,1,05.01.2026,,,,", "treated: '05.01.2026' is not an ISO date; write year-month-day: 2026-03-31"),
        ("a,1,1,01/05/2026,,,,", "is not an ISO date"),
        ("a,1,1,20260105,,,,", "is not an ISO date"),
        ("a,1,1,2026-1-5,,,,", "is not an ISO date"),
        ("a,1,1,2026-01-05T08:00Z,,,,", "has a time of day or a time zone"),
        ("a,1,1,2026-01-05 08:00,,,,", "has a time of day or a time zone"),
        ("a,1,1,2026-02-30,,,,", "2026-02-30 is not in the calendar"),
        ("a,1,1,2025-02-29,,,,", "is not in the calendar"),
        ("a,1,1,0000-01-01,,,,", "is not in the calendar"),
        ("a,1,1,2026-01-05,2026-01-04,,,", "dlt_date: 2026-01-04 is before the treatment, 2026-01-05"),
        ("a,1,1,2026-01-05,,2026-01-04,,", "last_follow_up: 2026-01-04 is before the treatment"),
        ("a,1,1,2026-01-05,2026-01-20,2026-01-15,,", "dlt_date: 2026-01-20 is after the last follow-up, 2026-01-15"),
        ("a,1,1,2026-01-05,,2026-03-01,,", "last_follow_up: 2026-03-01 is after the day looked at, 2026-02-10"),
        ("a,1,1,2026-01-05,2026-02-11,,,", "dlt_date: 2026-02-11 is after the day looked at"),
        ("a,1,1,2026-03-05,,,,", "--as-of: 2026-02-10 is before the first patient of"),
        ("a,1,1,2026-01-05,,2026-01-20,0,", "reason: is empty; one of progression, death"),
        ("a,1,1,2026-01-05,,2026-01-20,0,moved", "reason: 'moved' is not known; one of progression, death"),
        ("a,1,1,2026-01-05,,,0,death", "last_follow_up: is empty"),
        ("a,1,1,2026-01-05,,2026-01-20,1,death", "reason: is for patients who are not evaluable"),
        ("a,1,1,2026-01-05,2026-01-20,2026-01-20,0,death", "a DLT makes a patient evaluable"),
        ("a,1,9,2026-01-05,,,,", "level: level 9 does not exist"),
        ("a,x,1,2026-01-05,,,,", "cohort: 'x' is not a whole number"),
        (",1,1,2026-01-05,,,,", "patient: is empty"),
        ("a,1,1,2026-01-05,,,,\na,1,1,2026-01-06,,,,", "'a' was already on line 2"),
        ("a,1,1,2026-01-05,,,,\nb,1,2,2026-01-06,,,,", "a cohort has one level"),
        ("a,1,1,2026-01-05,,,,\nb,2,2,2026-01-04,,,,", "cohorts are numbered in the order in which they began"),
        ("a,1,1,2026-01-05,,,,\nb,1,1,2026-02-11,,,,", "p.csv:3 treated: 2026-02-11 is after the day looked at"),
    ],
)
def test_faults(tmp_path: Path, row: str, text: str) -> None:
    """Each is one sentence with file, line and column."""
    with pytest.raises(DataError, match=r"^[^\n]+$") as fault:
        read(tmp_path, HEADER + row + "\n")
    assert text in str(fault.value)


@pytest.mark.parametrize(
    "text", ["patient,cohort,level,dlt\na,1,1,0\n", "patient,cohort,level,treated\na,1,1,2026-01-05\n"]
)
def test_columns_that_are_needed(tmp_path: Path, text: str) -> None:
    """Without dates of treatment, or of DLTs, nothing can be said of a day."""
    with pytest.raises(DataError, match="is missing"):
        read(tmp_path, text)


def test_a_design_without_a_window(tmp_path: Path) -> None:
    """The design must say how long a DLT is looked for."""
    path = tmp_path / "p.csv"
    path.write_text(HEADER + ROWS)
    with pytest.raises(DataError, match="dlt_window"):
        read_dated(path, make({"kind": "boin"}), date(2026, 2, 10))


def test_a_day() -> None:
    """A leap day is one."""
    assert day_of("2028-02-29", "x") == date(2028, 2, 29)
