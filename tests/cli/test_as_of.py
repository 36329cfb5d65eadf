"""`recommend --as-of`: the command on real files, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import DESIGN, escalate, write

DATED = DESIGN + "dlt_window: 28\n"
TEXT = "patient,cohort,level,treated,dlt_date\na,1,1,2026-01-05,\nb,1,1,2026-01-08,\nc,1,1,2026-01-12,\n"


def answer(folder: Path, *arguments: str) -> dict[str, Any]:
    done = escalate("recommend", "d.yaml", *arguments, "--json", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_wait_and_what_changed(tmp_path: Path) -> None:
    """The JSON has the day, the pending patients and the end of the wait; `--previous` the change and the answer before."""
    write(tmp_path, d_yaml=DATED, p_csv=TEXT, q_csv=TEXT.replace("2026-01-08,", "2026-01-08,2026-01-20"))
    found = answer(tmp_path, "p.csv", "--as-of", "2026-02-02")
    assert (found["action"], found["next_level"], found["earliest_change"]) == ("suspend", None, "2026-02-09")
    assert [p["patient"] for p in found["pending"]] == ["b", "c"]
    assert found["doses"][0]["pending"] == 2
    changed = answer(tmp_path, "q.csv", "--as-of", "2026-02-12", "--previous", "p.csv")
    assert (changed["action"], changed["next_level"], changed["answer_before_changes"]) == (
        "stay",
        1,
        "escalate, level 2",
    )
    assert [change["patient"] for change in changed["changes"]] == ["b"]
    shown = escalate("recommend", "d.yaml", "p.csv", "--as-of", "2026-02-02", cwd=tmp_path).stdout
    assert shown.startswith("Suspend accrual")
    assert "2026-02-09" in shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["p.csv"], "say which day is looked at: --as-of"),
        (["p.csv", "--as-of", "2.2.2026"], "--as-of: '2.2.2026' is not an ISO date"),
        (["p.csv", "--as-of", "2025-12-31"], "is before the first patient of p.csv was treated, 2026-01-05"),
        (["--outcomes", "1NNN", "--as-of", "2026-02-02"], "outcome strings have no dates"),
        (["--as-of", "2026-02-02"], "goes with a file of patients"),
        (["p.csv", "--previous", "p.csv"], "--previous: needs --as-of"),
        (["u.csv", "--as-of", "2026-02-02"], "column 'treated' is missing"),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], text: str) -> None:
    """One sentence, exit code 2."""
    write(tmp_path, d_yaml=DATED, p_csv=TEXT, u_csv="patient,cohort,level,dlt\na,1,1,0\n")
    done = escalate("recommend", "d.yaml", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert done.stdout == ""
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("window", ["0", "-3", "2.5", "soon"])
def test_a_window_is_a_number_of_days(tmp_path: Path, window: str) -> None:
    """A window of zero is refused where the design is read."""
    write(tmp_path, d_yaml=DESIGN + f"dlt_window: {window}\n", p_csv=TEXT)
    done = escalate("recommend", "d.yaml", "p.csv", "--as-of", "2026-02-02", cwd=tmp_path)
    assert done.code == 2
    assert "dlt_window" in done.stderr
