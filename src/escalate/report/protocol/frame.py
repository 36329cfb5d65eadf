"""What holds of a trial whatever its method: sentences on target, size, cohorts, outcomes, pending patients, backfill, vetoes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.method import TableMethod
from escalate.core.outcome import score_note
from escalate.core.rule import Rule
from escalate.core.wording import counted, listed, number
from escalate.report.protocol.part import level_named, name_of_method

if TYPE_CHECKING:
    from escalate.core.design import Design


def target(design: Design) -> str:
    """Return the target, and what it is used for where the method uses none."""
    if design.target is None:
        return "The design has no target DLT rate."
    scored = isinstance(design.method, TableMethod) and design.method.score_of_dlt() is not None
    what = "mean toxicity score, as a part of the score of a DLT," if scored else "DLT rate"
    said = f"The target {what} is {number(design.target)}."
    if design.method.needs_target:
        return said
    return f"{said} The method itself does not use it; it serves the operating characteristics, and rules that name it."


def brief(design: Design) -> tuple[str, ...]:
    """Return the design in brief."""
    n = design.n_doses
    if n == 1:
        levels = f"There is one dose level, {level_named(design, 0)}"
    else:
        levels = f"There are {n} dose levels, from {level_named(design, 0)} to {level_named(design, n - 1)}"
    name = name_of_method(design)
    return (
        f"Method: {name[:1].lower() if name.startswith(('The ', 'A ')) else name[:1]}{name[1:]}.",
        target(design),
        f"{levels}; the first cohort is treated at level {design.start_level}.",
        *cohorts(design),
        size(design),
    )


def cohorts(design: Design) -> tuple[str, ...]:
    """Return how many patients a cohort has."""
    sized = [rule for rule in design.rules if type(rule).cohort_size is not Rule.cohort_size]
    largest = (" Where several rules size a cohort, the largest size holds.",) if len(sized) > 1 else ("",)
    if sized:
        return (" ".join(rule.describe(design) for rule in sized) + largest[0],)
    if design.method.sizes_cohorts:
        return (design.method.describe_sizes(design),)
    return (f"Cohorts have {counted(design.cohort_size, 'evaluable patient')}.",)


def rules_opening(design: Design) -> str:
    """Return what stands before the rules: where they come from, and what p is."""
    said = "The published rules of the method apply:" if design.published_rules else "These rules apply:"
    if any("Pr(p" in rule.describe(design) and not score_note(design.outcomes) for rule in design.rules):
        return f"{said[:-1]}; p is the true DLT probability of the dose that a rule is about."
    return said


def rule_said(design: Design, rule: Rule) -> str:
    """Return what a rule does, and whether it is a safety rule."""
    return f"{rule.describe(design)} {rule.safety_note(design)}".rstrip()


def size(design: Design) -> str:
    """Return when the trial is full."""
    backfilled = "; patients who are backfilled are not counted in this number" if design.backfill is not None else ""
    return (
        f"The trial ends at the latest when {counted(design.max_patients, 'evaluable patient')} have been treated, and a "
        f"cohort is cut to what is left of this number{backfilled}."
    ).replace(f"{design.max_patients} evaluable patient have", f"{design.max_patients} evaluable patient has")


def evaluation(design: Design) -> tuple[str, ...]:
    """Return which outcomes there are, when a toxicity is a DLT, and who is evaluable."""
    window = design.dlt_window
    said = []
    if window is not None:
        said.append(
            f"The DLT window is {counted(window, 'day')}: a toxicity that the definition names is a DLT where it occurs within "
            f"{counted(window, 'day')} after treatment, the last day included."
        )
    until = "the DLT window" if window is not None else "the evaluation period"
    said.append(
        f"A patient is evaluable who has had a DLT, or was followed to the end of {until} without one. A patient who leaves before "
        "that without a DLT is not evaluable, and counts in no number of patients on which a decision rests."
    )
    if len(design.outcomes) > 2:
        names = listed([f"{outcome.name} ({outcome.letter})" for outcome in design.outcomes])
        said.append(f"The outcome of a patient is the worst toxicity seen: {names}.")
    return tuple(said)


def has_pending(design: Design) -> bool:
    """Return whether outcomes can be pending when a dose is chosen."""
    return design.dlt_window is not None or design.method.weighs_follow_up


def waiting(design: Design) -> tuple[str, ...]:
    """Return what happens while outcomes are pending."""
    deciding = [rule.kind for rule in design.rules if rule.decides_pending]
    if not has_pending(design):
        return ("The dose of the next cohort is chosen when the outcome of every patient treated so far is known.",)
    counts = "In the rules, a patient whose outcome is pending counts as evaluable and as without a DLT so far"
    if any(rule.weighs_follow_up(design) for rule in design.rules):
        counts += '; only in what a rule takes "from the model" is the patient weighed by follow-up, as by the method'
    counts += "."
    method = "" if design.method.weighs_follow_up else ", or the method would,"
    ends = (
        "Where the maximum number of patients has been treated, or a rule that is not about safety would end the "
        f"trial{method} while outcomes are pending, accrual waits for them. The MTD is selected when all outcomes are known."
    )
    if design.method.weighs_follow_up or deciding:
        who = "The method" if design.method.weighs_follow_up else "A rule"
        return (
            f"The dose of the next cohort may be chosen while outcomes are pending. {who} says how; rules may have accrual wait.",
            counts,
            ends,
        )
    return (
        "The dose of the next cohort is chosen when the outcome of every patient treated so far is known; until then accrual "
        "waits. A safety rule may end the trial before.",
        counts,
    )


def safety_and_vetoes(design: Design) -> tuple[str, ...]:
    """Return what follows where rules forbid a level, and where several speak at once."""
    forbidding = any(type(rule).forbids is not Rule.forbids for rule in design.rules)
    said = []
    if any(rule.safety_note(design) for rule in design.rules):
        said.append(
            "Safety rules: a level that a safety rule forbids when the trial ends cannot be the MTD, and no other rule and no "
            "pending outcome holds back the stop of a safety rule."
        )
    if len(design.rules) > 1:
        said.append(
            "All rules hold at once, in no order: a level is forbidden where any rule forbids it, and the trial stops where "
            "any rule stops it."
        )
    if forbidding:
        said.append(design.method.describe_barred(design))
    if any(type(rule).holds is not Rule.holds for rule in design.rules):
        said.append(
            "Where a rule says that the trial may not end yet, only safety rules, the maximum and the method itself end it."
        )
    return tuple(said)
