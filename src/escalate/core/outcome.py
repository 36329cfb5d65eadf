"""What can happen to a patient: outcome categories, from none to the DLT, and how much each weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import lcm

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.errors import DesignError
from escalate.core.scenario import Scenario, check_lengths


@dataclass(frozen=True)
class Outcome:
    """One category of outcome.

    Parameters
    ----------
    letter
        How an outcome string and a CSV write it, such as `T`.
    name
        What people call it.
    burden
        How much it counts towards toxicity, from 0 to 1; a DLT counts 1.
    """

    letter: str
    name: str
    burden: Fraction


BINARY = (Outcome("N", "no DLT", Fraction(0)), Outcome("T", "DLT", Fraction(1)))
"""The outcomes of a design that looks at DLTs alone."""
ROUNDING = 1e-9
"""How far a mean score may fall with the dose: what rounding leaves of sums that are equal."""


@cache
def burden_units(outcomes: tuple[Outcome, ...]) -> tuple[IntArray, int]:
    """Return the burdens as whole numbers of one unit, shape (C,), and how many units make a DLT.

    Examples
    --------
    >>> units, whole = burden_units(BINARY)
    >>> units.tolist(), whole
    ([0, 1], 1)
    """
    whole = lcm(*(outcome.burden.denominator for outcome in outcomes))
    units = np.array([int(outcome.burden * whole) for outcome in outcomes], dtype=np.int64)
    units.flags.writeable = False
    return units, whole


def rate_word(outcomes: tuple[Outcome, ...]) -> str:
    """Return what the target is a value of.

    Examples
    --------
    >>> rate_word(BINARY)
    'DLT rate'
    """
    return "mean score" if burden_units(outcomes)[1] > 1 else "DLT rate"


def score_note(outcomes: tuple[Outcome, ...]) -> str:
    """Return a sentence that says what p is where outcomes are scored, to follow one that names it; else nothing.

    Examples
    --------
    >>> score_note(BINARY)
    ''
    """
    return " Here p is the mean score, as a part of a DLT's." if burden_units(outcomes)[1] > 1 else ""


def said(burden: int, whole: int, n: int) -> str:
    """Return what a dose has seen as people say it: DLTs of patients, or the mean score of graded outcomes.

    Examples
    --------
    >>> said(1, 1, 3), said(4, 3, 3)
    ('1/3 DLTs', 'mean score 0.4444 in 3 patients')
    """
    if whole == 1:
        return f"{burden}/{n} DLTs"
    return f"mean score {burden / (whole * n):.4f} in {n} patient{'s' * (n != 1)}" if n else "no patients"


def check_scenarios(scenarios: Sequence[Scenario], n_doses: int, outcomes: tuple[Outcome, ...], title: str) -> None:
    """Raise where a scenario does not fit a design.

    Raises
    ------
    DesignError
        Where it does not have one probability a dose and outcome, or its mean scores fall with the dose; naming it.
    """
    check_lengths(tuple(scenarios), n_doses, title)
    if len(outcomes) == len(BINARY):
        return
    for scenario in scenarios:
        mean = mean_burden(category_rates(scenario, outcomes), outcomes)
        falls = np.diff(mean) < -ROUNDING
        if falls.any():
            k = int(np.argmax(falls))
            raise DesignError(
                f"scenario '{scenario.name}': the mean score falls from {mean[k]:.6g} at level {k + 1} to {mean[k + 1]:.6g} at "
                f"level {k + 2}, with the scores of '{title}'; it cannot decrease with the dose"
            )


def category_rates(scenario: Scenario, outcomes: Sequence[Outcome]) -> FloatArray:
    """Return the probability of each outcome at each dose, shape (J, C).

    Raises
    ------
    DesignError
        Where the scenario does not give the probability of an outcome, or the probabilities leave nothing for the first.
    """
    dlt = np.asarray(scenario.dlt, dtype=np.float64)
    given = scenario.outcomes or {}
    between = []
    for outcome in outcomes[1:-1]:
        values = given.get(outcome.letter)
        if values is None or len(values) != len(dlt):
            raise DesignError(_needs(scenario, outcome, outcomes))
        between.append(np.asarray(values, dtype=np.float64))
    none = 1 - dlt - sum(between, start=np.zeros_like(dlt)) if between else 1 - dlt
    if (none <= 0).any():
        level = int(np.argmax(none <= 0)) + 1
        raise DesignError(
            f"scenario '{scenario.name}': the probabilities at level {level} leave nothing for '{outcomes[0].name}'"
        )
    return np.stack([none, *between, dlt], axis=1)


def category_rates_of_all(scenarios: Sequence[Scenario], outcomes: Sequence[Outcome]) -> FloatArray:
    """Return the probability of each outcome at each dose of V scenarios, shape (V, J, C): what `category_rates` gives of each.

    Raises
    ------
    DesignError
        As `category_rates` does.
    """
    if len(outcomes) > len(BINARY):
        return np.array([category_rates(scenario, outcomes) for scenario in scenarios])
    dlt = np.array([scenario.dlt for scenario in scenarios], dtype=np.float64)
    if (dlt >= 1).any():
        category_rates(scenarios[int(np.argmax((dlt >= 1).any(axis=1)))], outcomes)
    return np.stack([1 - dlt, dlt], axis=2)


def _needs(scenario: Scenario, outcome: Outcome, outcomes: Sequence[Outcome]) -> str:
    """Return what a scenario lacks, and where that may come from."""
    given, letter = scenario.outcomes or {}, outcome.letter
    text = (
        f"scenario '{scenario.name}' needs 'outcomes: {{{letter}: [..]}}' with {len(scenario.dlt)} probabilities of "
        f"'{outcome.name}', one a level, because the design grades outcomes"
    )
    known = [each.letter for each in outcomes]
    unknown = [each for each in given if each not in known]
    if letter in given:
        return f"{text}; it gives {len(given[letter])}"
    if unknown:
        return f"{text}; '{unknown[0]}' is no outcome of the design; its letters are {', '.join(known)}"
    if not given and scenario.family:
        return f"{text}; it is of the family '{scenario.family}': generators make no graded outcomes, so write scenarios out"
    return text


def mean_burden(rates: FloatArray, outcomes: tuple[Outcome, ...]) -> FloatArray:
    """Return the mean burden of a patient from outcome probabilities (..., J, C): the DLT rate where outcomes are binary."""
    units, whole = burden_units(outcomes)
    if whole == 1 and units.sum() == 1:
        return np.ascontiguousarray(rates[..., -1])
    return (rates * (units / whole)).sum(axis=-1)
