"""What is computed from the record is what `escalate recommend` computes from the same data in a file."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from escalate.conduct import deciding, entering, store
from escalate.conduct.analysis import current, selected
from escalate.conduct.bodies import PatientRow
from escalate.conduct.snapshot import data_of, data_sha256, snapshot
from escalate.core.files import read_design
from escalate.core.patients import read_patients
from escalate.core.read_dated import read_dated
from escalate.study.forms import recommendation as form
from escalate.study.recommend import recommend
from escalate.study.select import select
from tests.conduct.acting import BOIN, CRM, GRADED, TITE, ana, begin
from tests.helpers import ROOT

pytestmark = pytest.mark.usefixtures("record")
DATA = ROOT / "designs" / "data"
LATE = ROOT / "designs" / "late-onset"
PLAIN = [
    (BOIN, DATA / "tvec-liver-synthetic.csv"),
    (CRM, DATA / "tvec-liver-synthetic.csv"),
    (GRADED, DATA / "tvec-liver-graded-synthetic.csv"),
    (ROOT / "designs" / "tvec-liver-ordinal.yaml", DATA / "tvec-liver-ordinal-synthetic.csv"),
]
DATED = [path for path in sorted((LATE / "data").glob("*.csv")) if re.search(r"\d{4}-\d{2}-\d{2}", path.name)]


def rows_of(path: Path) -> list[PatientRow]:
    found = []
    for line in csv.DictReader(path.read_text().splitlines()):
        row: dict[str, Any] = {key: value for key, value in line.items() if value != ""}
        for name in ("level", "cohort"):
            if name in row:
                row[name] = int(row[name])
        for name in ("dlt", "evaluable", "backfill", "response"):
            if name in row:
                row[name] = row[name] == "1"
        found.append(PatientRow(**row))
    return found


def fill(trial: str, design: Path, path: Path, day: date | None = None) -> None:
    """Enter a file, cohort by cohort; where a cohort is not as decided, as a deviation."""
    begin(trial, design)
    rows = rows_of(path)
    for cohort in dict.fromkeys(row.cohort for row in rows):
        now = [row for row in rows if row.cohort == cohort]
        try:
            entering.enter(trial, now, ana, as_of=day)
        except Exception:
            entering.enter(trial, now, ana, as_of=day, deviation="As it happened")


def without_time(answer: Any) -> dict[str, Any]:
    found = form(answer)
    return {**found, "provenance": {key: value for key, value in found["provenance"].items() if key != "time"}}


@pytest.mark.parametrize(("design", "path"), PLAIN, ids=lambda path: path.stem)
def test_designs_without_dates(design: Path, path: Path, tmp_path: Path) -> None:
    """Record and file give the same data, hash, recommendation and MTD."""
    fill("tvec", design, path)
    state = store.load("tvec")
    file, kept = tmp_path / "data.csv", read_design(design)
    file.write_text(snapshot(state), newline="")
    data = read_patients(file, kept.design, kept.design.outcomes)
    assert data == data_of(state, None)
    assert data.cohorts == read_patients(path, kept.design, kept.design.outcomes).cohorts
    assert data.sha256 == data_sha256(state)
    assert without_time(current(state)) == without_time(recommend(kept.design, data, design_sha256=kept.sha256))
    assert selected(state).mtd_level == select(kept.design, data).mtd_level
    analysed = deciding.analyse("tvec", ana).content
    assert analysed["data"] == file.read_text()
    assert analysed["data_sha256"] == analysed["recommendation"]["provenance"]["data_sha256"] == data.sha256


@pytest.mark.parametrize("path", DATED, ids=lambda path: path.stem[-20:-10])
def test_designs_with_dates(path: Path, tmp_path: Path) -> None:
    """The same for dated designs, on the day that the file is of."""
    found = re.search(r"\d{4}-\d{2}-\d{2}", path.name)
    assert found is not None
    day = date.fromisoformat(found[0])
    design = LATE / "tvec-liver-tite-boin.yaml"
    fill("dated", design, path, day)
    state = store.load("dated")
    file, kept = tmp_path / "data.csv", read_design(design)
    file.write_text(snapshot(state), newline="")
    data = read_dated(file, kept.design, day, kept.design.outcomes)
    assert data == data_of(state, day)
    assert data.patients == read_dated(path, kept.design, day, kept.design.outcomes).patients
    assert without_time(current(state, day)) == without_time(recommend(kept.design, data, design_sha256=kept.sha256))


def test_before_the_first_patient() -> None:
    """Without patients the answer is that of the design alone."""
    for trial, design in (("plain", BOIN), ("dated", TITE)):
        begin(trial, design)
        kept = read_design(design)
        answer = without_time(current(store.load(trial)))
        wanted = without_time(recommend(kept.design, design_sha256=kept.sha256))
        assert (answer["action"], answer["next_level"], answer["next_cohort_size"]) == ("start", 1, 3)
        assert {k: v for k, v in answer.items() if k not in ("as_of", "provenance")} == {
            k: v for k, v in wanted.items() if k not in ("as_of", "provenance")
        }


def test_looking_writes_nothing() -> None:
    """A recommendation that is looked at is not recorded; one that is recorded is computed from the same data."""
    fill("tvec", BOIN, PLAIN[0][1])
    head = store.load("tvec").head
    current(store.load("tvec"))
    selected(store.load("tvec"))
    assert store.load("tvec").head == head
