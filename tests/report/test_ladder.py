"""The dose ladder: every patient once, marks that differ in shape, levels that say what they are."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree as ET

import pytest

from escalate import EscalateError, load_design, read_dated, recommend
from escalate.core.patients import TrialData, from_outcomes
from escalate.report.ladder import STATUS_WORDS, LadderPatient, Status, ladder, ladder_patients
from escalate.report.plan import Plan
from tests.helpers import ROOT, make
from tests.report.drawn import described, lines, of_class, read, said

DESIGNS = ROOT / "designs"
BOIN = make({"kind": "boin"})


def _marks(root: ET.Element) -> list[str]:
    return [said(node) for node in root.iter("{http://www.w3.org/2000/svg}g")]


def test_every_patient_is_there_once() -> None:
    """Sixty patients on eight levels: a mark each, cohorts in order, the highest level on top."""
    design = make({"kind": "boin"}, 8, max_patients=60)
    text = " ".join(["1NNN", "2NNN", "3NNN", "4NNT", "5NNN", "6NNT", "7NTT", *["6NNN", "6NNT"] * 6, "8TTT"])
    data = from_outcomes(text, design)
    found = recommend(design, data)
    root = read(ladder(design, ladder_patients(design, data), found))
    assert len(_marks(root)) == 60
    assert len(of_class(root, "drawing-dlt")) == data.cohorts[-1].dlt + sum(c.dlt for c in data.cohorts[:-1]) + 1
    levels = [line for line in lines(root) if line.startswith("Level")]
    assert levels == [f"Level {k} · {k} mg" for k in range(8, 0, -1)]
    numbers = [int(line) for line in lines(root) if line.isdigit()]
    assert sorted(numbers[:-1]) == list(range(1, 21))
    assert float(root.get("height", 0)) < 900


@pytest.mark.parametrize("n_doses", [1, 3, 8])
def test_nobody_yet(n_doses: int) -> None:
    """Before the first patient every level says so, the start is marked, and no level is called barred."""
    design = make({"kind": "boin"}, n_doses)
    root = read(ladder(design, (), recommend(design)))
    assert lines(root).count("no patients") == n_doses
    assert "recommended: 3 patients, start" in lines(root)
    assert len(of_class(root, "drawing-next")) == 1
    assert not of_class(root, "drawing-barred")
    assert described(root).count("no patients") == n_doses


def test_statuses_differ_in_shape() -> None:
    """Each status has a shape of its own: they are told apart without colours; the legend names those that are there."""
    shapes = {}
    for status in STATUS_WORDS:
        root = read(ladder(BOIN, (LadderPatient("a", 1, status, 1),)))
        mark = next(root.iter("{http://www.w3.org/2000/svg}g"))
        shapes[status] = [(node.tag, node.get("d", "")[:1] and len(node.get("d", ""))) for node in list(mark)[1:]]
        assert STATUS_WORDS[status] in lines(root)
    assert len({str(shape) for shape in shapes.values()}) == len(STATUS_WORDS)
    root = read(ladder(BOIN, (LadderPatient("a", 1, "none", None),)))
    assert "backfilled" in lines(root)
    assert next(node.tag for node in of_class(root, "drawing-frame")).endswith("rect")
    assert "pending" not in lines(root)


def test_marks_of_the_recommendation() -> None:
    """The level of the last cohort, the next one and those that are barred are named, with the rule."""
    found = recommend(BOIN, "1NNN 2NNN 3TTT")
    root = read(ladder(BOIN, ladder_patients(BOIN, from_outcomes("1NNN 2NNN 3TTT", BOIN)), found))
    said_ = lines(root)
    assert said_.count("barred: eliminate") == 3
    assert said_.count("current level") == 1
    assert "recommended: 3 patients, de-escalate" in said_
    assert len(of_class(root, "drawing-barred")) == 3
    words = described(root)
    assert "Level 3 (3 mg): 3 patients, 3 with a DLT; current level barred: eliminate." in words
    assert "Level 2 (2 mg): 3 patients; recommended: 3 patients, de-escalate." in words


def test_what_is_forbidden_for_now_is_not_called_barred() -> None:
    """A rule that does not last forbids a level now."""
    design = load_design(DESIGNS / "crm.yaml")
    data = from_outcomes("1NNN", design)
    root = read(ladder(design, ladder_patients(design, data), recommend(design, data)))
    assert lines(root).count("not now: no skipping") == 3


def test_the_mtd_is_marked() -> None:
    """On a stop the MTD is."""
    design = make({"kind": "boin"}, 3, max_patients=9)
    data = from_outcomes("1NNN 2NNN 3TTN", design)
    root = read(ladder(design, ladder_patients(design, data), recommend(design, data)))
    assert "MTD by the design" in lines(root)


def test_decided_and_recommended_are_different_marks() -> None:
    """What was decided stands out with a filled sign; what is recommended keeps a hollow one, and both say what they are."""
    data = from_outcomes("1NNN", BOIN)
    found = recommend(BOIN, data)
    plan = Plan("decided", 1, "decided: 2 patients")
    root = read(ladder(BOIN, ladder_patients(BOIN, data), found, plan=plan))
    assert "decided: 2 patients" in lines(root)
    assert "recommended: 3 patients, escalate" in lines(root)
    assert len(of_class(root, "drawing-next")) == 1
    assert len(of_class(root, "drawing-sign")) == 1
    words = described(root)
    assert "Level 1 (1 mg): 3 patients; decided: 2 patients current level." in words
    alone = read(ladder(BOIN, ladder_patients(BOIN, data), found))
    tops = [float(of_class(each, "drawing-next")[0].get("y", 0)) for each in (root, alone)]
    assert tops[0] > tops[1]


@pytest.mark.parametrize("plan", [Plan("nobody"), Plan("proposed", 3, "proposed: 3 patients; awaits a second person")])
def test_no_level_stands_out_where_nobody_is_treated(plan: Plan) -> None:
    """On hold, and before a second person agreed, no level is lit; what is proposed is marked as that."""
    data = from_outcomes("1NNN", BOIN)
    root = read(ladder(BOIN, ladder_patients(BOIN, data), recommend(BOIN, data), plan=plan))
    assert not of_class(root, "drawing-next")
    assert (plan.text in lines(root)) == bool(plan.text)


def test_of_a_closed_trial_the_declared_level_alone_is_the_mtd() -> None:
    """The level that the design stopped with is not called the MTD beside the one that was declared."""
    design = make({"kind": "boin"}, 3, max_patients=9)
    data = from_outcomes("1NNN 2NNN 3TTN", design)
    plan = Plan("mtd", 1, "declared the MTD")
    root = read(ladder(design, ladder_patients(design, data), recommend(design, data), plan=plan))
    assert "declared the MTD" in lines(root)
    assert "MTD by the design" not in lines(root)


def test_letters_of_grades_stand_in_the_legend() -> None:
    """Where outcomes are graded, the legend says what each letter means."""
    design = load_design(DESIGNS / "gboin.yaml")
    data = from_outcomes("1NMN 2NTM", design, design.outcomes)
    root = read(ladder(design, ladder_patients(design, data), recommend(design, data)))
    shown = lines(root)
    for outcome in design.outcomes[:-1]:
        assert outcome.name in shown
        # Once in the legend, and once a patient.
        assert shown.count(outcome.letter) == 1 + sum(p.letter == outcome.letter for p in ladder_patients(design, data))
    assert "no DLT" not in shown


def test_dated_patients() -> None:
    """Patients of a trial with dates keep names and statuses; those backfilled stand beside the cohorts."""
    design = load_design(DESIGNS / "late-onset" / "tvec-liver-tite-boin.yaml")
    day = date(2026, 5, 19)
    data = read_dated(DESIGNS / "late-onset" / "data" / f"tvec-liver-{day}-synthetic.csv", design, day)
    found = ladder_patients(design, data)
    by_name = {p.label: p for p in found}
    assert by_name["synthetic-13"].status == "not_evaluable"
    assert by_name["synthetic-15"].status == "pending"
    assert by_name["synthetic-10"].cohort is None
    root = read(ladder(design, found, recommend(design, data)))
    assert "synthetic-10: no DLT, backfilled" in _marks(root)
    assert "Level 1 · 4 x 10⁷ PFU (10⁷ PFU/mL, up to 4 mL)" in lines(root)


def test_waiting_is_said() -> None:
    """Where accrual waits the current level says so."""
    design = load_design(DESIGNS / "late-onset" / "tvec-liver-tite-boin.yaml")
    day = date(2026, 3, 9)
    data = read_dated(DESIGNS / "late-onset" / "data" / f"tvec-liver-{day}-synthetic.csv", design, day)
    root = read(ladder(design, ladder_patients(design, data), recommend(design, data)))
    assert "current level, accrual waits" in lines(root)


def test_graded_outcomes_have_letters() -> None:
    """Milder outcomes are told apart by their letters, once on the rung and once in the legend."""
    design = load_design(DESIGNS / "gboin.yaml")
    data = from_outcomes("1NMT", design, design.outcomes)
    root = read(ladder(design, ladder_patients(design, data)))
    assert [said(node) for node in of_class(root, "drawing-letter")] == ["N", "M", "N", "M"]


def test_long_labels_and_large_cohorts() -> None:
    """Labels of two hundred letters, markup in study numbers, and a cohort of sixty stay within the drawing."""
    design = make({"kind": "boin"}, 3, doses={"unit": "mg", "levels": (1.0, 2.0, 3.0),
                                               "labels": ("W" * 200, "a b " * 50, "<b>&10^8")})  # fmt: skip
    patients = [LadderPatient("<script>", 2, "none", 1) for _ in range(60)]
    root = read(ladder(design, patients))
    assert _marks(root) == ["<script>: no DLT"] * 60
    assert "Level 3 · 3 mg (<b>&10⁸)" in lines(root)


@pytest.mark.parametrize(("level", "status"), [(0, "none"), (6, "none"), (1, "dead")])
def test_what_cannot_be_is_refused(level: int, status: Status) -> None:
    """A patient at a level that there is not, or with an unknown status, is named."""
    with pytest.raises(EscalateError, match="patient 'a'"):
        ladder(BOIN, (LadderPatient("a", level, status, 1),))


def test_no_data() -> None:
    """Data without a cohort have no patients."""
    assert ladder_patients(BOIN, TrialData((), "")) == ()
