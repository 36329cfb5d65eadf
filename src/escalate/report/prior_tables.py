"""What a prior says, as tables."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.core.moves import Action
from escalate.core.wording import number
from escalate.report.whole_numbers import table as _table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from escalate.core.design import Design
    from escalate.study.first_cohorts import FirstOutcome
    from escalate.study.prior import MtdPrior, Prior

VERBS = {Action.ESCALATE: "escalate to", Action.STAY: "stay at", Action.DE_ESCALATE: "de-escalate to"}
SHOWN = 4
"""Levels whose estimates stand beside the first decisions."""
ABOUT = {"strong": "too strong", "vague": "too vague", "place": "misplaced"}


def priors(found: Sequence[Prior]) -> RenderableType:
    """Return what each prior says, one after the other; of several designs first a comparison."""
    parts: list[RenderableType] = [] if len(found) == 1 else [_side_by_side(found)]
    for one in found:
        parts += [Text(), *prior(one)] if parts else prior(one)
    return Group(*parts)


def prior(found: Prior) -> list[RenderableType]:
    """Return what one prior says: doses, MTD, first decisions, warnings."""
    design = found.design
    p = found.provenance
    return [
        Text(f"{design.title}: what the prior says before any patient", style="bold"),
        *_warnings(found),
        Text(
            "\nDLT probability of each level: mean, standard deviation, quantiles, and how likely it lies where",
            style="bold",
        ),
        _doses(found),
        *_mtd(found),
        *_first_cohort(found),
        Text(f"  {stops(found)}"),
        Text(f"  {no_dlt(found)}"),
        Text(f"{design.title} (design {p.design_sha256[:12]}), escalate {p.version}, {p.time}", style="dim"),
    ]


def _warnings(found: Prior) -> list[Text]:
    return [
        Text(f"warning, {ABOUT[one.about]}: ", style="bold red").append(Text(one.text, style="default not bold"))
        for one in found.warnings
    ] or [Text("Neither too strong nor too vague nor misplaced, by the bars of this command.")]


def _doses(found: Prior) -> Table:
    design = found.design
    above = [] if design.target is None else [f"over {design.target:g}"]
    over = found.overdose_limit is not None and found.overdose_limit != design.target and not found.interval_limits
    made = _table(
        "level", design.doses.unit, "mean", "sd", "2.5%", "25%", "50%", "75%", "97.5%", *above,
        *([f"over {found.overdose_limit:g}"] if over else []), *intervals(found), "worth in patients",
    )  # fmt: skip
    for dose in found.doses:
        numbers = [dose.mean, dose.sd, *dose.quantiles]
        numbers += [] if dose.prob_above_target is None else [dose.prob_above_target]
        numbers += [dose.prob_overdose] if over and dose.prob_overdose is not None else []
        numbers += dose.intervals or ()
        made.add_row(
            str(dose.level), number(dose.amount), *(f"{x:.3f}" for x in numbers), worth(dose.effective_patients)
        )
    return made


def intervals(found: Prior) -> list[str]:
    """Return the method's intervals as headings, from low to high; none where it has none."""
    if found.interval_limits is None:
        return []
    low = ["0", *(f"{limit:g}" for limit in found.interval_limits)]
    high = [*(f"{limit:g}" for limit in found.interval_limits), "1"]
    return [f"{a}-{b}" for a, b in zip(low, high, strict=True)]


def worth(effective: float | None) -> str:
    """Return effective patients as people write them."""
    return "-" if effective is None else f"{effective:.1f}"


def mtd_heads(design: Design) -> list[str]:
    """Return what the bars of the MTD's distribution are called."""
    n = design.n_doses
    return ["none", *(f"level {level}" for level in range(1, n)), f"level {n} or above"]


def _mtd(found: Prior) -> list[RenderableType]:
    mtd = found.mtd
    if mtd is None:
        return [Text("The DLT probability may fall from one level to the next, so the prior of the MTD is not shown.")]
    title = f"\nWhere the MTD is: the highest level with a DLT probability of at most {mtd.limit:g}"
    made = _table("", *mtd_heads(found.design))
    made.add_row("MTD", f"{mtd.none:.3f}", *(f"{share:.3f}" for share in mtd.levels))
    if mtd.nearest is not None:
        made.add_row(f"nearest to {mtd.limit:g}", "-", *(f"{share:.3f}" for share in mtd.nearest))
    return [Text(title, style="bold"), made, *_highest(found, mtd)]


def _highest(found: Prior, mtd: MtdPrior) -> list[RenderableType]:
    if mtd.highest_underdosed is None or found.interval_limits is None:
        return []
    n, low = found.design.n_doses, found.interval_limits[0]
    return [Text(f"  Even level {n} is an underdose, at most {low:g}, with probability {mtd.highest_underdosed:.3f}.")]


def _first_cohort(found: Prior) -> list[RenderableType]:
    first = found.first_cohort
    design, n = found.design, first[0].patients
    limit = "" if found.overdose_limit is None else f", with Pr(p > {found.overdose_limit:g}) in brackets"
    title = f"\nFirst cohort: {n} patient{'s' * (n > 1)} at level {design.start_level}; estimates that follow{limit}"
    levels = matter(found)
    made = _table(
        "outcomes" if len(design.outcomes) > 2 else "DLTs",
        "probability",
        "then",
        "because",
        *(f"level {level}" for level in levels),
    )
    made.columns[2].justify = made.columns[3].justify = "left"
    for outcome in first:
        cells = [_cell(outcome, level) for level in levels]
        codes = ", ".join(reason.code for reason in outcome.reasons)
        made.add_row(seen(design, outcome), f"{outcome.probability:.3f}", follows(outcome), codes, *cells)
    return [Text(title, style="bold"), made]


def matter(found: Prior) -> list[int]:
    """Return the levels whose estimates matter for the first decisions: the start, the one above, and those that can follow."""
    start = found.design.start_level
    following = {one.next_level for one in found.first_cohort if one.next_level is not None}
    wanted = {start, min(start + 1, found.design.n_doses), *following}
    near = sorted(wanted, key=lambda level: (abs(level - start), level))[:SHOWN]
    return sorted(near)


def _cell(outcome: FirstOutcome, level: int) -> str:
    over = "" if outcome.prob_overdose is None else f" ({outcome.prob_overdose[level - 1]:.3f})"
    return f"{outcome.estimates[level - 1]:.3f}{over}"


def seen(design: Design, outcome: FirstOutcome) -> str:
    """Return what a cohort shows: 1/3, or NNM where outcomes are graded."""
    if len(design.outcomes) == 2:
        return f"{outcome.dlts}/{outcome.patients}"
    return "".join(one.letter * n for one, n in zip(design.outcomes, outcome.outcomes, strict=True))


def follows(outcome: FirstOutcome) -> str:
    """Return what follows an outcome, in words."""
    if outcome.next_level is not None:
        return f"{VERBS[outcome.action]} level {outcome.next_level}"
    return "stop, no MTD" if outcome.mtd_level is None else f"stop, MTD level {outcome.mtd_level}"


def stops(found: Prior) -> str:
    """Say how many DLTs in the first cohort end the trial."""
    least, n = found.stops_at_dlts, found.first_cohort[0].patients
    if least is None:
        return "No outcome of the first cohort ends the trial."
    chance = sum(one.probability for one in found.first_cohort if one.next_level is None)
    every = all(one.next_level is None for one in found.first_cohort if one.dlts >= least)
    more = " or more" if least < n else ""
    what = (
        f"{least}{more} of {n} DLTs in the first cohort"
        if every
        else f"Some outcomes of the first cohort, from {least} DLTs on,"
    )
    return f"{what} end the trial; the prior expects that with probability {chance:.3f}."


def no_dlt(found: Prior) -> str:
    """Say what is given while no DLT is seen."""
    run = found.no_dlt
    runs = [
        (level, sum(cohort.patients for cohort in same)) for level, same in groupby(run.cohorts, lambda one: one.level)
    ]
    noun = "patient " if runs[0][1] == 1 else "patients "
    given = ", ".join(f"{n} {noun * (k == 0)}at level {level}" for k, (level, n) in enumerate(runs))
    end = "no MTD" if run.mtd_level is None else f"MTD level {run.mtd_level}"
    codes = ", ".join(reason.code for reason in run.ended_by)
    first = run.first_patient_at(found.design.n_doses)
    reached = (
        "is never given"
        if first is None
        else f"is first given to patient {first} of at most {found.design.max_patients}"
    )
    return f"While no DLT is seen: {given}; then stop with {end} ({codes}). The highest level, {found.design.n_doses}, {reached}."


def _level(outcome: FirstOutcome) -> str:
    return "stop" if outcome.next_level is None else f"level {outcome.next_level}"


def _side_by_side(found: Sequence[Prior]) -> Table:
    made = _table(
        "design", "after 0 DLTs", "after all", "stops at", "start: Pr(overdose)", "MTD: none", "MTD: highest", "worth in patients",
        "highest level from patient", "warnings", title="Side by side",
    )  # fmt: skip
    for k, one in enumerate(found, start=1):
        start, first = one.doses[one.design.start_dose], one.first_cohort
        sizes = [dose.effective_patients for dose in one.doses if dose.effective_patients is not None]
        top, least = one.no_dlt.first_patient_at(one.design.n_doses), one.stops_at_dlts
        made.add_row(
            f"{k}. {one.design.title}",
            _level(first[0]),
            _level(first[-1]),
            "-" if least is None else f"{least}/{first[0].patients}",
            "-" if start.prob_overdose is None else f"{start.prob_overdose:.3f}",
            "-" if one.mtd is None else f"{one.mtd.none:.3f}",
            "-" if one.mtd is None else f"{one.mtd.levels[-1]:.3f}",
            f"{min(sizes):.1f} to {max(sizes):.1f}" if sizes else "-",
            "never" if top is None else str(top),
            str(len(one.warnings)),
        )
    return made
