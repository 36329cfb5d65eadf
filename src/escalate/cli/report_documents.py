"""What the commands that write a document share: where it goes, and that it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Document

Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Document to write: .html, .docx, .pdf or .md."),
]
TrialName = Annotated[
    str | None,
    typer.Option(
        "--trial", metavar="NAME", help="A trial on record, in place of files: its locked design and its data."
    ),
]
DesignOrNone = Annotated[
    str | None, typer.Argument(metavar="[DESIGN]", help="Design file (YAML); - for standard input.")
]


def check_output_given(output: str | None, *, force: bool, as_json: bool) -> None:
    """Refuse, before the work is done, a document that could not be written, or would go nowhere.

    Raises
    ------
    EscalateError
        Saying what would be right.
    """
    if output is None:
        if not as_json:
            raise EscalateError(
                "--output: is missing; name a file that ends in .html, .docx, .pdf or .md, or add --json"
            )
        return
    from escalate.report.documents.writing import check_document

    check_document(output, force=force)


def hand_over(
    document: Document,
    output: str | None,
    *,
    force: bool,
    as_json: bool,
    form: Callable[[], dict[str, Any]] | None = None,
) -> None:
    """Write a document, and say so in a line, or print it as JSON.

    Parameters
    ----------
    form
        What `--json` prints, where that is not the document itself.
    """
    if output is not None:
        from escalate.report.documents.writing import write

        write(document, output, force=force)
    if as_json:
        from escalate.report.documents.json import form as blocks

        print(json.dumps((form or (lambda: blocks(document)))(), indent=2, allow_nan=False))
    else:
        print(f"{document.title} written to {output}.")


def check_trial_alone(trial: str | None, given: dict[str, object], database: str | None) -> None:
    """Refuse files beside a trial on record, and a database without one.

    Parameters
    ----------
    given
        What was given beside, by the name that a person knows it under.

    Raises
    ------
    EscalateError
        Saying which.
    """
    if trial is None:
        if database is not None:
            raise EscalateError("--database: is for a trial on record; name it with --trial")
        return
    for name, value in given.items():
        if value is not None:
            raise EscalateError(f"--trial: the design and the data are those on record; leave out {name}")
