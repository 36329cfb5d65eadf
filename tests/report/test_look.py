"""One look: colours come from one file, are seen by all eyes and on both grounds, and agree with the web page's."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from escalate.report import look
from escalate.report.atlas_figures import FILL, SIGN_COLOUR
from escalate.report.path_figures import STYLE
from tests.helpers import ROOT
from tests.report.seeing import CONES, contrast, distance, nearest

SOURCE = ROOT / "src" / "escalate"
CSS = (SOURCE / "web" / "static" / "escalate.css").read_text(encoding="utf-8")
DRAWING = {"svg", "ladder", "ladder_marks", "posterior_svg", "grid_svg", "figures", "comparison_figures", "path_figures",
           "patients_plot", "swimmer", "atlas_figures", "calibration_figures", "prior_figures", "by_matplotlib"}  # fmt: skip
both = pytest.mark.parametrize("shade", ["light", "dark"])


def _of(role: str, shade: str) -> str:
    found: str = getattr(look.ROLES[role], shade)
    return found


def test_colours_are_named_in_one_file() -> None:
    """No other file of the reports has a colour by its number, and no drawing has one by its English name."""
    for path in sorted((SOURCE / "report").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.stem not in {"look", "picture"}:
            assert not re.findall(r"[\"'](#[0-9A-Fa-f]{3,8})[\"']", text), path
        if path.stem in DRAWING:
            assert not re.findall(r"=\s*[\"'](white|black|red|blue|green|gr[ae]y|orange)[\"']", text), path


def test_a_colour_says_its_role() -> None:
    """No two roles share their colour on white: a style sheet could not tell them apart."""
    lights = [shade.light for shade in look.ROLES.values()]
    assert len(set(lights)) == len(lights)
    assert all(
        re.fullmatch(r"#[0-9A-F]{6}", colour) for shade in look.ROLES.values() for colour in (shade.light, shade.dark)
    )


@both
@pytest.mark.parametrize("letters", ["ink", "muted"])
@pytest.mark.parametrize("ground", ["sheet", "ground", "next-pale", "band", "amber-pale", "red-pale"])
def test_letters_can_be_read(letters: str, ground: str, shade: str) -> None:
    """Letters stand out 4.5 to 1 from whatever may lie behind them."""
    assert contrast(_of(letters, shade), _of(ground, shade)) >= 4.5


@both
@pytest.mark.parametrize(
    ("letters", "ground"),
    [
        ("sheet", "no-dlt"),
        ("on-orange", "orange"),
        ("sheet", "ink"),
        ("ink", "grey"),
        ("sheet", "brown"),
        ("dlt", "sheet"),
    ],
)
def test_letters_on_marks_can_be_read(letters: str, ground: str, shade: str) -> None:
    """So do letters and signs on filled marks, and the name of the target beside its line."""
    assert contrast(_of(letters, shade), _of(ground, shade)) >= 4.5


def test_boxes_take_letters_that_can_be_read() -> None:
    """Every box of the tree of paths, and every cell of the atlas, has letters of 4.5 to 1."""
    pairs = [*STYLE.values(), *((fill, SIGN_COLOUR.get(action, look.INK)) for action, fill in FILL.items())]
    assert all(contrast(fill, letters) >= 4.5 for fill, letters in pairs)


@both
@pytest.mark.parametrize("ground", ["sheet", "ground", "next-pale", "band"])
@pytest.mark.parametrize("mark", ["ink", "dlt", "no-dlt", "next", "pale"])
def test_marks_can_be_seen(mark: str, ground: str, shade: str) -> None:
    """Marks stand out 3 to 1 from what lies behind them."""
    assert contrast(_of(mark, shade), _of(ground, shade)) >= 3


@both
def test_series_have_an_outline_that_can_be_seen(shade: str) -> None:
    """Series are outlined in ink, which stands out 3 to 1 from the page; on dark they stand out by themselves too."""
    assert contrast(_of("ink", shade), _of("sheet", shade)) >= 3
    if shade == "dark":
        assert all(contrast(_of(role, shade), _of("sheet", shade)) >= 3 for role in look.SERIES)


@both
@pytest.mark.parametrize("cones", CONES)
def test_series_differ_for_all_eyes(cones: str, shade: str) -> None:
    """Any two series colours lie 15 or more apart, for each kind of colour vision."""
    assert nearest([_of(role, shade) for role in look.SERIES], cones) >= 15


@both
@pytest.mark.parametrize("cones", CONES)
def test_patients_with_and_without_a_dlt_differ_for_all_eyes(cones: str, shade: str) -> None:
    """Their colours lie far apart; their shapes differ too."""
    assert distance(_of("dlt", shade), _of("no-dlt", shade), cones) >= 30


def test_series_differ_in_grey() -> None:
    """On a grey printer hatches tell series apart: of eight, no two have the same, and the ninth has another colour."""
    assert len(set(look.HATCHES)) == len(look.HATCHES) == 8
    pairs = [(k % len(look.COLOURS), k % len(look.HATCHES)) for k in range(24)]
    assert len(set(pairs)) == 24


def _variables(block: str) -> dict[str, str]:
    return {name: value.upper() for name, value in re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{6});", block)}


def test_the_web_page_has_the_same_colours() -> None:
    """Variables of the page's style sheet are those of the look, light and dark; on paper the drawings are light."""
    light, dark, paper = (
        _variables(CSS.split(start, 1)[1].split("}", 1)[0])
        for start in (":root {", "prefers-color-scheme: dark) {\n  :root {", "@media print {\n  :root {")
    )
    for role, shade in look.ROLES.items():
        assert light[shade.variable] == shade.light, role
        assert dark[shade.variable] == shade.dark, role
        assert paper.get(shade.variable, shade.light) == shade.light or role in {"ink", "muted", "line", "pale"}, role
    assert look.page_rules() in CSS


def test_the_style_sheet_turns_every_mark_dark() -> None:
    """There is a rule for each class and each colour of it, on screens that ask for it, and nothing that loads."""
    sheet = look.stylesheet()
    assert sheet.startswith("@media screen and (prefers-color-scheme: dark) {")
    for mark, attributes in look.MARKS.items():
        rule = next(line for line in sheet.splitlines() if line.strip().startswith(f".{mark} {{"))
        for paint in ("fill", "stroke"):
            if attributes.get(paint) in look.ROLES:
                assert f"{paint}: {look.ROLES[attributes[paint]].dark};" in rule
    assert sheet.count("{") == sheet.count("}") == 1 + len(look.MARKS) + 2 * len(look.ROLES)
    assert not re.search(r"url|@import|http", sheet)


@pytest.mark.parametrize(("one", "other", "expected"), [("#000000", "#FFFFFF", 21.0), ("#777777", "#FFFFFF", 4.48)])
def test_contrast_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    """The measure of these tests gives the values that WCAG's own calculators give."""
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)
    assert len(list(combinations(look.SERIES, 2))) == 15
