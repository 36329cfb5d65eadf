"""The replay of docs/how-to/replay-with-dates.md: a synthetic trial with dates, visit by visit."""

from __future__ import annotations

from datetime import date

import pytest

from escalate import load_design, read_dated
from escalate.core.dated_patients import DatedTrial
from escalate.study.recommend import recommend
from tests.helpers import ROOT

FOLDER = ROOT / "designs" / "late-onset"
DESIGN = load_design(FOLDER / "tvec-liver-tite-boin.yaml")
DAYS = ("2026-02-02", "2026-02-16", "2026-03-09", "2026-03-23", "2026-04-13", "2026-05-19")


def data(day: str, as_of: str | None = None) -> DatedTrial:
    return read_dated(FOLDER / "data" / f"tvec-liver-{day}-synthetic.csv", DESIGN, date.fromisoformat(as_of or day))


@pytest.mark.parametrize(
    ("day", "action", "level", "until", "open_levels"),
    [
        (DAYS[0], "suspend", None, date(2026, 2, 12), []),
        (DAYS[1], "escalate", 2, None, [1]),
        (DAYS[2], "suspend", None, date(2026, 3, 16), []),
        (DAYS[3], "stay", 2, None, [1]),
        (DAYS[4], "escalate", 3, None, [1, 2]),
        (DAYS[5], "stay", 3, None, [1, 2]),
    ],
)
def test_each_visit(day: str, action: str, level: int | None, until: date | None, open_levels: list[int]) -> None:
    """The table of the page."""
    found = recommend(DESIGN, data(day))
    assert (str(found.action), found.next_level) == (action, level)
    assert found.as_of is not None
    assert found.as_of.earliest == until
    assert [dose.level for dose in found.backfill or () if dose.open] == open_levels


def test_the_reclassified_dlt() -> None:
    """With the data of the visit before, the answer on 13 April would be to stay."""
    found = recommend(DESIGN, data(DAYS[4]), previous=data(DAYS[3], DAYS[4]))
    assert found.as_of is not None
    assert ("synthetic-05", "the DLT of 2026-03-04 is withdrawn") in [
        (c.patient, c.text) for c in found.as_of.changes or ()
    ]
    assert found.as_of.before == "stay, level 2"
    assert any("Cohort 3 was given at level 2" in note for note in found.notes)


def test_the_data_say_that_they_are_synthetic() -> None:
    """Every file and every patient is labelled."""
    files = sorted((FOLDER / "data").glob("tvec-liver-*.csv"))
    assert len(files) == len(DAYS)
    for path in files:
        assert path.stem.endswith("synthetic")
        assert all(line.startswith("synthetic-") for line in path.read_text().splitlines()[1:])
