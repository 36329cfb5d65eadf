"""What a protocol says of a model of all grades of toxicity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.wording import listed, number
from escalate.methods.families.dose_choice_words import graded_choice

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.methods.ordinal_crm import OrdinalCrm

COHERENT = (
    "The level is never higher than the one that would follow if patients of the last cohort had fared better, each at the same or "
    "a milder grade; where the trial would then stop, it stops."
)


def model(design: Design, method: OrdinalCrm) -> tuple[str, ...]:
    """Return the grades, the curve of each, the likelihood and the prior."""
    grades = method.grades
    named = listed([f"{k}, {grade.name} ({grade.letter})" for k, grade in enumerate(grades)])
    last = len(grades) - 1
    slope = method.prior.log_slope
    intercepts = []
    for k, (mean, sd) in enumerate(zip(method.prior.mean, method.prior.sd, strict=True), start=1):
        below = "" if k == 1 else f", cut off above at alpha_{k - 1}"
        intercepts.append(f"alpha_{k} is normal with mean {number(mean)} and standard deviation {number(sd)}{below}")
    how = {
        "cumulative": "Each patient counts once, at the worst grade seen, with the probability of that grade.",
        "bernoulli_products": (
            "The likelihood is a product over grades: for each grade above 0, each patient counts once as having had that grade or "
            "worse, or not."
        ),
    }[method.likelihood]
    return (
        f"The worst toxicity of each patient is graded: {named}. Grade {last} is the DLT.",
        f"For each grade k from 1 to {last}, the probability of grade k or worse at the dose d is modelled by logit Pr(k or "
        f"worse) = alpha_k + exp(b) log(d / d*), with one slope exp(b) for all grades and the reference dose d* = "
        f"{number(method.reference_amount)} {design.doses.unit} (proportional odds model). {how}",
        f"Under the prior, {listed(intercepts)}; b is normal with mean {number(slope.mean)} and standard deviation "
        f"{number(slope.sd)}.",
    )


def choice(design: Design, method: OrdinalCrm) -> tuple[str, ...]:
    """Return which level follows."""
    said = graded_choice(design, method)
    return (*said, COHERENT) if method.coherent_grades else said
