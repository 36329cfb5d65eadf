"""Whatever is put into `escalate trial`, what comes out is a sentence and exit code 2, and nothing is recorded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.bad import Bad, bad
from tests.cli.run import DESIGN, HEADER, escalate, write

CASES: list[Any] = []
FILES: dict[str, str | bytes] = {
    "d.yaml": DESIGN,
    "e.yaml": DESIGN.replace("12", "15"),
    "p.csv": HEADER + "b1,2,2,0\n",
    "text.zip": "no archive",
    "some.zip": b"PK\x05\x06" + bytes(18),
}
ROW = ("--cohort", "2", "--level", "2")
NEW = ("enter", "t", "--patient")


def line(name: str, *words: str, arguments: tuple[str, ...], **more: Any) -> None:
    """Add a bad command line, beside a record whose trial `t` has a recommendation of level 2 that nothing was decided on."""
    files = {**FILES, **more.pop("files", {})}
    CASES.append(bad(name, *words, arguments=arguments, files=files, **more))


# --- which trial, who, what ------------------------------------------------------------------------------------------
for command in (
    ("enter", "x", "--outcomes", "1N"), ("amend", "x", "--patient", "1", "--set", "dlt=no"), ("recommend", "x"),
    ("decide", "x", "--approve", "--entry", "1"), ("close", "x", "--mtd", "1"), ("history", "x"), ("verify", "x"),
    ("export", "x", "x.zip"), ("amend", "x", "--design", "e.yaml", "--reason", "y"),
):  # fmt: skip
    line(f"{'-'.join(command[::2])} of no trial", "there is no trial 'x' here", arguments=command)
for trial in ("", "system", "T", "t' OR 1=1 --", "\x1b[2J", "t\n"):
    line(f"show {trial[:12]!r}", "there is no trial", arguments=("show", trial), never=("\x1b",))
line("recommend without a trial", "Missing argument 'TRIAL'", arguments=("recommend",))
line("misspelt command", "No such command 'recomend'", arguments=("recomend", "t"))
line("misspelt option", "--deviaton", arguments=("enter", "t", "--deviaton", "x"))
for name, words in (
    ("", "--by: is empty"), ("   ", "--by: is empty"), ("a\x1b[2Jb", "cannot be printed"), ("a\nb", "cannot be printed"),
    ("a\u202eb", "cannot be printed"), ("a\udcffb", "cannot be printed"), ("a" * 81, "longer than 80 letters"),
):  # fmt: skip
    line(f"by {name[:5]!r}", "--by:", words, arguments=("recommend", "t", "--by", name), never=("\x1b",))

# --- new -------------------------------------------------------------------------------------------------------------
line("new over a trial", "there is a trial 't' here already", arguments=("new", "d.yaml", "--trial", "t"))
for name in ("", "T", "-a", "system", "a" * 41, "é", "..", "a\n"):
    line(f"new {name[:8]!r}", "cannot be the name of a trial", arguments=("new", "d.yaml", "--trial", name))
line("new of no file", "none.yaml: there is no such file", arguments=("new", "none.yaml"))
line("new of data", "p.csv:1", arguments=("new", "p.csv"))
line("new of standard input", "--trial: is missing", arguments=("new", "-"), stdin=DESIGN)
line("new without a title", "title: is empty", arguments=("new", "d.yaml", "--trial", "n", "--title", " "))
line("new with codes", "title: holds control", arguments=("new", "d.yaml", "--trial", "n", "--title", "a\x1b[2J"))
line("new with a page", "title:", "at most 200", arguments=("new", "d.yaml", "--trial", "n", "--title", "a" * 201))

# --- enter -----------------------------------------------------------------------------------------------------------
line("enter nothing", "as a file, with --outcomes, or with --patient", arguments=("enter", "t"))
line("enter twice", "one of the three", arguments=("enter", "t", "p.csv", "--outcomes", "2NNN"))
line("enter options alone", "--level: describes a patient", arguments=("enter", "t", "--level", "2"))
line("enter no file", "none.csv: there is no such file", arguments=("enter", "t", "none.csv"))
line("enter a directory", ".: is a directory", arguments=("enter", "t", "."))
line("enter without a decision", "nothing was decided", "reason of the deviation", arguments=("enter", "t", "p.csv"))
line("enter bad outcomes", "'X' is not an outcome", arguments=("enter", "t", "--outcomes", "2NXN"))
line("enter a patient again", "patient 01: is on record already, since entry 2", arguments=(*NEW, "01", *ROW))
for number, words in (
    ("", "every patient needs a study number"), ("JD", "needs a digit"), ("a b1", "is no study number"),
    ("=1+1", "is no study number"), ("1\n2", "is no study number"), ("é1", "is no study number"), ("9" * 41, "at most 40"),
    ("-1", "is no study number"), ("\x1b[2J1", "is no study number"), ("<b>1", "is no study number"),
):  # fmt: skip
    line(f"enter patient {number[:6]!r}", words, arguments=(*NEW, number, *ROW), never=("\x1b",))
line("enter one twice", "02x1: is given twice", arguments=(*NEW, "02x1", "--patient", "02x1", *ROW, "--deviation", "y"))
for option, value, words in (
    ("--cohort", "0", "counted from 1"), ("--cohort", "x", "'x' is not a whole number"), ("--cohort", "1234567", "larger than"),
    ("--level", "9", "level 9 does not exist"), ("--level", "0", "level 0 does not exist"),
    ("--level", "\u0661", "not a whole number"), ("--dose", "15", "15 mg is not a dose"), ("--dose", "1,000", "two ways"),
    ("--dlt", "maybe", "neither 1 (yes) nor 0 (no)"), ("--treated", "2026-01-05", "treated: is not used by this design"),
    ("--treated", "5.1.2026", "not an ISO date"), ("--dlt-date", "2026-02-30", "not in the calendar"),
    ("--outcome", "Q", "'Q' is not an outcome"), ("--response", "yes", "response: is not used by this design"),
):  # fmt: skip
    given = {"--cohort": "2", "--level": "2", option: value}
    if option == "--dose":
        del given["--level"]
    rest = tuple(part for pair in given.items() for part in pair)
    line(f"enter {option} {value}", "patient b1", words, arguments=(*NEW, "b1", *rest, "--deviation", "y"), never=())
line("enter without a level", "--patient b1 level: is empty", arguments=(*NEW, "b1", "--level", "", "--cohort", "2"))
line(
    "enter a backfill",
    "this design has no backfill",
    arguments=(*NEW, "b1", "--level", "1", "--backfill", "--deviation", "y"),
)
line("enter without a cohort", "cohort: is missing", arguments=(*NEW, "b1", "--level", "2", "--deviation", "y"))
line(
    "enter a mixed cohort",
    "cohort 1",
    "a cohort has one level",
    arguments=(*NEW, "b1", "--cohort", "1", "--level", "2", "--deviation", "y"),
)
line(
    "deviation for nobody",
    "--deviation: nobody new",
    arguments=("enter", "t", "q.csv", "--deviation", "x"),
    files={"q.csv": HEADER + "01,1,1,0\n"},
)
line("deviation of nothing", "reason of the deviation", arguments=("enter", "t", "p.csv", "--deviation", "  "))
line(
    "deviation with codes",
    "deviation: holds control",
    arguments=("enter", "t", "p.csv", "--deviation", "\x1b[2J"),
    never=("\x1b",),
)
line("deviation of a book", "deviation:", "4000", arguments=("enter", "t", "p.csv", "--deviation", "a" * 4001))
TWICE = HEADER + "b1,2,2,0\nb1,2,2,0\n"
for name, content, words in (
    ("empty", "", "q.csv: is empty"),
    ("no header", "1,2,3\n", "column 'patient' is missing"),
    ("no column", "patient,cohort,level\nb1,2,2\n", "column 'dlt' is missing"),
    ("dates", "patient,cohort,level,treated,dlt_date\n", "q.csv:1"),
    ("binary", b"\x00\xff\xfe", "q.csv"),
    ("twice", TWICE, "q.csv:3 patient: 'b1' was already on line 2"),
    ("level", HEADER + "b1,2,7,0\n", "q.csv:2 level: level 7 does not exist"),
    ("formula", HEADER + "=1+1,2,2,0\n", "q.csv:2 patient: is no study number"),
    ("outcome", HEADER + "b1,2,2,2\n", "q.csv:2 dlt: '2' is neither"),
    ("name", HEADER + "Jane Doe,2,2,0\n", "q.csv:2 patient: is no study number"),
):
    line(f"enter a file: {name}", words, arguments=("enter", "t", "q.csv"), files={"q.csv": content})

# --- amend -----------------------------------------------------------------------------------------------------------
AMEND = ("amend", "t", "--patient", "01", "--set")
line("amend nothing", "give either --patient with --set, or --design", arguments=("amend", "t"))
line("amend both", "one thing is amended at a time", arguments=(*AMEND, "dlt=yes", "--design", "d.yaml"))
line("amend without --set", "--set: is missing", arguments=("amend", "t", "--patient", "01"))
line(
    "amend without a patient",
    "--set: goes with --patient",
    arguments=("amend", "t", "--set", "dlt=no", "--design", "d.yaml", "--reason", "x"),
)
line("amend nobody", "patient 77: is not on record", arguments=("amend", "t", "--patient", "77", "--set", "dlt=no"))
line("amend no field", "'dlts' is not known; did you mean 'dlt'?", arguments=(*AMEND, "dlts=yes", "--reason", "x"))
line("amend no value", "'dlt' is not FIELD=VALUE", arguments=(*AMEND, "dlt", "--reason", "x"))
line("amend twice", "--set dlt: is given twice", arguments=(*AMEND, "dlt=no", "--set", "dlt=yes", "--reason", "x"))
line("amend the number", "a study number is not changed", arguments=(*AMEND, "patient=02", "--reason", "x"))
line("amend a bad value", "--set dlt: 'perhaps' is neither", arguments=(*AMEND, "dlt=perhaps", "--reason", "x"))
line("amend a bad level", "--set level: level 9 does not exist", arguments=(*AMEND, "level=9", "--reason", "x"))
line("amend no level", "level: is not amended", arguments=(*AMEND, "level=", "--reason", "x"))
line("amend a level of one", "level: is not amended", arguments=(*AMEND, "level=2", "--reason", "x"))
line("amend nothing new", "nothing changes", arguments=(*AMEND, "dlt=no"))
line("amend without a reason", "reason: is missing", arguments=(*AMEND, "dlt=yes"))
line("amend with a blank reason", "reason: is missing", arguments=(*AMEND, "dlt=yes", "--reason", " \t "))
line(
    "sign an amendment",
    "--sign: is for a new version of the design",
    arguments=(*AMEND, "dlt=yes", "--reason", "x", "--sign"),
)
line(
    "design without a reason",
    "--reason: is missing; say why the design is amended",
    arguments=("amend", "t", "--design", "e.yaml"),
)
line(
    "same design",
    "is the present design, byte for byte",
    arguments=("amend", "t", "--design", "d.yaml", "--reason", "x"),
)
line(
    "no design", "none.yaml: there is no such file", arguments=("amend", "t", "--design", "none.yaml", "--reason", "x")
)
line(
    "design of other levels",
    "another amount",
    arguments=("amend", "t", "--design", "f.yaml", "--reason", "x"),
    files={"f.yaml": DESIGN.replace("[10,", "[5,")},
)

# --- recommend, decide, close ----------------------------------------------------------------------------------------
line("recommend on a day", "has no DLT window", arguments=("recommend", "t", "--as-of", "2026-01-05"))
line("recommend on no day", "--as-of: 'today' is not an ISO date", arguments=("recommend", "t", "--as-of", "today"))
line("decide nothing", "give one decision: accept, lower, higher", arguments=("decide", "t"))
line("decide two things", "give one decision", arguments=("decide", "t", "accept", "--approve"))
line("decide and refuse", "give one decision", arguments=("decide", "t", "--approve", "--refuse"))
line("decide no choice", "'acept' is not one; did you mean 'accept'?", arguments=("decide", "t", "acept"))
line("accept a level", "leave both out", arguments=("decide", "t", "accept", "--level", "3"))
line(
    "higher than the top",
    "level: 4 does not exist",
    arguments=("decide", "t", "higher", "--level", "4", "--reason", "x"),
)
line("higher but lower", "choose a higher one", arguments=("decide", "t", "higher", "--level", "1", "--reason", "x"))
line("lower but higher", "choose a lower one", arguments=("decide", "t", "lower", "--level", "3", "--reason", "x"))
line("higher without a level", "level: is missing", arguments=("decide", "t", "higher", "--reason", "x"))
line("lower without a reason", "reason: is missing", arguments=("decide", "t", "lower", "--level", "1"))
line("hold a level", "leave out level and patients", arguments=("decide", "t", "hold", "--level", "1", "--reason", "x"))
line(
    "nobody",
    "patients: is missing",
    arguments=("decide", "t", "lower", "--level", "1", "--patients", "0", "--reason", "x"),
)
line(
    "too many", "patients:", arguments=("decide", "t", "expand", "--level", "2", "--patients", "99999", "--reason", "x")
)
line("no whole number", "no integer", arguments=("decide", "t", "higher", "--level", "two"))
line("huge number", "level: ", "does not exist", arguments=("decide", "t", "higher", "--level", "9" * 30))
line(
    "approve nothing",
    "what awaits a second person is nothing by now, not entry 3",
    arguments=("decide", "t", "--approve", "--entry", "3"),
)
line("approve something", "--entry: is missing", arguments=("decide", "t", "--approve"))
line("refuse something", "--entry: is missing", arguments=("decide", "t", "--refuse", "--reason", "x"))
line("approve a level", "--level: is for a decision", arguments=("decide", "t", "--approve", "--level", "2"))
line(
    "refuse without a reason",
    "--reason: is missing; say why you do not agree",
    arguments=("decide", "t", "--refuse", "--entry", "3"),
)
line(
    "meaning without a signature",
    "--meaning: is for a signature; add --sign",
    arguments=("decide", "t", "accept", "--meaning", "review"),
)
line(
    "no meaning",
    "'reviw' is not one; did you mean 'review'?",
    arguments=("decide", "t", "accept", "--sign", "--meaning", "reviw"),
)
line(
    "sign without an account", "there is no account 'zoe'", arguments=("decide", "t", "accept", "--sign", "--by", "zoe")
)
line("close without an MTD", "--mtd: is missing", arguments=("close", "t"))
for mtd, words in (
    ("two", "neither a level nor none"),
    ("9", "9 does not exist"),
    ("-1", "neither"),
    ("²", "neither"),
    ("2", "nobody was treated at level 2"),
):
    line(f"close with {mtd}", words, arguments=("close", "t", "--mtd", mtd, "--reason", "x"))
line("close without a reason", "reason: is missing", arguments=("close", "t", "--mtd", "none"))
line("close early without a reason", "reason: is missing", arguments=("close", "t", "--mtd", "1"))

# --- history, verify, export, import ---------------------------------------------------------------------------------
for number in ("0", "9", "-1", "99999999999999999999"):
    line(
        f"history of entry {number}",
        f"there is no entry {number}; t has entries 1 to 3",
        arguments=("history", "t", "--entry", number),
    )
line("history over a file", "p.csv: exists already; use --force", arguments=("history", "t", "--csv", "p.csv"))
line("history of one as CSV", "leave out --entry", arguments=("history", "t", "--entry", "1", "--csv", "x.csv"))
line("head of nothing", "--head: is that of one trial", arguments=("verify", "--head", "a" * 64))
for head in ("", "abc", "a" * 15, f"{'a' * 15}…"):
    line(f"head {head!r}", "--head: is too short", "first 16 letters", arguments=("verify", "t", "--head", head))
line("verify no archive", "none.zip: cannot be read", arguments=("verify", "none.zip"))
line("verify text", "text.zip: is not a whole zip file", arguments=("verify", "text.zip"))
line("verify an empty zip", "some.zip: has no manifest.json", arguments=("verify", "some.zip"))
line("verify in a database", "needs no database", arguments=("verify", "some.zip", "--database", "escalate.db"))
line("verify a directory", "cannot be read", arguments=("verify", "./"))
line("import text", "text.zip: is not a whole zip file", arguments=("import", "text.zip", "--database", "new.db"))
line("import nothing", "none.zip: cannot be read", arguments=("import", "none.zip", "--database", "new.db"))
line("export without .zip", "let it end with .zip", arguments=("export", "t", "t.tar"))
line("export over a file", "some.zip: exists already; use --force", arguments=("export", "t", "some.zip"))
line("export into no directory", "no/a.zip: there is no directory", arguments=("export", "t", "no/a.zip"))
line("export CSV over a file", "p.csv: exists already", arguments=("export", "t", "a.zip", "--csv", "p.csv"))
line("export both into one", "two different names", arguments=("export", "t", "a.zip", "--csv", "a.zip"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a record: trial `t`, one cohort at level 1 without DLT, and the recommendation of level 2."""
    folder = tmp_path_factory.mktemp("record")
    write(folder, d_yaml=DESIGN)
    for arguments in (("new", "d.yaml", "--trial", "t"), ("enter", "t", "--outcomes", "1NNN"), ("recommend", "t")):
        assert escalate("trial", *arguments, cwd=folder).code == 0
    with closing(sqlite3.connect(folder / "escalate.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / "escalate.db").read_bytes()


def entries(database: Path) -> list[tuple[str, ...]]:
    """Return every entry of the file, as it stands there."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT * FROM escalate_entry ORDER BY chain, number").fetchall()


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: Bad, database: bytes, tmp_path: Path) -> None:
    """Exit code 2, nothing on standard output, sentences that say where and what, and no entry or file more than before."""
    write(tmp_path, **{"escalate.db": database, **case.files})
    before = entries(tmp_path / "escalate.db")
    done = escalate("trial", *case.arguments, stdin=case.stdin, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert lines
    assert all(text.startswith("error: ") for text in lines)
    for word in case.words:
        assert word in done.stderr
    for word in ("Traceback", "should not have happened", "pydantic", "[type=", *case.never):
        assert word not in done.stderr
    assert entries(tmp_path / "escalate.db") == before
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith("escalate.db-")} == {
        "escalate.db",
        *case.files,
    }
