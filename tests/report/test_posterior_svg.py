"""The plot of what is believed of each dose: numbers where they belong, and words for what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from escalate import load_design, read_dated, recommend
from escalate.report.plan import Plan
from escalate.report.posterior_svg import LEFT, ROOM, band_of, observed, posterior_plot
from tests.helpers import ROOT
from tests.report.drawn import described, lines, of_class, read

DESIGNS = ROOT / "designs"


def _rate(x: str | None) -> float:
    assert x is not None
    return (float(x) - LEFT) / ROOM


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        ("boin", "1NNN 2NNT"),
        ("crm", "1NNN 2NNT"),
        ("blrm", "1NNN 2NTT"),
        ("gboin", "1NMN 2NTM"),
        ("tvec-liver-boin", ""),
    ],
)
def test_marks_stand_where_the_recommendation_says(name: str, outcomes: str) -> None:
    """Estimates and intervals are those of the recommendation, on the axis from 0 to 1, the highest level on top."""
    design = load_design(DESIGNS / f"{name}.yaml")
    found = recommend(design, outcomes or None)
    root = read(posterior_plot(found))
    rows = [row for row in reversed(found.doses) if row.estimate is not None]
    points = of_class(root, "drawing-estimate")[: len(rows)]
    assert [_rate(node.get("cx")) for node in points] == pytest.approx([row.estimate for row in rows], abs=2e-4)
    ends = [(_rate(node.get("x1")), _rate(node.get("x2"))) for node in of_class(root, "drawing-interval")[: len(rows)]]
    assert [end for pair in ends for end in pair] == pytest.approx(
        [end for row in rows for end in (row.lower, row.upper)], abs=2e-4
    )
    assert [_rate(node.get("x1")) for node in of_class(root, "drawing-target")[: design.n_doses]] == pytest.approx(
        [design.target] * design.n_doses, abs=2e-4
    )
    shown = " ".join(lines(root))
    for row in rows:
        assert f"estimate {row.estimate:.2f} ({row.lower:.2f} to {row.upper:.2f})" in shown
        assert f"= {row.prob_overdose:.2f}" in shown
    missing = design.n_doses - len(rows)
    assert shown.count("no estimate") == (missing if rows else 0)


def test_without_any_estimate_observed_rates_alone() -> None:
    """A method that estimates nothing has hollow marks and no word of estimates."""
    design = load_design(DESIGNS / "boin.yaml")
    found = recommend(design, "1NNN")
    nothing = tuple(replace(row, estimate=None, lower=None, upper=None, prob_overdose=None) for row in found.doses)
    found = replace(found, doses=nothing)
    root = read(posterior_plot(found))
    assert not of_class(root, "drawing-estimate")
    assert "estimate" not in described(root)
    assert len([node for node in of_class(root, "drawing-hollow") if node.tag.endswith("path")]) == 2


def test_pending_patients_widen_what_was_observed() -> None:
    """The observed rate counts what was seen so far, and a line goes to where it would be with a DLT in every pending one."""
    design = load_design(DESIGNS / "late-onset" / "tvec-liver-tite-boin.yaml")
    day = date(2026, 3, 9)
    data = read_dated(DESIGNS / "late-onset" / "data" / f"tvec-liver-{day}-synthetic.csv", design, day)
    found = recommend(design, data)
    assert observed(design, found.doses[1]) == (1 / 3, 1.0)
    root = read(posterior_plot(found))
    assert "observed DLT rate so far; line: if all pending had a DLT" in lines(root)
    assert "1/3 DLTs, 2 pending" in described(root)


def test_scores_are_observed_as_scores() -> None:
    """Graded outcomes: the mean score as a part of a DLT's."""
    design = load_design(DESIGNS / "gboin.yaml")
    found = recommend(design, "1NMT")
    assert observed(design, found.doses[0]) == (0.5, 0.5)
    assert observed(design, found.doses[1]) is None


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("blrm", 0.16, 0.33, "target interval 0.16 to 0.33"),
        ("keyboard", 0.25, 0.35, "target interval 0.25 to 0.35"),
        ("mtpi2", 0.25, 0.35, "target interval 0.25 to 0.35"),
        ("boin", 0.2365, 0.3585, "stay at observed DLT rates between 0.236 and 0.359"),
    ],
)
def test_bands(name: str, low: float, high: float, words: str) -> None:
    """The target interval of a method that has one; else where its table stays."""
    found = band_of(load_design(DESIGNS / f"{name}.yaml"))
    assert found is not None
    assert found[:2] == pytest.approx((low, high), abs=1e-4)
    assert found[2] == words


@pytest.mark.parametrize("name", ["crm", "three_plus_three"])
def test_no_band(name: str) -> None:
    """A method that compares with the target alone, or with nothing, has none."""
    assert band_of(load_design(DESIGNS / f"{name}.yaml")) is None


def test_the_level_that_was_decided_stands_out() -> None:
    """It does instead of the recommended one; where nobody is treated, none does."""
    design = load_design(DESIGNS / "boin.yaml")
    found = recommend(design, "1NNN")

    def lit(plan: Plan | None) -> list[str | None]:
        return [node.get("y") for node in of_class(read(posterior_plot(found, plan=plan)), "drawing-next")]

    assert lit(Plan("decided", 2, "decided: 3 patients")) == lit(None)
    assert len(lit(Plan("decided", 1, "decided: 3 patients"))) == 1
    assert lit(Plan("decided", 1, "decided: 3 patients")) != lit(None)
    assert lit(Plan("nobody")) == []
    assert lit(Plan("proposed", 1, "proposed as the MTD")) == []
