"""The qualification report: installation, operation, traceability, and who signs it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from escalate.core.errors import EscalateError
from escalate.qualification.cases import Case, Outcome, Qualification
from escalate.qualification.requirements import RISKS, Requirement, requirements
from escalate.qualification.vectors import Vector, load
from escalate.report.documents.blocks import (
    Block,
    Cell,
    Document,
    Heading,
    Items,
    PageBreak,
    Paragraph,
    Reference,
    Run,
    Table,
    Tone,
)

TONES: Final[dict[str, Tone]] = {
    "passed": "good",
    "failed": "bad",
    "not run": "open",
    "not done": "open",
    "test suite": "muted",
}
LONG: Final = 200
"""Letters of a value that a report prints whole where it agrees."""
SCOPE: Final = (
    "This report says that the software, as installed on this machine and on the day named, gave the expected answers to the "
    "cases listed. It supports the validation that the user's organisation is responsible for: its intended use, its "
    "procedures, its people. It is no certificate, and it says nothing of a design that the cases do not cover."
)


def facts() -> tuple[tuple[str, str, str], ...]:
    """Return what can be written here: group, name and value."""
    from escalate.report.documents.docx import check_installed as check_docx  # noqa: PLC0415 - slow to import
    from escalate.report.documents.pdf import check_installed as check_pdf  # noqa: PLC0415

    found = []
    for name, check in (("Word documents", check_docx), ("PDF documents", check_pdf)):
        try:
            check()
        except EscalateError as fault:
            found.append(("documents", name, f"cannot be written: {fault}"))
        else:
            found.append(("documents", name, "can be written"))
    return tuple(found)


def summary_sentence(found: Qualification) -> str:
    """Return what came out, in one sentence."""
    run = [outcome for outcome in found.outcomes if outcome.cases]
    scope = f"{len(run)} requirement{'s' * (len(run) != 1)} with {found.n_cases:,} case{'s' * (found.n_cases != 1)}"
    if found.passed:
        return (
            f"Passed: {scope} and the installation were run, and every case gave the expected answer.{_not_done(found)}"
        )
    failed = [outcome.requirement.title for outcome in found.outcomes if outcome.failed]
    named = ["the installation"] if found.installation.failed else []
    parts = "; ".join([*named, *failed])
    return (
        f"Failed: of {scope} and the installation, these did not give the expected answers: {parts}.{_not_done(found)}"
    )


def _not_done(found: Qualification) -> str:
    """Return which checks of the installation could not be done, as a sentence."""
    names = ", ".join(case.id for case in found.installation.not_done)
    return f" Not done, and so not passed, of the installation: {names}." if names else ""


def document(found: Qualification) -> Document:
    """Return the report as a document."""
    return Document(
        kind="qualification",
        title="Qualification report",
        subtitle=f"escalate {found.version}",
        facts=_facts(found),
        footer=f"Qualification of escalate {found.version}, {found.started:%Y-%m-%d %H:%M} UTC",
        blocks=(
            Heading("Result"),
            Paragraph((Run(summary_sentence(found), "strong"),)),
            *_only(found),
            *_faults(found),
            Paragraph(SCOPE, "note"),
            _signatures(),
            Heading("Installation (IQ)"),
            *_installation(found),
            Heading("Operation (OQ)"),
            *_operation(found),
            *_disputed(found),
            PageBreak(),
            Heading("Traceability"),
            *_traceability(found),
        ),
    )


def _facts(found: Qualification) -> tuple[tuple[str, str], ...]:
    known = {name: value for _, name, value in found.installation.facts}
    return (
        ("Result", "passed" if found.passed else "failed"),
        ("Version", found.version),
        ("SHA-256 of all files", known.get("SHA-256 of all files", "unknown")),
        ("Started", f"{found.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took", f"{found.seconds:.0f} s"),
    )


def _only(found: Qualification) -> Iterator[Block]:
    if found.only:
        yield Paragraph(f"Only these requirements were asked for: {', '.join(found.only)}.", "warning")


def _faults(found: Qualification) -> Iterator[Block]:
    faults = found.faults()
    if faults:
        yield Items(faults[:50])
    if len(faults) > 50:
        yield Paragraph(f"and {len(faults) - 50} more, below.")


def _signatures() -> Table:
    line = "_" * 24
    return Table(
        "signatures",
        "Signatures",
        ("Role", "Name", "Signature", "Date"),
        tuple((role, line, line, "_" * 12) for role in ("Performed by", "Reviewed by")),
        align="llll",
    )


def _installation(found: Qualification) -> Iterator[Block]:
    yield Paragraph(
        (Reference("facts"), " says what is installed and where it runs, ", Reference("iq"), " what was checked of it.")
    )
    rows = tuple((group, name, value) for group, name, value in found.installation.facts)
    yield Table("facts", "What is installed, and where it runs", ("Group", "Name", "Value"), rows, align="lll")
    checks = tuple((case.id, case.expected, case.obtained, _result(case)) for case in found.installation.cases)
    yield Table("iq", "Checks of the installation", ("Check", "Expected", "Obtained", "Result"), checks, align="llll")


def _result(case: Case) -> Cell:
    return Cell(case.result, TONES[case.result])


def _operation(found: Qualification) -> Iterator[Block]:
    yield Paragraph(
        (
            "Each requirement has cases that were run here, beside tests of the test suite that the release was held against; ",
            Reference("traceability"),
            " names both. Where a requirement has no case here the test suite alone holds it, and the result says so. "
            "Numbers have 10 digits; the JSON report has all of them.",
        )
    )
    rows = tuple(
        (
            outcome.requirement.id,
            outcome.requirement.name,
            outcome.requirement.risk,
            f"{len(outcome.cases):,}" if outcome.cases else "-",
            str(len(outcome.failed)) if outcome.cases else "-",
            Cell(outcome.status, TONES[outcome.status]),
        )
        for outcome in found.outcomes
    )
    header = ("Requirement", "Name", "Risk", "Cases", "Failed", "Result")
    notes = tuple(f"{risk}: {means}." for risk, means in RISKS.items())
    yield Table("requirements", "Requirements", header, rows, align="lllrrl", notes=notes)
    for outcome in found.outcomes:
        if outcome.cases:
            yield from _requirement(outcome)


def _requirement(outcome: Outcome) -> Iterator[Block]:
    said = outcome.requirement
    yield Heading(said.title, 2)
    yield Paragraph(said.says)
    alike = sorted(outcome.cases, key=_together)
    for k, ((source, asked), group) in enumerate(groupby(alike, key=_together), start=1):
        rows = tuple(
            (case.id.partition("/")[2] or case.id, *_values(case), case.tolerance, _result(case)) for case in group
        )
        yield Table(
            f"{said.id}-{k}",
            f"{said.id}. Asked: {asked}. Expected by: {source}",
            ("Case", "Expected", "Obtained", "Tolerance", "Result"),
            rows,
            align="lllll",
        )


def _values(case: Case) -> tuple[str, str]:
    """Return what was expected and obtained: whole, but for the middle of long lists that agree, which the JSON has."""
    if case.result != "passed":
        return case.expected, case.obtained
    return _shortened(case.expected), _shortened(case.obtained)


def _shortened(text: str) -> str:
    if len(text) <= LONG:
        return text
    cut = text[: LONG - 40].rpartition(" ")[0]
    return f"{cut} ... and {text[len(cut) :].count(' ')} more, all in the JSON"


def _together(case: Case) -> tuple[str, str]:
    return case.source, case.asked


def _disputed(found: Qualification) -> Iterator[Block]:
    if found.disputed:
        yield Heading("Values not followed", 2)
        yield Paragraph(
            "Other software gives these values, and this software gives others by intention, for the reasons named. They were not "
            "run."
        )
        yield Table("disputed", "Values not followed", ("Vector", "Why"), found.disputed, align="ll")


def _traceability(found: Qualification) -> Iterator[Block]:
    yield Paragraph(
        "From each requirement to what verifies it: conformance vectors and checks, run by this report, and tests of the test "
        "suite, run for every release."
    )
    rows = tuple(
        (outcome.requirement.id, _covers(outcome.requirement), _verified(outcome), _tests(outcome.requirement))
        for outcome in found.outcomes
    )
    header = ("Requirement", "Covers", "Cases run here", "Tests of the test suite")
    note = "Tests are below the folder tests of the release; {method} stands for the kind of each method."
    yield Table("traceability", "Traceability matrix", header, rows, align="llll", notes=(note,))


def _tests(said: Requirement) -> str:
    return ", ".join(test.removeprefix("tests/") for test in said.tests)


def _covers(said: Requirement) -> str:
    parts = []
    for name, kinds in (("methods", said.methods), ("rules", said.rules), ("commands", said.commands)):
        if kinds:
            parts.append(f"every {name[:-1]}" if kinds == ("*",) else f"{name}: {', '.join(kinds)}")
    return "; ".join(parts) or "the engine"


def _verified(outcome: Outcome) -> str:
    vectors = sum(case.source != "computed here" for case in outcome.cases)
    parts = [f"{vectors} vectors"] if vectors else []
    return "; ".join([*parts, *(f"check {name}" for name in outcome.requirement.checks)]) or "-"


def requirements_page() -> str:
    """Return the requirements and what verifies them as a page of the documentation, in Markdown."""
    vectors, _ = load()
    lines = [
        "# Requirements",
        "",
        "What `escalate verify` holds the installation against. Each requirement is verified by conformance vectors and checks,",
        "which the command runs on the user's machine, and by tests of the test suite, which every release passes.",
        "",
        "| requirement | name | if it failed | vectors | checks |",
        "| --- | --- | --- | --- | --- |",
    ]
    for said in requirements():
        own = [vector for vector in vectors if vector.requirement == said.id]
        link = f"[{said.id}](#{_anchor(said)})"
        lines.append(f"| {link} | {said.name} | {RISKS[said.risk]} | {len(own) or '-'} | {len(said.checks) or '-'} |")
    for said in requirements():
        lines += ["", *_section(said, [vector for vector in vectors if vector.requirement == said.id])]
    return "\n".join(lines) + "\n"


def _anchor(said: Requirement) -> str:
    letters = "".join(c if c.isalnum() or c in " -" else "" for c in said.title.lower())
    return letters.replace(" ", "-")


def _section(said: Requirement, own: list[Vector]) -> Iterator[str]:
    yield f"## {said.title}"
    yield ""
    yield said.says
    yield ""
    yield f"* If it failed, {RISKS[said.risk]}."
    yield f"* It covers {_covers(said)}."
    if own:
        topics = sorted({vector.topic for vector in own})
        yield f"* {len(own)} vectors in {', '.join(f'`conformance/vectors/{topic}.json`' for topic in topics)}."
    yield from (f"* Check `{name}`." for name in said.checks)
    yield f"* Tests: {', '.join(f'`{test}`' for test in said.tests)}."
