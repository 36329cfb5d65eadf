"""The page that figures of documents are drawn for: its size, its letters, and what goes on one page."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import Final

WIDTH: Final = 6.25
"""Inches of a figure, on A4 with the margins of our documents."""
HEIGHT: Final = 8.3
"""Inches of a figure that leaves room for its caption."""
LETTERS: Final = 8.0
"""Points of the smallest letters; a figure of this size is printed as it is drawn."""


def spread(n: int, most: int) -> list[range]:
    """Return n things in as few parts as hold no more than so many, the parts as equal as can be.

    Examples
    --------
    >>> spread(6, 5), spread(5, 5)
    ([range(0, 3), range(3, 6)], [range(0, 5)])
    """
    parts = max(ceil(n / max(most, 1)), 1)
    ends = [round(n * k / parts) for k in range(parts + 1)]
    return [range(start, end) for start, end in pairwise(ends)]
