"""The commands that look at the results of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, Plot, check_output, check_outputs, emit
from escalate.cli.study_running import StudyPath

if TYPE_CHECKING:
    from rich.console import RenderableType

Sort = Annotated[
    str | None, typer.Option("--sort", metavar="METRIC", help="Order designs by the mean of a metric, the best first.")
]


def status(
    study: StudyPath,
    check: Annotated[bool, typer.Option("--check", help="Read every part against its hash.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how far a study is: jobs done, failed and left; exit code 1 where parts are damaged or jobs failed."""
    from escalate.report import study_forms, study_tables
    from escalate.study.grid.results import status as look
    from escalate.study.grid.study_file import load_study

    asked = load_study(study)
    found = look(asked.folder, check=check)

    def render() -> RenderableType:
        return study_tables.status(asked, found)

    emit(as_json, lambda: study_forms.status(asked, found), render)
    if found.damaged or found.n_failed:
        raise typer.Exit(1)


def show(
    study: StudyPath,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="A,B,..", help="Which metrics; those most asked for by default.")
    ] = None,
    sort: Sort = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="LIMIT",
            help="Only designs with a mean within a limit, e.g. 'overdose_allocated <= 0.4' or 'pcs of FAMILY >= 0.5'; repeat it.",
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family", metavar="NAME", help="Means over the scenarios of this family only; repeat it for several."
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many designs to print.")] = 20,
    plot: Plot = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show designs with the means of their metrics over the scenarios; with --plot two metrics against each other."""
    from escalate.report import study_forms, study_tables
    from escalate.report.study_means import Means
    from escalate.study.grid.results import StudyResults
    from escalate.study.grid.study_file import load_study

    check_outputs(plot, force=force)
    asked = load_study(study)
    found = Means.of(StudyResults.read(asked.folder, asked.name), metrics, sort, where or (), family or ())
    if plot is not None:
        from escalate.report.picture_files import save
        from escalate.report.study_figures import trade_off

        save(trade_off(found), plot, force=force)

    def render() -> RenderableType:
        return study_tables.means(found, top)

    emit(as_json, lambda: study_forms.means(found), render)


def export(
    study: StudyPath,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="File to write: .csv or .xlsx.")],
    means: Annotated[
        bool,
        typer.Option(
            "--means", help="A row a design, with means over the scenarios; otherwise a row a design and scenario."
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Write the figures of a study as CSV, or as a workbook of designs, scenarios and figures."""
    from escalate.core.errors import EscalateError
    from escalate.report.study_export import ENDINGS, write
    from escalate.study.grid.results import StudyResults
    from escalate.study.grid.study_file import load_study

    if not output.lower().endswith(ENDINGS):
        raise EscalateError(f"{output}: a file of figures ends in {' or '.join(ENDINGS)}")
    check_output(output, force=force)
    asked = load_study(study)
    rows = write(StudyResults.read(asked.folder, asked.name), output, means=means, force=force)
    print(f"{output}: {rows:,} rows")
