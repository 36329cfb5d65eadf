"""The command that shows how designs behave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import (
    AsJson,
    Force,
    Plot,
    check_distinct,
    check_output,
    check_outputs,
    emit,
    one_standard_input,
    progress,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.clock import Clock
    from escalate.core.design import Design
    from escalate.core.scenario import Scenario
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
    clock: Annotated[
        str | None,
        typer.Option(
            "--clock", metavar="FILE", help="Run the trials on a calendar: accrual, DLT times, drop-outs (YAML)."
        ),
    ] = None,
    trace: Annotated[
        int | None,
        typer.Option("--trace", min=1, max=1000, help="On a clock: how many first trials to tell event by event."),
    ] = None,
    trace_file: Annotated[
        str | None,
        typer.Option(
            "--trace-file", metavar="FILE", help="Write these trials of the first design and scenario as text."
        ),
    ] = None,
    plot_trace: Annotated[
        str | None,
        typer.Option(
            "--plot-trace", metavar="FILE", help="Write a picture of the last of these trials, a bar a patient."
        ),
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
    _check_pictures(plot_comparison, len(designs))
    _check_trace(clock, trace, trace_file, plot_trace, force=force)
    check_distinct(
        {"plot": plot, "plot-comparison": plot_comparison, "trace-file": trace_file, "plot-trace": plot_trace}
    )
    one_standard_input(*designs, scenarios, clock)
    files = [read_design(path) for path in designs]
    on = _clock(clock)
    truths = load_scenarios(scenarios, [file.design for file in files])
    found = run(
        [file.design for file in files],
        truths,
        exact=exact,
        trials=trials,
        seed=seed,
        workers=workers,
        max_states=max_states or MAX_STATES,
        clock=on,
        progress=progress(quiet),
    )
    if on is not None and (trace_file is not None or plot_trace is not None):
        _tell(files[0].design, truths[0], on, seed, trace or 1, trace_file, plot_trace, force=force)
    _draw(found, plot, plot_comparison, force=force)

    hashes = [file.sha256 for file in files]

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.simulation(found)

    emit(as_json, lambda: json_forms.simulation(found, hashes, summary=summary), render)


def _clock(path: str | None) -> Clock | None:
    from escalate.core.clock import load_clock

    return None if path is None else load_clock(path)


def _check_trace(
    clock: str | None, trace: int | None, trace_file: str | None, plot_trace: str | None, *, force: bool
) -> None:
    from escalate.core.errors import EscalateError

    asked = [
        f"--{name}" for name, given in (("trace-file", trace_file), ("plot-trace", plot_trace)) if given is not None
    ]
    if trace is not None and not asked:
        raise EscalateError(
            "--trace needs a file to write to: --trace-file FILE for text, or --plot-trace FILE for a picture"
        )
    if asked and clock is None:
        raise EscalateError(f"{asked[0]} needs --clock FILE: without a clock nothing happens on days")
    check_output(trace_file, force=force)
    check_outputs(plot_trace, force=force)


def _tell(
    design: Design, scenario: Scenario, clock: Clock, seed: int, trials: int, text: str | None, plot: str | None, *,
    force: bool,
) -> None:  # fmt: skip
    from escalate.study.trace import trace

    stories = trace(design, scenario, clock, seed, trials)
    if text is not None:
        from escalate.core.files import write_new
        from escalate.report.clock_tables import story

        write_new(text, story(stories), force=force)
    if plot is not None:
        from escalate.report import picture_files, plots

        picture_files.save(plots.swimmer(stories[-1]), plot, force=force)


def _check_pictures(plot_comparison: str | None, n_designs: int) -> None:
    from escalate.core.errors import EscalateError

    if plot_comparison is not None and n_designs < 2:
        raise EscalateError("--plot-comparison needs two designs or more")


def _draw(found: OperatingCharacteristics, plot: str | None, plot_comparison: str | None, *, force: bool) -> None:
    if plot is None and plot_comparison is None:
        return
    from escalate.report import picture_files, plots

    if plot is not None:
        picture_files.save(plots.characteristics(found), plot, force=force)
    if plot_comparison is not None and found.comparison is not None:
        picture_files.save(plots.differences(found.comparison), plot_comparison, force=force)
