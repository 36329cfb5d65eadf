"""Pictures: the right kind of file, the same bytes each time, and nothing replaced unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

import escalate as esc
from escalate.core.patients import from_outcomes
from escalate.report.ladder import ladder, ladder_patients
from escalate.report.posterior_svg import posterior_plot
from tests.cli.run import DESIGN, SCENARIO, escalate, snapshot, write

RECOMMEND = ("recommend", "d.yaml", "--outcomes", "1NNN 2NTT 1NNT")
SIMULATE = ("simulate", "d.yaml", "--scenarios", "s.yaml")
TABLE = ("table", "d.yaml")
PATHS = ("paths", "d.yaml")
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}
both = pytest.mark.parametrize("arguments", [RECOMMEND, SIMULATE], ids=["recommend", "simulate"])
drawn = pytest.mark.parametrize(
    "arguments", [RECOMMEND, SIMULATE, TABLE, PATHS], ids=["recommend", "simulate", "table", "paths"]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a design and a scenario file."""
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO)
    return tmp_path


@drawn
@pytest.mark.parametrize("kind", sorted(MAGIC))
def test_picture(arguments: tuple[str, ...], kind: str, folder: Path) -> None:
    """A picture of the kind that the name says, the same bytes on repetition, beside the same printed answer."""
    first = escalate(*arguments, "--plot", f"one.{kind}", cwd=folder)
    assert (first.code, first.stderr) == (0, "")
    assert escalate(*arguments, "--plot", f"two.{kind}", cwd=folder).code == 0
    one, two = ((folder / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one.startswith(MAGIC[kind])
    assert one == two
    assert sorted(path.name for path in folder.iterdir()) == ["d.yaml", f"one.{kind}", "s.yaml", f"two.{kind}"]


@both
def test_existing_picture_is_kept(arguments: tuple[str, ...], folder: Path) -> None:
    """A file that exists is refused and left as it is; --force replaces it."""
    write(folder, x_png=b"mine")
    before = snapshot(folder)
    refused = escalate(*arguments, "--plot", "x.png", cwd=folder)
    assert (refused.stdout, refused.code) == ("", 2)
    assert refused.stderr == "error: x.png: exists already; use --force to replace it\n"
    assert snapshot(folder) == before
    assert escalate(*arguments, "--plot", "x.png", "--force", cwd=folder).code == 0
    assert (folder / "x.png").read_bytes().startswith(MAGIC["png"])


@both
@pytest.mark.parametrize("name", ["x.txt", "x.jpg", "x", ".png", "x.png.gz"])
def test_other_endings_are_refused(arguments: tuple[str, ...], name: str, folder: Path) -> None:
    """A name without one of the three endings is refused before any work is done, and nothing is written."""
    before = snapshot(folder)
    done = escalate(*arguments, "--plot", name, cwd=folder)
    assert (done.stdout, done.code) == ("", 2)
    assert done.stderr == f"error: {name}: a picture's name ends in .png, .svg, .pdf\n"
    assert snapshot(folder) == before


def test_picture_before_the_first_patient(folder: Path) -> None:
    """There is a picture of a trial that has not begun, too."""
    done = escalate("recommend", "d.yaml", "--plot", "x.svg", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert (folder / "x.svg").read_text().rstrip().endswith("</svg>")


def test_no_picture_of_a_failure(folder: Path) -> None:
    """Where the command fails, no picture is left."""
    before = snapshot(folder)
    assert escalate("recommend", "d.yaml", "--outcomes", "9NNN", "--plot", "x.png", cwd=folder).code == 2
    assert snapshot(folder) == before


@both
def test_folder_named_as_a_picture(arguments: tuple[str, ...], folder: Path) -> None:
    """A directory is refused even with --force, and is left alone."""
    (folder / "x.png").mkdir()
    done = escalate(*arguments, "--plot", "x.png", "--force", cwd=folder)
    assert (done.stdout, done.code) == ("", 2)
    assert "is a directory" in done.stderr
    assert list((folder / "x.png").iterdir()) == []


@pytest.mark.parametrize("title", ["cost $5 and $6", "$x_$ 5", r"$\frac$", "a_b^c", "100%"])
@pytest.mark.parametrize("arguments", [SIMULATE, RECOMMEND], ids=["simulate", "recommend"])
def test_names_are_text_not_formulas(title: str, arguments: tuple[str, ...], folder: Path) -> None:
    """Dollar signs in a title or a scenario's name are dollar signs."""
    write(
        folder,
        d_yaml=DESIGN.replace("title: small", f"title: '{title}'"),
        s_yaml=SCENARIO.replace("name: a", f"name: '{title}'"),
    )
    done = escalate(*arguments, "--plot", "x.png", cwd=folder)
    assert (done.code, done.stderr) == (0, "")


def test_letters_that_the_font_lacks(folder: Path) -> None:
    """A title in any script gives a picture, and no warning from a library on standard error."""
    write(folder, d_yaml=DESIGN.replace("title: small", "title: 剂量递增"))
    done = escalate(*RECOMMEND, "--plot", "x.png", cwd=folder)
    assert (done.code, done.stderr) == (0, "")


def test_folder_named_as_a_picture_without_force(folder: Path) -> None:
    """A directory is told to be one at once: no advice that would not help."""
    (folder / "x.png").mkdir()
    done = escalate(*RECOMMEND, "--plot", "x.png", cwd=folder)
    assert done.code == 2
    assert "is a directory" in done.stderr
    assert "--force" not in done.stderr


def test_trial_so_far_beside_the_doses(folder: Path) -> None:
    """One call draws both: each patient on the ladder, and what is believed of each dose, under the same sentence."""
    done = escalate(*RECOMMEND, "--plot", "doses.svg", "--plot-trial", "trial.svg", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    doses, trial = ((folder / f"{name}.svg").read_text(encoding="utf-8") for name in ("doses", "trial"))
    assert trial.count("drawing-dlt") == 3 + 1
    assert doses.count("drawing-estimate") == 3
    assert all("Treat the next" in text and "small" in text for text in (doses, trial))


@pytest.mark.parametrize("option", ["--plot-trial", "--plot"])
def test_the_page_draws_the_same(option: str, folder: Path) -> None:
    """What the command draws is the drawing of the page, under a heading."""
    escalate(*RECOMMEND, option, "x.svg", cwd=folder)
    design = esc.load_design(folder / "d.yaml")
    found = esc.recommend(design, RECOMMEND[-1])
    data = from_outcomes(RECOMMEND[-1], design)
    page = posterior_plot(found) if option == "--plot" else ladder(design, ladder_patients(design, data), found)
    inner = page.split("</desc>", 1)[1].removesuffix("</svg>")
    assert inner in (folder / "x.svg").read_text(encoding="utf-8")


def test_two_pictures_of_one_name(folder: Path) -> None:
    """Two pictures cannot have one name; nothing is written."""
    before = snapshot(folder)
    done = escalate(*RECOMMEND, "--plot", "x.png", "--plot-trial", "x.png", cwd=folder)
    assert (done.stdout, done.code) == ("", 2)
    assert done.stderr == "error: x.png: --plot and --plot-trial name the same file\n"
    assert snapshot(folder) == before


def test_no_picture_of_a_table_that_there_is_not(folder: Path) -> None:
    """Where a method has no decision table the command says that there is none to draw, and writes nothing."""
    write(
        folder,
        d_yaml=DESIGN.replace("kind: boin", "kind: crm, skeleton: {half_width: 0.05, prior_mtd: 2}, estimate: mean"),
    )
    before = snapshot(folder)
    done = escalate("table", "d.yaml", "--plot", "x.png", cwd=folder)
    assert (done.stdout, done.code) == ("", 2)
    assert done.stderr == "error: crm: has no decision table to draw; its decisions depend on all levels\n"
    assert snapshot(folder) == before
