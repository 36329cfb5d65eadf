"""What rules that hold the trial share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.rule import Rule

if TYPE_CHECKING:
    from escalate.core.design import Design


def nothing_to_hold(design: Design, kind: str) -> Iterator[str]:
    """Question a rule that holds where no rule of the design ends the trial but for safety."""
    if not any(type(rule).stops is not Rule.stops and not rule.about_safety for rule in design.rules):
        yield f"{kind} has no effect: the design has no rule that ends the trial for another reason than safety"
