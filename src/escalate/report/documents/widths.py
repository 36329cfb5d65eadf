"""How wide the columns of a table are on a page, from what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from escalate.report.svg import width_of

_PADDING: Final = 9.0
"""Points of a cell beside its text."""
_BOLD: Final = 1.15
_UNBROKEN: Final = 24
"""Letters of a word, such as a hash, that stay on one line at least."""
_WHOLE_TO: Final = 8
KEPT_ROWS: Final = 20
"""Rows up to which a table stays on one page."""
_NARROW: Final = 0.62
"""Share of the page that a table has at least."""
_NARROW_LETTERS: Final = 52


def stays_whole(text: str) -> bool:
    """Return whether a text of several words, such as `3 to 4`, is so short that it stays on one line."""
    return " " in text and len(text) <= _WHOLE_TO


def is_narrow(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a table is easier to read where it is narrower than the text.

    Examples
    --------
    >>> is_narrow([["Level", "Dose"], ["1", "10 mg"]])
    True
    """
    return sum(max(len(row[k]) for row in rows) + 3 for k in range(len(rows[0]))) <= _NARROW_LETTERS


def columns(rows: Sequence[Sequence[str]], size: float, total: float) -> tuple[float, ...]:
    """Return the widths of columns in points, which add up to the total at most; the first row is the head.

    Each column has room for its longest word, where all do. What is left goes to all columns alike until their texts stand on
    one line, so that short texts do before long ones are wide. A narrow table takes less than the total.

    Examples
    --------
    >>> text = "a long text that takes many words to say and more than one line"
    >>> [round(width) for width in columns([["Level", "Decision", "Reason"], ["1", "stay at level 1", text]], 9, 250)]
    [39, 77, 134]
    """
    head, *body = rows
    words = [_widest(_unbroken(text), _BOLD * size) for text in head]
    # A head of several words may stand on two lines.
    heads = [max(word, _widest([text], _BOLD * size) / 2) for word, text in zip(words, head, strict=True)]
    least, wanted = list(words), list(heads)
    for k in range(len(head)):
        texts = [row[k] for row in body] or [""]
        least[k] = max(words[k], _widest([word for text in texts for word in _unbroken(text)], size))
        wanted[k] = max(heads[k], least[k], _widest(texts, size))
    whole = [max(pair[0], _widest([pair[1]], _BOLD * size)) for pair in zip(wanted, head, strict=True)]
    if sum(whole) <= total:
        wanted = whole
    if is_narrow(rows):
        total = min(total, max(_NARROW * total, 1.2 * sum(wanted)))
    if sum(wanted) <= total:
        return tuple(width * total / sum(wanted) for width in wanted)
    if sum(least) >= total:
        return tuple(width * total / sum(least) for width in least)
    return _filled(least, wanted, total)


def _filled(least: list[float], wanted: list[float], total: float) -> tuple[float, ...]:
    """Return widths from the least up, all growing alike until they have what they want or the total is reached."""
    widths = list(least)
    while (left := total - sum(widths)) > 1e-6 and (
        growing := [k for k, width in enumerate(widths) if wanted[k] - width > 1e-6]
    ):
        step = min(left / len(growing), *(wanted[k] - widths[k] for k in growing))
        for k in growing:
            widths[k] += step
    return tuple(widths)


def _unbroken(text: str) -> list[str]:
    """Return the parts of a text that stay on one line, at least."""
    return [text] if stays_whole(text) else [word[:_UNBROKEN] for word in text.split(" ")]


def _widest(texts: Sequence[str], size: float) -> float:
    return _PADDING + max(width_of(text, size) for text in texts)
