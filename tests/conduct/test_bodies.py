"""What entries may say: anything else is refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.conduct.bodies import BODIES, Amended, Decided, Entered, Opened, PatientRow, RolesGiven, read_body
from escalate.conduct.errors import RecordError
from escalate.conduct.making import made
from tests.conduct.acting import is_told


@pytest.mark.parametrize("number", ["1", "01", "001-002", "S1", "a.1", "1/2", "DE_01-003", "A" * 39 + "1"])
def test_study_numbers(number: str) -> None:
    """Letters, digits and . _ / - are a study number where one is a digit."""
    assert PatientRow(patient=number, level=1).patient == number


@pytest.mark.parametrize(
    "number",
    [
        "", " ", "Smith", "J.S.", "A", "-1", "1-", "1 2", "1,2", "1;2", "1\n", "\n1", "=1+1", "@1", "+1", "1\t2", "ü1",
        "\uff11", "٣", "1\u200b", "<b>1", "1'", '1"', "1\x00", "\ud8001", "A" * 40 + "1", "..1", "1..", "1/", "/1",
    ],
)  # fmt: skip
def test_what_is_no_study_number(number: str) -> None:
    """Names, initials, blanks, formulas, markup and letters beyond ASCII are refused, and the field named."""
    with pytest.raises(RecordError, match=r"^patient: "):
        made(PatientRow, patient=number, level=1)


@pytest.mark.parametrize(
    "number", ["1958-03-31", "1958/3/31", "1958.03.31", "31.03.1958", "3/31/1958", "31-3-2001", "2001-12-1"]
)
def test_a_study_number_is_no_date(number: str) -> None:
    """A date of birth is never a study number."""
    with pytest.raises(RecordError, match=r"^patient: .*looks like a date"):
        made(PatientRow, patient=number, level=1)


@pytest.mark.parametrize("number", ["001-002-1958", "12-34-5678", "S1958-03-31", "1958-03", "1858-03-31", "2001-123-1"])
def test_numbers_that_are_no_date(number: str) -> None:
    """Numbers of sites and patients with strokes between them are taken."""
    assert PatientRow(patient=number, level=1).patient == number


@pytest.mark.parametrize("number", ["1/../2", "1//2", "1/./2"])
def test_a_study_number_is_no_path(number: str) -> None:
    """A study number stands in addresses, where these mean another page."""
    with pytest.raises(RecordError, match=r"^patient: "):
        made(PatientRow, patient=number, level=1)


WRONG: list[tuple[str, Any]] = [
    ("patient", 1), ("patient", None), ("patient", ["1"]), ("cohort", 0), ("cohort", -1), ("cohort", "1"), ("cohort", 1.0),
    ("cohort", True), ("cohort", 10**6), ("cohort", 10**30), ("level", 0), ("level", None), ("level", "1"), ("level", 1.5),
    ("level", True), ("level", float("nan")), ("level", 1001), ("dlt", 1), ("dlt", "yes"), ("dlt", "false"), ("dlt", 0),
    ("outcome", 1), ("outcome", "x" * 41), ("evaluable", None), ("evaluable", 1), ("evaluable", "1"), ("reason", 5),
    ("reason", "r" * 41), ("treated", "31.03.2026"), ("treated", "2026-3-1"), ("treated", "2026-03-31T10:00"),
    ("treated", "2026-03-31\n"), ("treated", "٢٠٢٦-٠٣-٣١"), ("treated", 20260331), ("dlt_date", ""),
    ("last_follow_up", "today"), ("backfill", None), ("backfill", "no"), ("response", "1"), ("response", 1),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_wrong_types(field: str, value: Any) -> None:
    """A value of another type or form is never taken for a right one; the field is named."""
    with pytest.raises(RecordError, match=rf"^{field}: "):
        made(PatientRow, **{"patient": "1", "level": 1, field: value})


def test_unknown_fields_are_refused() -> None:
    """A field that is not there is no field: a name cannot slip in."""
    with pytest.raises(RecordError, match=r"^surname: is not known"):
        made(PatientRow, patient="1", level=1, surname="Smith")


TEXTS = [
    "reason\x00",
    "reason\x07",
    "\x1b[31mred",
    "half \ud800",
    "turned \u202e round",
    "\x85",
    "a\u2028b",
    "\ufeffx\ufeff",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_without_what_cannot_be_seen(text: str) -> None:
    """Control characters, halves of letters and turned writing are refused where a person writes freely."""
    with pytest.raises(RecordError, match=r"^reason: "):
        made(
            Decided,
            analysis="0" * 64,
            choice="hold",
            level=None,
            patients=None,
            departs=True,
            upward=False,
            reason=text,
        )
    with pytest.raises(RecordError, match=r"^deviation: "):
        made(Entered, patients=(PatientRow(patient="1", level=1),), deviation=text)


@pytest.mark.parametrize(
    "text", ["é", "数字　二", "5\u00a0mg", "10\u202f000", "line\nline", "tab\tx", "<b>", "=1", "'; DROP", "🩸"]
)
def test_texts_as_people_write_them(text: str) -> None:
    """Other writings, lines, blanks that do not break, markup and formulas are kept as written."""
    row = PatientRow(patient="1", level=1)
    assert made(Entered, patients=(row,), deviation=text).deviation == text


@pytest.mark.parametrize("length", [4000, 4001])
def test_long_texts(length: int) -> None:
    """A reason has at most 4000 letters."""
    row = PatientRow(patient="1", level=1)
    if length <= 4000:
        assert made(Entered, patients=(row,), deviation="x" * length)
        return
    with pytest.raises(RecordError, match=r"^deviation: "):
        made(Entered, patients=(row,), deviation="x" * length)


@pytest.mark.parametrize("person", ["", " ", "x" * 151, "a\x00", "a\ud800", "a\u202eb"])
def test_people_are_named(person: str) -> None:
    """Roles are given to somebody with a name that can be printed."""
    with pytest.raises(RecordError, match=r"^person: "):
        made(RolesGiven, person=person, roles=("site",))


@pytest.mark.parametrize("n", [0, 1001])
def test_number_of_patients(n: int) -> None:
    """A cohort has patients, and not more than any trial."""
    with pytest.raises(RecordError, match=r"^patients: "):
        made(Entered, patients=tuple(PatientRow(patient=str(k), level=1) for k in range(n)))


def test_kinds_are_known() -> None:
    """An entry of a kind that is not known is refused, and where it is said."""
    with pytest.raises(RecordError, match=r"^tvec: entry 3: is of a kind .*'gift'"):
        read_body("gift", {}, "tvec: entry 3")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4),
    max_leaves=12,
)
FIELDS = sorted({name for body in BODIES.values() for name in body.model_fields})


@given(st.sampled_from(sorted(BODIES)), JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_content_is_read_or_refused(kind: str, content: Any) -> None:
    """Whatever JSON an entry holds, it is of its kind or is refused in a sentence."""
    try:
        read_body(kind, content, "tvec: entry 1")
    except RecordError as error:
        is_told(error, "tvec: entry 1: ")


def test_what_is_written_is_what_is_read() -> None:
    """A body read from its own JSON is the same."""
    import json

    row = PatientRow(patient="1", cohort=1, level=2, dlt=True, treated="2026-03-31")
    bodies = [
        Entered(patients=(row,), deviation="because"),
        Amended(patient="1", changes={"dlt": (None, True)}, first_report=True),
    ]
    for body in bodies:
        assert read_body(body.kind, json.loads(body.model_dump_json()), "x") == body
    assert Opened.kind == "opened"
