"""The command that says what to cite."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from escalate.cli.output import AsJson, DesignPath


def cite(
    design: DesignPath,
    form: Annotated[
        Literal["text", "bibtex", "ris"],
        typer.Option("--format", help="A numbered list, or what reference managers read."),
    ] = "text",
    as_json: AsJson = False,
) -> None:
    """Print the references of a design: of its method and rules with the settings it has, and of this software."""
    import json

    from escalate.core.errors import EscalateError
    from escalate.core.files import read_design
    from escalate.report import citation_forms
    from escalate.report.references import references

    if as_json and form != "text":
        raise EscalateError("give --json or --format, not both")
    file = read_design(design)
    found = references(file.design)
    if as_json:
        print(json.dumps(citation_forms.form(file.design, file.sha256, found), indent=2))
    else:
        writers = {"text": citation_forms.as_text, "bibtex": citation_forms.as_bibtex, "ris": citation_forms.as_ris}
        print(writers[form](found))
