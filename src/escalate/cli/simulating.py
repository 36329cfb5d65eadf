"""The command that shows how designs behave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, Plot, check_outputs, emit, one_standard_input, progress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.study.simulate import OperatingCharacteristics


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
    summary: Annotated[
        bool, typer.Option("--summary", help="JSON of summaries and comparison alone, without each scenario.")
    ] = False,
    plot: Plot = None,
    plot_comparison: Annotated[
        str | None,
        typer.Option(
            "--plot-comparison", metavar="FILE", help="Write a picture of the paired differences between designs."
        ),
    ] = None,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Show the operating characteristics of designs over scenarios, on the same patients."""
    from escalate.core.errors import EscalateError
    from escalate.core.files import load_scenarios, read_design
    from escalate.engine.automaton import MAX_STATES
    from escalate.report import json_forms
    from escalate.study.simulate import simulate as run

    if summary and not as_json:
        raise EscalateError(
            "--summary is for --json; tables are summaries by themselves where there are many scenarios"
        )
    check_outputs(plot, force=force)
    check_outputs(plot_comparison, force=force)
    _check_pictures(plot, plot_comparison, len(designs))
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
    _draw(found, plot, plot_comparison, force=force)

    hashes = [file.sha256 for file in files]

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.simulation(found)

    emit(as_json, lambda: json_forms.simulation(found, hashes, summary=summary), render)


def _check_pictures(plot: str | None, plot_comparison: str | None, n_designs: int) -> None:
    from pathlib import Path

    from escalate.core.errors import EscalateError

    if plot_comparison is None:
        return
    if n_designs < 2:
        raise EscalateError("--plot-comparison needs two designs or more")
    if plot is not None and Path(plot).resolve() == Path(plot_comparison).resolve():
        raise EscalateError(f"{plot}: --plot and --plot-comparison name the same file")


def _draw(found: OperatingCharacteristics, plot: str | None, plot_comparison: str | None, *, force: bool) -> None:
    if plot is None and plot_comparison is None:
        return
    from escalate.report import comparison_figures, figures

    if plot is not None:
        many = len(found.designs[0].scenarios) > figures.MAX_PANELS
        figure = comparison_figures.distributions(found) if many else figures.simulation(found)
        figures.save(figure, plot, force=force)
    if plot_comparison is not None and found.comparison is not None:
        figures.save(comparison_figures.differences(found.comparison), plot_comparison, force=force)
