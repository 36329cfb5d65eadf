"""What notebooks show of the nouns."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

import escalate as esc
from escalate.core.patients import from_outcomes
from escalate.core.shown import Shown
from escalate.report import notebook
from tests.helpers import ROOT

NASTY: Final = "<script>alert('1')</script> & \"5 < 6\" [bold]x[/bold]"
VOID: Final = {"br", "path", "line", "rect", "circle", "polygon", "polyline"}


class Reader(HTMLParser):
    """Reads HTML, refusing what is not nested, and keeps its texts, tags, attributes and tables."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag, unless it holds nothing."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself, as SVG writes them."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)
        if self.open and self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(self.texts)


def shown(noun: Any) -> Reader:
    """Return what a notebook shows of a noun, read."""
    return Reader(noun._repr_html_())


@cache
def boin(title: str = "BOIN & co", **settings: Any) -> esc.Design:
    """Return a small design."""
    return esc.Design.from_dict(
        {
            "title": title,
            "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0), "labels": ("a <b>", "c & d", "e")},
            "target": 0.3,
            "max_patients": 12,
            "method": {"kind": "boin"},
            **settings,
        }
    )


@cache
def blrm() -> esc.Design:
    """Return a design with a prior."""
    return esc.load_design(ROOT / "designs" / "blrm.yaml")


@cache
def truths() -> tuple[esc.Scenario, ...]:
    """Return two truths, one with a name that is none."""
    return esc.Scenario(name=NASTY, dlt=(0.1, 0.3, 0.5)), esc.Scenario(name="toxic", dlt=(0.5, 0.6, 0.7))


@cache
def simulated() -> Any:
    """Return operating characteristics of two designs."""
    return esc.simulate([boin(NASTY), boin("other", max_patients=9)], truths())


NOUNS: Final[dict[str, Callable[[], Any]]] = {
    "design": lambda: boin(NASTY),
    "scenario": lambda: truths()[0],
    "data": lambda: from_outcomes("1NNN 2NNT", boin()),
    "no data": lambda: from_outcomes("", boin()),
    "start": lambda: esc.recommend(boin(NASTY)),
    "recommendation": lambda: esc.recommend(boin(NASTY), "1NNN 2NNT"),
    "stop": lambda: esc.recommend(boin(NASTY), "1TTT"),
    "blrm": lambda: esc.recommend(blrm(), "1NNN 2NNT"),
    "selection": lambda: esc.select(boin(NASTY), "1NNN 2NNT"),
    "no mtd": lambda: esc.select(boin(NASTY), "1TTT"),
    "table": lambda: esc.table(boin(NASTY)),
    "check": lambda: esc.check(boin(NASTY)),
    "difference": lambda: esc.diff(boin(NASTY), boin("other", max_patients=9)),
    "simulation": simulated,
    "one design": lambda: simulated().designs[0],
    "comparison": lambda: simulated().comparison,
    "pathways": lambda: esc.paths(boin(NASTY), "1NNN"),
    "prior": lambda: esc.prior(blrm()),
    "atlas": lambda: esc.atlas(boin(NASTY)),
    "calibration": lambda: esc.calibrate(boin(NASTY), truths(), {"method.p_tox": (0.4, 0.45)}),
}


@cache
def noun(name: str) -> Any:
    """Return one of the nouns, made once."""
    return NOUNS[name]()


@pytest.mark.parametrize("name", NOUNS)
def test_every_noun_is_shown(name: str) -> None:
    """Each noun gives HTML that is well nested, holds no script, style sheet, handler or address, and says something."""
    found = shown(noun(name))
    assert {"script", "style", "link", "img", "iframe", "b"}.isdisjoint(found.tags)
    for key, value in found.attributes:
        assert not key.startswith("on")
        assert key not in {"src", "class"} or (key == "class" and str(value).startswith("drawing"))
        assert key.startswith("xmlns") or "http" not in str(value)
        assert "href" not in key or str(value).startswith("#shown-")
        assert "url(" not in str(value) or "url(#shown-" in str(value)
        assert key != "id" or str(value).startswith("shown-")
    assert len(found.text.strip()) > 10


@pytest.mark.parametrize(
    "name", ["design", "recommendation", "table", "check", "difference", "simulation", "one design", "comparison"]
)
def test_titles_are_shown_as_they_are(name: str) -> None:
    """A title that would be HTML, or a mark of the terminal's, is shown letter by letter."""
    assert NASTY in shown(noun(name)).text


@pytest.mark.parametrize("name", NOUNS)
def test_python_shows_one_line(name: str) -> None:
    """In Python each noun is one line that can be read."""
    line = repr(noun(name))
    assert "\n" not in line
    assert len(line) < 150
    assert re.match(r"\w+\(.+\)$", line)


def test_every_noun_has_an_entry() -> None:
    """Whatever says that it is shown is, and every entry names a noun and a function that are there."""
    kinds = {type(noun(name)) for name in NOUNS}
    names = {f"{cls.__module__}.{cls.__qualname__}" for cls in kinds}
    assert names == set(notebook.RENDERERS)
    assert set(notebook.PICTURES) <= names
    assert all(issubclass(cls, Shown) for cls in kinds)


def test_a_noun_without_entry_is_refused() -> None:
    """Something new that nobody shows is told by its name."""
    with pytest.raises(TypeError, match="Shown has no entry"):
        notebook.html(Shown())


def test_numbers_of_a_recommendation() -> None:
    """The table of doses holds the numbers of the recommendation, and the picture its estimates."""
    made = esc.recommend(boin(), "1NNN 2NNT")
    found = shown(made)
    rows = {row[0]: row for row in found.rows}
    for dose in made.doses:
        row = rows[str(dose.level)]
        assert row[2] == f"{dose.dlts}/{dose.patients}"
        assert row[3] == ("-" if dose.estimate is None else f"{dose.estimate:.3f}")
    assert made.reasons[0].text in found.text
    assert "svg" in found.tags


def test_numbers_of_a_simulation() -> None:
    """The tables of characteristics hold those that the noun has, to four decimals where exact."""
    made = simulated()
    rows = shown(made).rows
    selected = [row for row in rows if row[0] == "selected as MTD"]
    expected = [
        [f"{value:.4f}" for value, _ in result.characteristics.of(v, "selected")]
        for result in made.designs
        for v in range(2)
    ]
    assert [row[1:4] for row in selected] == expected


def test_numbers_of_a_table() -> None:
    """The decision table holds the cut-offs."""
    table = esc.table(boin())
    rows = shown(table).rows[1:]
    for row, made in zip(rows, table.rows, strict=False):
        cuts = (made.escalate_if_dlts_at_most, made.deescalate_if_dlts_at_least, made.eliminate_if_dlts_at_least)
        assert row[:4] == [str(made.patients), *("-" if cut is None else f"{cut:g}" for cut in cuts)]


def test_numbers_of_data() -> None:
    """Cohorts are shown with level, patients and DLTs."""
    assert shown(from_outcomes("1NNN 2NNT", boin())).rows[1:] == [["1", "1", "3", "0"], ["2", "2", "3", "1"]]


def test_probabilities_of_a_scenario() -> None:
    """A scenario is shown with all that it has."""
    made = esc.Scenario(name="a", family="f", dlt=(0.1, 0.25), outcomes={"M": (0.2, 0.3)}, response=(0.4, 0.3))
    found = shown(made)
    assert [row[1:] for row in found.rows[1:]] == [["0.1", "0.25"], ["0.2", "0.3"], ["0.4", "0.3"]]
    assert "a (family: f)" in found.text


def test_dated_data(tmp_path: Path) -> None:
    """Patients with dates are shown as known on the day: DLT, pending, none, not evaluable, backfill."""
    design = esc.Design.from_dict({**boin().to_dict(), "method": {"kind": "tite_boin"}, "dlt_window": 28, "rules": []})
    file = tmp_path / "p.csv"
    file.write_text(
        "patient,cohort,level,treated,dlt_date\n<i>1,1,1,2026-01-01,2026-01-08\n2,1,1,2026-01-02,\n3,1,1,2026-01-29,\n"
    )
    made = esc.read_dated(file, design, as_of=date(2026, 2, 5))
    found = shown(made)
    assert [row[-1] for row in found.rows[1:]] == ["DLT on 2026-01-08", "no DLT", "pending, 25% of the window seen"]
    assert found.rows[1][0] == "<i>1"
    assert "as known on 2026-02-05" in found.text
    assert repr(made) == "DatedTrial(3 patients, 1 cohort)"


def test_words_are_those_of_the_terminal() -> None:
    """Bold and dim texts keep their weight, indents stay, blank lines go, and what has no HTML of its own is kept line by line."""
    made = Table("a", title="t <")
    made.add_row("x & y")
    text = Text("warning: ", style="bold red").append(Text("<plain>", style="default not bold"))
    joined = "".join(notebook.parts(Group(Text(), text, Text("  in", style="dim"), made, Tree("a <"))))
    assert "<strong>warning: </strong>&lt;plain&gt;" in joined
    assert "1em" in joined
    assert "<small>in</small>" in joined
    assert "x &amp; y" in joined
    assert "t &lt;" in joined
    assert '1.3">a &lt;</pre>' in joined
    assert joined.count("<p ") == 2


def test_inside_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Jupyter, where Rich shows by itself what it prints, a tree still stands where it belongs."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    found = shown(esc.paths(boin(), "1NNN", cohorts=1))
    assert found.text.index("Probabilities are predicted") < found.text.index("├── 0/3")
