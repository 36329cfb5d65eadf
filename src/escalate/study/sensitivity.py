"""What happens when an assumption of a study changes: one setting of the design at a time, or the truth itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from escalate.core.design import Design
from escalate.core.errors import DesignError, EscalateError
from escalate.core.scenario import Scenario
from escalate.study.calibration_axes import Axis, show
from escalate.study.calibration_grid import Workshop
from escalate.study.results import DesignResult, OperatingCharacteristics
from escalate.study.simulate import simulate

MOST_SCENARIOS: Final = 60
"""Of more scenarios so many are taken, evenly spaced."""
MOST_TRIALS: Final = 10_000
"""Random trials of each variation, at most."""
ODDS: Final = 1.2
"""By which the odds of a DLT are multiplied and divided."""
SIZE_STEP: Final = 0.2
"""By which share the sample size is lowered and raised, in whole cohorts, one at least."""


@dataclass(frozen=True)
class Variation:
    """A design with one assumption changed, over all scenarios.

    Parameters
    ----------
    design
        Which design of the study, from 0.
    what
        What was changed, such as `cohorts of 2`; empty for the design as it is.
    """

    design: int
    what: str
    result: DesignResult


@dataclass(frozen=True)
class Sensitivity:
    """Designs of a study with one assumption changed at a time.

    Parameters
    ----------
    variations
        By design: first as it is, then each change.
    left_out
        Changes that a design does not allow, or that change more than one thing, each with the reason, as sentences.
    trials
        Random trials of each; None where exact.
    n_scenarios
        How many of the study's scenarios were taken.
    """

    variations: tuple[Variation, ...]
    left_out: tuple[str, ...]
    trials: int | None
    n_scenarios: int

    def of(self, design: int) -> tuple[Variation, ...]:
        """Return the variations of one design."""
        return tuple(each for each in self.variations if each.design == design)


def sensitivity(
    study: OperatingCharacteristics, vary: Sequence[Axis] = (), say: Callable[[str], None] = lambda _: None
) -> Sensitivity:
    """Return what changes when an assumption of a study changes.

    The settings named in `vary` are varied one at a time; where none is, the cohort size by one patient and the sample size by a
    fifth, unless a rule that names a number of patients would then no longer do what it does. Then the truth: the odds of a DLT
    at every level of every scenario are multiplied and divided by 1.2. Each is computed as the study was: exactly, or over random
    trials of the same patients, on the same clock.

    Raises
    ------
    EscalateError
        Where a setting of `vary` is one of no design, or its value makes no valid design.
    """
    scenarios = _some(study.designs[0].scenarios)
    trials = None if study.trials is None else min(study.trials, MOST_TRIALS)
    designs = [result.design for result in study.designs]
    left_out: list[str] = []
    asked = list(_asked(designs, vary) if vary else _usual(designs, left_out))
    found: list[Variation] = []
    for d, design in enumerate(designs):
        changes: list[tuple[str, Design, tuple[Scenario, ...]]] = [("", design, scenarios)]
        changes += [(what, changed, scenarios) for k, what, changed in asked if k == d]
        changes += [
            (f"DLT odds {said} {ODDS:g}", design, tuple(shifted(scenario, factor) for scenario in scenarios))
            for said, factor in (("times", ODDS), ("divided by", 1 / ODDS))
        ]
        for what, changed, truths in changes:
            say(f"sensitivity: {design.title}{': ' if what else ''}{what}")
            try:
                result = simulate([changed], truths, trials=trials, seed=study.seed or 1, clock=study.clock).designs[0]
            except DesignError as error:
                left_out.append(f"{design.title}: {what} cannot be computed ({error}).")
                continue
            found.append(Variation(d, what, result))
            if what and (silent := switched_off(design, changed)):
                left_out.append(f"{design.title}: {what} changes a rule too ({'; '.join(silent)}).")
    return Sensitivity(tuple(found), tuple(dict.fromkeys(left_out)), trials, len(scenarios))


def _some(scenarios: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
    n = len(scenarios)
    return (
        scenarios if n <= MOST_SCENARIOS else tuple(scenarios[k * n // MOST_SCENARIOS] for k in range(MOST_SCENARIOS))
    )


def shifted(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario with the odds of a DLT at each level multiplied; what is left is shared by milder outcomes as before.

    Examples
    --------
    >>> [round(p, 4) for p in shifted(Scenario(name="a", dlt=(0.1, 0.5)), 1.2).dlt]
    [0.1176, 0.5455]
    """
    dlt = tuple(factor * p / (1 - p + factor * p) for p in scenario.dlt)
    milder = None
    if scenario.outcomes is not None:
        milder = {
            letter: tuple(q * (1 - new) / (1 - old) for q, new, old in zip(rates, dlt, scenario.dlt, strict=True))
            for letter, rates in scenario.outcomes.items()
        }
    return scenario.model_copy(update={"dlt": dlt, "outcomes": milder})


def _asked(designs: Sequence[Design], vary: Sequence[Axis]) -> Iterator[tuple[int, str, Design]]:
    """Yield the designs with each setting asked for; a setting that a design does not have is passed over."""
    for axis in vary:
        faults, some = [], False
        for d, design in enumerate(designs):
            try:
                made = Workshop(design, [axis]).grid()
            except EscalateError as error:
                faults.append(str(error))
                continue
            some = True
            yield from ((d, f"{axis.field} {show(each.settings[0])}", each.design) for each in made)
        if not some or any("is no design" in fault for fault in faults):
            raise EscalateError(next((fault for fault in faults if "is no design" in fault), faults[0]))


def _usual(designs: Sequence[Design], left_out: list[str]) -> Iterator[tuple[int, str, Design]]:
    """Yield the designs with other cohort and sample sizes, and note those that do not allow it."""
    for d, design in enumerate(designs):
        size = design.cohort_size
        step = size * max(1, round(SIZE_STEP * design.max_patients / size))
        changes: list[tuple[str, int]] = [("cohort_size", k) for k in (size - 1, size + 1)]
        changes += [("max_patients", k) for k in (design.max_patients - step, design.max_patients + step)]
        for field, value in changes:
            if value < 1:
                continue
            try:
                made = Workshop(design, [Axis(field, (value,))]).grid()
            except EscalateError as error:
                left_out.append(_not_allowed(design, _said(field, value), str(error)))
                continue
            for each in made:
                if silent := switched_off(design, each.design):
                    left_out.append(
                        f"{design.title}: {_said(field, value)} is left out, for it would change a rule too ({'; '.join(silent)})."
                    )
                else:
                    yield d, _said(field, value), each.design


def switched_off(design: Design, changed: Design) -> tuple[str, ...]:
    """Return what rules say against themselves in a changed design that they do not in the design as it is.

    A rule that names a number of patients keeps it when the cohort size changes, and may then never find that number.
    """
    if len(design.rules) != len(changed.rules):
        return ()
    pairs = zip(design.rules, changed.rules, strict=True)
    return tuple(doubt for old, new in pairs if not any(old.doubts(design)) for doubt in new.doubts(changed))


def _said(field: str, value: int) -> str:
    if field == "cohort_size":
        return f"cohorts of {value}"
    return f"at most {value} patients"


def _not_allowed(design: Design, what: str, why: str) -> str:
    reason = why.partition("is no design: ")[2] or why
    return f"{design.title}: {what} is no valid design ({reason.rstrip('.')})."
