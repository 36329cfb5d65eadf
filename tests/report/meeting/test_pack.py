"""The pack of a meeting says what `recommend` says, number by number, for every design and in every state."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import escalate as esc
from escalate.core.dated_patients import DatedTrial
from escalate.core.moves import Action
from escalate.core.patients import TrialData, from_outcomes, parse_patients
from escalate.core.read_dated import read_dated
from escalate.report import on_paper, pictures
from escalate.report.documents.blocks import Document, Figure, Heading, Items, Paragraph, Table, plain
from escalate.report.documents.writing import as_bytes
from escalate.report.meeting import build
from escalate.report.next_cohort import next_cohort
from escalate.report.sentences import one_more_dlt, sentences
from tests.helpers import ROOT, make

DESIGNS = sorted(
    path for folder in (".", "late-onset", "published") for path in (ROOT / "designs" / folder).glob("*.yaml")
)
SLOW = {"pymc", "tvec-liver-ordinal", "ordinal_crm"}
LATE = ROOT / "designs" / "late-onset"
STATES = ("", "1NNN 2NNT", "1TTT")


@pytest.fixture(autouse=True)
def no_drawing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes seconds to draw, but for the tests of figures: each figure is tested where it is drawn."""
    if "figure" in request.node.name:
        return
    from escalate.report.picture import Picture

    blank = Picture(
        "blank", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="1" height="1"/>', "x", 1, 1
    )
    for name in ("trial_so_far", "dose_toxicity"):
        monkeypatch.setattr(pictures, name, lambda *_, **__: blank)
    for name in ("patients", "pathway_tree"):
        monkeypatch.setattr(on_paper, name, lambda key, caption, *_: [Figure(key, caption, blank)])


def tables(document: Document) -> dict[str, list[list[str]]]:
    """Return the rows of each table as texts."""
    numbers = document.numbers()
    return {
        block.key: [[plain(cell, numbers) for cell in row] for row in block.rows]
        for block in document.blocks
        if isinstance(block, Table)
    }


def paragraphs(document: Document) -> list[str]:
    numbers = document.numbers()
    found = [plain(block.words, numbers) for block in document.blocks if isinstance(block, Paragraph)]
    return found + [
        plain(item, numbers) for block in document.blocks if isinstance(block, Items) for item in block.items
    ]


def letters(design: esc.Design, outcomes: str) -> str:
    """Return outcomes in the letters that the design knows."""
    known = [outcome.letter for outcome in design.outcomes]
    return outcomes.replace("N", known[0]).replace("T", known[-1])


def check(design: esc.Design, data: TrialData | None) -> esc.Recommendation:
    """Hold a pack against `recommend` and what else is asked of the same data."""
    found, document = esc.recommend(design, data), build(design, data)
    said, texts, rows = sentences(found), paragraphs(document), tables(document)
    assert f"Answer: {said.main}" in texts
    assert f"Because: {said.because}" in texts
    assert [text for text in texts if text.startswith("Caution")] == [f"Caution: {note}" for note in found.notes]
    assert (found.margin is not None) == any(text.startswith("Margin: ") for text in texts)
    if found.margin is not None:
        assert f"Margin: {found.margin.text}." in texts
    assert rows["trace"] == [
        [line.source[:1].upper() + line.source[1:].replace("_", " "), line.verdict, line.text] for line in found.trace
    ]
    for row, dose in zip(rows["allowed"], found.doses, strict=True):
        assert row[0] == str(dose.level)
        assert (row[3] == "") == (dose.why_not is None)
    _numbers(found, rows)
    if data is None or not data.cohorts:
        return found
    for one in one_more_dlt(design, data, found):
        text = next(text for text in texts if text.startswith(f"{one.who}: "))
        assert text.endswith(f"{one.main} {one.because}" if one.differs else "the recommendation would be the same.")
    following = next_cohort(design, data, found)
    assert [[row[0], *row[-2:]] for row in rows.get("next-cohort", [])] == [
        [row.text, row.sentence, row.because] for row in following.rows
    ]
    return found


def _numbers(found: esc.Recommendation, rows: dict[str, list[list[str]]]) -> None:
    if "estimates" not in rows:
        assert all(dose.estimate is None for dose in found.doses)
    for row, dose in zip(rows.get("estimates", []), found.doses, strict=False):
        assert f"{dose.dlts} / {dose.patients}" in row
        for value in (dose.estimate, dose.prob_overdose, *(dose.intervals or {}).values()):
            assert ("-" if value is None else f"{value:.3f}") in row
        if dose.lower is not None:
            assert f"{dose.lower:.3f} to {dose.upper:.3f}" in row
    for row, dose in zip(rows.get("by-level", []), found.doses, strict=False):
        assert (row[0], row[3]) == (str(dose.level), str(dose.patients))


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=[pytest.mark.slow] * (path.stem in SLOW), id=path.stem) for path in DESIGNS]
)
def test_a_pack_says_what_is_recommended(path: Any) -> None:
    """Of every example design, before the first patient, going on, and after many DLTs: answer, reasons, trace, numbers."""
    design = esc.load_design(path)
    assert check(design, None).action is Action.START
    for outcomes in STATES[1:]:
        if design.n_doses > 1 or "2" not in outcomes:
            check(design, from_outcomes(letters(design, outcomes), design, design.outcomes))


def test_a_stop_and_its_form() -> None:
    """A trial that stops has no next cohort, and the form still offers every choice."""
    design = esc.load_design(ROOT / "designs" / "boin.yaml")
    found = check(design, from_outcomes("1TTT", design))
    assert (found.action, found.mtd_level) == (Action.STOP, None)
    document = build(design, "1TTT")
    assert "The trial stops: there is no next cohort." in paragraphs(document)
    form = dict(tables(document)["decision"])
    assert form["Recommended by the design"] == "Stop: no dose can be declared the MTD."
    assert all(choice in form["Decision"] for choice in ("as recommended", "a lower dose", "hold", "stop"))
    assert all(f" {level}: " in form["Proposed dose level"] for level in range(1, design.n_doses + 1))
    assert form["Number of patients"] == ""
    assert tables(document)["signatures"] == [[""] * 4] * 5


@pytest.mark.parametrize("day", ["2026-02-02", "2026-02-16", "2026-03-09", "2026-03-23", "2026-04-13", "2026-05-19"])
def test_dated_data(day: str) -> None:
    """On each day of a trial with dates: who is pending, until when, and the answer; a wait says when it can end."""
    design = esc.load_design(LATE / "tvec-liver-tite-boin.yaml")
    data = read_dated(
        LATE / "data" / f"tvec-liver-{day}-synthetic.csv", design, date.fromisoformat(day), design.outcomes
    )
    found, rows = check(design, data), tables(build(design, data))
    assert isinstance(data, DatedTrial)
    assert [row[0] for row in rows["patients"]] == [patient.name for patient in data.patients]
    assert [row[0] for row in rows.get("pending", [])] == [patient.name for patient in data.pending]
    said = " ".join(paragraphs(build(design, data)))
    assert f"Day looked at: {day}" in said
    if found.action is Action.SUSPEND:
        assert found.as_of is not None
        assert str(found.as_of.earliest) in said


def test_one_fewer_is_what_is_recommended_then() -> None:
    """Without one DLT of the last cohort `recommend` says what the pack says; of a dated trial too."""
    design = esc.load_design(ROOT / "designs" / "boin.yaml")
    said = paragraphs(build(design, "1NNN 2NTT"))
    then = sentences(esc.recommend(design, "1NNN 2NNT"))
    who = "If one patient of the last cohort (level 2) with a DLT had not had it"
    assert f"{who}: {then.main} {then.because}" in said
    assert "No patient of the last cohort had a DLT: there cannot be one fewer." in paragraphs(build(design, "1NNN"))
    assert "Every patient of the last cohort had a DLT: there cannot be one more." in paragraphs(build(design, "1TTT"))


CSV = """patient,cohort,level,dlt,evaluable,reason
<script>alert(1)</script>,1,1,0,1,
a&b|c*d*,1,1,1,1,
07,1,1,,0,"lost, <b>"
08,1,1,0,1,
"""


def test_patients_who_do_not_count_are_counted_apart() -> None:
    """Patients are those treated, evaluable those the design counts; the listing gives the reason of the others."""
    design = make({"kind": "boin"}, title="T <i>&amp;</i>")
    data = parse_patients(CSV.encode(), "x.csv", design, design.outcomes)
    document = build(design, data, text=CSV)
    rows = tables(document)
    assert rows["by-level"][0] == ["1", "1 mg", "4", "3", "1"]
    assert rows["by-cohort"] == [["1", "1", "1 mg", "4", "3", "1"]]
    assert rows["patients"][2] == ["07", "1", "1", "not evaluable (lost, <b>)"]
    assert "1 patient not evaluable" in " ".join(paragraphs(document))


def test_graded_outcomes() -> None:
    """Each grade has a column, and the listing names it, whether the file has its letter or its name."""
    design = esc.load_design(ROOT / "designs" / "tvec-liver-gboin.yaml")
    milder = design.outcomes[1]
    text = f'patient,cohort,level,outcome\n1,1,1,N\n2,1,1,"{milder.name}"\n3,1,1,{milder.letter.lower()}\n'
    data = parse_patients(text.encode(), "x.csv", design, design.outcomes)
    document = build(design, data, text=text)
    assert tables(document)["by-level"][0][2:] == ["3", "3", "1", "2", *["0"] * (len(design.outcomes) - 2)]
    assert [row[3] for row in tables(document)["patients"]] == [
        f"N: {design.outcomes[0].name}",
        *[f"{milder.letter}: {milder.name}"] * 2,
    ]


@pytest.mark.parametrize("ending", ["html", "md"])
def test_names_are_text(ending: str) -> None:
    """A study number or a title that looks like markup is shown as it is, in every kind of file."""
    design = make({"kind": "boin"}, title="T <i>&amp;</i>")
    data = parse_patients(CSV.encode(), "x.csv", design, design.outcomes)
    text = as_bytes(build(design, data, text=CSV), ending).decode()
    for start in ("script>alert(1)", "i>"):
        # Markdown escapes with a stroke.
        assert "<" + start not in text.replace("\\<", "&lt;")
    assert "alert(1)" in text


def test_no_number_twice() -> None:
    """Every table and figure has a number, every reference names one, and sections come in their order."""
    document = build(esc.load_design(ROOT / "designs" / "crm.yaml"), "1NNN 2NNT")
    heads = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert heads == [
        "The question and the answer",
        "Data so far",
        "Estimates",
        "Which doses are allowed, and why not",
        "What one more DLT would do, and one fewer",
        "After the next cohort",
        "The decision",
        "Where this comes from",
    ]
    assert len(document.numbers()) == sum(isinstance(block, Table | Figure) for block in document.blocks)


def test_the_figures() -> None:
    """A pack of a trial with dates shows it as ladder, as bars and as estimates; one without dates the paths."""
    design = esc.load_design(LATE / "tvec-liver-tite-boin.yaml")
    day = date(2026, 2, 16)
    data = read_dated(LATE / "data" / f"tvec-liver-{day}-synthetic.csv", design, day, design.outcomes)
    assert [b.key for b in build(design, data).blocks if isinstance(b, Figure)] == ["ladder", "days", "dose-toxicity"]
    boin = esc.load_design(ROOT / "designs" / "boin.yaml")
    shown = [block for block in build(boin, "1NNN").blocks if isinstance(block, Figure)]
    assert [figure.key for figure in shown] == ["ladder", "dose-toxicity", "paths"]
    assert all(figure.picture.svg.startswith("<svg") and figure.picture.description for figure in shown)
    assert not [block for block in build(boin).blocks if isinstance(block, Figure) and block.key == "ladder"]


def test_how_to_obtain_it_again() -> None:
    """The pack ends with hashes and a command that asks the same question."""
    design = esc.load_design(ROOT / "designs" / "boin.yaml")
    document = build(design, "1NNN 2NTN", design_sha256="ab" * 32, sources=("d.yaml", None))
    facts = dict(document.facts)
    assert facts["Design SHA-256"] == "ab" * 32
    assert facts["Data SHA-256"] == esc.recommend(design, "1NNN 2NTN").provenance.data_sha256
    assert 'escalate recommend d.yaml --outcomes "1NNN 2NNT"' in list(document.texts())
    assert dict(build(design).facts)["Data SHA-256"] == "no data yet"


def test_levels_of_one_label_are_told_apart() -> None:
    """The amount stands beside the label wherever a dose is named: in the answer, in every table, and on the form to be signed."""
    design = make(
        {"kind": "boin"},
        3,
        doses={"unit": "mg", "levels": (10.0, 20.0, 40.0), "labels": ("daily", "daily", "twice daily")},
    )
    document = build(design, from_outcomes("1NNN", design))
    found = tables(document)
    assert any("level 2 (20 mg; daily)" in line for line in paragraphs(document))
    for key in ("by-level", "estimates", "allowed"):
        assert [row[1] for row in found[key]] == ["10 mg (daily)", "20 mg (daily)", "40 mg (twice daily)"]
    form = " ".join(cell for row in found["decision"] for cell in row)
    for each in ("1: 10 mg (daily)", "2: 20 mg (daily)", "3: 40 mg (twice daily)"):
        assert each in form


@pytest.mark.parametrize(
    ("outcomes", "against"),
    [
        ("1NNN 2NNN 3NTT", {3: "barred: too toxic", 4: "barred: too toxic", 5: "barred: too toxic"}),
        ("1NNN", {}),
        ("", dict.fromkeys(range(2, 6), "not before the start level")),
    ],
)
def test_the_form_says_which_levels_are_not_allowed(outcomes: str, against: dict[int, str]) -> None:
    """Beside the box of a level stands what keeps it from being given now; the section on doses says why, with the numbers."""
    design = make({"kind": "three_plus_three"})
    document = build(design, from_outcomes(outcomes, design, design.outcomes) if outcomes else None)
    boxes = next(row[1] for row in tables(document)["decision"] if row[0] == "Proposed dose level").split("   ")[:5]
    for level, box in enumerate(boxes, start=1):
        assert box.endswith(f" ({against[level]})" if level in against else "mg")
    if "T" in outcomes:
        why = "Level 3: 2/3 DLTs; three_plus_three gives neither it nor a level above it again."
        assert [row[3] for row in tables(document)["allowed"]] == ["", "", why, why, why]
