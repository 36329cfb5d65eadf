"""The command that makes a prior from earlier studies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, Force, check_output, emit, progress
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType


def map_prior(
    studies: Annotated[
        str,
        typer.Argument(metavar="STUDIES", help="Studies (CSV: study, amount, patients, dlts); - for standard input."),
    ],
    reference_amount: Annotated[
        float, typer.Option("--reference-amount", metavar="AMOUNT", help="reference_amount of the blrm design.")
    ],
    tau: Annotated[
        str,
        typer.Option(
            "--tau",
            metavar="WORD|A,B",
            help="Heterogeneity of studies: small, moderate, substantial, large, or two medians.",
        ),
    ] = "substantial",
    expected_rate: Annotated[
        float,
        typer.Option("--expected-rate", metavar="P", help="DLT rate at the reference amount that mu is centred on."),
    ] = 0.25,
    robust: Annotated[
        float | None, typer.Option("--robust", metavar="W", help="Weight of a vague component, such as 0.2.")
    ] = None,
    components: Annotated[
        int, typer.Option("--components", min=1, max=5, help="Most components of the informative part.")
    ] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the draws.")] = 1,
    as_json: AsJson = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the settings to a file (YAML).")
    ] = None,
    force: Force = False,
) -> None:
    """Make a prior for a blrm design from earlier studies (meta-analytic-predictive)."""
    from math import isfinite, log

    for name, value in (("--expected-rate", expected_rate), ("--robust", robust)):
        if value is not None and not 0 < value < 1:
            raise EscalateError(f"{name}: {value:g} is not between 0 and 1")
    if not (isfinite(reference_amount) and reference_amount > 0):
        raise EscalateError(f"--reference-amount: {reference_amount:g} is not a number above 0")
    if output is not None and as_json:
        raise EscalateError("choose either --json or --output, which writes YAML, not both")
    medians = _tau(tau)
    check_output(output, force=force)

    from escalate.models.map_prior import MapModel
    from escalate.report import map_prior_forms
    from escalate.study.historical import map_prior as make
    from escalate.study.historical import read_studies

    file = read_studies(studies)
    mean = (round(log(expected_rate / (1 - expected_rate)), 4), 0.0)
    model = MapModel(reference_amount=reference_amount, mean=mean, tau=medians)
    progress(False)("sampling the hierarchy in PyMC; this takes about half a minute")
    found = make(file, model, robust=robust, components=components, seed=seed)
    if output is not None:
        from escalate.core.files import write_new

        write_new(output, map_prior_forms.yaml_text(found), force=force)
        return

    def render() -> RenderableType:
        return map_prior_forms.table(found)

    emit(as_json, lambda: map_prior_forms.form(found), render)
    if not as_json:
        print(map_prior_forms.yaml_text(found), end="")


def _tau(text: str) -> tuple[float, float]:
    from escalate.models.map_prior import TAU

    if text in TAU:
        return TAU[text]
    match = re.fullmatch(r"([0-9]*\.?[0-9]+),([0-9]*\.?[0-9]+)", text)
    if match is None:
        raise EscalateError(f"--tau: '{text[:40]}' is neither {', '.join(TAU)}, nor two numbers such as 0.5,0.25")
    a, b = float(match[1]), float(match[2])
    if not (0 < a <= 5 and 0 < b <= 5):
        raise EscalateError(f"--tau: {text[:40]}: both medians must be above 0 and at most 5")
    return a, b
