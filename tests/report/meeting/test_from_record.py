"""The pack of a trial on record: its locked design and data, what was decided, and nothing from a record that was changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from escalate.conduct import changing, deciding, entering, store
from escalate.conduct.analysis import current
from escalate.conduct.errors import RecordError, TamperedError
from escalate.report import on_paper, pictures
from escalate.report.documents.blocks import Document, Figure, Heading
from escalate.report.meeting import document
from escalate.report.meeting.record import from_record
from escalate.report.on_record import verified
from escalate.report.picture import Picture
from escalate.report.sentences import sentences
from tests.conduct.acting import GRADED, TITE, ana, begin, bob, first, rows
from tests.report import records
from tests.report.meeting.test_pack import paragraphs, tables


@pytest.fixture(autouse=True)
def on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work on a record of one test alone, and leave out what takes seconds to draw."""
    blank = Picture(
        "blank", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="1" height="1"/>', "x", 1, 1
    )
    for name in ("trial_so_far", "dose_toxicity"):
        monkeypatch.setattr(pictures, name, lambda *_, **__: blank)
    for name in ("patients", "pathway_tree"):
        monkeypatch.setattr(on_paper, name, lambda key, caption, *_: [Figure(key, caption, blank)])
    with records.record(tmp_path / "record.db"):
        yield


def pack(as_of: date | None = None) -> Document:
    return document(from_record(verified("tvec"), as_of))


def test_the_answer_and_the_data_are_those_of_the_record() -> None:
    """The pack has the recommendation of the record's data under its locked design, and names the head that it is of."""
    records.story()
    state, made = store.load("tvec"), pack()
    found = current(state)
    assert f"Answer: {sentences(found).main}" in paragraphs(made)
    facts = dict(made.facts)
    assert facts["Design SHA-256"] == state.version.kept.sha256
    assert facts["Data SHA-256"] == found.provenance.data_sha256
    assert state.head in facts["Head of the record"]
    assert state.head[:16] in made.footer
    assert [row[0] for row in tables(made)["patients"]] == ["01", "02", "03", "04", "05", "06"]
    assert tables(made)["by-level"][2][2:] == ["3", "3", "1"]
    assert "Synthetic: the outcomes of this trial are made up." in paragraphs(made)
    assert f"escalate trial verify tvec --head {state.head[:16]}" in "\n".join(made.texts())


def test_what_was_decided() -> None:
    """Every decision stands beside what was recommended, with its reason, the second opinion and what it is worth."""
    records.story()
    higher, hold = tables(pack())["decisions"]
    assert higher[1] == "Treat 3 patients at level 2 (escalate)."
    assert higher[2].startswith("A higher dose than recommended: level 3, 3 patients.")
    assert "It departs from the recommendation." in higher[2]
    assert higher[4:6] == ["acted on", "As agreed with the sponsor"]
    assert higher[6] == "bob agrees."
    assert hold[2].startswith("Held: nobody is treated for now.")
    assert hold[5] == "Images are awaited"
    said = paragraphs(pack())
    assert any("in force, whatever is recommended: Held" in text for text in said)
    assert any("2 of them depart from" in text for text in said)


def test_what_was_done_otherwise() -> None:
    """Patients treated without a decision, patients entered in error and amendments of the design are told."""
    begin()
    first()
    entering.enter("tvec", rows("04", 2, 2), ana, deviation="The site had opened level 2")
    entering.withdraw("tvec", "03", "Entered twice", ana)
    said = " ".join(paragraphs(pack()))
    assert "04 at level 2. Reason: The site had opened level 2" in said
    assert "Entered in error, and out of the data: 03 (entry 4)." in said
    assert [row[0] for row in tables(pack())["patients"]] == ["01", "02", "04"]


def test_outcomes_that_are_awaited() -> None:
    """While the design waits for outcomes there is no recommendation; the pack says whose, and shows the data."""
    begin()
    first(dlt=None)
    made = pack()
    assert "Answer: There is no recommendation yet." in paragraphs(made)
    assert any("of patients 01, 02, 03 are not known yet" in text for text in paragraphs(made))
    assert tables(made)["by-level"][0][2:] == ["3", "3", "0", "3"]
    assert dict(tables(made)["decision"])["Recommended by the design"] == "none"
    assert "estimates" not in tables(made)


def test_before_the_first_patient_and_after_the_end() -> None:
    """Before anybody is treated the first cohort is asked about; a closed trial says what was declared, and has no form."""
    begin()
    assert "Question: Which dose does the first cohort get?" in paragraphs(pack())
    first(dlts=["01", "02", "03"])
    deciding.analyse("tvec", ana)
    changing.close("tvec", None, bob)
    made = pack()
    assert any(text.startswith("Answer: The trial was closed with no MTD") for text in paragraphs(made))
    heads = [block.text for block in made.blocks if isinstance(block, Heading)]
    assert "The decision" not in heads
    assert "Which doses are allowed, and why not" not in heads


def test_graded_outcomes_on_record() -> None:
    """The pack of a trial whose outcomes are graded counts each grade, those not known yet apart."""
    begin(design=GRADED)
    entering.enter("tvec", [*rows("01 02", 1, 1, outcome="M"), *rows("03", 1, 1, outcome=None)], ana)
    mild = f"M: {store.load('tvec').design.outcomes[1].name}"
    made = pack()
    assert [row[3] for row in tables(made)["patients"]] == [mild, mild, "not known yet"]
    assert tables(made)["by-level"][0][2:] == ["3", "3", "0", "2", "0", "0", "1"]


def test_a_day() -> None:
    """A trial with dates is looked at on the day given; one without refuses a day."""
    begin(design=TITE)
    entering.enter("tvec", rows("01 02 03", 1, 1, treated="2026-01-12", last_follow_up="2026-01-26"), ana)
    made = pack(date(2026, 1, 26))
    assert any(text.startswith("Day looked at: 2026-01-26") for text in paragraphs(made))
    assert [row[3] for row in tables(made)["pending"]] == ["14 of 28"] * 3
    begin("plain")
    with pytest.raises(RecordError, match="no DLT window"):
        from_record(verified("plain"), date(2026, 1, 26))


def test_a_record_that_was_changed_is_refused() -> None:
    """Nothing is written from a record whose chain does not hold."""
    records.story()
    records.change()
    with pytest.raises(TamperedError, match="entry 2"):
        verified("tvec")


def test_a_record_whose_entries_contradict_each_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry whose hash is right but that says what cannot be is found by verifying, and refused."""
    from escalate.conduct.chain import Fault
    from escalate.conduct.verify import Report
    from escalate.report import on_record

    begin()
    report = Report("tvec", 1, None, (Fault("tvec", 1, "entry 1: its data do not give their hash"),))
    monkeypatch.setattr(on_record, "verify_trial", lambda *_: report)
    with pytest.raises(TamperedError, match="no document is written from a record that was changed"):
        verified("tvec")
