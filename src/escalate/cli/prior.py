"""The command that shows what is believed before any patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, Plot, check_outputs, emit, one_standard_input

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.study.prior import Prior


def prior(
    designs: Annotated[list[str], typer.Argument(metavar="DESIGN...", help="One design file or several, to compare.")],
    as_json: AsJson = False,
    plot: Plot = None,
    force: Force = False,
) -> None:
    """Show what the prior of a model-based design says before any patient, and whether it is too strong or too vague."""
    from escalate.report import prior_forms

    check_outputs(plot, force=force)
    one_standard_input(*designs)
    found = [_ask(path) for path in designs]
    if plot is not None:
        from escalate.report import picture_files, plots

        picture_files.save(plots.priors(found), plot, force=force)

    def render() -> RenderableType:
        from escalate.report import prior_tables

        return prior_tables.priors(found)

    emit(as_json, lambda: prior_forms.priors(found), render)


def _ask(path: str) -> Prior:
    from escalate.core.errors import EscalateError
    from escalate.core.files import read_design
    from escalate.study.prior import prior as ask

    file = read_design(path)
    try:
        return ask(file.design, design_sha256=file.sha256)
    except EscalateError as error:
        # Of several files the one at fault is named.
        raise EscalateError(f"{path}: {error}") from error
