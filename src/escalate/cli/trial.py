"""Commands about a trial: table, recommend, select."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import (
    AsJson,
    DesignPath,
    Force,
    Outcomes,
    Plot,
    check_outputs,
    emit,
    one_standard_input,
    read_data,
)
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType

Data = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATA]",
        help="Patients (CSV: patient, cohort, level or dose, dlt, or outcome where graded); - for standard input.",
    ),
]


def table(design: DesignPath, as_json: AsJson = False) -> None:
    """Print the decision table for the protocol."""
    from escalate.core.files import load_design
    from escalate.report import json_forms
    from escalate.study.table import table as make_table

    found = make_table(load_design(design))

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.decision_table(found)

    emit(as_json, lambda: json_forms.table(found), render)


def recommend(
    design: DesignPath,
    data: Data = None,
    outcomes: Outcomes = None,
    as_json: AsJson = False,
    plot: Plot = None,
    force: Force = False,
) -> None:
    """Recommend the dose of the next cohort, with its reasons."""
    from escalate.core.files import read_design
    from escalate.report import json_forms
    from escalate.study.recommend import recommend as ask

    check_outputs(plot, force=force)
    one_standard_input(design, data)
    file = read_design(design)
    trial = read_data(data, outcomes, file.design)
    found = ask(file.design, trial, design_sha256=file.sha256)
    if plot is not None:
        from escalate.report import figures

        figures.save(figures.recommendation(found), plot, force=force)

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.recommendation(found)

    emit(as_json, lambda: json_forms.recommendation(found), render)


def select(design: DesignPath, data: Data = None, outcomes: Outcomes = None, as_json: AsJson = False) -> None:
    """Select the MTD from the trial's final data."""
    from escalate.core.files import read_design
    from escalate.report import json_forms
    from escalate.study.select import select as choose

    one_standard_input(design, data)
    file = read_design(design)
    trial = read_data(data, outcomes, file.design)
    if trial is None:
        raise EscalateError("there are no data to select an MTD from; give a CSV file or --outcomes")
    found = choose(file.design, trial, design_sha256=file.sha256)

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.selection(found)

    emit(as_json, lambda: json_forms.selection(found), render)
