"""The command that lays two designs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, emit, one_standard_input

if TYPE_CHECKING:
    from rich.console import RenderableType


def diff(
    first: Annotated[str, typer.Argument(metavar="A.yaml", help="Design file (YAML); - for standard input.")],
    second: Annotated[str, typer.Argument(metavar="B.yaml", help="The design file to compare it with.")],
    strings: Annotated[
        int, typer.Option("--strings", min=1, max=1000, help="How many separating outcomes to show at most.")
    ] = 5,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 unless every decision is the same.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what two designs say and do differently: settings, decision table, and the shortest outcomes that separate them."""
    from escalate.core.files import read_design
    from escalate.report import diff_forms
    from escalate.study.diff import diff as compare

    one_standard_input(first, second)
    files = [read_design(path) for path in (first, second)]
    found = compare(files[0].design, files[1].design, strings=strings)

    def render() -> RenderableType:
        return diff_forms.printed(found)

    emit(as_json, lambda: diff_forms.form(found, (files[0].sha256, files[1].sha256)), render)
    if exit_code and not found.same_decisions:
        raise typer.Exit(1)
