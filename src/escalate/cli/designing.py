"""Commands about designs: new, check, methods, explain, schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, DesignPath, Force, emit

if TYPE_CHECKING:
    from rich.console import RenderableType

Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not standard output.")
]
Kind = Annotated[str, typer.Argument(metavar="METHOD", help="A method, as 'escalate methods' lists them.")]


def _write(text: str, output: str | None, force: bool) -> None:
    from escalate.core.files import write_new

    if output in {None, "-"}:
        print(text, end="" if text.endswith("\n") else "\n")
    elif output is not None:
        write_new(output, text, force=force)


def new(method: Kind, output: Output = None, force: Force = False) -> None:
    """Write a commented design file to start from."""
    from escalate.core import registry
    from escalate.report.starter import design_file

    _write(design_file(registry.methods().get(method)), output, force)


def check(design: DesignPath, as_json: AsJson = False) -> None:
    """Validate a design, and warn of what a statistician would question; exit 1 where there are warnings."""
    from escalate.core.files import read_design
    from escalate.report import json_forms
    from escalate.study.check import check as check_design

    found = check_design(read_design(design, runnable=False).design)

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.check(found)

    emit(as_json, lambda: json_forms.check(found), render)
    if not found.passed:
        raise typer.Exit(1)


def methods(as_json: AsJson = False) -> None:
    """List the dose-finding methods and the rules."""
    from escalate.core import registry

    known = {"methods": registry.methods(), "rules": registry.rules()}
    found = {
        noun: [{"kind": kind, "text": registry.summary_line(each.get(kind))} for kind in each.kinds()]  # type: ignore[attr-defined]
        for noun, each in known.items()
    }
    if as_json:
        print(json.dumps({"schema": "escalate/methods/1", **found}, indent=2))
        return
    for noun, rows in found.items():
        print(f"{noun}:")
        for row in rows:
            print(f"  {row['kind']:<26}{row['text']}")


def explain(method: Kind) -> None:
    """Print the page of a method: what it does, when to use it and when not, settings, example, references."""
    from escalate.core import registry
    from escalate.report.pages import page

    print(page(registry.methods().get(method)).rstrip())


def schema(output: Output = None, force: Force = False) -> None:
    """Write the JSON Schema of the design file, for editors."""
    from escalate.core.design import json_schema

    _write(json.dumps(json_schema(), indent=2) + "\n", output, force)
