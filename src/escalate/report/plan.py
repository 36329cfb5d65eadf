"""What was decided, beside what is recommended: two things that drawings and tables never mix up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from escalate.core.moves import Action

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow

Worth: TypeAlias = Literal["decided", "proposed", "mtd", "nobody"]


@dataclass(frozen=True)
class Plan:
    """What a decision or a closing on record says of one level.

    Parameters
    ----------
    worth
        `decided` where it is in force; `proposed` where a second person is still to agree; `mtd` where a closing in force declares
        the level; `nobody` where nobody is treated, and no level stands out.
    level
        Counted from 1; None where no level is meant.
    text
        What stands at the level: `decided: 3 patients`.
    """

    worth: Worth
    level: int | None = None
    text: str = ""


def lit_level(found: Recommendation | None, plan: Plan | None) -> int | None:
    """Return the level that stands out: that of what holds; what is recommended only where nothing was decided."""
    if plan is not None:
        return plan.level if plan.worth in ("decided", "mtd") else None
    return None if found is None else found.next_level or found.mtd_level


def recommended_words(found: Recommendation, level: int) -> str | None:
    """Return what is recommended at a level, in a few words; None where nothing is."""
    if found.next_level == level:
        size = found.next_cohort_size or 0
        return f"recommended: {size} patient{'s' * (size != 1)}, {found.action}"
    return "MTD by the design" if found.mtd_level == level else None


def barred_words(design: Design, why: str) -> str:
    """Return why a dose cannot be given: `barred` for good, or `not now`.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> barred_words(design, "eliminate"), barred_words(design, "no_skipping")
    ('barred: eliminate', 'not now: no skipping')
    """
    if why == "start_level":
        return "not before the start level"
    lasting = {*design.method.closes, *(rule.kind for rule in design.rules if rule.permanent)}
    permanent = lasting & set(why.split(", "))
    return f"{'barred' if permanent else 'not now'}: {why.replace('_', ' ')}"


def state_words(found: Recommendation, row: DoseRow, plan: Plan | None) -> str:
    """Return what a dose is now: what was decided, what is recommended, and whether a rule keeps it from being given."""
    parts = [plan.text] if plan is not None and plan.level == row.level and plan.text else []
    advised = recommended_words(found, row.level)
    # The MTD of a design that stopped is of no use beside the one that was declared.
    if advised is not None and not (plan is not None and plan.worth == "mtd"):
        parts.append(advised)
    if row.why_not is not None and not (found.action is Action.START and row.why_not != "start_level"):
        parts.append(barred_words(found.design, row.why_not))
    waits = found.action is Action.SUSPEND and plan is None
    return "; ".join(parts) or ("not barred, but accrual waits" if waits else "not barred")
