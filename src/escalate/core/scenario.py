"""What might be true: DLT probabilities by dose, and response rates where they matter."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from escalate.core.errors import DesignError
from escalate.core.setting import Probability, Setting, Words, printable
from escalate.core.shown import Shown

SCHEMA: Final = "escalate/scenarios/1"
Sentence = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)]


class Scenario(Shown, Setting):
    """One truth: the DLT probability of each dose, lowest dose first.

    Parameters
    ----------
    name
        Its name, unique in its file.
    dlt
        DLT probabilities, shape (J,).
    outcomes
        For designs that grade outcomes: by letter, the probability of each outcome that is neither none nor a DLT, shape (J,).
    response
        For designs that backfill where somebody responded: response rates, which need not increase, shape (J,).
    family
        The family or generator it comes from; summaries are by family.
    drawn
        True where it was drawn at random from the law that its family is: a mean over the family then has a sampling error.
    reason
        Why it is looked at, in a sentence: a report says it.
    """

    name: Words
    dlt: Annotated[tuple[Probability, ...], Field(min_length=1, max_length=60)]
    outcomes: dict[str, tuple[Probability, ...]] | None = None
    response: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = None
    family: Words | None = None
    drawn: bool | None = None
    reason: Sentence | None = None

    def __repr__(self) -> str:
        return f"Scenario({self.name!r}: {', '.join(f'{p:.4g}' for p in self.dlt)})"

    @field_validator("dlt")
    @classmethod
    def _not_decreasing(cls, dlt: tuple[float, ...]) -> tuple[float, ...]:
        for k in range(1, len(dlt)):
            if dlt[k] < dlt[k - 1]:
                raise ValueError(
                    f"the DLT probability falls from {dlt[k - 1]:g} at level {k} to {dlt[k]:g} at level {k + 1}; it cannot "
                    "decrease with the dose"
                )
        return dlt

    @field_validator("response")
    @classmethod
    def _one_a_dose(cls, response: tuple[float, ...] | None, info: ValidationInfo) -> tuple[float, ...] | None:
        dlt = info.data.get("dlt")
        if response is not None and dlt is not None and len(response) != len(dlt):
            raise ValueError(f"has {len(response)} response rates for {len(dlt)} DLT probabilities; give one a level")
        return response


def check_lengths(scenarios: tuple[Scenario, ...], n_doses: int, title: str) -> None:
    """Raise where a scenario does not have one probability a dose.

    Raises
    ------
    DesignError
        Naming the scenario and both numbers.
    """
    for scenario in scenarios:
        if len(scenario.dlt) != n_doses:
            raise DesignError(
                f"scenario '{scenario.name}' has {len(scenario.dlt)} DLT probabilities, but '{title}' has {n_doses} dose levels"
            )
