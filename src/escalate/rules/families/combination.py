"""Rules made of rules: what `any_of` and `all_of` share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from escalate.core import registry
from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.rule import Rule, StopRule
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


def _part(data: object) -> object:
    """Return the rule that a group of settings `{kind: ...}` says, where it may be combined."""
    if isinstance(data, Rule):
        _refuse_unless_stop(type(data), data.kind)
        return data
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if isinstance(kind, str) and kind in registry.rules().kinds():
        _refuse_unless_stop(registry.rules().get(kind), kind)
    rule, problems = registry.rules().build(data, "")
    if rule is None:
        raise _refused([Problem(problem.field.lstrip("."), problem.text) for problem in problems])
    return rule


def _refuse_unless_stop(cls: type[Rule], kind: str) -> None:
    """Refuse a rule that does more than end the trial, or less."""
    if issubclass(cls, StopRule):
        return
    what = "forbids doses" if cls.forbids is not Rule.forbids else "does not end the trial"
    known = [each for each in registry.rules().kinds() if issubclass(registry.rules().get(each), StopRule)]
    text = f"'{kind}' {what}; only rules that just end the trial can be combined: {', '.join(known)}"
    raise _refused([Problem("kind", text)])


def _refused(problems: list[Problem]) -> ValidationError:
    # A fault inside a part keeps its own field, so that the message names it and its line.
    faults = [
        InitErrorDetails(
            type=PydanticCustomError("value_error", "{error}", {"error": problem.text}),
            loc=(problem.field,) if problem.field else (),
            input=None,
        )
        for problem in problems
    ]
    return ValidationError.from_exception_data("rule", faults)


Part = Annotated[SerializeAsAny[StopRule], BeforeValidator(_part)]


class Combination(StopRule, ABC):
    """Stops that end the trial together.

    Notes
    -----
    Its parts are rules that end the trial and forbid no dose, combinations included. It is held back like other stops, but
    for what is a stop for safety already: see `stops_for_safety`.
    """

    rules: Annotated[tuple[Part, ...], Field(min_length=1, max_length=20)]

    word: ClassVar[str]
    """What stands between the parts in a sentence."""
    asks: ClassVar[str]
    """How many of the parts must hold, with a verb."""

    @staticmethod
    @abstractmethod
    def join(masks: list[Mask]) -> Mask:
        """Return where the whole ends the trial, given where each part would."""

    @property
    def cohorts_counted(self) -> int:
        """How many cohorts in a row the parts count up to."""
        return max(rule.cohorts_counted for rule in self.rules)

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the parts do, joined."""
        return self.join([rule.stops(design, states, following) for rule in self.rules])

    def stops_for_safety(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop for safety where the parts do, joined: any one of `any_of`, every one of `all_of`."""
        return self.join([rule.stops_for_safety(design, states, following) for rule in self.rules])

    def when(self, design: Design) -> str:
        """Join the conditions of the parts."""
        return self._joined([rule.when(design) for rule in self.rules])

    def safety_when(self, design: Design) -> str | None:
        """Join what the parts say of safety: for `all_of` every one must be about it."""
        parts = [rule.safety_when(design) for rule in self.rules]
        known = [part for part in parts if part is not None]
        enough = bool(self.join([np.array([part is not None]) for part in parts])[0])
        return self._joined(known) if enough else None

    def _joined(self, parts: list[str]) -> str:
        return parts[0] if len(parts) == 1 else f" {self.word} ".join(f"({part})" for part in parts)

    def weighs_follow_up(self, design: Design) -> bool:
        """Return whether a part does."""
        return any(rule.weighs_follow_up(design) for rule in self.rules)

    def explain(self, design: Design, state: States, following: int) -> str:
        """Say of each part whether it holds, with its numbers."""
        met = [bool(rule.stops(design, state, np.array([following]))[0]) for rule in self.rules]
        parts = [
            f"{rule.kind} {'holds' if yes else 'does not hold'}: {rule.explain(design, state, following)}"
            for rule, yes in zip(self.rules, met, strict=True)
        ]
        return f"{sum(met)} of {len(met)} parts hold; {self.asks} needed. {' '.join(parts)}"

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse what a part refuses."""
        for k, rule in enumerate(self.rules, start=1):
            for problem in rule.problems(design):
                yield Problem(f"rules[{k}].{problem.field}", problem.text)

    def doubts(self, design: Design) -> Iterator[str]:
        """Question what a part questions."""
        for rule in self.rules:
            yield from rule.doubts(design)
