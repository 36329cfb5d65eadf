"""Tables read from a file, as a user gives them: what is wrong is told with the file and the line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.run import DESIGN, escalate, snapshot, write
from tests.helpers import ROOT

BASE = DESIGN.replace("{kind: boin}", "{kind: decision_table, file: t.csv}")
THREE = "3,0,E\n3,1,S\n3,2,D\n3,3,DU\n"
SIX = "6,0,E\n6,1,E\n6,2,S\n6,3,D\n6,4,DU\n6,5,DU\n6,6,DU\n"
GOOD = f"patients,dlts,action\n{THREE}{SIX}"


def _edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(
            _edited("3,2,D\n", ""),
            "t.csv:2: 3 patients: there is no row for 2 DLTs; each number from 0 to 3 needs one",
            id="hole",
        ),
        pytest.param(
            _edited("6,4,DU\n6,5,DU\n", ""), "t.csv:6: 6 patients: there is no row for 4 and 5 DLTs", id="two holes"
        ),
        pytest.param(
            _edited("3,3,DU\n", "3,3,DU\n3,1,D\n"),
            "t.csv:6: 1 DLT of 3 patients has the action D, but S on line 3",
            id="contradiction",
        ),
        pytest.param(
            _edited("6,2,S\n", "6,2,E\n").replace("6,1,E\n", "6,1,S\n"),
            "t.csv:8: 2 DLTs of 6 patients has the action E, more upward than S for 1 DLT on line 7",
            id="not monotone",
        ),
        pytest.param(_edited("6,6,DU", "6,7,DU"), "t.csv:12: 7 DLTs of 6 patients is impossible", id="more DLTs"),
        pytest.param(
            _edited("3,1,S", "3,1,X"), "t.csv:3 action: 'X' is not an action; known: E, S, D, DU", id="unknown action"
        ),
        pytest.param(
            _edited("3,1,S", "3,1,stey"), "t.csv:3 action: 'stey' is not an action; did you mean 'stay'?", id="typo"
        ),
        pytest.param(_edited("3,1,S", "3,1,"), "t.csv:3 action: is empty", id="no action"),
        pytest.param(
            _edited("3,1,S", "3,1.0,S"), "t.csv:3 dlts: '1.0' is not a whole number from 0 to 1000", id="decimal"
        ),
        pytest.param(
            _edited("3,1,S", "-3,1,S"), "t.csv:3 patients: '-3' is not a whole number from 1 to 1000", id="negative"
        ),
        pytest.param(_edited("3,1,S", "0,0,S"), "t.csv:3 patients: '0' is not a whole number from 1", id="no patients"),
        pytest.param(_edited("3,1,S", "³,1,S"), "t.csv:3 patients: '³' is not a whole number", id="superscript"),
        pytest.param(_edited("3,1,S", "3,,S"), "t.csv:3 dlts: is empty", id="empty"),
        pytest.param(_edited("3,1,S", "3,1"), "t.csv:3 row: has 2 fields, but the header has 3", id="short row"),
        pytest.param(_edited("3,1,S", "3,1,S,x"), "t.csv:3 row: has 4 fields, but the header has 3", id="long row"),
        pytest.param(
            _edited("patients,dlts,action", "n,y,action"),
            "t.csv:1: the header is patients,dlts,action, not 'n,y,action'",
            id="wrong header",
        ),
        pytest.param(THREE, "t.csv:1: the header is patients,dlts,action, not '3,0,E'", id="no header"),
        pytest.param("patients,dlts,action\n", "t.csv: has a header and no rows", id="no rows"),
        pytest.param("", "t.csv: is empty", id="empty file"),
        pytest.param(GOOD.replace(",", "\t"), "t.csv:1: its columns are separated by tabs; use commas", id="tabs"),
        pytest.param(GOOD.replace("\n", "\r"), "t.csv:1: has the line ends of old Macs; save it", id="old Mac"),
        pytest.param(b"\x00\x01", "t.csv: is a binary file, not a table of decisions", id="binary"),
        pytest.param(_edited("3,1,S", '3,1,"S'), "is not CSV", id="quote"),
        pytest.param(
            _edited("3,1,S", "3,1,\xe9").encode("latin-1"),
            "t.csv:3: is not UTF-8 text; save the file as UTF-8",
            id="Latin-1",
        ),
        pytest.param(
            GOOD + "\n" * 1_000_001, "t.csv: is larger than 1 MB, which no table of decisions should be", id="large"
        ),
        pytest.param(_edited("3,1,S", "3,1,\x1b[31m"), "'\\x1b[31m' is not an action", id="control character"),
        pytest.param(
            _edited(SIX, ""),
            None,
            id="good",
        ),
    ],
)
def test_bad_tables(content: str | bytes, said: str | None, tmp_path: Path) -> None:
    """Exit code 2, nothing on standard output, one sentence a fault; no file touched."""
    write(tmp_path, d_yaml=BASE, t_csv=content)
    before = snapshot(tmp_path)
    done = escalate("check", "d.yaml", cwd=tmp_path)
    if said is None:
        assert done.code == 0
        return
    assert (done.code, done.stdout) == (2, "")
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert snapshot(tmp_path) == before


def test_all_faults_are_told(tmp_path: Path) -> None:
    """Twenty of them, and how many more there are."""
    write(tmp_path, d_yaml=BASE, t_csv="patients,dlts,action\n" + "3,0,?\n" * 25)
    lines = escalate("check", "d.yaml", cwd=tmp_path).stderr.splitlines()
    assert len(lines) == 21
    assert lines[19].startswith("error: t.csv:21 action")
    assert lines[20] == "error: t.csv: and 5 more faults"


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("{kind: decision_table, file: no.csv}", "no.csv: there is no such file"),
        ("{kind: decision_table, file: .}", "is a directory, not a table of decisions"),
        ("{kind: decision_table, file: '-'}", "method.file: '-' is not a file; name a CSV file"),
        ("{kind: decision_table, file: 5}", "d.yaml:8 method.file: 5 is not text"),
        ("{kind: decision_table, file: ''}", "d.yaml:8 method.file: is empty"),
        ("{kind: decision_table}", "d.yaml:8 method.rows: is missing; give rows or a file"),
        ("{kind: decision_table, fiel: t.csv}", "d.yaml:8 method.fiel: unknown setting; did you mean 'file'?"),
        ("{kind: decision_table, file: t.csv, rows: [[3, 0, E]]}", "t.csv: does not hold the same rows as method.rows"),
        ("{kind: decision_table, file: t.csv, rows: 5}", "d.yaml:8 method.rows: 5 is not a list [..]"),
        ("{kind: decision_table, file: t.csv, rows: [[3, 0, N]]}", "d.yaml:8 method.rows[1][3]: 'N' is not an action"),
        ("{kind: decision_table, rows: [[3, 0, E], [3, 0, S]]}",
         "d.yaml:8 method.rows[2]: 0 DLTs of 3 patients has the action S, but E in rows[1]"),
        ("{kind: boin, file: t.csv}", "d.yaml:8 method.file: unknown setting"),
    ],
)  # fmt: skip
def test_bad_designs(method: str, said: str, tmp_path: Path) -> None:
    """What the design file says of its table is told with its own line."""
    write(tmp_path, d_yaml=DESIGN.replace("{kind: boin}", method), t_csv=GOOD)
    done = escalate("check", "d.yaml", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_rows_that_the_cohorts_need(tmp_path: Path) -> None:
    """The line is that of the setting `file`; the sentence says which rows."""
    write(tmp_path, d_yaml=BASE.replace("cohort_size: 3", "cohort_size: 2"), t_csv=GOOD)
    done = escalate("check", "d.yaml", cwd=tmp_path)
    assert done.code == 2
    assert done.stderr.startswith(
        "error: d.yaml:8 method.file: there are no rows for 2, 4 patients; with cohorts of 2,"
    )


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        "\n" + GOOD.replace("3,1,S", " 3 , 1 , stay \n\n"),
        GOOD.replace("patients,dlts,action", "Patients,DLTs,Action").replace("DU", "du"),
        "patients,dlts,action\n" + SIX + THREE,
        GOOD + "3,0,E\n",
    ],
)
def test_forms_that_are_accepted(content: str, tmp_path: Path) -> None:
    """Line ends, byte-order mark, semicolons, blanks, words, any order, a row said twice."""
    write(tmp_path, d_yaml=BASE, t_csv=content)
    done = escalate("recommend", "d.yaml", "--outcomes", "1NNN 2NNT", "--json", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["next_level"] == 2


def test_table_is_looked_for_beside_the_design(tmp_path: Path) -> None:
    """Wherever the command runs; from standard input, where it runs."""
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", d_yaml=BASE, t_csv=GOOD)
    assert escalate("check", "sub/d.yaml", cwd=tmp_path).code == 0
    assert escalate("check", tmp_path / "sub" / "d.yaml", cwd=tmp_path / "sub").code == 0
    assert escalate("check", "-", stdin=BASE, cwd=tmp_path / "sub").code == 0
    assert (
        "error: standard input:8 method.file: t.csv: there is no such file"
        in escalate("check", "-", stdin=BASE, cwd=tmp_path).stderr
    )


def test_hash_covers_the_table(tmp_path: Path) -> None:
    """The hash of the two hashes, one a line: `sha256sum d.yaml t.csv | cut -c 1-64 | sha256sum`."""
    write(tmp_path, d_yaml=BASE, t_csv=GOOD)
    hashes = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("d.yaml", "t.csv")]
    expected = hashlib.sha256("".join(f"{each}\n" for each in hashes).encode()).hexdigest()
    for command in (("recommend", "d.yaml"), ("select", "d.yaml", "--outcomes", "1NNN")):
        found = json.loads(escalate(*command, "--json", cwd=tmp_path).stdout)["provenance"]
        assert found["design_sha256"] == expected


def test_a_missing_row_is_a_sentence(tmp_path: Path) -> None:
    """Two evaluable patients where the table begins at three."""
    write(tmp_path, d_yaml=BASE, t_csv=GOOD)
    done = escalate("recommend", "d.yaml", "--outcomes", "1NN", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the decision table has no row for 2 patients at level 1, only for 3, 6; if a cohort is not complete, complete "
        "it first (a patient who replaces one belongs to the same cohort); if more were treated than planned, add rows for 2\n"
    )


def test_commands_on_the_example() -> None:
    """The example design is tabulated, checked and asked as it is."""
    path = ROOT / "designs" / "decision_table.yaml"
    for command in ("check", "table"):
        assert escalate(command, path).code == 0
    assert "the table says S (stay)." in escalate("recommend", path, "--outcomes", "1NNN 2NNNNTT").stdout


def test_new_writes_a_table_that_runs(tmp_path: Path) -> None:
    """One row of the table a line."""
    done = escalate("new", "decision_table", "-o", "d.yaml", cwd=tmp_path)
    assert done.code == 0
    assert "    - [3, 3, DU]\n" in (tmp_path / "d.yaml").read_text()
    assert escalate("check", "d.yaml", cwd=tmp_path).code == 0
