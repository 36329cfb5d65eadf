"""What a generator of scenarios is: settings in, truths out, the same every time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Self

from pydantic import Field

from escalate.core.scenario import Scenario
from escalate.core.setting import Probability, Setting, Words


class Generator(Setting, ABC):
    """A family of scenarios, or a random law of them. Subclasses are settings: what a scenario file may say.

    Parameters
    ----------
    name
        What to call the family where its kind does not tell it from another.
    target
        Target DLT probability, which the MTD of each scenario is placed by.
    doses
        J, the number of dose levels.
    """

    kind: str
    name: Annotated[Words, Field(max_length=100)] | None = None
    target: Probability
    doses: Annotated[int, Field(ge=1, le=20)]

    @property
    def family(self) -> str:
        """What the scenarios belong to: the name, or else the kind."""
        return self.name or self.kind

    @abstractmethod
    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios, `family` set, names distinct.

        Raises
        ------
        DesignError
            Where the constraints cannot be satisfied; within a second, never later.
        """

    @property
    def reason(self) -> str:
        """Why a scenario that says none of its own is there."""
        return f"Made by the generator {self.kind}."

    @classmethod
    @abstractmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return instances that the contract tests and the documentation run."""
