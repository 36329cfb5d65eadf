"""Elements of drawings: every text escaped, nothing that a strict page forbids, lettering that fits."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.report.svg import LOOKS, WIDTH, Drawn, drawing, element, raised, width_of, words, wrapped
from tests.core.test_imports import loaded_by
from tests.report.drawn import read


@given(st.text())
def test_every_text_is_escaped(text: str) -> None:
    """Whatever a text holds, the drawing is one element, and what is read back is the text; control letters are replaced."""
    root = ET.fromstring(element("text", text, label=text))
    assert not list(root)
    kept = "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text)
    assert (root.text or "") == kept.replace("\r\n", "\n").replace("\r", "\n")


def test_marked_up_text_stays_text() -> None:
    """A study number with tags and quotes is shown as it is."""
    text = "<script>alert('1')</script>\"&amp;"
    made = element("g", element("title", text), name=text)
    assert "<script" not in made
    assert made.count("'") == 0
    assert said(made) == text


def said(made: str) -> str:
    """Return the text of an element."""
    return "".join(ET.fromstring(made).itertext())


@pytest.mark.parametrize("name", ["style", "onclick", "onLoad", "a b", 'x="', "1x", ""])
def test_attributes_that_a_page_forbids_are_refused(name: str) -> None:
    """No style, no handler of events, and no name that is not one."""
    with pytest.raises(ValueError, match="is no attribute of a drawing"):
        element("g", **{name: "red"})


@pytest.mark.parametrize("tag", ["style", "script", "g onload", "<", ""])
def test_elements_that_a_page_forbids_are_refused(tag: str) -> None:
    """No style sheet, no script, and no name that is not one."""
    with pytest.raises(ValueError, match="is no element of a drawing"):
        element(tag)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value: float) -> None:
    """A number that is none is an error of ours, never a drawing."""
    with pytest.raises(ValueError, match="is no place"):
        element("line", x1=value)


def test_looks_are_presentation_attributes() -> None:
    """A class brings attributes that a style sheet can override, and that a caller can."""
    node = ET.fromstring(element("rect", look="drawing-next", stroke="none"))
    assert node.attrib == {"class": "drawing-next", **_hyphens("drawing-next"), "stroke": "none"}
    assert all(name.startswith("drawing") for name in LOOKS)


def _hyphens(look: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in LOOKS[look].items()}


def test_a_drawing_says_what_it_shows() -> None:
    """Title and description come first and are what its names point to; it is one text that templates leave alone."""
    made = drawing("a", "Title <1>", "In words", 30, [words(4, 20, "x")])
    root = read(made)
    assert root.get("viewBox") == f"0 0 {WIDTH:g} 30"
    assert isinstance(made, Drawn)
    assert made.__html__() == made
    assert not isinstance(made + "<", Drawn)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "Zs")), max_size=80), st.integers(30, 300))
def test_lines_fit(text: str, width: int) -> None:
    """No line is wider than asked for, unless it is a single letter, and no letter is lost."""
    found = wrapped(text, 14, width)
    assert all(width_of(line, 14) <= width or len(line) == 1 for line in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


def test_parts_with_no_break_space_stay_together() -> None:
    """A line is broken at a blank, never at a no-break space."""
    assert wrapped("one two\N{NO-BREAK SPACE}three", 12, 80) == ["one", "two\N{NO-BREAK SPACE}three"]


def test_nothing_heavy_is_loaded() -> None:
    """What the pages draw with loads neither Numba nor Matplotlib, pandas or rich."""
    names = ("svg", "ladder", "posterior_svg", "decision_grid", "next_cohort", "sentences")
    found = loaded_by("; ".join(f"import escalate.report.{name}" for name in names))
    assert "numpy" in found
    assert found.isdisjoint({"numba", "matplotlib", "pandas", "rich", "pymc", "arviz", "django"})


def test_powers() -> None:
    """Powers are raised, with their sign; a caret before letters is left."""
    assert raised("2 x 10^-3 mg, 10^12, a^b") == "2 x 10⁻³ mg, 10¹², a^b"
