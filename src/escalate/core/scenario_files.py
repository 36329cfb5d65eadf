"""Scenario files: fixed scenarios, and generators that are expanded where the file is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, field_validator

from escalate.core import registry
from escalate.core.design import Design
from escalate.core.errors import DesignError, Problem
from escalate.core.generator import Generator
from escalate.core.messages import problems_of
from escalate.core.scenario import SCHEMA, Scenario
from escalate.core.setting import Setting

MAX_SCENARIOS: Final = 200_000
"""Most scenarios that a file may expand to."""


class ScenarioFile(Setting):
    """What a scenario file says, its generators aside."""

    schema_: Literal["escalate/scenarios/1"] = Field(default=SCHEMA, alias="schema")
    title: str | None = None
    notes: str | None = None
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)] | None = None
    generate: Annotated[tuple[Mapping[str, Any], ...], Field(min_length=1, max_length=100)] | None = None

    @field_validator("scenarios")
    @classmethod
    def _distinct(cls, scenarios: tuple[Scenario, ...] | None) -> tuple[Scenario, ...] | None:
        seen: set[str] = set()
        for scenario in scenarios or ():
            if scenario.name in seen:
                raise ValueError(f"two scenarios are named '{scenario.name}'")
            seen.add(scenario.name)
        return scenarios


@dataclass(frozen=True)
class ScenarioSet:
    """The scenarios of a file, fixed ones first.

    Parameters
    ----------
    target
        The target that all generators of the file share; None where they differ, or there are none.
    """

    scenarios: tuple[Scenario, ...]
    title: str | None = None
    notes: str | None = None
    target: float | None = None

    def to_yaml(self) -> str:
        """Return a scenario file that lists every scenario and generates none."""
        head = {"title": self.title, "notes": self.notes}
        lines = [f"{key}: {_flow(value)}" for key, value in head.items() if value is not None]
        items = [f"  - {_flow(item)}" for item in self.to_list()]
        return "\n".join([f"schema: {SCHEMA}", *lines, "scenarios:", *items]) + "\n"

    def to_list(self) -> list[dict[str, Any]]:
        """Return the scenarios as a file would list them."""
        return [scenario.model_dump(mode="json", exclude_none=True) for scenario in self.scenarios]


def _flow(value: object) -> str:
    # JSON is YAML; only the quotes of keys are dropped, to look like the files that people write.
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Context:
    """What generators may leave unsaid: the targets and numbers of doses of the designs the scenarios are for.

    Parameters
    ----------
    targets, doses
        Distinct values, in increasing order.
    designs
        Title and number of doses of each design that every scenario must fit.
    """

    targets: tuple[float, ...] = ()
    doses: tuple[int, ...] = ()
    designs: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, designs: Sequence[Design]) -> Context:
        """Return what designs say; one without a target has no say in it."""
        return cls(
            tuple(sorted({design.target for design in designs if design.target is not None})),
            tuple(sorted({design.n_doses for design in designs})),
            tuple((design.title, design.n_doses) for design in designs),
        )

    def fill(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a generator with what they leave unsaid, as far as it is agreed."""
        agreed = {
            name: values[0] for name, values in (("target", self.targets), ("doses", self.doses)) if len(values) == 1
        }
        return {**agreed, **settings}

    def explain(self, problem: Problem) -> Problem:
        """Say of a target or number of doses that is missing why it is not known."""
        name = problem.field.rpartition(".")[2]
        if problem.text != "is missing" or name not in {"target", "doses"}:
            return problem
        values = self.targets if name == "target" else self.doses
        why = f"the designs differ ({', '.join(f'{x:g}' for x in values)})" if values else "no design says it"
        return Problem(problem.field, f"is missing, and {why}; write it, such as '{name}: {_SUCH_AS[name]}'")

    def misfits(self, where: str, n_doses: int) -> list[Problem]:
        """Return one problem for each design that has another number of doses."""
        return [
            Problem(where, f"has {n_doses} DLT probabilities, but '{title}' has {levels} dose levels")
            for title, levels in self.designs
            if levels != n_doses
        ]


_SUCH_AS = {"target": "0.30", "doses": "5"}


def build(data: Mapping[str, Any], context: Context) -> tuple[ScenarioSet | None, list[Problem]]:
    """Return the scenarios of a file, or None and what is wrong with it."""
    generators, problems = _generators(data.get("generate"), context)
    try:
        file = ScenarioFile.model_validate(dict(data))
    except ValidationError as error:
        hidden = ("generate",) if problems else ()
        return None, [*problems_of(error, ScenarioFile, hidden), *problems]
    if file.scenarios is None and file.generate is None:
        problems.append(Problem("scenarios", "is missing; list scenarios, or generators under 'generate'"))
    fixed = file.scenarios or ()
    for k, scenario in enumerate(fixed, start=1):
        problems += context.misfits(f"scenarios[{k}].dlt", len(scenario.dlt))
    for k, generator in generators.items():
        problems += context.misfits(f"generate[{k}].doses", generator.doses)
    problems = problems or _same_names(generators)
    found = list(fixed)
    if not problems:
        problems = _expand(generators, found)
    if problems:
        return None, problems
    targets = {generator.target for generator in generators.values()}
    return ScenarioSet(tuple(found), file.title, file.notes, targets.pop() if len(targets) == 1 else None), []


def _generators(listed: object, context: Context) -> tuple[dict[int, Generator], list[Problem]]:
    """Return the generators by their number in the file, from 1."""
    found: dict[int, Generator] = {}
    problems: list[Problem] = []
    for k, settings in enumerate(listed if isinstance(listed, tuple) else (), start=1):
        whole = context.fill(settings) if isinstance(settings, Mapping) else settings
        generator, faults = registry.generators().build(whole, f"generate[{k}]")
        problems += [context.explain(fault) for fault in faults]
        if generator is not None:
            found[k] = generator
    return found, problems


def _same_names(generators: Mapping[int, Generator]) -> list[Problem]:
    problems, seen = [], dict[str, int]()
    for k, generator in generators.items():
        first = seen.setdefault(generator.family, k)
        if first != k:
            text = f"generate[{first}] is called '{generator.family}' too; give each generator a 'name' of its own"
            problems.append(Problem(f"generate[{k}].name", text))
    return problems


def _expand(generators: Mapping[int, Generator], found: list[Scenario]) -> list[Problem]:
    """Add the scenarios of generators to those found so far."""
    names = {scenario.name for scenario in found}
    for k, generator in generators.items():
        try:
            made = generator.scenarios()
        except DesignError as error:
            return [Problem(f"generate[{k}]", str(error))]
        clash = next((scenario.name for scenario in made if scenario.name in names), None)
        if clash is not None:
            return [
                Problem(f"generate[{k}].name", f"another scenario is named '{clash}' too; give the generator a 'name'")
            ]
        names.update(scenario.name for scenario in made)
        found += with_reasons(made, generator)
        if len(found) > MAX_SCENARIOS:
            return [Problem(f"generate[{k}]", f"makes more than {MAX_SCENARIOS:,} scenarios in all; ask for fewer")]
    return []


def with_reasons(scenarios: Sequence[Scenario], generator: Generator) -> tuple[Scenario, ...]:
    """Return scenarios of a generator, those that say no reason with that of the generator."""
    reason = generator.reason
    return tuple(
        scenario.model_copy(update={"reason": reason}) if scenario.reason is None else scenario
        for scenario in scenarios
    )


def generate(kind: str, **settings: Any) -> tuple[Scenario, ...]:
    """Return the scenarios of one generator.

    Parameters
    ----------
    kind
        A generator, as `escalate methods` lists them.
    settings
        What a scenario file would say under `generate`, such as `target`, `doses`, `count` and `seed`.

    Raises
    ------
    DesignError
        With one line for each fault.

    Examples
    --------
    >>> generate("logistic", target=0.3, amounts=[10, 20, 40], mtd_levels=[2], slopes=[1])[0].dlt[1]
    0.3
    """
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    generator, problems = registry.generators().build({"kind": kind, **frozen}, "")
    if generator is None:
        raise DesignError("\n".join(f"{problem.field.lstrip('.')}: {problem.text}" for problem in problems))
    return with_reasons(generator.scenarios(), generator)
