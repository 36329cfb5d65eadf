"""Every figure as a picture: drawings that strict pages hold, words that say what is seen, files alike each time."""

from __future__ import annotations

import builtins
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pypdf
import pytest

import escalate as esc
from escalate.core.clock import load_clock
from escalate.core.errors import EscalateError
from escalate.core.method import TableMethod
from escalate.core.patients import from_outcomes
from escalate.report import look, picture_files, pictures, plots
from escalate.report.by_matplotlib import Plotted
from escalate.report.picture import Picture
from escalate.report.plan import Plan
from escalate.report.svg import width_of
from escalate.study.trace import trace
from tests.helpers import ROOT, make
from tests.report.drawn import SVG, lines, read, said, texts

DESIGNS = sorted((ROOT / "designs").glob("*.yaml")) + sorted((ROOT / "designs" / "late-onset").glob("*.yaml"))
NASTY = "<script>alert('1')</script> & \"quotes\" $\\frac{1}{2}$ 剂量 " + "long " * 26
SECOND = "1NNN 2NTT 1NNT"


def _design(n_doses: int = 5, **settings: Any) -> esc.Design:
    return make({"kind": "boin"}, n_doses, **{"max_patients": 12, **settings})


def _trial(design: esc.Design, outcomes: str = SECOND, **how: Any) -> Picture:
    found = esc.recommend(design, outcomes)
    return pictures.trial_so_far(design, from_outcomes(outcomes, design, design.outcomes), found, **how)


@cache
def _simulated(title: str = "BOIN", n_designs: int = 3, n_doses: int = 5) -> Any:
    designs = [
        make({"kind": kind}, n_doses, max_patients=6, title=f"{title} {kind}") for kind in ("boin", "mtpi", "ccd")
    ]
    rates = tuple(round(0.3 * (j + 1) / n_doses + 0.02, 6) for j in range(n_doses))
    return esc.simulate(designs[:n_designs], [esc.Scenario(name=title, dlt=rates)], exact=True)


@cache
def _dated() -> tuple[esc.Design, Any]:
    folder = ROOT / "designs" / "late-onset"
    design = esc.load_design(folder / "tvec-liver-tite-boin.yaml")
    data = sorted((folder / "data").glob("tvec*.csv"))[0]
    return design, esc.read_dated(data, design, date(2026, 3, 31))


def _blrm(title: str) -> esc.Design:
    return esc.load_design(ROOT / "designs" / "blrm.yaml").model_copy(update={"title": title})


def _story(title: str = "a") -> Plotted:
    folder = ROOT / "simulations" / "durations"
    design = esc.load_design(folder / "designs" / "tite_boin.yaml").model_copy(update={"title": title})
    truth = esc.Scenario(name=title, dlt=(0.05, 0.1, 0.3, 0.45, 0.6))
    return plots.swimmer(trace(design, truth, load_clock(folder / "clocks" / "fast.yaml"), 1, 1)[0])


PLOTTED: dict[str, Callable[[str], Plotted]] = {
    "characteristics": lambda title: plots.characteristics(_simulated(title)),
    "differences": lambda title: plots.differences(_simulated(title).comparison),
    "pathway_tree": lambda title: plots.pathway_tree(esc.paths(_design(title=title))),
    "priors": lambda title: plots.priors([esc.prior(_blrm(title))]),
    "atlas": lambda title: plots.atlas(esc.atlas(_design(3, title=title))),
    "swimmer": _story,
    "patients": lambda title: plots.patients(_dated()[0].model_copy(update={"title": title}), _dated()[1]),
}  # fmt: skip
NUMBERS = {
    "characteristics": r"BOIN boin selects level 1 \d+\.\d%.*none \d+\.\d%",
    "differences": r"BOIN mtpi: correct selection [+-]\d\.\d{3}",
    "pathway_tree": r"Tree of \d+ paths through the next 2 cohorts\. Next: 3 patients at level 1\. .*1/3 \(25\.0%\): stay at",
    "priors": r"level 1 0\.\d{3}, level 2",
    "atlas": r"over \d+ reachable states",
    "swimmer": r"\d+ patients \(\d+ at level 1.*\d+ with a DLT",
    "patients": r"\d+ patients \(\d+ at level 1.*\d+ with a DLT",
}


def _check_plotted(picture: Picture) -> ET.Element:
    """Return the root of a picture by Matplotlib after checking that a strict page holds it and a style sheet reaches it."""
    root = ET.fromstring(picture.svg)
    assert (root.tag, root.get("role"), root.get("aria-label")) == (f"{SVG}svg", "img", picture.description)
    assert [float(v) for v in root.get("viewBox", "").split()[2:]] == pytest.approx(
        [picture.width, picture.height], abs=0.1
    )
    assert [float(root.get(n, 0)) for n in ("width", "height")] == pytest.approx(
        [picture.width, picture.height], abs=0.1
    )
    ids = [node.get("id", "") for node in root.iter() if node.get("id")]
    assert len(set(ids)) == len(ids)
    assert all(name.startswith(f"{picture.name}-") for name in ids)
    known = {role: shade.light.lower() for role, shade in look.ROLES.items()}
    for node in root.iter():
        assert node.tag in {
            f"{SVG}{tag}" for tag in ("svg", "g", "path", "use", "defs", "clipPath", "pattern", "rect")
        }, node.tag
        for name, value in node.attrib.items():
            assert name != "style"
            assert not name.startswith(("on", "{"))
            if name == "href" or "url(" in value:
                inner = value[1:] if name == "href" else re.fullmatch(r"url\(#([^)]+)\)", value)
                assert (inner if isinstance(inner, str) else inner and inner[1]) in ids
            if name in {"fill", "stroke"} and value != "none" and "url(" not in value:
                role = next((role for role, colour in known.items() if colour == value.lower()), None)
                assert role, value
                assert f"drawing-{name}-{role}" in node.get("class", "").split()
    return root


@pytest.mark.parametrize("kind", PLOTTED)
def test_plotted(kind: str) -> None:
    """No style, script or address; each colour is a role's and has its class; the words have the main numbers; PNG and PDF too."""
    plotted = PLOTTED[kind]("BOIN")
    _check_plotted(plotted.picture)
    assert re.search(NUMBERS[kind], plotted.description), plotted.description
    assert plotted.picture.png(0.5).startswith(b"\x89PNG")
    assert plotted.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("kind", PLOTTED)
def test_nasty_titles_stay_text(kind: str) -> None:
    """A title with tags, quotes, formulas and letters that the font lacks is drawn without a warning and said as it is."""
    picture = PLOTTED[kind](NASTY).picture
    _check_plotted(picture)
    assert "<script" not in picture.svg


@pytest.mark.parametrize("kind", PLOTTED)
def test_the_same_bytes_whatever_the_settings(kind: str) -> None:
    """A user's own settings of Matplotlib change nothing, and are as they were afterwards."""
    import matplotlib as mpl

    one = PLOTTED[kind]("BOIN").picture.svg
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "none", "hatch.color": "blue"}):
        assert PLOTTED[kind]("BOIN").picture.svg == one
        assert mpl.rcParams["font.size"] == 20


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_every_example_design(path: Path) -> None:
    """Dose and toxicity, trial so far, and decision table of each design: held by strict pages, with their numbers in words."""
    design = esc.load_design(path)
    letters = "".join((design.outcomes[0].letter,) * design.cohort_size)
    for outcomes in ("", f"{design.start_level}{letters}") if design.dlt_window is None else ("",):
        data = from_outcomes(outcomes, design, design.outcomes) if outcomes else None
        found = esc.recommend(design, outcomes)
        for alone in (False, True):
            drawn = pictures.dose_toxicity(found, alone=alone)
            _check_drawn(drawn)
            assert f"0/{design.cohort_size} DLTs" in drawn.description or not outcomes
            assert all(f"Level {level} (" in drawn.description for level in range(1, design.n_doses + 1))
            trial = pictures.trial_so_far(design, data, found, alone=alone)
            _check_drawn(trial)
            assert f"{design.cohort_size if outcomes else 0} patient" in trial.description
            head = lines(ET.fromstring(drawn.svg))[0]
            assert head.startswith(("Level", "Treat", "Stop", "Give", "Wait")), head
    try:
        grid = pictures.decision_grid(design, alone=True)
    except EscalateError:
        assert not isinstance(design.method, TableMethod)
    else:
        _check_drawn(grid)
        assert re.search(r"\d+ patients: escalate at 0", grid.description)


def _check_drawn(picture: Picture) -> ET.Element:
    """Return the root of a drawing after checking it, that no two lines of text touch, and that its size is its own."""
    root = read(picture.svg)
    assert (float(root.get("width", 0)), float(root.get("height", 0))) == (picture.width, picture.height)
    assert picture.description
    shift = {id(text): _shift(group) for group in root.iter(f"{SVG}g") if _shift(group) for text in texts(group)}
    boxes = []
    for text in texts(root):
        size, x, y = (float(text.get(name, 0)) for name in ("font-size", "x", "y"))
        wide = 0.8 * width_of(said(text), size)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "start")]
        base = y + shift.get(id(text), 0.0)
        assert base < picture.height
        boxes.append((left, left + wide, base - 0.75 * size, base, said(text)))
    for one, other in combinations(boxes, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2], (one, other)
    return root


def _shift(group: ET.Element) -> float:
    found = re.fullmatch(r"translate\(0 ([\d.]+)\)", group.get("transform", ""))
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("n_doses", [1, 2, 9, 60])
def test_few_levels_and_many(n_doses: int) -> None:
    """From 1 level to 60 no words touch or leave the drawing."""
    design = _design(n_doses, title=NASTY)
    outcomes = "1NNN 1NNT" if n_doses == 1 else "1NNN 2NTT 1NNT"
    for drawn in (
        pictures.dose_toxicity(esc.recommend(design, outcomes), alone=True),
        _trial(design, outcomes, alone=True),
        pictures.decision_grid(design, alone=True),
    ):
        _check_drawn(drawn)
        assert "<script" not in drawn.svg


@pytest.mark.parametrize("n_doses", [2, 12])
def test_many_levels_in_characteristics(n_doses: int) -> None:
    """Selection and allocation are drawn for few levels and for many, and every level is in the words."""
    picture = pictures.characteristics(_simulated("x", 2, n_doses))
    _check_plotted(picture)
    assert f"level {n_doses} " in picture.description


@pytest.mark.parametrize("cohort_size", [1, 3])
def test_decision_tables_of_large_trials(cohort_size: int) -> None:
    """A table with many counts is wider, and its letters are no smaller."""
    _check_drawn(pictures.decision_grid(_design(3, max_patients=60, cohort_size=cohort_size), alone=True))


def test_rows_left_out_are_told() -> None:
    """What the table does not show it says, and what its codes mean where there is no level below or above."""
    picture = pictures.decision_grid(_design(3, max_patients=60, cohort_size=1))
    assert (
        "Shown for 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 12 patients; the whole table has 60 rows, for 1 to 60."
        in picture.description
    )
    assert (
        "At level 1 there is no level below, and DU stops the trial; at level 3 there is none above."
        in picture.description
    )


def test_decision_table_that_differs_between_levels() -> None:
    """Levels alike share a grid and are named over it; all cells are said in the words."""
    design = _design(3, rules=[{"kind": "eliminate"}, {"kind": "extra_safe"}], max_patients=30)
    picture = pictures.decision_grid(design)
    named = [text for text in lines(ET.fromstring(picture.svg)) if text.startswith("Level")]
    assert named == ["Level 1", "Levels 2 to 3"]
    assert "Level 1: " in picture.description
    assert "Levels 2 to 3: " in picture.description


def test_what_was_decided_stands_out() -> None:
    """With a decision, its level stands out, in the picture as on the page."""
    found = esc.recommend(_design(), "1NNN")
    plan = Plan("decided", 1, "decided: 3 patients")
    assert pictures.dose_toxicity(found, plan=plan).svg != pictures.dose_toxicity(found).svg


def test_two_pictures_on_a_page() -> None:
    """Names start the ids, so that two of a kind stand on one page."""
    found = _simulated()
    one, two = (pictures.characteristics(found, name=name) for name in ("one", "two"))
    first, second = (
        {node.get("id") for node in ET.fromstring(each.svg).iter() if node.get("id")} for each in (one, two)
    )
    assert first
    assert first.isdisjoint(second)


def test_a_file_of_its_own_says_what_it_is() -> None:
    """Alone, a picture has the recommendation and the design's title above it, on paper; on a page it has neither."""
    found = esc.recommend(_design(title="My trial"), "1NNN")
    alone, placed = (lines(ET.fromstring(pictures.dose_toxicity(found, alone=k).svg)) for k in (True, False))
    assert alone[:3] == ["Treat the next 3 patients at level 2 (2 mg):", "escalate.", "My trial"]
    assert alone[3:] == placed


def test_no_patients_to_draw() -> None:
    """A swimmer plot of nobody is refused."""
    design, data = _dated()
    with pytest.raises(EscalateError, match="there are no patients to draw"):
        pictures.patients(design, replace(data, patients=()))


def test_a_method_without_a_table() -> None:
    """Where decisions depend on all levels there is no grid to draw, and the error says so."""
    with pytest.raises(EscalateError, match="crm: has no decision table to draw"):
        pictures.decision_grid(esc.load_design(ROOT / "designs" / "crm.yaml"))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ImportError("No module named 'weasyprint'"), "PDF needs the Python package weasyprint"),
        (OSError("cannot load library 'libpango-1.0-0'"), "install the packages libpango-1.0-0 and libpangoft2-1.0-0"),
    ],
    ids=["package", "library"],
)
def test_pdf_needs_its_libraries(fault: Exception, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where WeasyPrint or Pango is missing, a sentence names the packages and nothing is written."""
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "weasyprint":
            raise fault
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(EscalateError, match=said):
        picture_files.save(pictures.decision_grid(_design()), tmp_path / "x.pdf")
    assert not list(tmp_path.iterdir())


def test_pdf_has_its_size_and_its_letters() -> None:
    """The page is as large as the picture, and its letters are text, in the font that comes along."""
    picture = pictures.dose_toxicity(esc.recommend(_design(), "1NNN"), alone=True)
    made = picture_files.picture_pdf(picture)
    assert made == picture_files.picture_pdf(picture)
    (page,) = pypdf.PdfReader(io.BytesIO(made)).pages
    assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(
        (picture.width, picture.height), abs=1
    )
    assert "Treat the next 3 patients at level 2" in page.extract_text()
    resources: Any = page["/Resources"]
    fonts = {str(font.get_object()["/BaseFont"]).split("+")[1] for font in resources["/Font"].values()}
    assert fonts == {"Picture", "Picture-Bold"}


def test_counts_of_one_are_singular_in_descriptions() -> None:
    """One cohort of one patient is not `1 cohorts` of `1 patients`."""
    from escalate.report.picture_words import pathways

    design = make({"kind": "boin"}, 3, cohort_size=1, max_patients=6)
    said = pathways(esc.paths(design, cohorts=1))
    assert said.startswith("Tree of 2 paths through the next cohort. Next: 1 patient at level 1.")
