"""What a protocol says of escalation with overdose control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.wording import number
from escalate.methods.families.interval_words import NONE_LEFT, eligible

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.methods.ewoc import Ewoc
    from escalate.methods.families.feasibility import Schedule


def model(design: Design, method: Ewoc) -> tuple[str, ...]:
    """Return the curve by the DLT rate at the lowest dose and the MTD, and the prior of the two."""
    levels, unit, target = design.doses.levels, design.doses.unit, number(design.target_rate)
    top = max(levels[-1], method.mtd_up_to or 0.0)
    x = "the logarithm of the dose" if method.scale == "log" else "the dose"
    (a, b), (c, d) = ([number(v) for v in pair] for pair in (method.prior.lowest_rate, method.prior.mtd))

    def beta(first: str, second: str) -> str:
        return "the uniform distribution" if first == second == "1" else f"the distribution Beta({first}, {second})"

    return (
        f"The MTD is the dose at which the DLT probability is {target}; it need not be one of the levels. With x {x}, the "
        "logit of the DLT probability is linear in x, so that it is given by rho, the DLT probability at the lowest dose, and "
        f"the MTD: logit p = logit rho + (logit {target} - logit rho) (x - x_lowest) / (x_MTD - x_lowest).",
        f"Under the prior, rho / {target} has {beta(a, b)} on 0 to 1 and, independently, the position of the MTD between "
        f"{number(levels[0])} and {number(top)} {unit}, on the scale of x, has {beta(c, d)}.",
    )


def choice(design: Design, method: Ewoc) -> tuple[str, ...]:
    """Return the bound, what is held against it, and what a worse cohort never does."""
    bound = (
        f"The feasibility bound is {number(method.feasibility)} throughout the trial."
        if method.schedule is None
        else _bound(design, method.feasibility, method.schedule)
    )
    return (
        bound,
        f"The level of the next cohort is the highest level {_within(design, method, 'the feasibility bound')}. Level 1 always is.",
        "It is never higher than the level that would follow if fewer patients of the last cohort had had a DLT.",
    )


def _within(design: Design, method: Ewoc, bound: str) -> str:
    """Return the levels that a bound lets be given, as words that follow 'the highest'."""
    if method.rounding == "nearest":
        return (
            f"for which the posterior probability that the MTD is below the point half way between its dose and that of the level "
            f"below it is at most {bound} (a dose between two levels is rounded to the nearer one)"
        )
    if method.tolerance is not None:
        amount, more = method.tolerance.amount, method.tolerance.probability
        return (
            f"for which the posterior probability that the MTD is below its dose less {number(amount)} {design.doses.unit} is at "
            f"most {bound}, and the probability that the MTD is below its dose is at most {bound} plus {number(more)}"
        )
    return f"for which the posterior probability that the MTD is below its dose is at most {bound}"


def _bound(design: Design, first: float, schedule: Schedule) -> str:
    if schedule.per == "cohort" and schedule.only_after == "none":
        count = f"Of all patients of the trial, each {design.cohort_size} count as one cohort, and so do fewer that are left over"
    elif schedule.per == "cohort":
        count = (
            f"Only patients without a DLT count, each {design.cohort_size} of them as one cohort; fewer that are left over do not "
            "count"
        )
    else:
        count = (
            "All patients of the trial count" if schedule.only_after == "none" else "Only patients without a DLT count"
        )
    unit = "cohort" if schedule.per == "cohort" else "patient"
    spared = f"the first {unit}" if schedule.hold == 1 else f"the first {schedule.hold} {unit}s"
    held = f" after {spared}" if schedule.hold else ""
    return (
        f"The feasibility bound starts at {number(first)} and rises by {number(schedule.step)} for each {unit}{held}, to at "
        f"most {number(schedule.max)}. {count}."
    )


def selection(design: Design, method: Ewoc) -> tuple[str, ...]:
    """Return how the MTD is selected among the levels."""
    highest = {
        "median": _within(design, method, "0.5"),
        "quantile": _within(design, method, "the feasibility bound of that time"),
        "mean": _below_mean(design, method),
    }[method.final]
    return (
        f"The MTD is selected from the final data among {eligible(design, method.mtd_among)}: it is the highest of these "
        f"{highest}. {NONE_LEFT}",
    )


def _below_mean(design: Design, method: Ewoc) -> str:
    scale = " on the log scale" if method.scale == "log" else ""
    mean = f"the posterior mean of the MTD{scale}"
    if method.rounding == "nearest":
        return f"for which the point half way between its dose and that of the level below it is at most {mean}"
    if method.tolerance is not None:
        return f"whose dose less {number(method.tolerance.amount)} {design.doses.unit} is at most {mean}"
    return f"whose dose is at most {mean}"
