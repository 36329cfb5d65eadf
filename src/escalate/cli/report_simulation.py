"""The command that writes the report of a simulation study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, one_standard_input, progress
from escalate.cli.report_documents import Output, check_output_given, hand_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from escalate.core.files import DesignFile
    from escalate.report.simulation_report import Subject


def simulation(
    designs: Annotated[list[str], typer.Argument(metavar="DESIGN...", help="One design file or several.")],
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="FILE", help="Results of 'escalate simulate --json' for these designs."),
    ] = None,
    scenarios: Annotated[
        str | None,
        typer.Option("--scenarios", metavar="FILE", help="Scenario file (YAML), to compute the results now."),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="With --scenarios: exact, by following every reachable state (the default).")
    ] = False,
    trials: Annotated[
        int | None, typer.Option("--trials", help="With --scenarios: simulate this many trials instead.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the random trials (1).")] = None,
    clock: Annotated[
        str | None, typer.Option("--clock", metavar="FILE", help="With --trials: run the trials on a calendar (YAML).")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="FIELD=VALUES",
            help="Setting of the sensitivity section, such as method.prior_sd=0.5,1.5.",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option("--examples", min=0, max=20, help="Trials of a design told step by step, at most.")
    ] = 3,
    no_sensitivity: Annotated[
        bool, typer.Option("--no-sensitivity", help="Leave the sensitivity section out.")
    ] = False,
    output: Output = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Write the report of a simulation study: designs, scenarios, results, comparison, example trials, sensitivity."""
    from escalate.core.errors import EscalateError
    from escalate.core.files import read_design
    from escalate.report.simulation_report import build
    from escalate.study.calibration_axes import parse_axis
    from escalate.study.sensitivity import sensitivity

    if vary and no_sensitivity:
        raise EscalateError("--vary is for the sensitivity section, which --no-sensitivity leaves out")
    _check_source(study, scenarios, {"--exact": exact, "--trials": trials is not None, "--seed": seed is not None,
                                     "--clock": clock is not None})  # fmt: skip
    check_output_given(output, force=force, as_json=as_json)
    one_standard_input(*designs, study, scenarios, clock)
    axes = [parse_axis(text) for text in vary or []]
    files = [read_design(path) for path in designs]
    say = progress(quiet)
    if study is not None:
        subject = _read(study, files)
    else:
        assert scenarios is not None
        subject = _compute(files, scenarios, trials, 1 if seed is None else seed, clock, exact=exact, say=say)
    changed = None if no_sensitivity else sensitivity(subject.found, axes, say)
    say("writing the report")
    document = build(subject, examples=examples, sensitivity=changed)
    hand_over(document, output, force=force, as_json=as_json)


def _check_source(study: str | None, scenarios: str | None, given: dict[str, bool]) -> None:
    from escalate.core.errors import EscalateError

    if (study is None) == (scenarios is None):
        raise EscalateError(
            "give either --study, results of 'escalate simulate --json', or --scenarios, to compute them now"
        )
    for option, there in given.items():
        if study is not None and there:
            raise EscalateError(f"{option} goes with --scenarios; --study has results already")
    if given["--seed"] and not given["--trials"]:
        raise EscalateError("--seed goes with --trials; exact results use no random numbers")


def _read(study: str, files: list[DesignFile]) -> Subject:
    import hashlib
    from pathlib import Path

    from escalate.report.simulation_report import Subject
    from escalate.study.saved import read_simulation

    found = read_simulation(study, files)
    left = list(files)
    in_order = []
    for result in found.designs:
        file = next(each for each in left if each.design is result.design)
        left.remove(file)
        in_order.append(file)
    sha256 = None if study == "-" else hashlib.sha256(Path(study).read_bytes()).hexdigest()
    return Subject(found, tuple(in_order), results_file=study, results_sha256=sha256)


def _compute(
    files: list[DesignFile],
    scenarios: str,
    trials: int | None,
    seed: int,
    clock: str | None,
    *,
    exact: bool,
    say: Callable[[str], None],
) -> Subject:
    from escalate.core.clock import load_clock
    from escalate.core.files import load_scenarios
    from escalate.report.simulation_report import Subject
    from escalate.study.simulate import simulate

    on = None if clock is None else load_clock(clock)
    designs = [file.design for file in files]
    truths = load_scenarios(scenarios, designs)
    found = simulate(designs, truths, exact=exact, trials=trials, seed=seed, clock=on, progress=say)
    return Subject(found, tuple(files), scenario_file=scenarios, clock_file=clock)
