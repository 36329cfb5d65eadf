"""The picture of a prior: nothing is cut, nothing overlaps, every number is drawn."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.text import Text

import escalate as esc
from escalate.core.moves import Action
from escalate.report import prior_figures
from escalate.report.path_figures import STYLE
from escalate.report.prior_tables import stops
from tests.helpers import ROOT, make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 3}, "estimate": "plug_in"}
GRADED = esc.load_design(ROOT / "designs" / "ordinal_crm.yaml")
DRAWN = {
    "graded": [GRADED],
    "five levels": [make(CRM)],
    "one level": [make({**CRM, "skeleton": (0.3,)}, 1, max_patients=9)],
    "twelve levels": [make({**CRM, "skeleton": tuple(np.linspace(0.05, 0.7, 12).tolist())}, 12)],
    "twenty levels": [make({**CRM, "skeleton": tuple(np.linspace(0.02, 0.7, 20).tolist())}, 20, cohort_size=1)],
    "large cohorts": [make(CRM, cohort_size=12)],
    "long title": [make(CRM, title="A long title " * 15)],
    "strong": [make({**CRM, "prior_sd": 0.05})],
    "vague": [make({**CRM, "prior_sd": 8.0})],
    "tvec": [esc.load_design(ROOT / "designs" / f"tvec-liver-{kind}.yaml") for kind in ("crm", "blrm")],
    "blrm": [esc.load_design(ROOT / "designs" / "blrm.yaml")],
    "large amounts": [make(CRM, doses={"unit": "PFU", "levels": (1e6, 2.5e7, 1.25e8, 4.375e8, 1e10)})],
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_cut_and_nothing_overlaps(name: str) -> None:
    """Every piece of text lies within the page and touches no other, and no bar runs into another's number."""
    figure = prior_figures.priors([esc.prior(design) for design in DRAWN[name]])
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    page = figure.bbox
    boxes = []
    for text in figure.findobj(Text):
        box = text.get_window_extent(canvas.get_renderer())
        if text.get_text().strip() and text.get_visible() and box.width:
            assert page.x0 <= box.x0 < box.x1 <= page.x1, text.get_text()
            assert page.y0 <= box.y0 < box.y1 <= page.y1, text.get_text()
            boxes.append((text.get_text(), box))
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, (one, other)


def test_what_is_drawn() -> None:
    """Medians and intervals, the two distributions of the MTD, and one box for each number of DLTs, coloured by what follows."""
    found = esc.prior(DRAWN["tvec"][0])
    figure = prior_figures.priors([found])
    toxicity, mtd, decisions = figure.axes
    medians = [float(np.asarray(line.get_ydata())[0]) for line in toxicity.lines if line.get_marker() == "o"]
    assert medians == [dose.quantiles[2] for dose in found.doses]
    assert found.mtd is not None
    assert found.mtd.nearest is not None
    heights = [bar.get_height() for bar in mtd.patches if isinstance(bar, Rectangle)]
    assert heights == [found.mtd.none, *found.mtd.levels, *found.mtd.nearest]
    boxes = [patch for patch in decisions.patches if isinstance(patch, Rectangle)][::2]
    fills = [box.get_facecolor()[:3] for box in boxes]
    assert fills == [to_rgb(STYLE[outcome.action][0]) for outcome in found.first_cohort]


def test_colours_can_be_told_apart_in_grey() -> None:
    """The two distributions are hatched and plain, and the fills of decisions differ in luminance."""
    figure = prior_figures.priors([esc.prior(DRAWN["five levels"][0])])
    bars = figure.axes[1].patches
    assert {bar.get_hatch() or "" for bar in bars} == {"", "////"}
    shades = sorted(
        float(np.dot(to_rgb(fill), (0.299, 0.587, 0.114)))
        for action, (fill, _) in STYLE.items()
        if action is not Action.START
    )
    assert min(np.diff(shades)) > 0.15


def test_too_many_designs() -> None:
    """More than eight designs on a page are refused with their number."""
    found = esc.prior(DRAWN["five levels"][0])
    with pytest.raises(esc.EscalateError, match="9 designs, and 8 are the most"):
        prior_figures.priors([found] * 9)


def test_grades_that_matter_are_not_hidden() -> None:
    """Where what follows a number of DLTs depends on the other grades, the strip and the sentence below say so."""
    found = esc.prior(GRADED)
    follows = {
        one.dlts: {other.next_level for other in found.first_cohort if other.dlts == one.dlts}
        for one in found.first_cohort
    }
    drawn = [text.get_text() for text in prior_figures.priors([found]).axes[2].texts]
    assert drawn.count(prior_figures.DEPENDS) == sum(len(levels) > 1 for levels in follows.values()) > 0
    assert stops(found).startswith("Some outcomes of the first cohort, from 2 DLTs on, end the trial")
