"""The study file: designs or grids of them, scenarios, exact or random trials, and where the results go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from escalate.core import scenario_files
from escalate.core.clock import Clock, load_clock
from escalate.core.design import Design
from escalate.core.errors import DesignError, EscalateError, Problem, did_you_mean
from escalate.core.files import check_schema, read_design, read_scenarios
from escalate.core.messages import problems_of
from escalate.core.outcome import check_scenarios
from escalate.core.scenario import SCHEMA as SCENARIO_SCHEMA
from escalate.core.scenario import Scenario
from escalate.core.scenario_files import MAX_SCENARIOS, Context
from escalate.core.setting import Setting, Words
from escalate.core.yaml_reader import Document, read
from escalate.engine.automaton import MAX_STATES
from escalate.engine.random_numbers import MAX_SEED
from escalate.study import clock_metrics
from escalate.study.calibration_axes import Axis, axis_of
from escalate.study.grid.designs import DesignGrid, Source
from escalate.study.grid.metric_names import known_metrics
from escalate.study.grid.study import Study
from escalate.study.grid.trials import MOST as MOST_KEPT
from escalate.study.on_a_clock import check_designs
from escalate.study.simulate import MAX_TRIALS

SCHEMA: Final = "escalate/study/1"
FilePath = Annotated[str, Field(min_length=1, max_length=1000)]


class Grid(Setting):
    """A design file, and settings of it that take every combination of the values listed."""

    file: FilePath
    vary: Annotated[Mapping[str, Any], Field(min_length=1)] | None = None


class Truths(Setting):
    """Scenarios written in the study file itself, or generators of them, as a scenario file has them."""

    scenarios: Annotated[tuple[Mapping[str, Any], ...], Field(min_length=1)] | None = None
    generate: Annotated[tuple[Mapping[str, Any], ...], Field(min_length=1)] | None = None


class Outputs(Setting):
    """Where the results go, and how much of them.

    Parameters
    ----------
    folder
        Relative to the study file; `<name of the study file>-results` beside it by default.
    per_trial
        Keep every random trial: MTD, patients, DLTs, why it ended.
    """

    folder: FilePath | None = None
    per_trial: bool = False


class StudyFile(Setting):
    """What a study file says.

    Parameters
    ----------
    designs
        Design files, relative to the study file, or `{file: ..., vary: {field: values}}`.
    scenarios
        Scenario files, relative to the study file, or `{scenarios: [...]}` or `{generate: [...]}` as a scenario file has them.
    exact, trials
        Exact, the default, or so many random trials of each design and scenario.
    seed
        Of the random trials.
    clock
        Clock file, relative to the study file: random trials run on a calendar.
    metrics
        Which of docs/reference/metrics.md to keep; all by default.
    max_states
        Designs with more reachable states are reported as failed.
    """

    schema_: Literal["escalate/study/1"] = Field(default=SCHEMA, alias="schema")
    title: Words
    notes: str | None = None
    designs: Annotated[tuple[FilePath | Grid, ...], Field(min_length=1)]
    scenarios: FilePath | Annotated[tuple[FilePath | Truths, ...], Field(min_length=1)]
    exact: bool | None = None
    trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 1
    clock: FilePath | None = None
    metrics: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    max_states: Annotated[int, Field(ge=1000)] = MAX_STATES
    outputs: Outputs = Outputs()


def load_study(path: str | Path) -> Study:
    """Read and check a study file with all that it names.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    document = read(str(path), "a study file")
    check_schema(document, SCHEMA, "a study file")
    try:
        file = StudyFile.model_validate(dict(document.data))
    except ValidationError as error:
        raise DesignError(document.say(problems_of(error, StudyFile, ()))) from None
    problems = list(_whole(file))
    if problems:
        raise DesignError(document.say(problems))
    folder = Path() if str(path) == "-" else Path(path).parent
    designs = DesignGrid(tuple(_source(document, folder, k, each) for k, each in enumerate(file.designs, start=1)))
    listed = [source.design for source in designs.sources]
    _check_twice(document, designs)
    scenarios = _scenarios(document, file, folder, listed)
    _check_metrics(document, file)
    clock = None if file.clock is None else _clock(document, folder / file.clock, listed, scenarios)
    stem = "study" if str(path) == "-" else Path(path).stem
    return Study(
        title=file.title,
        name=document.name,
        designs=designs,
        scenarios=scenarios,
        trials=file.trials,
        seed=file.seed,
        metrics=file.metrics,
        max_states=file.max_states,
        per_trial=file.outputs.per_trial,
        folder=folder / (file.outputs.folder or f"{stem}-results"),
        clock=clock,
    )


def _whole(file: StudyFile) -> list[Problem]:
    if file.exact is False and file.trials is None:
        return [Problem("exact", "is false, and trials is not given; give a number of random trials")]
    if file.exact and file.trials is not None:
        return [Problem("trials", "goes with random trials, and exact is true; choose one")]
    if file.outputs.per_trial and file.trials is None:
        return [Problem("outputs.per_trial", "goes with random trials; exact figures have no single trials")]
    if file.clock is not None and file.trials is None:
        return [Problem("clock", "goes with random trials; there is no exact answer on a clock, so give trials")]
    if file.outputs.per_trial and file.clock is not None:
        return [Problem("outputs.per_trial", "single trials on a clock are not kept; leave out per_trial, or clock")]
    if file.outputs.per_trial and file.trials is not None and file.trials > MOST_KEPT:
        return [
            Problem(
                "outputs.per_trial", f"keeps at most {MOST_KEPT:,} trials of a design and scenario; give fewer trials"
            )
        ]
    return []


def _source(document: Document, folder: Path, k: int, given: str | Grid) -> Source:
    where = f"designs[{k}]"
    name, vary = (given, None) if isinstance(given, str) else (given.file, given.vary)
    design = read_design(folder / name).design
    try:
        axes = tuple(_axis(field, values) for field, values in (vary or {}).items())
        return _of_known_fields(Source(design, axes))
    except EscalateError as error:
        raise DesignError(document.say([Problem(f"{where}.vary" if vary else where, str(error))])) from None


def _of_known_fields(source: Source) -> Source:
    """Refuse a setting that designs of this kind do not have; that some combinations are no designs is for their jobs to say."""
    try:
        source.build(0)
    except DesignError as error:
        if str(error).startswith("vary "):
            raise
    return source


def _axis(field: str, values: object) -> Axis:
    if not isinstance(values, (str, tuple, list)):
        raise EscalateError(f"vary {field}: write a list of values, such as [1, 2], or a range, such as '1:9:2'")
    return axis_of(field, values)


def _scenarios(document: Document, file: StudyFile, folder: Path, designs: list[Design]) -> tuple[Scenario, ...]:
    context, found = Context.of(designs), list[Scenario]()
    listed = (file.scenarios,) if isinstance(file.scenarios, str) else file.scenarios
    for k, given in enumerate(listed, start=1):
        where = "scenarios" if isinstance(file.scenarios, str) else f"scenarios[{k}]"
        if isinstance(given, str):
            made = read_scenarios(folder / given, context).scenarios
        else:
            content = {"schema": SCENARIO_SCHEMA, **given.model_dump(exclude_none=True)}
            built, problems = scenario_files.build(content, context)
            if built is None or problems:
                raise DesignError(document.say([Problem(f"{where}.{each.field}", each.text) for each in problems]))
            made = built.scenarios
        seen = {scenario.name for scenario in found}
        twice = next((scenario.name for scenario in made if scenario.name in seen), None)
        if twice is not None:
            raise DesignError(document.say([Problem(where, f"another scenario is named '{twice}' too; rename one")]))
        found += made
    if len(found) > MAX_SCENARIOS:
        raise DesignError(
            document.say([Problem("scenarios", f"are more than {MAX_SCENARIOS:,} in all; ask for fewer")])
        )
    for design in designs:
        try:
            check_scenarios(tuple(found), design.n_doses, design.outcomes, design.title)
        except DesignError as error:
            raise DesignError(document.say([Problem("scenarios", str(error))])) from None
    return tuple(found)


def _clock(document: Document, path: Path, designs: list[Design], scenarios: tuple[Scenario, ...]) -> Clock:
    clock = load_clock(path)
    try:
        check_designs(designs, clock, scenarios)
    except EscalateError as error:
        raise DesignError(document.say([Problem("clock", str(error))])) from None
    return clock


def _check_twice(document: Document, designs: DesignGrid) -> None:
    """Refuse a design that is listed twice; a grid may well pass through another."""
    seen: dict[str, int] = {}
    for k, source in enumerate(designs.sources, start=1):
        if not source.axes:
            first = seen.setdefault(source.design.sha256, k)
            if first != k:
                raise DesignError(document.say([Problem(f"designs[{k}]", f"is the same design as designs[{first}]")]))


def _check_metrics(document: Document, file: StudyFile) -> None:
    known, problems = known_metrics(), list[Problem]()
    for k, name in enumerate(file.metrics or (), start=1):
        if name not in known:
            problems.append(Problem(f"metrics[{k}]", f"'{name}' is no metric; {did_you_mean(name, known)}"))
        elif name in clock_metrics.METRICS and file.clock is None:
            problems.append(
                Problem(f"metrics[{k}]", f"'{name}' is of trials on a clock; give a clock file, clock: FILE")
            )
    if problems:
        raise DesignError(document.say(problems))
