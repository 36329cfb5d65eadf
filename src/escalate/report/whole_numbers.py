"""Tables that fold text between words and never break a number, however narrow the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Column

LONGEST = 28
"""Letters of a word that is never broken. No number has more; an identifier or a name may."""
_WORD: Final = re.compile(r"[-+]?[\d.]+ x 10\^\S+|\S+")
"""A number with a power of ten is one word."""


class WholeNumbers(Table):
    """A table whose words are kept whole; wider than the terminal where they do not fit, for a cut number is a wrong one."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        between = self._extra_width + sum(self._get_padding_width(k) for k in range(len(self.columns)))
        widths = _widths(self.columns, options.max_width - between)
        for column, width in zip(self.columns, widths, strict=True):
            column.width = width
        yield from super().__rich_console__(console, options.update_width(sum(widths) + between))


def _widths(columns: list[Column], room: int) -> list[int]:
    """Return a width for each column: text gives way first, then pairs of numbers fold, and words never break."""
    cells = [[_plain(cell) for cell in (column.header, *column.cells)] for column in columns]
    natural = [max(map(cell_len, texts)) for texts in cells]
    least = [
        max((min(cell_len(word), LONGEST) for text in texts for word in _WORD.findall(text)), default=1)
        for texts in cells
    ]
    text = [k for k, column in enumerate(columns) if column.justify == "left"]
    floor = [least[k] if k in text else width for k, width in enumerate(natural)]
    if sum(floor) > room:
        floor = least
    widths = [natural[k] if k in text else width for k, width in enumerate(floor)]
    while sum(widths) > room and any(widths[k] > floor[k] for k in text):
        widths[max((k for k in text if widths[k] > floor[k]), key=lambda k: widths[k])] -= 1
    return widths


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def table(*columns: str, title: str | None = None) -> WholeNumbers:
    """Return an empty table: text in its first column, numbers to the right in the others."""
    made = WholeNumbers(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for k, column in enumerate(columns):
        made.add_column(column, justify="left" if k == 0 else "right", overflow="fold")
    return made
