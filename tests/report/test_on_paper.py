"""Figures of documents: no wider than the text and no longer than a page, with letters that are printed as large as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from docx.shared import Pt
from matplotlib.figure import Figure as Drawing

import escalate as esc
from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import EscalateError
from escalate.report import comparison_figures, on_paper, paper_figures, path_figures, patients_plot
from escalate.report.documents.blocks import Figure
from escalate.report.documents.docx_styles import TEXT_WIDTH
from escalate.report.documents.inline_svg import size_in_text
from escalate.report.paper import HEIGHT, LETTERS, WIDTH
from tests.helpers import ROOT, make
from tests.report.reading import check_readable

NAME = "a scenario with a name of more than eighty letters that says what a sponsor thinks of it"
LONG = "A long title of a design, with the number of its protocol XYZ-123-456 and of its seventh amendment"
METHODS = ("boin", "mtpi", "mtpi2", "tpi", "keyboard", "i3p3", "ccd", "three_plus_three")


def _check_page(drawing: Drawing) -> None:
    """Check that a figure fits the page as it is drawn, and can be read."""
    width, height = (float(each) for each in drawing.get_size_inches())
    assert width <= WIDTH
    assert height <= HEIGHT + 1e-9
    check_readable(drawing, LETTERS)


def _study(designs: int, n_doses: int, scenarios: int, title: str = "") -> Any:
    made = [make({"kind": kind}, n_doses, max_patients=6, title=f"{kind} {title}") for kind in METHODS[:designs]]
    truths = [
        esc.Scenario(
            name=f"{k} {NAME if k == 0 else 'short'}", dlt=tuple(round(0.045678 * (j + 1), 4) for j in range(n_doses))
        )
        for k in range(scenarios)
    ]
    return esc.simulate(made, truths, exact=True)


@pytest.mark.parametrize(
    ("designs", "n_doses", "scenarios", "title", "figures"),
    [(1, 3, 5, "", 1), (3, 3, 6, "", 2), (3, 6, 2, "", 1), (2, 10, 4, "", 2), (8, 3, 4, LONG, 2), (1, 20, 1, "", 1)],
)
def test_characteristics(designs: int, n_doses: int, scenarios: int, title: str, figures: int) -> None:
    """Five scenarios fit a page; more, many doses or many designs take several, and every scenario is in one of them."""
    found = _study(designs, n_doses, scenarios, title)
    drawn = paper_figures.characteristics(found)
    assert len(drawn) == figures
    assert [v for _, shown in drawn for v in shown] == list(range(scenarios))
    for drawing, _ in drawn:
        _check_page(drawing)


def test_many_doses_are_below_each_other() -> None:
    """Where the labels of the levels have no room side by side, the panels are below each other, and the note says so."""
    assert paper_figures.notes(_study(1, 3, 1))[0].startswith("Left: how often each level is selected as the MTD")
    assert paper_figures.notes(_study(1, 12, 1))[0].startswith("Upper: how often each level is selected as the MTD")


@pytest.mark.parametrize("designs", [2, 8])
def test_differences_and_distributions(designs: int) -> None:
    """Panels stand in rows of two, on as many pages as they need."""
    found = _study(designs, 3, 13, "a name of that length")
    assert found.comparison is not None
    for drawing in (
        *comparison_figures.differences_on_paper(found.comparison), *comparison_figures.distributions_on_paper(found)
    ):  # fmt: skip
        _check_page(drawing)


def _trees() -> Iterator[tuple[esc.Pathways, int]]:
    for name, outcomes, cohorts, figures in (
        ("tvec-liver-boin", "1NNN 2NNT 2NNN", 1, 1),
        ("tvec-liver-crm", "", 2, 1),
        ("tvec-liver-boin", "1NNN", 3, 4),
        ("gboin", "", 1, 1),
    ):
        yield esc.paths(esc.load_design(ROOT / "designs" / f"{name}.yaml"), outcomes, cohorts=cohorts), figures


def test_trees() -> None:
    """One, two and three cohorts fit the width; what is longer than a page is drawn outcome by outcome, none left out."""
    for found, figures in _trees():
        drawn = path_figures.pathways_on_paper(found)
        assert len(drawn) == figures
        assert [node.id for _, firsts in drawn for node in firsts] == [node.id for node in found.next_cohort]
        for drawing, _ in drawn:
            width, height = (float(each) for each in drawing.get_size_inches())
            assert width <= WIDTH
            assert height <= HEIGHT
            _check_boxes(drawing)


def _check_boxes(drawing: Drawing) -> None:
    """Boxes keep their distance, and what a box says lies in it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patches import FancyBboxPatch

    check_readable(drawing, LETTERS)
    renderer = FigureCanvasAgg(drawing).get_renderer()  # type: ignore[no-untyped-call]
    (ax,) = drawing.axes
    boxes = [p.get_window_extent(renderer) for p in ax.patches if isinstance(p, FancyBboxPatch)]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])
        for text in (each.get_window_extent(renderer) for each in ax.texts):
            inside = box.x0 <= text.x0 and text.x1 <= box.x1 and box.y0 <= text.y0 and text.y1 <= box.y1
            assert inside or not box.overlaps(text)


def test_a_tree_that_no_page_holds() -> None:
    """A tree wider than the page is refused in a sentence."""
    found = esc.paths(make({"kind": "boin"}, 3, max_patients=12), cohorts=4)
    with pytest.raises(EscalateError, match="wider than a page"):
        path_figures.pathways_on_paper(found)


def _dated(n: int) -> DatedTrial:
    folder = ROOT / "designs" / "late-onset"
    design = esc.load_design(folder / "tvec-liver-tite-boin.yaml")
    data = esc.read_dated(sorted((folder / "data").glob("tvec*.csv"))[0], design, date(2026, 3, 31))
    first, one = date(2026, 1, 5), data.patients[0]
    them = [replace(one, name=f"P{k:03d}", treated=first + timedelta(days=k), dlt=None) for k in range(n)]
    return replace(data, patients=tuple(them))


@pytest.mark.parametrize(("n", "figures"), [(0, 0), (6, 1), (60, 2)])
def test_patients(n: int, figures: int) -> None:
    """Patients with dates are drawn on as many pages as they need, with the same days below each other."""
    drawn = patients_plot.patients_on_paper(_dated(n))
    assert len(drawn) == figures
    assert len({drawing.axes[0].get_xlim() for drawing in drawn}) == min(figures, 1)
    for drawing in drawn:
        _check_page(drawing)


def _figures() -> Iterator[list[Figure]]:
    found = _study(2, 3, 6)
    yield list(on_paper.characteristics("oc", "Selection", found))
    yield list(on_paper.differences("gaps", "Differences", found.comparison))
    yield list(on_paper.patients("days", "Follow-up", _dated(60)))
    design = esc.load_design(ROOT / "designs" / "tvec-liver-boin.yaml")
    yield list(on_paper.pathway_tree("tree", "Outcomes", esc.paths(design, cohorts=3)))


def test_figures_of_a_document() -> None:
    """Each page is a figure with its own key, those after the first `continued`; none is made smaller on the page."""
    for made in _figures():
        first, *others = made
        assert [each.key for each in others] == [f"{first.key}-{k}" for k in range(2, len(made) + 1)]
        assert [each.caption for each in others] == [f"{first.caption} (continued)"] * len(others)
        for each in made:
            picture = each.picture
            assert each.picture.name == each.key
            assert picture.description
            assert size_in_text(picture, (TEXT_WIDTH / Pt(1), 600.0)) == (picture.width, picture.height)


def test_a_part_says_what_it_shows() -> None:
    """The words of a page are those of its own scenarios, and of its own outcomes."""
    one, two = on_paper.characteristics("oc", "Selection", _study(1, 3, 6))
    assert "2 short" in one.picture.description
    assert "3 short" not in one.picture.description
    assert "3 short" in two.picture.description
