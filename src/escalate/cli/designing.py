"""Commands about designs: new, check, methods, explain, schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.cli.output import AsJson, DesignPath, Force, Plot, check_outputs, emit, one_standard_input
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.method import Method
    from escalate.study.atlas import Atlas
    from escalate.study.check import Check

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


def _method(kind: str) -> type[Method]:
    """Return a method by name; of a rule or a generator say where it is described."""
    from escalate.core import registry

    for others, page in ((registry.rules(), "design-file"), (registry.generators(), "scenarios")):
        if kind in others.kinds() and kind not in registry.methods().kinds():
            raise EscalateError(
                f"'{kind}' is a {others.noun}, not a method; 'escalate methods' lists it, and docs/reference/{page}.md "
                "describes it"
            )
    return registry.methods().get(kind)


def new(method: Kind, output: Output = None, force: Force = False) -> None:
    """Write a commented design file to start from."""
    from escalate.report.starter import design_file

    _write(design_file(_method(method)), output, force)


def check(
    design: DesignPath,
    atlas: Annotated[
        bool, typer.Option("--atlas", help="Add the safety atlas: every questionable state, with probabilities.")
    ] = False,
    scenarios: Annotated[
        str | None,
        typer.Option("--scenarios", metavar="FILE", help="For the atlas: scenario file (YAML); - for standard input."),
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(
            "--risk", help="For the atlas: question a level with Pr(p > target) above this; 0.8 if not given."
        ),
    ] = None,
    as_json: AsJson = False,
    plot: Plot = None,
    force: Force = False,
) -> None:
    """Validate a design, and warn of what a statistician would question; exit 1 where there are warnings."""
    from escalate.core.files import read_design
    from escalate.report import json_forms
    from escalate.study.check import check as check_design

    if not atlas:
        _refuse_without_atlas({"--scenarios": scenarios, "--risk": risk, "--plot": plot, "--force": force or None})
        walked, found = None, check_design(read_design(design, runnable=False).design)
    else:
        walked, found = _with_atlas(design, scenarios, risk, plot, force)

    def render() -> RenderableType:
        from rich.console import Group

        from escalate.report import tables

        parts = [tables.check(found)]
        if atlas:
            from escalate.report import atlas_tables

            parts.append(atlas_tables.NONE if walked is None else atlas_tables.atlas(walked))
        return Group(*parts)

    def form() -> dict[str, Any]:
        from escalate.report import atlas_forms

        added = {"atlas": None if walked is None else atlas_forms.atlas(walked)} if atlas else {}
        return {**json_forms.check(found), **added}

    emit(as_json, form, render)
    if not found.passed:
        raise typer.Exit(1)


def _refuse_without_atlas(options: dict[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise EscalateError(f"{name} is for the safety atlas; add --atlas")


def _with_atlas(
    path: str, scenarios: str | None, risk: float | None, plot: str | None, force: bool
) -> tuple[Atlas | None, Check]:
    """Return the atlas and the check of a design walked once; no atlas where the design cannot be run."""
    from escalate.core.files import load_scenarios, read_design
    from escalate.study import atlas as study
    from escalate.study.check import check as check_design

    check_outputs(plot, force=force)
    one_standard_input(path, scenarios)
    design = read_design(path, runnable=False).design
    risk = study.checked_risk(study.RISK if risk is None else risk)
    given = None if scenarios is None else load_scenarios(scenarios, [design])
    if any(True for _ in design.method.cannot_run(design)):
        return None, check_design(design)
    automaton = study.compiled(design)
    found = study.atlas(design, given, risk, automaton=automaton)
    if plot is not None:
        from escalate.report import picture_files, plots

        picture_files.save(plots.atlas(found), plot, force=force)
    return found, check_design(design, automaton=automaton)


def methods(as_json: AsJson = False) -> None:
    """List the dose-finding methods, the rules, and the generators of scenarios."""
    from escalate.core import registry

    known = {"methods": registry.methods(), "rules": registry.rules(), "generators": registry.generators()}
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
            print(f"  {row['kind']:<28}{row['text']}")


def explain(method: Kind) -> None:
    """Print the page of a method: what it does, when to use it and when not, settings, example, references."""
    from escalate.report.pages import page

    print(page(_method(method)).rstrip())


def schema(output: Output = None, force: Force = False) -> None:
    """Write the JSON Schema of the design file, for editors."""
    from escalate.core.design import json_schema

    _write(json.dumps(json_schema(), indent=2) + "\n", output, force)
