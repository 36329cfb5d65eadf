"""The qualification report and the command: what is printed, what is written, and the exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from escalate.conduct.qualification import CHECKS
from escalate.qualification.cases import Case, Installation, Outcome, Qualification
from escalate.qualification.compare import said
from escalate.qualification.requirements import requirements
from escalate.qualification.run import run
from escalate.report.documents.blocks import Heading, Table, plain
from escalate.report.documents.writing import as_bytes
from escalate.report.qualification import document, summary_sentence
from escalate.report.qualification_tables import form
from tests.cli.run import escalate


@pytest.fixture(scope="module")
def found(few: Path) -> Qualification:
    """Give what a run of some requirements found."""
    return run(["BOIN-1", "TAB-5", "PLAN-1", "ALL-3", "REC-2"], checks=CHECKS, place=few)


def broken() -> Qualification:
    """Return what a run found in which one case and one check of the installation failed."""
    case = Case("boin/x", "table, boin", "lambda_e 0.2", "lambda_e 0.3", "exact", "by hand", passed=False)
    installed = Case(
        "escalate/a.py", "installation", "the file of the wheel", "no such file", "exact", "x", passed=False
    )
    outcomes = tuple(Outcome(each, (case,) if each.id == "BOIN-1" else ()) for each in requirements()[:3])
    nothing = Installation((("software", "escalate", "0.1.0"),), (), (installed,))
    return Qualification("0.1.0", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 1.0, nothing, outcomes)


def tables(of: Qualification) -> dict[str, Table]:
    """Return the tables of the report by their keys."""
    return {block.key: block for block in document(of).blocks if isinstance(block, Table)}


def test_sections_and_signatures(found: Qualification) -> None:
    """Result, installation, operation, traceability; who performed and who reviewed it; that it is no certificate."""
    report = document(found)
    heads = [block.text for block in report.blocks if isinstance(block, Heading) and block.level == 1]
    assert heads == ["Result", "Installation (IQ)", "Operation (OQ)", "Traceability"]
    assert [row[0] for row in tables(found)["signatures"].rows] == ["Performed by", "Reviewed by"]
    text = " ".join(report.texts())
    assert "It is no certificate" in text
    assert "validation that the user's organisation is responsible for" in text
    assert "Only these requirements were asked for: BOIN-1, TAB-5, PLAN-1, ALL-3, REC-2" in text.replace(
        "BOIN-1, TAB-5, ALL-3, PLAN-1", "BOIN-1, TAB-5, PLAN-1, ALL-3"
    )


def test_every_case_is_in_it(found: Qualification) -> None:
    """With what was expected, obtained, tolerated, and its source in the caption; nothing is left out."""
    rows = {row[0] for key, table in tables(found).items() if key.startswith(("BOIN-1", "TAB-5")) for row in table.rows}
    asked = [
        case for outcome in found.outcomes for case in outcome.cases if outcome.requirement.id in ("BOIN-1", "TAB-5")
    ]
    assert rows == {case.id.partition("/")[2] for case in asked}
    assert "BOIN 2.7.2 get.boundary (Yuan Y, Liu S 2020)" in tables(found)["BOIN-1-1"].caption
    row = tables(found)["TAB-5-1"].rows[0]
    assert len(row) == 5
    assert "escalate_if_dlts_at_most" in str(row[1])


def test_expected_and_obtained_are_printed(found: Qualification) -> None:
    """Every value of a case stands in its row; of long lists that agree the rest is said to be in the JSON."""
    printed = {row[0]: row for key, table in tables(found).items() if key.startswith("BOIN-1") for row in table.rows}
    for outcome in found.outcomes:
        for case in outcome.cases if outcome.requirement.id == "BOIN-1" else ():
            _, expected, obtained, *_ = printed[case.id.partition("/")[2]]
            for shown, value in ((expected, case.values["expect"]), (obtained, case.values["answer"])):
                text, cut, _ = str(shown).partition(" (at most")[0].partition(" ... and ")
                assert said(value).startswith(text)
                assert cut or text == said(value)


def test_a_check_not_done_is_not_said_to_have_passed(found: Qualification) -> None:
    """Here the product runs from a source tree: the table, the sentence and the JSON say that its files were not compared."""
    rows = {str(row[0]): row for row in tables(found)["iq"].rows}
    assert plain(rows["installed files"][3], {}) == "not done"
    assert summary_sentence(found).endswith("Not done, and so not passed, of the installation: installed files.")
    case = form(found)["installation"]["cases"][0]
    assert (case["result"], case["passed"]) == ("not done", None)


def test_traceability(found: Qualification) -> None:
    """Each requirement with what it covers, what was run, and the tests of the suite."""
    rows = {str(row[0]): row for row in tables(found)["traceability"].rows}
    assert "check record-refuses-changes" in str(rows["REC-2"][2])
    assert rows["TAB-5"][3] == "methods/test_ccd.py"
    assert rows["PLAN-1"][2] == "-"


def test_words_of_a_failure() -> None:
    """The sentence, the list and the table name the requirement, the case, expected and obtained."""
    assert summary_sentence(broken()).endswith("the installation; BOIN-1 BOIN boundaries and decision table.")
    text = " ".join(document(broken()).texts())
    assert "BOIN-1 BOIN boundaries and decision table: boin/x: expected lambda_e 0.2, obtained lambda_e 0.3" in text
    assert "IQ Installation: escalate/a.py: expected the file of the wheel, obtained no such file" in text


@pytest.mark.parametrize("ending", ["html", "md"])
def test_documents_are_written_and_the_same_again(found: Qualification, ending: str) -> None:
    """Bytes depend on what was found alone, and load nothing from a network."""
    raw = as_bytes(document(found), ending)
    assert raw == as_bytes(document(found), ending)
    assert b"Traceability" in raw
    assert b"<script src" not in raw
    assert b"@import" not in raw


def test_json_holds_everything(found: Qualification) -> None:
    """Every case with its values in full, every file with its hash; no NaN."""
    content = json.loads(json.dumps(form(found), allow_nan=False))
    assert content["schema"] == "escalate/qualification/1"
    assert content["passed"] is True
    named = {each["id"]: each for each in content["requirements"]}
    case = named["BOIN-1"]["cases"][0]
    assert set(case) == {
        "id", "asked", "expected", "obtained", "tolerance", "source", "passed", "result", "seconds", "values",
    }  # fmt: skip
    assert case["values"]["expect"]["lambda_e"] == pytest.approx(case["values"]["answer"]["lambda_e"], abs=1e-12)
    assert named["PLAN-1"]["status"] == "test suite"
    assert len(content["installation"]["files"]) > 400


def test_command_writes_several_reports(tmp_path: Path) -> None:
    """HTML, PDF and JSON in one run; progress on standard error, a table on standard output; exit code 0."""
    names = ["r.html", "r.pdf", "r.json"]
    options: list[Any] = [part for name in names for part in ("-o", tmp_path / name)]
    done = escalate("verify", "--only", "TAB-5", "--only", "REC-2", *options)
    assert done.code == 0, done.stderr
    assert "TAB-5 Cumulative cohort decisions" in done.stderr
    assert "Passed: 2 requirements with 6 cases and the installation were run" in " ".join(done.stdout.split())
    assert [line.split(": ")[1] for line in done.stdout.splitlines() if str(tmp_path) in line] == ["written"] * 3
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert "Qualification report" in (tmp_path / "r.html").read_text(encoding="utf-8")
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert content["only"] == ["TAB-5", "REC-2"]


def test_command_prints_json() -> None:
    """And nothing else on standard output; quiet says nothing on standard error."""
    done = escalate("verify", "--only", "TAB-5", "--json", "--quiet")
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["schema"] == "escalate/qualification/1"


def test_command_lists() -> None:
    """All requirements, or those asked for, without running any."""
    done = escalate("verify", "--list", "--json")
    assert len(json.loads(done.stdout)["requirements"]) == len(requirements())
    done = escalate("verify", "--list", "--only", "ELIM-1")
    assert "Elimination of toxic doses" in done.stdout
    assert "BOIN-1" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "BION-1"), "did you mean 'BOIN-1'?"),
        (("-o", "report.xls"), "report.xls: the name of a report ends in .html, .docx, .pdf, .md or .json"),
        (("-o", "nowhere/report.html"), "there is no directory"),
        (("-o", "nowhere/report.json"), "there is no directory"),
        (("-o", "there.json"), "exists already; use --force"),
        (("-o", "there.html"), "exists already; use --force"),
        (("-o", "a.html", "-o", "a.html"), "two reports have the same name"),
    ],
)
def test_command_refuses_before_it_runs(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2 and one sentence, at once; no file is touched."""
    for name in ("there.json", "there.html"):
        (tmp_path / name).write_text("x")
    done = escalate("verify", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "there.json").read_text() == (tmp_path / "there.html").read_text() == "x"
