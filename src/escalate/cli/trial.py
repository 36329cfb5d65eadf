"""Commands about a trial: table, recommend, select."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.cli.output import (
    AsJson,
    AsOfDay,
    DesignPath,
    Force,
    Outcomes,
    Plot,
    check_distinct,
    check_output,
    check_outputs,
    emit,
    one_standard_input,
    progress,
    read_data,
    read_dated_data,
)
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.dated_patients import DatedTrial
    from escalate.core.design import Design
    from escalate.core.files import DesignFile
    from escalate.core.patients import TrialData
    from escalate.report.by_matplotlib import Plotted
    from escalate.report.picture import Picture
    from escalate.study.recommend import Recommendation
    from escalate.study.sampled import Sampled

Data = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATA]",
        help="Patients (CSV: patient, cohort, level or dose, dlt, or outcome where graded); - for standard input.",
    ),
]


def table(design: DesignPath, as_json: AsJson = False, plot: Plot = None, force: Force = False) -> None:
    """Print the decision table for the protocol."""
    from escalate.core.files import load_design
    from escalate.report import json_forms
    from escalate.study.table import table as make_table

    check_outputs(plot, force=force)
    found = make_table(load_design(design))
    if plot is not None:
        from escalate.report import picture_files, pictures

        picture_files.save(pictures.decision_grid(found.design, alone=True), plot, force=force)

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.decision_table(found)

    emit(as_json, lambda: json_forms.table(found), render)


def recommend(
    design: DesignPath,
    data: Data = None,
    outcomes: Outcomes = None,
    as_of: AsOfDay = None,
    previous: Annotated[
        str | None,
        typer.Option(
            "--previous", metavar="FILE", help="Data looked at before: the answer says what changed (with --as-of)."
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option("--sampler", metavar="nuts", help="Fit the method's model by NUTS, and decide from its draws."),
    ] = None,
    draws: Annotated[int | None, typer.Option("--draws", help="Draws of each chain; 1000 if not given.")] = None,
    tune: Annotated[int | None, typer.Option("--tune", help="Tuning steps of each chain; 1000 if not given.")] = None,
    chains: Annotated[int | None, typer.Option("--chains", help="Chains; 4 if not given.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the draws; 1 if not given.")] = None,
    netcdf: Annotated[
        str | None, typer.Option("--netcdf", metavar="FILE", help="Keep the draws: ArviZ InferenceData as netCDF.")
    ] = None,
    as_json: AsJson = False,
    plot: Plot = None,
    plot_patients: Annotated[
        str | None,
        typer.Option("--plot-patients", metavar="FILE", help="Write a swimmer plot of the patients (with --as-of)."),
    ] = None,
    plot_trial: Annotated[
        str | None,
        typer.Option("--plot-trial", metavar="FILE", help="Write a picture of the trial so far: levels and patients."),
    ] = None,
    force: Force = False,
) -> None:
    """Recommend the dose of the next cohort, with its reasons."""
    from escalate.core.files import read_design
    from escalate.report import json_forms
    from escalate.study.recommend import recommend as ask

    settings = {"draws": draws, "tune": tune, "chains": chains, "seed": seed}
    _check_sampler(sampler, {**settings, "netcdf": netcdf})
    if previous is not None and as_of is None:
        raise EscalateError("--previous: needs --as-of, the day on which both sets of data are looked at")
    if plot_patients is not None and as_of is None:
        raise EscalateError("--plot-patients: needs --as-of and data with dates")
    for picture in (plot, plot_patients, plot_trial):
        check_outputs(picture, force=force)
    check_distinct({"plot": plot, "plot-patients": plot_patients, "plot-trial": plot_trial, "netcdf": netcdf})
    check_output(netcdf, force=force)
    one_standard_input(design, data, previous)
    file = read_design(design)
    trial = read_data(data, outcomes, file.design, as_of)
    earlier = _earlier(previous, file.design, as_of)
    sampled = _sampled(file, trial, settings, netcdf, as_json, force) if sampler else None
    found = sampled.recommendation if sampled else ask(file.design, trial, design_sha256=file.sha256, previous=earlier)
    _draw(found, trial, plot, plot_trial, plot_patients, force=force)

    def render() -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        from escalate.report import tables

        said = sampled.sampler.sentences() if sampled else ()
        return Group(tables.recommendation(found), *(Text(f"  {sentence}") for sentence in said))

    def form() -> dict[str, Any]:
        return json_forms.recommendation(found) | ({"sampler": sampled.sampler.to_dict()} if sampled else {})

    emit(as_json, form, render)


def _draw(
    found: Recommendation,
    trial: TrialData | None,
    plot: str | None,
    plot_trial: str | None,
    plot_patients: str | None,
    *,
    force: bool,
) -> None:
    """Draw what was asked for; write nothing where one of them cannot be drawn."""
    from escalate.core.dated_patients import DatedTrial

    if plot is None and plot_trial is None and plot_patients is None:
        return
    from escalate.report import picture_files, pictures, plots

    design = found.design
    drawn: list[tuple[Picture | Plotted, str]] = []
    if plot is not None:
        drawn.append((pictures.dose_toxicity(found, alone=True), plot))
    if plot_trial is not None:
        drawn.append((pictures.trial_so_far(design, trial, found, alone=True), plot_trial))
    if plot_patients is not None:
        assert isinstance(trial, DatedTrial)
        if not trial.patients:
            raise EscalateError("--plot-patients: there are no patients to draw")
        drawn.append((plots.patients(design, trial), plot_patients))
    for picture, path in drawn:
        picture_files.save(picture, path, force=force)


def _earlier(previous: str | None, design: Design, as_of: str | None) -> DatedTrial | None:
    if previous is None or as_of is None:
        return None
    return read_dated_data(previous, None, design, as_of)


def _check_sampler(sampler: str | None, options: dict[str, object]) -> None:
    if sampler is None:
        for name, value in options.items():
            if value is not None:
                raise EscalateError(f"--{name} is for the sampler; add --sampler nuts")
    elif sampler != "nuts":
        raise EscalateError(f"--sampler: '{sampler[:40]}' is not known; it can be nuts")


def _sampled(
    file: DesignFile,
    trial: TrialData | None,
    settings: dict[str, int | None],
    netcdf: str | None,
    quiet: bool,
    force: bool,
) -> Sampled:
    from escalate.core.files import write_new
    from escalate.models.nuts import Sampling
    from escalate.study.sampled import recommend_sampled

    found = recommend_sampled(
        file.design,
        trial if trial is not None else "",
        Sampling(**{name: value for name, value in settings.items() if value is not None}),
        design_sha256=file.sha256,
        netcdf=netcdf,
        progress=progress(quiet),
    )
    if netcdf is not None and found.netcdf is not None:
        write_new(netcdf, found.netcdf, force=force)
    return found


def select(
    design: DesignPath, data: Data = None, outcomes: Outcomes = None, as_of: AsOfDay = None, as_json: AsJson = False
) -> None:
    """Select the MTD from the trial's final data."""
    from escalate.core.files import read_design
    from escalate.report import json_forms
    from escalate.study.select import select as choose

    one_standard_input(design, data)
    file = read_design(design)
    trial = read_data(data, outcomes, file.design, as_of)
    if trial is None:
        raise EscalateError("there are no data to select an MTD from; give a CSV file or --outcomes")
    found = choose(file.design, trial, design_sha256=file.sha256)

    def render() -> RenderableType:
        from escalate.report import tables

        return tables.selection(found)

    emit(as_json, lambda: json_forms.selection(found), render)
