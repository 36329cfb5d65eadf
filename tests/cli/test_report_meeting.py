"""`escalate report meeting`: the installed command, from files and from the record."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.cli.run import DESIGN, Result, escalate, write

DATA = "patient,cohort,level,dlt\n01,1,1,0\n02,1,1,0\n03,1,1,0\n04,2,2,1\n05,2,2,0\n06,2,2,0\n"
DATED = "patient,cohort,level,treated,dlt_date\n01,1,1,2026-01-12,\n02,1,1,2026-01-15,2026-01-20\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, d_yaml=DESIGN, p_csv=DATA, t_yaml=DESIGN + "dlt_window: 28\nrules: []\n", t_csv=DATED)
    return tmp_path


def meeting(folder: Path, *arguments: str) -> Result:
    return escalate("report", "meeting", *arguments, cwd=folder)


def files(folder: Path) -> list[str]:
    """Return what is there, but for what SQLite keeps beside a record while it is read."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("escalate.db-"))


def refused(folder: Path, *arguments: str) -> str:
    before = files(folder)
    done = meeting(folder, *arguments)
    assert (done.code, done.stdout) == (2, ""), done
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert files(folder) == before
    return done.stderr


def texts(found: dict[str, Any]) -> str:
    return json.dumps(found)


@pytest.mark.parametrize("ending", ["html", "docx", "md"])
def test_a_document_is_written(folder: Path, ending: str) -> None:
    """It is written where it was asked for, told in one line, and holds what `recommend` says."""
    done = meeting(folder, "d.yaml", "p.csv", "-o", f"m.{ending}")
    assert (done.code, done.stderr, done.stdout) == (0, "", f"Meeting pack written to m.{ending}.\n")
    said = "Treat the next 3 patients at level 2 (20 mg): stay."
    content = (folder / f"m.{ending}").read_bytes()
    if ending == "docx":
        with ZipFile(folder / "m.docx") as word:
            content = word.read("word/document.xml")
    assert said in content.decode()


def test_json_is_the_document(folder: Path) -> None:
    """`--json` prints the document as blocks, with the hashes of `recommend`, and needs no file."""
    done = meeting(folder, "d.yaml", "p.csv", "--json")
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["schema"], found["kind"]) == ("escalate/report/1", "meeting")
    answer = json.loads(escalate("recommend", "d.yaml", "p.csv", "--json", cwd=folder).stdout)
    facts = {fact["name"]: fact["value"] for fact in found["facts"]}
    assert facts["Design SHA-256"] == answer["provenance"]["design_sha256"]
    assert facts["Data SHA-256"] == answer["provenance"]["data_sha256"]
    assert facts["Data file"] == "p.csv"
    assert answer["reasons"][0]["text"] in texts(found)


def test_the_same_question_in_other_ways(folder: Path) -> None:
    """Data come as a file, an outcome string, from standard input, or not at all; with dates a day is given."""
    assert "2/3 DLTs" in meeting(folder, "d.yaml", "--outcomes", "1NTT", "--json").stdout
    assert "Which dose does the first cohort get?" in meeting(folder, "d.yaml", "--json").stdout
    done = escalate("report", "meeting", "d.yaml", "-", "--json", stdin=DATA, cwd=folder)
    assert "1/3 DLTs at level 2" in done.stdout
    dated = meeting(folder, "t.yaml", "t.csv", "--as-of", "2026-01-26", "--json")
    assert (dated.code, dated.stderr) == (0, "")
    assert "pending: 14 of 28 days" in dated.stdout


def test_what_is_refused(folder: Path) -> None:
    """A command that cannot be meant says what would be right, and writes nothing."""
    assert "give a design file, or a trial on record" in refused(folder, "-o", "m.html")
    assert "--output: is missing" in refused(folder, "d.yaml")
    assert "ends in .html, .docx, .pdf or .md" in refused(folder, "d.yaml", "-o", "m.txt")
    assert "there is no directory" in refused(folder, "d.yaml", "-o", "no/m.html")
    assert "leave out DESIGN" in refused(folder, "d.yaml", "--trial", "t", "-o", "m.html")
    assert "leave out --outcomes" in refused(folder, "--outcomes", "1N", "--trial", "t", "-o", "m.html")
    assert "name it with --trial" in refused(folder, "d.yaml", "--database", "x.db", "-o", "m.html")
    assert "not both" in refused(folder, "d.yaml", "p.csv", "--outcomes", "1N", "-o", "m.html")
    assert "--as-of" in refused(folder, "t.yaml", "t.csv", "-o", "m.html")
    assert "only one file can" in refused(folder, "-", "-", "-o", "m.html")
    (folder / "m.html").write_text("kept")
    assert "exists already; use --force" in refused(folder, "d.yaml", "-o", "m.html")
    assert (folder / "m.html").read_text() == "kept"
    assert meeting(folder, "d.yaml", "-o", "m.html", "--force").code == 0


def trial(folder: Path, *arguments: str) -> None:
    done = escalate("trial", *arguments, "--by", "ana", cwd=folder)
    assert (done.code, done.stderr) == (0, "")


def test_from_the_record(folder: Path) -> None:
    """The pack is of the locked design and the data on record, whatever the file says now; a changed record is refused."""
    trial(folder, "new", "d.yaml", "--trial", "t")
    trial(folder, "enter", "t", "--outcomes", "1NNN")
    trial(folder, "recommend", "t")
    trial(folder, "decide", "t", "lower", "--level", "1", "--reason", "slow recovery")
    (folder / "d.yaml").write_text(DESIGN.replace("0.30", "0.10"))
    done = meeting(folder, "--trial", "t", "--json")
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    record = json.loads(escalate("trial", "show", "t", "--json", cwd=folder).stdout)
    facts = {fact["name"]: fact["value"] for fact in found["facts"]}
    assert facts["Design SHA-256"] == record["design"]["sha256"]
    assert facts["Data SHA-256"] == record["data_sha256"]
    assert facts["Head of the record"] == f"entry {record['entries']}, {record['head']}"
    assert "slow recovery" in texts(found)
    assert "there is no trial 'no' here" in refused(folder, "--trial", "no", "-o", "m.html")
    assert "no DLT window" in refused(folder, "--trial", "t", "--as-of", "2026-01-01", "-o", "m.html")
    with closing(sqlite3.connect(folder / "escalate.db")) as connection:
        kept = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in kept:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE escalate_entry SET by = 'eve' WHERE chain = 't' AND number = 2")
        for _, sql in kept:
            connection.execute(sql)
        connection.commit()
    assert "entry 2" in refused(folder, "--trial", "t", "-o", "m.html")
