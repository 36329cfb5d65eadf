"""What a notebook shows of nouns that no command prints by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.core.dated_patients import DatedTrial
from escalate.report import comparison_tables, pictures, prior_tables, tables
from escalate.report.whole_numbers import table

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.patients import TrialData
    from escalate.core.scenario import Scenario
    from escalate.report.picture import Picture
    from escalate.study.compare import Comparison
    from escalate.study.prior import Prior
    from escalate.study.results import DesignResult


def design(found: Design) -> RenderableType:
    """Return title, frame, doses and rules."""
    made = table("level", "dose")
    made.columns[1].justify = "left"
    for dose in range(found.n_doses):
        made.add_row(str(dose + 1), found.amount(dose))
    notes = [] if found.notes is None else [Text(found.notes)]
    return Group(
        Text(found.title, style="bold"),
        Text(tables._frame(found)),
        *notes,
        made,
        *tables.rules(found),
        Text(f"design {found.sha256[:12]}", style="dim"),
    )


def scenario(found: Scenario) -> RenderableType:
    """Return the probabilities by level."""
    family = "" if found.family is None else f" (family: {found.family})"
    made = table("level", *map(str, range(1, len(found.dlt) + 1)))
    made.add_row("DLT probability", *(f"{p:.4g}" for p in found.dlt))
    for letter, row in (found.outcomes or {}).items():
        made.add_row(f"probability of {letter}", *(f"{p:.4g}" for p in row))
    if found.response is not None:
        made.add_row("response rate", *(f"{p:.4g}" for p in found.response))
    why = [] if found.reason is None else [Text(found.reason)]
    return Group(Text(f"{found.name}{family}", style="bold"), *why, made)


def trial_data(found: TrialData) -> RenderableType:
    """Return the cohorts, or the patients where these have dates."""
    several = f"{found.n} evaluable patient{'s' * (found.n != 1)} in {len(found.cohorts)} cohort{'s' * (len(found.cohorts) != 1)}"
    left_out = f"; {found.n_not_evaluable} not evaluable" if found.n_not_evaluable else ""
    dated = isinstance(found, DatedTrial)
    day = f", as known on {found.as_of}" if isinstance(found, DatedTrial) else ""
    made = _patients(found) if isinstance(found, DatedTrial) else _cohorts(found)
    source = [Text(f"data {found.sha256[:12]}", style="dim")] if found.sha256 else []
    return Group(Text(f"{several}{left_out}{day}", style="bold"), *([made] if dated or found.cohorts else []), *source)


def _cohorts(found: TrialData) -> RenderableType:
    graded = bool(found.cohorts) and len(found.cohorts[0].counts) > 2
    made = table("cohort", "level", "patients", "DLTs", *(["by outcome, mildest first"] if graded else []))
    for number, cohort in enumerate(found.cohorts, start=1):
        each = [", ".join(map(str, cohort.counts))] if graded else []
        made.add_row(str(number), str(cohort.dose + 1), str(cohort.n), str(cohort.dlt), *each)
    return made


def _patients(found: DatedTrial) -> RenderableType:
    made = table("patient", "cohort", "level", "treated", "outcome")
    made.columns[-1].justify = "left"
    for patient in found.patients:
        share = patient.seen(found.as_of, found.window)
        if patient.had_dlt(found.as_of, found.window):
            said = f"DLT on {patient.dlt}"
        elif share is None:
            said = "not evaluable"
        else:
            said = "no DLT" if share == 1 else f"pending, {100 * share:.0f}% of the window seen"
        cohort = "backfill" if patient.cohort is None else str(patient.cohort)
        made.add_row(patient.name, cohort, str(patient.dose + 1), str(patient.treated), said)
    return made


def comparison(found: Comparison) -> RenderableType:
    """Return the designs beside each other."""
    return Group(*comparison_tables.comparison(found))


def design_result(found: DesignResult) -> RenderableType:
    """Return the operating characteristics of one design."""
    exact = not found.characteristics.errors[found.characteristics.errors == found.characteristics.errors].any()
    parts: list[RenderableType] = [Text(found.design.title, style="bold")]
    if len(found.scenarios) > tables.MANY:
        parts += comparison_tables.summaries(found)
    else:
        parts += [tables._scenario(found, v, exact=exact) for v in range(len(found.scenarios))]
    return Group(*parts)


def prior(found: Prior) -> RenderableType:
    """Return what the prior says of each dose and of the first cohort."""
    return prior_tables.priors([found])


def prior_picture(found: Prior, name: str) -> Picture:
    """Return what the prior says, drawn."""
    return pictures.priors([found], name=name)
