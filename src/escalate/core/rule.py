"""What a rule is: it may forbid doses or end the trial, each with a code. Rules are a set; order cannot matter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.setting import Setting
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class Rule(Setting, ABC):
    """Something the protocol allows or not, whatever the method wants."""

    kind: str
    about_safety: ClassVar[bool] = False
    """True where a dose it forbids cannot be the MTD either."""
    permanent: ClassVar[bool] = False
    """True where a dose it once forbade stays forbidden for the rest of the trial."""

    def forbids(self, design: Design, states: States) -> Mask:
        """Return which doses are forbidden now; shape (S, J)."""
        return np.zeros(states.tally.n.shape, dtype=bool)

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Return where the trial ends, given the dose that would follow (0-based); shape (S,)."""
        return np.zeros(len(states), dtype=bool)

    @abstractmethod
    def describe(self, design: Design) -> str:
        """Say in one sentence, as a protocol would, what the rule does."""

    def explain(self, design: Design, state: States) -> str:
        """Say in one sentence, with the numbers of a single state, what the rule looked at."""
        return self.describe(design)

    def problems(self, design: Design) -> Iterator[Problem]:
        """Yield what makes this rule unusable with this design; fields are relative to the rule."""
        yield from ()

    @classmethod
    @abstractmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return instances that the contract tests and the documentation run."""
