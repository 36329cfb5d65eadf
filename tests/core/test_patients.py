"""Trial data: CSV files and outcome strings give cohorts in order, or one sentence: what is wrong, and where."""

from __future__ import annotations

import hashlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.errors import DataError
from escalate.core.patients import Cohort, TrialData, from_outcomes, read_patients
from escalate.core.plan import Doses, Plan

PLAN = Plan(doses=Doses(unit="mg", levels=(10.0, 20.0, 40.0)), max_patients=30)
HEADER = "patient,cohort,level,dlt\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the name of a file that tests write and read."""
    return tmp_path_factory.mktemp("data") / "p.csv"


def read_text(path: Path, text: str | bytes) -> TrialData:
    """Write a file and read it as trial data."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_patients(path, PLAN)


def test_csv(path: Path) -> None:
    """One line a patient becomes cohorts; the hash is that of the bytes."""
    text = HEADER + "a,1,1,0\nb,1,1,1\nc,2,3,0\n"
    found = read_text(path, text)
    assert found.cohorts == (Cohort(0, (1, 1)), Cohort(2, (1, 0)))
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (found.n, found.n_not_evaluable) == (3, 0)


def test_cohorts_are_put_in_order(path: Path) -> None:
    """Lines in any order, and gaps in the numbers, give cohorts by their number."""
    found = read_text(path, HEADER + "c,20,3,0\na,3,1,0\nd,20,3,1\nb,3,1,1\n")
    assert found.cohorts == (Cohort(0, (1, 1)), Cohort(2, (1, 1)))


@pytest.mark.parametrize("word", ["1", "y", "Y", "yes", "TRUE", "t", "T", "0", "n", "N", "no", "False"])
def test_words_for_a_dlt_and_for_none(word: str, path: Path) -> None:
    """A DLT, or its absence, is written in any of the usual ways."""
    assert read_text(path, f"{HEADER}a,1,1,{word}\n").cohorts == (
        Cohort(0, (0, 1) if word[0].lower() in "1yt" else (1, 0)),
    )


@pytest.mark.parametrize("amount", ["20", "20.0", "2e1", "20,0", " 20 "])
def test_amounts(amount: str, path: Path) -> None:
    """The amount stands for its level, with decimal point or decimal comma."""
    assert read_text(path, f"patient;cohort;dose;dlt\na;1;{amount};0\n").cohorts == (Cohort(1, (1, 0)),)


def test_level_and_dose_may_both_be_given(path: Path) -> None:
    """Where both are given they must agree; either may be blank."""
    header = "patient,cohort,level,dose,dlt\n"
    assert read_text(path, header + "a,1,2,20,0\nb,1,2,,0\nc,1,,20,0\n").cohorts == (Cohort(1, (3, 0)),)
    with pytest.raises(DataError, match=r"p\.csv:2 dose: 40 is not the amount of level 2, 20 mg"):
        read_text(path, header + "a,1,2,40,0\n")


def test_not_evaluable_patients_are_counted_not_used(path: Path) -> None:
    """A patient not evaluable for DLT is left out, blank outcome and all, but still cannot come twice."""
    header = HEADER.replace("dlt", "dlt,evaluable")
    found = read_text(path, header + "a,1,1,0,1\nb,1,1,,0\nc,2,2,0,no\n")
    assert (found.cohorts, found.n_not_evaluable) == ((Cohort(0, (1, 0)),), 2)
    with pytest.raises(DataError, match="'b' was already on line 2"):
        read_text(path, header + "b,1,1,,0\nb,1,1,0,1\n")
    with pytest.raises(DataError, match="a DLT makes a patient evaluable"):
        read_text(path, header + "c,2,2,1,no\n")
    with pytest.raises(DataError, match=r"p\.csv:2 evaluable: 'perhaps' is neither"):
        read_text(path, header + "b,1,1,0,perhaps\n")


@pytest.mark.parametrize("outcome", ["", *(word for word in ("NA", "n/a", "pending", "?"))])
def test_outcome_of_a_patient_who_is_not_evaluable(outcome: str, path: Path) -> None:
    """The outcome of a patient who is not evaluable may be unknown, in any of the words for it."""
    assert read_text(path, f"{HEADER.replace('dlt', 'dlt,evaluable')}b,1,1,{outcome},0\n").n_not_evaluable == 1


def test_number_of_patients_is_bounded(path: Path) -> None:
    """As many patients as a design may have are read; one more is refused, in a file as in an outcome string."""
    lines = [f"p{k},1,1,0\n" for k in range(1001)]
    assert read_text(path, HEADER + "".join(lines[:1000])).n == from_outcomes("1" + "N" * 1000, PLAN).n == 1000
    with pytest.raises(DataError, match="1001 patients, more than the 1000 that any design may have"):
        read_text(path, HEADER + "".join(lines))
    with pytest.raises(DataError, match="1001 patients, more than the 1000 that any design may have"):
        from_outcomes("1" + "N" * 1001, PLAN)


@pytest.mark.parametrize("text", ["10,000", "1,000,000"])
def test_ambiguous_amounts_are_refused(text: str, path: Path) -> None:
    """10,000 is ten or ten thousand: it is not guessed."""
    with pytest.raises(DataError, match=f"dose: '{text}' can be read in two ways"):
        read_text(path, f"patient;cohort;dose;dlt\na;1;{text};0\n")


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("1,25", (1.25, 2.0)),
        ("5e-1", (0.5, 1.0)),
        ("0,125", (0.125, 1.0)),
        (".5", (0.5, 1.0)),
    ],
)
def test_small_amounts(text: str, levels: tuple[float, ...], path: Path) -> None:
    """Amounts below one, as spreadsheets write them: a leading zero cannot stand before thousands."""
    path.write_text(f"patient;cohort;dose;dlt\na;1;{text};0\n")
    plan = Plan(doses=Doses(unit="mg", levels=levels), max_patients=30)
    assert read_patients(path, plan).cohorts == (Cohort(0, (1, 0)),)


def test_header_alone_is_a_trial_without_patients(path: Path) -> None:
    """A header without lines holds no patients, and has no first state but the empty one."""
    found = read_text(path, HEADER)
    assert (found.cohorts, found.n) == ((), 0)
    assert found.prefixes(3).tally.n.tolist() == [[0, 0, 0]]


def test_line_numbers_count_blank_lines(path: Path) -> None:
    """The line in a message is the line in the file."""
    with pytest.raises(DataError, match=r"p\.csv:5 level: level 4 does not exist; the design has levels 1 to 3"):
        read_text(path, "\n" + HEADER + "\na,1,1,0\nb,1,4,0\n")


def test_outcome_string() -> None:
    """A level and one letter a patient; spaces and case do not matter, nor for the hash spaces."""
    found = from_outcomes(" 1NNT\t3tn\n2T ", PLAN)
    assert found.cohorts == (Cohort(0, (2, 1)), Cohort(2, (1, 1)), Cohort(1, (0, 1)))
    assert from_outcomes("1NNT  2N", PLAN).sha256 == from_outcomes("1NNT 2N", PLAN).sha256
    assert from_outcomes("1NNT 2N", PLAN).sha256 != from_outcomes("1NTN 2N", PLAN).sha256
    assert from_outcomes("", PLAN).cohorts == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1NNX", "outcomes, cohort 1 ('1NNX'): 'X' is not an outcome; T is a DLT, N is none"),
        ("1N 2NQZ", "outcomes, cohort 2 ('2NQZ'): 'Q' is not an outcome"),
        ("4N", "outcomes, cohort 1 ('4N'): level 4 does not exist; the design has levels 1 to 3"),
        ("0N", "outcomes, cohort 1 ('0N'): level 0 does not exist"),
        ("1", "outcomes, cohort 1 ('1'): has no patients"),
        ("N1", "outcomes, cohort 1 ('N1'): write the dose level, then one letter a patient"),
        ("²N", "outcomes, cohort 1 ('²N'): write the dose level"),
        ("٣N", "outcomes, cohort 1 ('٣N'): write the dose level"),
        ("1\u017f", "outcomes, cohort 1 ('1\u017f'): write the dose level"),
        ("1-N", "outcomes, cohort 1 ('1-N'): write the dose level"),
        ("1" * 5000 + "N", f"outcomes, cohort 1 ('{'1' * 40}'): write the dose level"),
    ],
)
def test_outcome_strings_that_are_refused(text: str, message: str) -> None:
    """The cohort is named and quoted, with what is wrong with it."""
    with pytest.raises(DataError) as refused:
        from_outcomes(text, PLAN)
    assert str(refused.value).startswith(message)


def test_states_after_each_cohort() -> None:
    """`prefixes` gives the tally, the dose and the last cohort after each cohort; `last` the last of them."""
    states = from_outcomes("1NNT 2N 1TT", PLAN).prefixes(3)
    assert states.tally.n.tolist() == [[3, 0, 0], [3, 1, 0], [5, 1, 0]]
    assert states.tally.dlt.tolist() == [[1, 0, 0], [1, 0, 0], [3, 0, 0]]
    assert states.dose.tolist() == [0, 1, 0]
    assert states.cohort.tolist() == [[2, 1], [1, 0], [0, 2]]
    last = from_outcomes("1NNT 2N 1TT", PLAN).last(3)
    assert np.array_equal(last.tally.counts, states.tally.counts[-1:])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(0, 6)), max_size=8))
def test_csv_and_outcome_string_agree(path: Path, cohorts: list[tuple[int, int, int]]) -> None:
    """Any trial written in both forms is read as the same cohorts."""
    expected = tuple(Cohort(dose, (n - min(dlt, n), min(dlt, n))) for dose, n, dlt in cohorts)
    text = " ".join(f"{each.dose + 1}{'T' * each.dlt}{'N' * (each.n - each.dlt)}" for each in expected)
    lines = [
        f"{k}-{i},{k},{each.dose + 1},{int(i < each.dlt)}" for k, each in enumerate(expected) for i in range(each.n)
    ]
    assert from_outcomes(text, PLAN).cohorts == expected
    assert read_text(path, HEADER + "\n".join(lines)).cohorts == expected


def refuses_or_reads(path: Path, content: str | bytes) -> None:
    """Read any content: cohorts of the plan's doses, or a `DataError` that begins with the name of the file."""
    try:
        found = read_text(path, content).cohorts
    except DataError as error:
        found, message = (), str(error)
    else:
        message = ""
    assert message.startswith(str(path)) or not message
    assert all(0 <= each.dose < PLAN.n_doses and 0 <= each.dlt <= each.n for each in found)


CELLS = [
    "a",
    "b",
    "1",
    "2",
    "0",
    "10",
    "20,0",
    "",
    " ",
    '"',
    '"x"',
    "²",
    "nan",
    "inf",
    "-1",
    "yes",
    "é",
    "\u2028",
    "\x85",
    "\x1c",
]


@given(st.binary())
def test_any_bytes(path: Path, raw: bytes) -> None:
    """Whatever the bytes, there are cohorts or a `DataError`."""
    refuses_or_reads(path, raw)


@given(st.text(), st.booleans())
def test_any_text(path: Path, text: str, headed: bool) -> None:
    """Whatever the text, with a header or without."""
    content = HEADER * headed + text
    refuses_or_reads(path, content)


@given(st.lists(st.lists(st.sampled_from(CELLS), min_size=3, max_size=5), max_size=5), st.sampled_from([",", ";"]))
def test_any_table(path: Path, rows: list[list[str]], separator: str) -> None:
    """Whatever stands in the cells below a good header."""
    lines = [separator.join(row) for row in rows]
    refuses_or_reads(path, HEADER.replace(",", separator) + "\n".join(lines))


@given(st.text() | st.text(alphabet="0123NTnt \t\n²٣-,"))
def test_any_outcome_string(text: str) -> None:
    """Whatever the text, there are cohorts of the plan's doses or a `DataError`."""
    try:
        found = from_outcomes(text, PLAN).cohorts
    except DataError as error:
        found, message = (), str(error)
    else:
        message = ""
    assert message.startswith("outcomes, cohort ") or not message
    assert all(0 <= each.dose < PLAN.n_doses and 0 <= each.dlt <= each.n for each in found)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff",
        "\ufeff\r\n",
        "\x1c",
        "\x85",
        ",,,\n",
        '""\n',
        " ; ; \n",
        "\u00a0 \u2028\n",
        "\u3000,\u00a0\n",
    ],
)
def test_nothing_but_blanks(content: str, path: Path) -> None:
    """A file of nothing but blanks, of any alphabet, is refused: it is not a trial without patients."""
    with pytest.raises(DataError, match="has no header; the first line is patient,cohort,level,dlt"):
        read_text(path, content)


@pytest.mark.parametrize("missing", ["patient", "cohort", "level", "dlt"])
def test_every_column_is_needed(missing: str, path: Path) -> None:
    """A column that is missing is named, with those that were found."""
    columns = [name for name in ("patient", "cohort", "level", "dlt") if name != missing]
    with pytest.raises(DataError, match=f":1: column '{missing}' is missing \\(found: {', '.join(columns)}\\)"):
        read_text(path, ",".join(columns) + "\n1,1,1\n")


@pytest.mark.parametrize(("first", "second"), list(product(["a", "A"], repeat=2)))
def test_patients_are_told_apart_by_case(first: str, second: str, path: Path) -> None:
    """Two patients are the same only where their names are the same, letter by letter."""
    text = f"{HEADER}{first},1,1,0\n {second} ,1,1,0\n"
    if first == second:
        with pytest.raises(DataError, match="was already on line 2"):
            read_text(path, text)
    else:
        assert read_text(path, text).n == 2
