"""Nouns as notebooks show them: what the terminal prints, as HTML whose every text is escaped.

The HTML holds no script, no style sheet, no id of its own and loads nothing: looks are attributes of its elements, and colours
are those of the page around it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from html import escape
from importlib import import_module
from typing import Final

from rich.console import Console, Group
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from escalate.core.errors import EscalateError
from escalate.core.shown import Shown
from escalate.report.picture import Picture

RENDERERS: Final = {
    "escalate.core.design.Design": "escalate.report.notebook_nouns.design",
    "escalate.core.patients.TrialData": "escalate.report.notebook_nouns.trial_data",
    "escalate.core.scenario.Scenario": "escalate.report.notebook_nouns.scenario",
    "escalate.study.atlas.Atlas": "escalate.report.atlas_tables.atlas",
    "escalate.study.calibration_results.Calibration": "escalate.report.calibration_tables.calibration",
    "escalate.study.check.Check": "escalate.report.tables.check",
    "escalate.study.compare.Comparison": "escalate.report.notebook_nouns.comparison",
    "escalate.study.diff.Difference": "escalate.report.diff_forms.printed",
    "escalate.study.pathways.Pathways": "escalate.report.path_tables.pathways",
    "escalate.study.prior.Prior": "escalate.report.notebook_nouns.prior",
    "escalate.study.recommend.Recommendation": "escalate.report.tables.recommendation",
    "escalate.study.results.DesignResult": "escalate.report.notebook_nouns.design_result",
    "escalate.study.results.OperatingCharacteristics": "escalate.report.tables.simulation",
    "escalate.study.select.Selection": "escalate.report.tables.selection",
    "escalate.study.table.DecisionTable": "escalate.report.tables.decision_table",
}
"""By the name of a noun, the name of what the terminal prints of it."""

PICTURES: Final = {
    "escalate.study.atlas.Atlas": "escalate.report.pictures.atlas",
    "escalate.study.calibration_results.Calibration": "escalate.report.pictures.calibration",
    "escalate.study.compare.Comparison": "escalate.report.pictures.differences",
    "escalate.study.pathways.Pathways": "escalate.report.pictures.pathway_tree",
    "escalate.study.prior.Prior": "escalate.report.notebook_nouns.prior_picture",
    "escalate.study.recommend.Recommendation": "escalate.report.pictures.dose_toxicity",
    "escalate.study.results.OperatingCharacteristics": "escalate.report.pictures.characteristics",
}
"""By the name of a noun, the name of what draws it."""
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00")

CELL: Final = "padding: 0.15em 0.7em; vertical-align: top;"
SHORT: Final = 20
"""Letters of a cell that stays on one line."""
WIDE: Final = 2000
"""Columns of what is printed line by line, so that no line is broken."""


def html(noun: Shown) -> str:
    """Return a noun as HTML.

    Raises
    ------
    TypeError
        Where nothing shows such a noun.
    """
    renderer = _entry(RENDERERS, noun)
    if renderer is None:
        raise TypeError(f"{type(noun).__name__} has no entry in RENDERERS")
    said = "".join(parts(renderer(noun)))
    return f'<div style="overflow-x: auto">{said}{_drawn(noun, said)}</div>'


def _entry(known: dict[str, str], noun: object) -> Callable[..., object] | None:
    """Return the function of a noun, or of what it derives from; None where there is none."""
    for cls in type(noun).__mro__:
        path = known.get(f"{cls.__module__}.{cls.__qualname__}")
        if path is not None:
            module, _, name = path.rpartition(".")
            found: Callable[..., object] = getattr(import_module(module), name)
            return found
    return None


def _drawn(noun: Shown, said: str) -> str:
    """Return the picture of a noun on white, because its letters are dark whatever the page; nothing where it cannot be drawn."""
    draw = _entry(PICTURES, noun)
    if draw is None:
        return ""
    # The ids of a drawing are those of its content: the same in every run, others for another noun on the page.
    about = hashlib.sha256(TIME.sub("", said).encode()).hexdigest()[:8]
    try:
        picture = draw(noun, name=f"shown-{about}")
    except EscalateError:
        return ""
    assert isinstance(picture, Picture)
    svg = picture.svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
    return f'<div style="background: #ffffff">{svg}</div>'


def parts(content: object) -> Iterator[str]:
    """Yield what the terminal prints as HTML: texts as paragraphs, tables as tables, anything else line by line."""
    if isinstance(content, Group):
        for part in content.renderables:
            yield from parts(part)
    elif isinstance(content, Text | str):
        yield from _paragraph(Text(content) if isinstance(content, str) else content)
    elif isinstance(content, Table):
        yield from _table(content)
    else:
        console = _console()
        console.print(content, crop=False)
        lines = (line.rstrip() for line in str(console.file.getvalue()).splitlines())  # type: ignore[attr-defined]
        yield f'<pre style="line-height: 1.3">{escape(chr(10).join(lines))}</pre>'


def _console() -> Console:
    # In a notebook Rich would show by itself what is asked for as text.
    return Console(
        file=io.StringIO(),
        force_jupyter=False,
        width=WIDE,
        color_system=None,
        force_terminal=False,
        markup=False,
        highlight=False,
        emoji=False,
    )


def _paragraph(text: Text) -> Iterator[str]:
    """Yield a text; blanks at its start are an indent, and one of nothing but blanks is left out."""
    plain = text.plain
    said = plain.strip()
    if not said:
        return
    start = plain.index(said[0])
    indent = start - plain.rfind("\n", 0, start) - 1
    shown = text[start : start + len(said)]
    # A text without spans is rendered without its own style otherwise.
    shown.stylize_before(shown.style)
    inner = "".join(map(_segment, shown.render(_console())))
    yield f'<p style="margin: 0.2em 0 0.2em {indent / 2:g}em">{inner}</p>'


def _segment(segment: Segment) -> str:
    said = escape(segment.text).replace("\n", "<br>")
    style = segment.style
    if style is not None and style.bold:
        return f"<strong>{said}</strong>"
    return f"<small>{said}</small>" if style is not None and style.dim else said


def _table(made: Table) -> Iterator[str]:
    """Yield a table; numbers and short cells stay on one line."""
    yield '<table style="border-collapse: collapse; margin: 0.6em 0">'
    if made.title is not None:
        yield f'<caption style="text-align: left; padding: 0.2em 0">{escape(_plain(made.title))}</caption>'
    looks = [
        f"{CELL} text-align: {column.justify if column.justify != 'default' else 'left'};" for column in made.columns
    ]
    heads = "".join(
        f'<th scope="col" style="{look} vertical-align: bottom">{escape(_plain(column.header))}</th>'
        for column, look in zip(made.columns, looks, strict=True)
    )
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for row in zip(*(column.cells for column in made.columns), strict=True):
        cells = zip(row, made.columns, looks, strict=True)
        yield "<tr>"
        for k, (cell, column, look) in enumerate(cells):
            text = _plain(cell)
            still = " white-space: nowrap;" if column.justify == "right" or len(text) <= SHORT else ""
            tag, weight = ('th scope="row"', " font-weight: normal") if k == 0 else ("td", "")
            yield f'<{tag} style="{look}{still}{weight}">{escape(text)}</{tag[:2]}>'
        yield "</tr>"
    yield "</tbody></table>"


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)
