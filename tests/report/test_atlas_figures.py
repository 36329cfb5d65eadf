"""The picture of the safety atlas: nothing is cut, nothing overlaps, every reachable cell is there."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import escalate as esc
from escalate.report import atlas_figures
from escalate.study.atlas_cells import ACTIONS
from tests.helpers import ROOT, make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 3}, "estimate": "plug_in"}
DRAWN = {
    "boin": make({"kind": "boin"}),
    "crm": make(CRM),
    "three_plus_three": make({"kind": "three_plus_three"}),
    "mtpi": make({"kind": "mtpi"}),
    "one level": make({"kind": "boin"}, 1, max_patients=9),
    "many levels": make({"kind": "three_plus_three"}, 12, max_patients=72),
    "cohorts of one": make({"kind": "boin"}, 3, cohort_size=1, max_patients=24),
    "more than fit": make({"kind": "boin"}, 1, cohort_size=1, max_patients=60),
    "tvec": esc.load_design(ROOT / "designs" / "tvec-liver-boin.yaml"),
    "long names": make({"kind": "boin"}, max_patients=12, title="A long title " * 15),
    "graded": make({"kind": "gboin"}, 3, max_patients=12),
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_cut_and_nothing_overlaps(name: str) -> None:
    """Every piece of text lies within the page and touches no other."""
    figure = atlas_figures.atlas(esc.atlas(DRAWN[name]))
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    page = figure.bbox
    boxes = []
    for text in figure.findobj(Text):
        box = text.get_window_extent(canvas.get_renderer())
        if text.get_text() and text.get_visible() and box.width:
            assert page.x0 <= box.x0 < box.x1 <= page.x1, text.get_text()
            assert page.y0 <= box.y0 < box.y1 <= page.y1, text.get_text()
            boxes.append((text.get_text(), box))
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, (one, other)


def test_every_cell_is_drawn() -> None:
    """Colours of every reachable cell, an outline and letters for each questionable one."""
    found = esc.atlas(DRAWN["boin"])
    figure = atlas_figures.atlas(found)
    panels = [ax for ax in figure.axes if ax.get_label() != atlas_figures.LEGEND]
    assert len(panels) == DRAWN["boin"].n_doses
    for level, ax in enumerate(panels, start=1):
        cells = [cell for cell in found.cells if cell.level == level]
        fills, outlines = (drawn for drawn in ax.collections if isinstance(drawn, PolyCollection))
        assert len(fills.get_paths()) == sum(len(atlas_figures.actions_drawn(cell)) for cell in cells)
        questioned = [cell for cell in cells if cell.kinds]
        assert len(outlines.get_paths()) == len(questioned)
        assert sorted(len(text.get_text()) for text in ax.texts) == sorted(len(cell.kinds) for cell in questioned)
        signs = sum(np.size(line.get_xdata()) for line in ax.lines)
        assert signs == len(fills.get_paths())


def test_actions_can_be_told_apart_in_grey() -> None:
    """Shades of actions differ in luminance, and so do their signs."""
    shades = sorted(float(np.dot(to_rgb(fill), (0.299, 0.587, 0.114))) for fill in atlas_figures.FILL.values())
    # The two palest, a trial that is complete in number and one that goes on, differ least.
    assert min(np.diff(shades)) > 0.025
    assert sorted(np.diff(shades))[1] > 0.1
    assert len(set(atlas_figures.SIGN.values())) == len(atlas_figures.FILL) == len(ACTIONS)
