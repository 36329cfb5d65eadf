"""What a rule is: it may forbid doses or end the trial, each with a code. Rules are a set; order cannot matter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.setting import Setting
from escalate.core.tally import States, Tally

if TYPE_CHECKING:
    from escalate.core.design import Design


class Rule(Setting, ABC):
    """Something the protocol allows or not, whatever the method wants."""

    kind: str
    about_safety: ClassVar[bool] = False
    """True where a dose it forbids cannot be the MTD either, and where no rule may hold back the end that it asks for."""
    in_table: ClassVar[bool] = False
    """True where it looks at patients and DLTs of the dose just given alone, so that the decision table shows what it does."""
    uses_amounts: ClassVar[bool] = False
    """True where the amounts of the doses matter, and not only their order."""
    decides_pending: ClassVar[bool] = False
    """True where it says whether the trial waits for pending outcomes, also under a method that does not weigh follow-up."""
    permanent: ClassVar[bool] = False
    """True where a dose it once forbade stays forbidden for the rest of the trial."""

    @property
    def cohorts_counted(self) -> int:
        """How many cohorts in a row at one dose the rule counts up to; 0 where it counts none."""
        return 0

    def forbids(self, design: Design, states: States) -> Mask:
        """Return which doses are forbidden now; shape (S, J)."""
        return np.zeros(states.tally.n.shape, dtype=bool)

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Return where the trial ends, given the dose that would follow (0-based); shape (S,)."""
        return np.zeros(len(states), dtype=bool)

    def stops_for_safety(self, design: Design, states: States, following: IntArray) -> Mask:
        """Return where the trial ends by it and no rule may hold that back; shape (S,)."""
        return self.stops(design, states, following) if self.about_safety else np.zeros(len(states), dtype=bool)

    def holds(self, design: Design, states: States, following: IntArray) -> Mask:
        """Return where the trial may not end yet, except for safety, its size or the method's own end; shape (S,)."""
        return np.zeros(len(states), dtype=bool)

    def suspends(self, design: Design, states: States, following: IntArray) -> Mask:
        """Return where accrual waits for pending outcomes, given the dose that would follow (0-based); shape (S,).

        Asked only where outcomes are pending.
        """
        return np.zeros(len(states), dtype=bool)

    def follow_up_marks(self, design: Design) -> tuple[float, ...]:
        """Return shares of the DLT window at which a patient's follow-up alone can end a wait; none unless it looks at them."""
        return ()

    def cohort_size(self, design: Design, tally: Tally, dose: IntArray) -> IntArray:
        """Return the size of the next cohort in each state, or 0 where the rule says nothing of it; shape (S,)."""
        return np.zeros(len(tally), dtype=np.int64)

    @abstractmethod
    def describe(self, design: Design) -> str:
        """Say in one sentence, as a protocol would, what the rule does."""

    def safety_note(self, design: Design) -> str:
        """Say in a sentence that it is a safety rule, or how far it is; empty where it is none."""
        return "It is a safety rule." if self.about_safety else ""

    def weighs_follow_up(self, design: Design) -> bool:
        """Return whether what it takes "from the model" weighs the follow-up of pending patients, as its sentence then says.

        Everything else that a rule looks at counts them as evaluable and as without a DLT.
        """
        return False

    def explain(self, design: Design, state: States, following: int) -> str:
        """Say in one sentence, with the numbers of a single state, what the rule looked at.

        Parameters
        ----------
        following
            The dose that would follow if the trial went on, 0-based, or NONE.
        """
        return self.describe(design)

    def problems(self, design: Design) -> Iterator[Problem]:
        """Yield what makes this rule unusable with this design; fields are relative to the rule."""
        yield from ()

    def table_note(self, design: Design) -> str | None:
        """Return a sentence that belongs under the decision table, where its rows cannot say what the rule does."""
        return None

    def doubts(self, design: Design) -> Iterator[str]:
        """Yield what a statistician would question although it can be run."""
        yield from ()

    @classmethod
    @abstractmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return instances that the contract tests and the documentation run."""


class StopRule(Rule, ABC):
    """A rule that may end the trial and forbids no dose: what `any_of` and `all_of` combine."""

    @abstractmethod
    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Return where the trial ends, given the dose that would follow (0-based); shape (S,)."""

    @abstractmethod
    def when(self, design: Design) -> str:
        """Say when the trial stops: the end of the sentence "The trial stops when"."""

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        return f"The trial stops when {self.when(design)}."

    def safety_when(self, design: Design) -> str | None:
        """Say when its stop is one for safety, as `when` does; None where it never is."""
        return self.when(design) if self.about_safety else None

    def safety_note(self, design: Design) -> str:
        """Say whether its stop is one for safety always, or when."""
        found = self.safety_when(design)
        if found is None:
            return ""
        return "It is a safety rule." if found == self.when(design) else f"It is a safety rule when {found}."
