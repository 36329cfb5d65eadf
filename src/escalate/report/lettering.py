"""Text in pictures: how wide it is, and lines that fit."""

from __future__ import annotations

import textwrap
import warnings


def inches(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide a text is in inches, in a font of so many points."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - slow to import, seldom needed
    from matplotlib.textpath import text_to_path  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks
        prop = FontProperties(size=size, weight=weight)
        width, _, _ = text_to_path.get_text_width_height_descent(text, prop, ismath=False)
    return float(width) / 72


def wrapped(text: str, size: float, weight: str, width: float) -> list[str]:
    """Return a text in lines that are no wider than so many inches, whatever its letters."""
    # Some lines have more wide letters than others.
    letters = int(0.92 * len(text) * width / max(inches(text, size, weight), 1 / 72))
    return textwrap.wrap(text, max(letters, 10)) or [""]
