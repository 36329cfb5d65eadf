"""What a design file answers; how the dose is chosen is said by the method and the rules themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from escalate.core.registry import summary_line
from escalate.core.rule import Rule
from escalate.report.checklist.item import Answer
from escalate.report.protocol import frame
from escalate.report.protocol.part import name_of_method
from escalate.report.sentences import dose_words, level_words

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.report.checklist.item import Known


def _of(text: str, where: str) -> Answer:
    return Answer(text, "design file", where)


def title(known: Known) -> Answer:
    """The title."""
    return _of(known.design.title, "title")


def objective(known: Known) -> Answer:
    """What is looked for."""
    return _of(frame.target(known.design), "target")


def strategy(known: Known) -> Answer:
    """How the next dose is chosen."""
    design = known.design
    return _of(" ".join(design.method.describe(design)), "method")


def rules(known: Known) -> Answer:
    """Every rule in words."""
    design = known.design
    said = " ".join(frame.rule_said(design, rule) for rule in design.rules)
    if said:
        return _of(said, "method (its published rules)" if design.published_rules else "rules")
    none = f"No rule applies besides the method and the maximum of {design.max_patients} patients."
    own = _of_method(design, _ENDS)
    return _of(f"{none} {own}".strip(), "method, rules" if own else "rules")


def interim(known: Known) -> Answer:
    """Every rule, and what follows where one forbids a level; how the method chooses is an item of its own."""
    design, said = known.design, rules(known)
    opening = (frame.rules_opening(design),) if design.rules else ()
    return _of(" ".join((*opening, said.text, *frame.safety_and_vetoes(design))), said.where)


_ENDS: Final = re.compile(r"trial (ends|stops)|too toxic")
_STEPS: Final = re.compile(r"escalate[ds] by one level|levels? higher,")
_SIZES: Final = re.compile(r"^(?!After each cohort).*(\bcohorts?\b|patients? (is|are) treated)", re.IGNORECASE)


def _of_method(design: Design, about: re.Pattern[str]) -> str:
    """Return the method's own sentences on something."""
    return " ".join(sentence for sentence in design.method.describe(design) if about.search(sentence))


def _answers(rule: Rule, *asked: str) -> bool:
    """Return whether the class of a rule has an answer of its own to one of these questions."""
    return any(getattr(type(rule), name) is not getattr(Rule, name) for name in asked)


def skipping(known: Known) -> Answer | None:
    """What the method says of its steps, and the rules that forbid doses for another reason than their safety."""
    by_rules = [
        rule.describe(known.design)
        for rule in known.design.rules
        if _answers(rule, "forbids") and not rule.about_safety
    ]
    own = _of_method(known.design, _STEPS)
    where = ", ".join((*["method"] * bool(own), *["rules"] * bool(by_rules)))
    return _of(" ".join((*[own] * bool(own), *by_rules)), where) if where else None


def stopping(known: Known) -> Answer:
    """What ends the trial: the maximum, the method, the rules."""
    design = known.design
    own = _of_method(design, _ENDS)
    said = " ".join(
        rule.describe(design)
        for rule in design.rules
        if _answers(rule, "stops", "holds") or (rule.about_safety and _answers(rule, "forbids"))
    )
    where = ", ".join(("max_patients", *["method"] * bool(own), *["rules"] * bool(said)))
    return _of(" ".join(text for text in (frame.size(design), own, said) if text), where)


def start(known: Known) -> Answer:
    """The start level."""
    design = known.design
    return _of(f"The first cohort gets {level_words(design, design.start_level)}.", "start_level")


def levels(known: Known) -> Answer:
    """Every level."""
    design = known.design
    listed = "; ".join(f"level {k}: {dose_words(design, k)}" for k in range(1, design.n_doses + 1))
    return _of(f"{listed[:1].upper()}{listed[1:]}.", "doses")


def cohorts(known: Known) -> Answer:
    """The size of the cohorts."""
    design = known.design
    if design.method.sizes_cohorts:
        own = _of_method(design, _SIZES) or " ".join(design.method.describe(design))
        return _of(own, "method")
    by_rule = any(_answers(rule, "cohort_size") for rule in design.rules)
    return _of(" ".join(frame.cohorts(design)), "rules" if by_rule else "cohort_size")


def size(known: Known) -> Answer:
    """The number of patients."""
    return _of(frame.size(known.design), "max_patients")


def outcomes(known: Known) -> Answer:
    """When a toxicity is a DLT, who is evaluable, and which outcomes are told apart."""
    design = known.design
    where = ("dlt_window",) * (design.dlt_window is not None) + ("method",) * (len(design.outcomes) > 2)
    return _of(" ".join(frame.evaluation(design)), ", ".join(where) or "method")


def timing(known: Known) -> Answer:
    """Which outcomes must be known when a dose is chosen, and what happens while some are not."""
    design = known.design
    said = (rule.describe(design) for rule in design.rules if _answers(rule, "suspends"))
    return _of(" ".join((*frame.waiting(design), *said)), "dlt_window, method, rules")


def backfill(known: Known) -> Answer | None:
    """Who is treated beside the escalation."""
    design = known.design
    return _of(design.backfill.describe(design), "backfill") if design.backfill is not None else None


def model(known: Known) -> Answer | None:
    """The model and its prior, and the rules that have a prior of their own."""
    design = known.design
    own = " ".join(design.method.describe_model(design))
    by_rules = " ".join(said for said in (rule.describe(design) for rule in design.rules) if "prior" in said)
    where = ", ".join((*["method"] * bool(own), *["rules"] * bool(by_rules)))
    return _of(f"{own} {by_rules}".strip(), where) if where else None


def basis(known: Known) -> Answer:
    """The method, and what it rests on in the literature."""
    from escalate.report.references import references  # noqa: PLC0415 - needed here alone

    design = known.design
    cited = "; ".join(found.short for found in references(design))
    said = f"{name_of_method(design)} ({design.method.kind}). {summary_line(type(design.method))}"
    return _of(f"{said} References: {cited}." if cited else said, "method, rules")


def selection(known: Known) -> Answer:
    """How the MTD is selected."""
    design = known.design
    return _of(" ".join(design.method.describe_selection(design)), "method, rules")
