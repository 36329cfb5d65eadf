"""Candidates of a calibration: every combination of the settings that are varied, each a design of its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from escalate.core import design as design_module
from escalate.core.design import Design
from escalate.core.errors import DesignError, EscalateError, did_you_mean
from escalate.methods.crm import Crm
from escalate.models.skeleton import least_informative_sd
from escalate.study.calibration_axes import LEAST_INFORMATIVE, PRIOR_SD, Axis, frozen, named, show


@dataclass(frozen=True, eq=False)
class Candidate:
    """One design of a calibration.

    Parameters
    ----------
    number
        0 is the design as it was given.
    choices
        What was asked for each setting that is varied, in order.
    settings
        What the design holds: the same, words such as `least_informative` replaced by what they mean; None where not set.
    step
        0 for the grid; from 1 for what was added to it near the best.
    """

    number: int
    choices: tuple[Any, ...]
    settings: tuple[Any, ...]
    design: Design
    step: int = 0


class Workshop:
    """Makes candidates from a design.

    Parameters
    ----------
    design
        What is varied.
    axes
        Distinct settings.

    Raises
    ------
    EscalateError
        Where no setting is varied, or one is twice.
    """

    def __init__(self, design: Design, axes: Sequence[Axis]) -> None:
        fields = [axis.field for axis in axes]
        twice = next((field for k, field in enumerate(fields) if field in fields[:k]), None)
        if twice is not None:
            raise EscalateError(f"vary {twice}: is given twice; list all its values at once")
        if not axes:
            raise EscalateError("vary: name at least one setting and its values, such as method.prior_sd=0.5,1.0")
        self.design, self.axes = design, tuple(axes)
        self.data = design.to_dict()
        self.data["method"] |= design.method.unwritten
        if design.published_rules and not any(field.startswith("rules") for field in fields):
            # They may depend on what is varied.
            del self.data["rules"]
        self.known = {design.sha256}
        settings = tuple(frozen(take(self.data, field)) for field in fields)
        self.start = Candidate(0, settings, settings, design)

    @property
    def size(self) -> int:
        """Number of combinations."""
        return prod(len(axis.values) for axis in self.axes)

    def grid(self) -> list[Candidate]:
        """Return every combination once, the last setting varied fastest; what equals the given design is left out."""
        return self.make(product(*(axis.values for axis in self.axes)), 1, 0)

    def make(self, combinations: Any, first: int, step: int) -> list[Candidate]:
        """Return candidates with these choices that were not made before, numbered on.

        Raises
        ------
        DesignError
            Where a combination is no valid design; in the words of a design file, the candidate named.
        """
        found: list[Candidate] = []
        for choices in combinations:
            settings, design = self.build(tuple(choices))
            if design.sha256 in self.known:
                continue
            self.known.add(design.sha256)
            found.append(Candidate(first + len(found), tuple(choices), settings, design, step))
        return found

    def build(self, choices: tuple[Any, ...]) -> tuple[tuple[Any, ...], Design]:
        """Return what the settings hold, words replaced by what they mean, and the design with these choices.

        Raises
        ------
        DesignError
            Where it is no valid design; the choices named.
        """
        data = copy.deepcopy(self.data)
        wanted = [axis.field for axis, choice in zip(self.axes, choices, strict=True) if choice == LEAST_INFORMATIVE]
        for axis, choice in zip(self.axes, choices, strict=True):
            put(data, axis.field, 1.0 if choice == LEAST_INFORMATIVE else choice)
        design = self._valid(data, choices)
        settings = list(choices)
        for field in wanted:
            at = [axis.field for axis in self.axes].index(field)
            settings[at] = self._least_informative(design, choices)
            put(data, field, settings[at])
            design = self._valid(data, choices)
        return tuple(settings), design

    def _valid(self, data: Mapping[str, Any], choices: tuple[Any, ...]) -> Design:
        design, problems = design_module.build(data)
        faults = [(problem.field, problem.text) for problem in problems]
        if design is not None:
            faults += [(f"method.{fault.field}", fault.text) for fault in design.method.cannot_run(design)]
        if design is None or faults:
            field, text = faults[0]
            if text.startswith("unknown setting"):
                raise DesignError(f"vary {field}: {text}")
            raise DesignError(f"the candidate with {named(self.axes, choices)} is no design: {field}: {text}")
        if design.outcomes != self.design.outcomes:
            raise DesignError(
                f"the candidate with {named(self.axes, choices)} grades outcomes differently: its target means something else"
            )
        return design

    def _least_informative(self, design: Design, choices: tuple[Any, ...]) -> float:
        if not isinstance(design.method, Crm) or not design.method.has_posterior:
            raise DesignError(f"vary {PRIOR_SD}: '{LEAST_INFORMATIVE}' is for crm with inference: bayes")
        if len(design.method.averaged_model(design).models) > 1:
            raise DesignError(f"vary {PRIOR_SD}: '{LEAST_INFORMATIVE}' is that of one skeleton; this crm has several")
        try:
            return least_informative_sd(design.method.working_model(design), design.target_rate)
        except ValueError as error:
            raise DesignError(f"the candidate with {named(self.axes, choices)} is no design: {error}") from None


def _steps(field: str) -> list[str | int]:
    return [int(word) - 1 if word.isdigit() else word for word in re.findall(r"[^.\[\]]+", field)]


def take(data: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field, or None where it is not set."""
    at: Any = data
    for step in _steps(field):
        if isinstance(step, str) and isinstance(at, Mapping):
            at = at.get(step)
        elif isinstance(step, int) and isinstance(at, (list, tuple)) and 0 <= step < len(at):
            at = at[step]
        else:
            return None
    return at


def put(data: dict[str, Any], field: str, value: Any) -> None:
    """Set a field.

    Raises
    ------
    DesignError
        Where what should hold it does not.
    """
    steps, at, path = _steps(field), data, ""
    for k, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(at, dict):
                raise DesignError(f"vary {field}: {path} is {show(at)}, which has no '{step}'; give {path} whole")
            if k < len(steps) - 1 and step not in at:
                raise DesignError(f"vary {field}: there is no '{step}'; {did_you_mean(step, at)}")
            path = f"{path}.{step}" if path else step
        else:
            n = len(at) if isinstance(at, list) else 0
            if not 0 <= step < n:
                raise DesignError(
                    f"vary {field}: {path} has {n or 'no'} entr{'y' if n == 1 else 'ies'}, counted from 1"
                )
            path = f"{path}[{step + 1}]"
        if k == len(steps) - 1:
            at[step] = value  # type: ignore[index]
        else:
            at = at[step]  # type: ignore[index]
