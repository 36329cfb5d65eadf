"""What might be true: DLT probabilities by dose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, field_validator

from escalate.core.errors import DesignError, Problem
from escalate.core.messages import problems_of
from escalate.core.setting import Probability, Setting, Words

SCHEMA: Final = "escalate/scenarios/1"


class Scenario(Setting):
    """One truth: the DLT probability of each dose, lowest dose first."""

    name: Words
    dlt: Annotated[tuple[Probability, ...], Field(min_length=1, max_length=20)]

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


class ScenarioFile(Setting):
    """A list of scenarios with distinct names."""

    schema_: Literal["escalate/scenarios/1"] = Field(default=SCHEMA, alias="schema")
    title: str | None = None
    notes: str | None = None
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]

    @field_validator("scenarios")
    @classmethod
    def _distinct(cls, scenarios: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
        seen: set[str] = set()
        for scenario in scenarios:
            if scenario.name in seen:
                raise ValueError(f"two scenarios are named '{scenario.name}'")
            seen.add(scenario.name)
        return scenarios


def build(data: Mapping[str, Any]) -> tuple[ScenarioFile | None, list[Problem]]:
    """Return the scenarios, or None and what is wrong with them."""
    try:
        return ScenarioFile.model_validate(dict(data)), []
    except ValidationError as error:
        return None, problems_of(error, ScenarioFile, ())


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
