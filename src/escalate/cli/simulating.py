"""The command that shows how designs behave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, Plot, check_outputs, emit, one_standard_input, progress

if TYPE_CHECKING:
    from rich.console import RenderableType


def simulate(
    designs: Annotated[list[str], typer.Argument(metavar="DESIGN...", help="One design file or several.")],
    scenarios: Annotated[
        str, typer.Option("--scenarios", metavar="FILE", help="Scenario file (YAML); - for standard input.")
    ],
    exact: Annotated[
        bool, typer.Option("--exact", help="Exact, by following every reachable state (the default).")
    ] = False,
    trials: Annotated[int | None, typer.Option("--trials", help="Simulate this many trials instead.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random trials.")] = 1,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads; the result does not depend on it.")
    ] = None,
    max_states: Annotated[
        int | None, typer.Option("--max-states", min=1000, help="Most states for an exact answer.")
    ] = None,
    as_json: AsJson = False,
    plot: Plot = None,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Show the operating characteristics of designs over scenarios, on the same patients."""
    from escalate.core.files import load_scenarios, read_design
    from escalate.engine.automaton import MAX_STATES
    from escalate.report import json_forms
    from escalate.study.simulate import simulate as run

    check_outputs(plot, force=force)
    one_standard_input(*designs, scenarios)
    files = [read_design(path) for path in designs]
    found = run(
        [file.design for file in files],
        load_scenarios(scenarios, [file.design for file in files]),
        exact=exact,
        trials=trials,
        seed=seed,
        workers=workers,
        max_states=max_states or MAX_STATES,
        progress=progress(quiet),
    )
    if plot is not None:
        from escalate.report import figures

        figures.save(figures.simulation(found), plot, force=force)

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.simulation(found)

    emit(as_json, lambda: json_forms.simulation(found, [file.sha256 for file in files]), render)
