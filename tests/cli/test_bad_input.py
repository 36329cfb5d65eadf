"""Whatever is put in, what comes out is a sentence, exit code 2, and no file: where, what came, what is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import bad_command_lines, bad_data, bad_designs
from tests.cli.bad import SIMULATE, Bad, edited
from tests.cli.run import DESIGN, HEADER, SCENARIO, escalate, snapshot, write

BAD = [*bad_designs.CASES, *bad_data.CASES, *bad_command_lines.CASES]


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: Bad, tmp_path: Path) -> None:
    """Exit code 2, nothing on standard output, sentences on standard error that say where and what, no file touched."""
    write(tmp_path, **case.files)
    before = snapshot(tmp_path)
    done = escalate(*case.arguments, stdin=case.stdin, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert lines
    assert all(text.startswith("error: ") for text in lines)
    for word in case.words:
        assert word in done.stderr
    for word in ("Traceback", "should not have happened", "pydantic", "[type=", *case.never):
        assert word not in done.stderr
    assert snapshot(tmp_path) == before


@pytest.fixture
def quickly() -> Iterator[None]:
    """Fail a test that takes 20 seconds, a hundred times what the command needs to start."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 20


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("name", ["large.csv", "/dev/zero"])
def test_large_data_are_not_read(name: str, tmp_path: Path) -> None:
    """200 MB, or a file without end, is refused after 5 MB."""
    write(tmp_path, d_yaml=DESIGN, large_csv=HEADER)
    with (tmp_path / "large.csv").open("r+b") as file:
        file.truncate(200_000_000)
    done = escalate("recommend", "d.yaml", name, cwd=tmp_path, timeout=60)
    assert (done.stdout, done.code) == ("", 2)
    assert done.stderr == f"error: {name}: is larger than 5 MB, which no CSV file of patients should be\n"


@pytest.mark.usefixtures("quickly")
def test_large_standard_input_is_not_read(tmp_path: Path) -> None:
    """The same from standard input."""
    write(tmp_path, d_yaml=DESIGN)
    done = escalate(
        "recommend", "d.yaml", "-", stdin=(HEADER + "a,1,1,0\n").encode() * 400_000, cwd=tmp_path, timeout=60
    )
    assert done.stderr == "error: standard input: is larger than 5 MB, which no CSV file of patients should be\n"


@pytest.mark.usefixtures("quickly")
def test_design_too_large_for_an_exact_answer(tmp_path: Path) -> None:
    """Refused as soon as the limit is passed, with an estimate of the number of states and what to do instead."""
    large = edited("[10, 20, 40]", "[1, 2, 3, 4, 5, 6]").replace("size: 3", "size: 1").replace(": 12", ": 60")
    write(tmp_path, d_yaml=large, s_yaml=SCENARIO.replace("[0.1, 0.3, 0.5]", "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]"))
    done = escalate(*SIMULATE, "--exact", "--max-states", "100000", cwd=tmp_path, timeout=60)
    assert (done.stdout, done.code) == ("", 2)
    for word in ("million reachable states", "the limit is 100,000", "--trials", "--max-states"):
        assert word in done.stderr


def test_more_patients_than_any_trial_has(tmp_path: Path) -> None:
    """A mistyped outcome string with thousands of patients is refused at once."""
    write(tmp_path, d_yaml=DESIGN)
    done = escalate("recommend", "d.yaml", "--outcomes", "1" + "N" * 5000, cwd=tmp_path, timeout=5)
    assert (done.code, done.stdout) == (2, "")
    assert "5000 patients, more than the 1000" in done.stderr


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma", HEADER + "a,1,1,0\nb,1,1,1\n"),
        ("CRLF", (HEADER + "a,1,1,0\nb,1,1,1\n").replace("\n", "\r\n")),
        ("byte-order mark", BOM + (HEADER + "a,1,1,0\nb,1,1,1\n").replace("\n", "\r\n").encode()),
        ("semicolon", "patient;cohort;dose;dlt\na;1;10,0;0\nb;1;10,00;1\n"),
        ("quotes", '"patient","cohort","level","dlt"\n"a, the first","1","1","no"\n"b","1","1","yes"\n'),
        ("capitals and spaces", " Patient , Cohort , Level , DLT \n a , 1 , 1 , N \n b , 1 , 1 , Y \n"),
        ("other columns", "site,patient,cohort,level,dlt,grade\nx,a,1,1,0,2\ny,b,1,1,1,3\n"),
        ("blank lines", "\n" + HEADER + "\na,1,1,0\n,,,\nb,1,1,1\n\n"),
        ("not evaluable", HEADER.replace("dlt", "dlt,evaluable") + "a,1,1,0,1\nb,1,1,1,\nc,1,1,,0\n"),
    ],
)
def test_forms_of_csv_that_are_accepted(name: str, content: str | bytes, tmp_path: Path) -> None:
    """What spreadsheets of any country write is read: one DLT in two patients at level 1."""
    write(tmp_path, d_yaml=DESIGN, p_csv=content)
    done = escalate("recommend", "d.yaml", "p.csv", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, ""), name
    assert "1/2 DLTs at level 1" in done.stdout


def test_forms_of_yaml_that_are_accepted(tmp_path: Path) -> None:
    """A byte-order mark and CRLF in a design or a scenario file do no harm."""
    for name, content in (("d.yaml", DESIGN), ("s.yaml", SCENARIO)):
        write(tmp_path, **{name: BOM + content.replace("\n", "\r\n").encode()})
    done = escalate(*SIMULATE, cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
