"""The command that writes the section of a protocol on dose escalation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, one_standard_input, progress
from escalate.cli.report_documents import Output, check_output_given, hand_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from escalate.core.files import DesignFile
    from escalate.study.results import OperatingCharacteristics


def protocol(
    designs: Annotated[
        list[str],
        typer.Argument(metavar="DESIGN...", help="One design file, or one for each group that escalates by itself."),
    ],
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="FILE",
            help="Operating characteristics: results of 'escalate simulate --json' for these designs.",
        ),
    ] = None,
    scenarios: Annotated[
        str | None,
        typer.Option(
            "--scenarios", metavar="FILE", help="Scenario file (YAML), to compute the operating characteristics now."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", help="With --scenarios: simulate this many trials; exact unless given.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="With --trials: seed of the random trials (1).")] = None,
    cohorts: Annotated[
        int,
        typer.Option("--cohorts", min=0, max=6, help="Cohorts ahead in the table of what can follow; 0 leaves it out."),
    ] = 2,
    output: Output = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Write the dose-escalation section of a protocol: design in words, decision table, rules, MTD, pathways, references."""
    from escalate.core.errors import EscalateError
    from escalate.core.files import read_design
    from escalate.report.protocol import Part, build

    if study is not None and scenarios is not None:
        raise EscalateError("give either --study, results of 'escalate simulate --json', or --scenarios, not both")
    if trials is not None and scenarios is None:
        raise EscalateError("--trials goes with --scenarios; results of --study have theirs")
    if seed is not None and trials is None:
        raise EscalateError("--seed goes with --trials; exact results use no random numbers")
    check_output_given(output, force=force, as_json=as_json)
    one_standard_input(*designs, study, scenarios)
    files = [read_design(path) for path in designs]
    for file in files:
        for fault in file.design.method.cannot_run(file.design):
            raise EscalateError(f"{file.document.name}: method.{fault.field}: {fault.text}")
    found, commands = _found(files, study, scenarios, trials, 1 if seed is None else seed, progress(quiet))
    of_design = {} if found is None else {id(result.design): result for result in found.designs}
    parts = [Part(file.design, file.sha256, file.document.name, of_design.get(id(file.design))) for file in files]
    again = _again(designs, study, scenarios, trials, seed, cohorts, output)
    document = build(parts, found, cohorts=cohorts, commands=(*commands, again))
    hand_over(document, output, force=force, as_json=as_json)


def _found(
    files: list[DesignFile],
    study: str | None,
    scenarios: str | None,
    trials: int | None,
    seed: int,
    say: Callable[[str], None],
) -> tuple[OperatingCharacteristics | None, tuple[str, ...]]:
    """Return operating characteristics, read or computed, and the command that gives them where it is another one."""
    from escalate.core.files import load_scenarios
    from escalate.study.saved import read_simulation
    from escalate.study.simulate import simulate

    if study is not None:
        found = read_simulation(study, files, others=True)
        how = "" if found.exact else f" --trials {found.trials} --seed {found.seed}"
        clock = "" if found.clock is None else " --clock CLOCK.yaml"
        names = " ".join(file.document.name for file in files)
        return found, (f"escalate simulate {names} --scenarios SCENARIOS.yaml{how}{clock} --json > {study}",)
    if scenarios is not None:
        designs = [file.design for file in files]
        return simulate(designs, load_scenarios(scenarios, designs), trials=trials, seed=seed, progress=say), ()
    return None, ()


def _again(
    designs: list[str],
    study: str | None,
    scenarios: str | None,
    trials: int | None,
    seed: int | None,
    cohorts: int,
    output: str | None,
) -> str:
    """Return the command that writes the same document again."""
    from pathlib import Path

    given = (
        ("--study", study),
        ("--scenarios", scenarios),
        ("--trials", trials),
        ("--seed", seed),
        ("--cohorts", None if cohorts == 2 else cohorts),
    )
    options = [f"{name} {value}" for name, value in given if value is not None]
    end = "--json" if output is None else f"-o {Path(output).name}"
    return " ".join(["escalate report protocol", *designs, *options, end])
