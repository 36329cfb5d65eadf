"""Results of `escalate simulate --json`, read back for the designs they belong to; what does not belong is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import numpy as np
from pydantic import ValidationError

from escalate.core.arrays import FloatArray
from escalate.core.clock import Clock
from escalate.core.errors import EscalateError
from escalate.core.files import DesignFile
from escalate.core.messages import problems_of
from escalate.core.outcome import check_scenarios
from escalate.core.scenario import Scenario
from escalate.core.setting import frozen
from escalate.study.compare import distinct, pairs
from escalate.study.metrics import PER_TRIAL
from escalate.study.provenance import StudyProvenance, scenarios_hash
from escalate.study.results import DesignResult, OperatingCharacteristics
from escalate.study.saved_characteristics import characteristics
from escalate.study.saved_fields import Field, read_json

SCHEMA: Final = "escalate/simulation/1"
AGAIN: Final = "run escalate simulate again"


def read_simulation(path: str | Path, files: Sequence[DesignFile], *, others: bool = False) -> OperatingCharacteristics:
    """Return operating characteristics as `escalate simulate --json` wrote them, the designs in the order of the results.

    Parameters
    ----------
    path
        The JSON file; `-` is standard input.
    files
        The design files, as `read_design` returns them, in any order.
    others
        Pass over results of designs that are not given; otherwise they are refused.

    Raises
    ------
    DataError
        Where the results are not those of these design files, or the file is not whole.
    """
    root = read_json(str(path), "results of 'escalate simulate --json'")
    schema = root.at("schema", f"such a file starts with it: {SCHEMA}")
    if schema.value != SCHEMA:
        schema.refuse(f"{str(schema.value)[:60]!r} is not '{SCHEMA}', which results of 'escalate simulate --json' have")
    found = _belonging(root, files, others=others)
    for each in found:
        each.field.at("scenarios", "this is a summary; run escalate simulate again without --summary")
    made = _provenance(root.at("provenance", f"these are results of an earlier version; {AGAIN}"))
    trials, seed = _how(root)
    clock = _clock(root)
    scenarios = _scenarios(root, found, made)
    results = []
    for each in found:
        design, file = each.field, each.file
        target = design.at("target")
        if target.value != file.design.target:
            target.refuse(f"is not the target of {file.document.name}; {AGAIN}")
        states = design.at("reachable_states")
        rows = list(design.at("scenarios").items(len(scenarios), "one for each scenario of the first design"))
        for row, scenario in zip(rows, scenarios, strict=True):
            if _scenario(row) != scenario:
                row.refuse(f"is not the scenario '{scenario.name}' of the first design; {AGAIN}")
        table = characteristics(rows, file.design, scenarios, exact=trials is None, clock=clock)
        n_states = None if states.value is None else states.whole(1)
        results.append(DesignResult(file.design, scenarios, table, n_states))
    squares = None if trials is None or len(results) == 1 else _squares(root, [each.number for each in found], results)
    return OperatingCharacteristics(tuple(results), trials, seed, squares, clock, made)


class _Saved(NamedTuple):
    """A design of the results: its number from 0, where it stands in the file, and its design file."""

    number: int
    field: Field
    file: DesignFile


def _belonging(root: Field, files: Sequence[DesignFile], *, others: bool) -> list[_Saved]:
    """Return the designs of the results with their design files, and refuse where they are not each other's."""
    left, found = list(files), []
    for number, design in enumerate(root.at("designs").items()):
        sha, title = design.at("sha256").text(), design.at("title").text()
        file = next((each for each in left if each.sha256 == sha), None)
        if file is None:
            if others and all(each.design.title != title for each in files):
                continue
            _not_belonging(root.file, design, sha, title, files)
        left.remove(file)
        if title != file.design.title:
            design.at("title").refuse(
                f"'{title}' is not the title of {file.document.name}, '{file.design.title}'; {AGAIN}"
            )
        found.append(_Saved(number, design, file))
    if left:
        root.refuse(
            f"there are no results of {left[0].document.name} ('{left[0].design.title}') in it; leave that file out, or run "
            "escalate simulate with it"
        )
    if not found:
        root.at("designs").refuse(f"holds no design; {AGAIN}")
    return found


def _not_belonging(file: str, design: Field, sha: str, title: str, files: Sequence[DesignFile]) -> NoReturn:
    same = next((each for each in files if each.design.title == title), None)
    if same is not None and same.sha256 != sha:
        Field(file, "", None).refuse(
            f"{design.name} was computed from another version of {same.document.name} (sha256 {sha[:12]} in the results, "
            f"{same.sha256[:12]} in the file); {AGAIN}"
        )
    Field(file, "", None).refuse(
        f"{design.name} holds results of '{title}' (sha256 {sha[:12]}), which none of the design files given is; give that "
        f"design file too, or {AGAIN}"
    )


def _provenance(field: Field) -> StudyProvenance:
    names = ("version", "scenarios_sha256", "python", "numpy")
    return StudyProvenance(**{name: field.at(name).text() for name in names})


def _how(root: Field) -> tuple[int | None, int | None]:
    """Return the number of trials and the seed; None of each where exact."""
    seed = root.at("seed")
    if root.has("exact"):
        exact = root.at("exact")
        if exact.value is not True or root.has("trials") or seed.value is not None:
            exact.refuse(f"results are exact, or of random trials with a seed; {AGAIN}")
        return None, None
    return root.at("trials").whole(1), seed.whole()


def _clock(root: Field) -> Clock | None:
    if not root.has("clock"):
        return None
    field = root.at("clock")
    if not isinstance(field.value, dict):
        field.refuse("is not a group of fields")
    try:
        return Clock.from_dict(field.value)
    except EscalateError as error:
        field.refuse(f"is not a clock: {str(error).splitlines()[0]}")


def _scenario(field: Field) -> Scenario:
    keys = ("name", "dlt", "outcomes", "response", "family", "drawn", "reason")
    field.at("name"), field.at("dlt")
    said = {key: frozen(field.maybe(key)) for key in keys if field.maybe(key) is not None}
    try:
        return Scenario.model_validate(said)
    except ValidationError as error:
        problem = problems_of(error, Scenario, ())[0]
        Field(field.file, f"{field.name}.{problem.field}", None).refuse(problem.text)


def _scenarios(root: Field, found: list[_Saved], made: StudyProvenance) -> tuple[Scenario, ...]:
    first = found[0].field
    scenarios = tuple(_scenario(row) for row in first.at("scenarios").items())
    if not scenarios:
        first.at("scenarios").refuse(f"holds no scenario; {AGAIN}")
    for _, _, file in found:
        try:
            check_scenarios(scenarios, file.design.n_doses, file.design.outcomes, file.design.title)
        except EscalateError as error:
            first.at("scenarios").refuse(str(error))
    if scenarios_hash(scenarios) != made.scenarios_sha256:
        root.at("provenance").at("scenarios_sha256").refuse(
            f"is not the hash of the scenarios in the file, so they were changed after the simulation; {AGAIN}"
        )
    return scenarios


def _squares(root: Field, numbers: list[int], results: list[DesignResult]) -> FloatArray:
    """Return the mean squared differences, shape (P, 21, V), of designs with these numbers in the file."""
    scenarios = results[0].scenarios
    titles = distinct([design.at("title").text() for design in root.at("designs").items()])
    every, which = pairs(len(titles)), pairs(len(numbers))
    found = np.empty((len(which), len(PER_TRIAL), len(scenarios)))
    rows = root.at("comparison").at("scenarios").items(len(scenarios), "one for each scenario")
    for v, row in enumerate(rows):
        each = list(row.at("mean_squared_differences").items(len(every), "one for each pair of designs"))
        for p, (a, b) in enumerate(which):
            first, second = numbers[a], numbers[b]
            pair = each[every.index((first, second))]
            if row.at("name").value != scenarios[v].name or pair.at("designs").value != [titles[first], titles[second]]:
                pair.refuse(f"is not of '{titles[first]}' and '{titles[second]}' under '{scenarios[v].name}'; {AGAIN}")
            found[p, :, v] = [pair.at(metric).number(0, null=True) for metric in PER_TRIAL]
            gap = [results[a].scalars[m][0][v] - results[b].scalars[m][0][v] for m in PER_TRIAL]
            # A mean square is never below the square of the mean.
            if (found[p, :, v] < np.square(gap) - 1e-9 * (1 + np.square(gap))).any():
                pair.refuse(f"is below the square of a mean difference, which cannot be; {AGAIN}")
    return found
