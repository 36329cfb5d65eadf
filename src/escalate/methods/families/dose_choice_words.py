"""What a protocol says of a choice by the probabilities of intervals of the DLT rate, with overdose control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from escalate.core.wording import listed, number
from escalate.methods.families.interval_words import NONE_LEFT, eligible

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.methods.families.dose_choice import DoseChoice
    from escalate.methods.families.graded_dose_choice import GradedDoseChoice

LIKELY_ENOUGH = 0.05
BARRED = (
    "Where a rule forbids the level that is asked for, the next dose is chosen in the same way among the admissible levels "
    "below it that are permitted; where there is none, the trial stops."
)


def intervals(method: DoseChoice) -> str:
    """Return what the intervals of the DLT rate are called."""
    low, high = (number(limit) for limit in method.limits)
    parts = [f"underdosing (p at most {low})", f"target (p above {low} and at most {high})"]
    if len(method.intervals) == 2:
        return listed([*parts, f"overdosing (p above {high})"])
    third = number(method.intervals[2])
    both = [f"excessive (p above {high} and at most {third})", f"unacceptable (p above {third})"]
    return f"{listed([*parts, *both])}; the last two together are overdosing"


def choice(design: Design, method: DoseChoice) -> tuple[str, ...]:
    """Return which levels are admissible, and which of them follows."""
    return (*_intervals(method), _admissible(method, ""), _chosen(design, method), _none(method))


def graded_choice(design: Design, method: GradedDoseChoice) -> tuple[str, ...]:
    """Return the same where milder grades may bar levels too."""
    limits = [
        f"the posterior probability that more than {number(each.above)} of patients have "
        f"{method.grades[method.place(each.letter)].name} toxicity or worse ({each.letter} or a later grade) is at most "
        f"{number(each.cutoff)}"
        for each in method.grade_limits or ()
    ]
    milder = f", and {', and '.join(limits)}" if limits else ""
    return (*_intervals(method), _admissible(method, milder), _chosen(design, method), _none(method))


def _intervals(method: DoseChoice) -> tuple[str, ...]:
    return (f"The DLT probability p of each level is in one of the intervals {intervals(method)}.",)


def _admissible(method: DoseChoice, milder: str) -> str:
    return (
        f"A level is admissible where the posterior probability of overdosing, Pr(p > {number(method.intervals[1])} | data), is at "
        f"most {number(method.overdose_cutoff)}{milder}."
    )


def _criterion(design: Design, method: DoseChoice) -> str:
    """Return which of some levels is taken, ties included."""
    low, high = (number(limit) for limit in method.limits)
    how: Literal["target", "highest", "loss", "nearest"] = method.choose
    if how == "highest":
        return "the highest of them"
    if how == "nearest":
        target = number(design.target_rate)
        return f"the one whose posterior mean of p is nearest to the target of {target}; of levels equally near, the lowest"
    if how == "loss":
        names = [
            "underdosing",
            "target",
            *(["overdosing"] if len(method.losses_used) == 3 else ["excessive", "unacceptable"]),
        ]
        losses = listed([f"{number(loss)} for {name}" for name, loss in zip(names, method.losses_used, strict=True)])
        return (
            f"the one with the smallest posterior expected loss, the loss being {losses}; of levels with the same expected "
            "loss, the lowest"
        )
    return (
        f"the one with the largest posterior probability of the target interval, Pr({low} < p <= {high} | data); of levels "
        f"with the same probability, the lowest. Where that probability is at most {number(LIKELY_ENOUGH)} at each of them, it "
        "is the highest of them"
    )


def _chosen(design: Design, method: DoseChoice) -> str:
    return f"The level of the next cohort is chosen among the admissible levels: {_criterion(design, method)}."


def _none(method: DoseChoice) -> str:
    if method.if_none_admissible == "lowest":
        return "Where no level is admissible, level 1 is given."
    return "Where no level is admissible, the trial stops, and no MTD is declared."


def selection(design: Design, method: DoseChoice, among: Literal["tried", "all"]) -> tuple[str, ...]:
    """Return how the MTD is selected: as the next level is, among fewer levels."""
    return (
        f"The MTD is selected from the final data among {eligible(design, among, 'admissible ')}: it is "
        f"{_criterion(design, method)}. {NONE_LEFT}",
    )
