"""The command that looks ahead: every outcome of the next cohorts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import (
    AsJson,
    DesignPath,
    Force,
    Outcomes,
    Plot,
    check_output,
    check_outputs,
    emit,
    one_standard_input,
    read_data,
)
from escalate.cli.trial import Data
from escalate.core.errors import EscalateError, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.design import Design
    from escalate.core.scenario import Scenario


def paths(
    design: DesignPath,
    data: Data = None,
    outcomes: Outcomes = None,
    cohorts: Annotated[
        int | None, typer.Option("--cohorts", metavar="K", help="How many cohorts ahead; 2 unless --sizes says it.")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option("--sizes", metavar="N,N,..", help="Patients in each cohort, e.g. 3,4,2.")
    ] = None,
    next_level: Annotated[
        int | None, typer.Option("--next-level", metavar="L", help="What if the next cohort were given this level?")
    ] = None,
    scenarios: Annotated[
        str | None, typer.Option("--scenarios", metavar="FILE", help="Take the probabilities from a scenario file.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="NAME", help="Which of its scenarios, where it has several.")
    ] = None,
    as_json: AsJson = False,
    csv: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write every node to a CSV file.")] = None,
    plot: Plot = None,
    force: Force = False,
) -> None:
    """Show every outcome of the next cohorts, the dose it leads to, and its probability."""
    from escalate.core.files import read_design, write_new
    from escalate.report import path_forms
    from escalate.study.pathways import paths as look_ahead

    check_outputs(plot, force=force)
    check_output(csv, force=force)
    one_standard_input(design, data, scenarios)
    each = _sizes(sizes)
    if cohorts is not None and each is not None and cohorts != len(each):
        asked = f"{cohorts} cohort{' is' if cohorts == 1 else 's are'} asked for"
        raise EscalateError(f"{asked}, but --sizes gives {len(each)}")
    file = read_design(design)
    truth = _scenario(scenarios, scenario, file.design)
    trial = read_data(data, outcomes, file.design)
    found = look_ahead(
        file.design,
        trial,
        cohorts=cohorts,
        sizes=each,
        next_level=next_level,
        scenario=truth,
        design_sha256=file.sha256,
    )
    if plot is not None:
        from escalate.report import picture_files, plots

        picture_files.save(plots.pathway_tree(found), plot, force=force)
    if csv is not None:
        write_new(csv, path_forms.nodes_csv(found), force=force)

    def render() -> RenderableType:
        from escalate.report import path_tables

        return path_tables.pathways(found)

    emit(as_json, lambda: path_forms.pathways(found), render)


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= 4):
            said = f"'{word[:40]}' is not a number of patients" if word else "has an empty place"
            raise EscalateError(f"--sizes: {said}; write one size a cohort, such as 3,4,2")
    return tuple(map(int, words))


def _scenario(path: str | None, name: str | None, design: Design) -> Scenario | None:
    """Return the scenario of a file that was asked for by name, or its only one."""
    from escalate.core.files import load_scenarios

    if path is None:
        if name is not None:
            raise EscalateError(f"--scenario '{name[:80]}' needs the file it is in; give it with --scenarios")
        return None
    known = {scenario.name: scenario for scenario in load_scenarios(path, [design])}
    if name is None:
        if len(known) > 1:
            few = ", ".join(f"'{each}'" for each in list(known)[:8]) + (", .." if len(known) > 8 else "")
            raise EscalateError(f"{path}: has {len(known):,} scenarios; choose one with --scenario: {few}")
        return next(iter(known.values()))
    if name not in known:
        advice = did_you_mean(name, known)
        if len(known) > 12 and advice.startswith("known"):
            advice = f"'escalate scenarios {path}' shows its {len(known):,}"
        raise EscalateError(f"{path}: '{name[:80]}' is not a scenario in it; {advice}")
    return known[name]
