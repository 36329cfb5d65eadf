"""Whether a drawing by Matplotlib can be read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def check_readable(figure: Figure, smallest: float = 0.0) -> None:
    """Check that no text is cut, touches another, or has letters of fewer points than so many."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    page, boxes, beyond = figure.bbox, [], set(_beyond(figure))
    for text in figure.findobj(Text):
        if not isinstance(text, Text) or id(text) in beyond or not _is_shown(text):
            continue
        box = text.get_window_extent(canvas.get_renderer())
        if box.width:
            assert float(text.get_fontsize()) >= smallest, text.get_text()
            assert page.x0 <= box.x0 < box.x1 <= page.x1, text.get_text()
            assert page.y0 <= box.y0 < box.y1 <= page.y1, text.get_text()
            boxes.append((text.get_text(), box))
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, (one, other)


def _beyond(figure: Figure) -> Iterator[int]:
    """Yield the labels of ticks that lie beyond the ends of their axis, and are not drawn."""
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        yield from (id(tick.label1) for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high)


def _is_shown(text: Text) -> bool:
    return bool(text.get_text()) and text.get_visible() and (text.axes is None or text.axes.get_visible())
