"""The command `verify`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, check_output
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from escalate.qualification.cases import Qualification


def verify(
    output: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write the report: .html, .pdf, .docx, .md or .json; may be given more than once.",
        ),
    ] = None,
    force: Force = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="Run this requirement alone; may be given more than once."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the requirements; nothing is run.")] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
) -> None:
    """Run published and independent cases again on this machine, and report on each requirement.

    Exit code 0: every case passed; 1: a case failed, and its requirement is named on standard error. It looks at the
    installation, not at a trial: 'escalate trial verify' verifies a record.
    """
    from escalate.qualification.requirements import chosen

    wanted = chosen(tuple(only or ()))
    if listed:
        from escalate.report.qualification_tables import listing, listing_form
        from escalate.report.tables import show

        if as_json:
            print(json.dumps(listing_form(wanted), indent=2))
        else:
            show(listing(wanted))
        return
    for path in output or ():
        _check(path, force=force)
    if len(set(output or ())) < len(output or ()):
        raise EscalateError("-o: two reports have the same name")
    found = _run(tuple(only or ()), _progress(quiet))
    for path in output or ():
        _write(found, path, force=force)
    _print(found, output or [], as_json=as_json)
    if not found.passed:
        for line in found.faults():
            print(f"failed: {line}", file=sys.stderr)
        raise typer.Exit(1)


def _run(only: tuple[str, ...], say: Callable[[str], None]) -> Qualification:
    from escalate.conduct.qualification import CHECKS
    from escalate.qualification.run import run
    from escalate.report.qualification import facts

    return run(only, checks=CHECKS, facts=facts(), progress=say)


def _progress(quiet: bool) -> Callable[[str], None]:
    """Return what says on standard error where the work stands, also where nobody watches: it takes a minute."""
    return (lambda _: None) if quiet else (lambda text: print(text, file=sys.stderr, flush=True))


def _check(path: str, *, force: bool) -> None:
    if path.lower().endswith(".json"):
        check_output(path, force=force)
        return
    from escalate.report.documents.writing import ENDINGS, check_document

    if not path.lower().endswith(tuple(f".{ending}" for ending in ENDINGS)):
        raise EscalateError(
            f"{path}: the name of a report ends in {', '.join(f'.{each}' for each in ENDINGS)} or .json"
        )
    check_document(path, force=force)


def _write(found: Qualification, path: str, *, force: bool) -> None:
    from escalate.core.files import write_new
    from escalate.report.documents.writing import write
    from escalate.report.qualification import document
    from escalate.report.qualification_tables import form

    if path.lower().endswith(".json"):
        write_new(path, json.dumps(form(found), indent=1, allow_nan=False) + "\n", force=force)
    else:
        write(document(found), path, force=force)


def _print(found: Qualification, written: list[str], *, as_json: bool) -> None:
    from escalate.report.qualification_tables import form, summary
    from escalate.report.tables import show

    if as_json:
        print(json.dumps(form(found), indent=2, allow_nan=False))
        return
    show(summary(found))
    for path in written:
        print(f"{path}: written")
