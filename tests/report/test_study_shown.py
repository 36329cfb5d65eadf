"""What a study shows: limits, tables and pictures of means that are made up here."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from escalate.core.errors import EscalateError
from escalate.report import study_forms, study_tables
from escalate.report.study_figures import trade_off
from escalate.report.study_limits import parse_where
from escalate.report.study_means import Means, Row
from escalate.report.study_tables import duration, size
from escalate.study.grid.run import Standing


def row(number: int, method: str, choices: dict[str, Any], pcs: float | None, over: float | None = 0.3) -> Row:
    """Return a design as it is shown."""
    return Row(number, f"design {number}", method, "0" * 64, choices, {"pcs": pcs, "overdose_allocated": over})


FIELDS = ("method.p_saf", "method.prior_sd", "rules[1].cutoff")
MEANS = Means(
    title="made up",
    scenarios=20,
    families=(),
    trials=None,
    metrics=("pcs", "overdose_allocated"),
    fields=FIELDS,
    sort="pcs",
    where=(parse_where("overdose_allocated <= 0.4"),),
    rows=(row(2, "boin", {FIELDS[0]: 0.15, FIELDS[2]: 0.95}, 0.6), row(1, "crm", {FIELDS[1]: 0.8}, 0.5), row(4, "crm", {}, None)),
    others=(row(3, "crm", {FIELDS[1]: 1.2}, 0.7, 0.5),),
)  # fmt: skip


def drawn(shown: Any, width: int = 120) -> str:
    """Return a table as text, spaces aside."""
    console = Console(file=io.StringIO(), width=width)
    console.print(shown)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pcs>=0.5", "pcs >= 0.5"),
        ("  overdose_allocated <= 4e-1 ", "overdose_allocated <= 0.4"),
        ("selected_none of all levels toxic >= .7", "selected_none of all levels toxic >= 0.7"),
        ("selected_3 of a <= b <= 1", "selected_3 of a <= b <= 1"),
    ],
)
def test_a_limit_is_read_as_it_is_said(text: str, said: str) -> None:
    """A limit is read whatever its spaces; what it says is read as the same limit again."""
    assert str(parse_where(text)) == said
    assert parse_where(said) == parse_where(text)


@pytest.mark.parametrize(
    "text", ["", "pcs", "pcs > 0.5", "pcs = 0.5", "pcs >= x", "of a >= 1", "pcs of >= 1", "pcs >= 0.5, x >= 1"]
)
def test_what_is_no_limit(text: str) -> None:
    """Anything else is refused with what to write."""
    with pytest.raises(EscalateError, match="is no limit; write METRIC <= NUMBER"):
        parse_where(text)


def test_what_keeps_a_limit() -> None:
    """The bound itself is within; a mean that is not known is not."""
    most, least = parse_where("pcs <= 0.5"), parse_where("pcs >= 0.5")
    assert [most.keeps(x) for x in (0.4, 0.5, 0.6, None)] == [True, True, False, False]
    assert [least.keeps(x) for x in (0.4, 0.5, 0.6, None)] == [False, True, True, False]
    assert parse_where("pcs of a >= 0").families(("b",)) == ("a",)
    assert parse_where("pcs >= 0").families(("b",)) == ("b",)


def test_designs_of_unlike_settings() -> None:
    """Designs that vary in different settings have these in words; the head says limits and order; a mean not known is a dash."""
    text = drawn(study_tables.means(MEANS, 20))
    assert text.startswith(
        "made up: 3 of 4 designs with overdose_allocated <= 0.4, means over 20 scenarios (exact), ordered by pcs"
    )
    assert "2 boin p_saf 0.15, cutoff 0.95 0.6000 0.3000" in text
    assert "4 crm as in its file - 0.3000" in text
    assert "0.7000" not in text


def test_designs_of_like_settings() -> None:
    """Designs that vary in the same settings have a column for each; designs that vary in none their titles."""
    rows = tuple(row(k, "boin", {FIELDS[0]: 0.1 * k}, 0.5) for k in (1, 2))
    alike = replace(MEANS, rows=rows, others=(), fields=FIELDS[:1], where=(), scenarios=1, families=("a", "b"))
    text = drawn(study_tables.means(alike, 1))
    assert "2 designs, means over 1 scenario of a and b (exact)" in text
    assert "number method p_saf pcs overdose_allocated" in text
    assert "1 more; --top N shows them" in text
    bare = replace(alike, rows=tuple(replace(each, choices={}) for each in rows), fields=())
    assert "number design pcs" in drawn(study_tables.means(bare, 5))


def test_picture_of_two_metrics() -> None:
    """The picture says what it holds; designs left out and those without a mean spoil nothing; one metric is too few."""
    found = trade_off(MEANS)
    assert (
        "4 designs over 20 scenarios; filled: overdose_allocated <= 0.4. Mean pcs of each design" in found.description
    )
    with pytest.raises(EscalateError, match="needs two metrics"):
        trade_off(replace(MEANS, metrics=("pcs",)))


def test_json_has_no_nan() -> None:
    """A mean that is not known is null, and limits are said as they are read."""
    found = study_forms.means(MEANS)
    assert found["where"] == ["overdose_allocated <= 0.4"]
    assert found["left_out"] == 1
    assert [each["means"]["pcs"] for each in found["designs"]] == [0.6, 0.5, None]


def test_progress() -> None:
    """Progress says jobs, rate and what is left; before the first job it knows neither."""
    assert study_tables.progress_line(Standing(10, 2, 0, 0, 0.0)) == "2 of 10 jobs"
    line = study_tables.progress_line(Standing(1000, 200, 300, 100, 40.0))
    assert line == "500 of 1,000 jobs, 100 failed, 10.0 a second, 40 s left"
    assert study_tables.progress_line(Standing(10, 0, 10, 0, 5.0)) == "10 of 10 jobs, 2.0 a second"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.004, "0.00 s"), (59.4, "59 s"), (100, "1.7 minutes"), (float("nan"), "an unknown time")]
)
def test_times(seconds: float, said: str) -> None:
    """A time is said in the unit that people use."""
    assert duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 kB"), (999_000, "999 kB"), (1e6, "1.0 MB"), (4.2e10, "42.0 GB")])
def test_sizes(count: float, said: str) -> None:
    """A number of bytes is said in the unit that people use."""
    assert size(count) == said
