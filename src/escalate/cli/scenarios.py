"""The command that shows what a scenario file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.cli.output import AsJson, Force, emit

if TYPE_CHECKING:
    from rich.console import RenderableType


def scenarios(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="Scenario file (YAML); - for standard input.")
    ] = None,
    target: Annotated[
        float | None,
        typer.Option("--target", help="Target DLT rate: which level is the MTD, and for generators without."),
    ] = None,
    doses: Annotated[
        int | None, typer.Option("--doses", min=1, max=20, help="Number of dose levels of generators without.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the generators instead.")] = False,
    as_json: AsJson = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write every scenario to a file (YAML).")
    ] = None,
    force: Force = False,
) -> None:
    """Expand a scenario file: show its scenarios with their MTDs, or write them all out."""
    from escalate.core.errors import EscalateError
    from escalate.core.files import read_scenarios
    from escalate.core.scenario import SCHEMA
    from escalate.core.scenario_files import Context

    if listed:
        _list(as_json=as_json)
        return
    if file is None:
        raise EscalateError("name a scenario file, or list the generators with --list")
    if target is not None and not 0 < target < 1:
        raise EscalateError(f"--target: {target:g} is not between 0 and 1")
    if output is not None and as_json:
        raise EscalateError("choose either --json or --output, which writes YAML, not both")
    found = read_scenarios(file, Context(() if target is None else (target,), () if doses is None else (doses,)))
    if output is not None:
        _write(found.to_yaml(), output, force=force)
        return

    def form() -> dict[str, Any]:
        return {"schema": SCHEMA, "scenarios": found.to_list()}

    def render() -> RenderableType:
        from escalate.report import scenario_tables

        return scenario_tables.scenarios(found, found.target if target is None else target)

    emit(as_json, form, render)


def _list(*, as_json: bool) -> None:
    import json

    from escalate.core import registry

    known = registry.generators()
    rows = [{"kind": kind, "text": registry.summary_line(known.get(kind))} for kind in known.kinds()]
    if as_json:
        print(json.dumps({"schema": "escalate/methods/1", "generators": rows}, indent=2))
        return
    for row in rows:
        print(f"{row['kind']:<26}{row['text']}")


def _write(text: str, output: str, *, force: bool) -> None:
    from escalate.core.errors import EscalateError
    from escalate.core.files import write_new
    from escalate.core.yaml_reader import MAX_BYTES

    if output == "-":
        print(text, end="")
        return
    if len(text.encode()) > MAX_BYTES:
        raise EscalateError(
            f"{output}: would be larger than {MAX_BYTES // 1_000_000} MB, which no command reads; keep the generators in the "
            "file, or ask for fewer scenarios"
        )
    write_new(output, text, force=force)
