"""Random trials told cohort by cohort, every decision asked of `recommend`: what a simulated trial looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.outcome import category_rates, mean_burden
from escalate.core.patients import from_outcomes
from escalate.core.scenario import Scenario
from escalate.engine.monte_carlo import decide_some
from escalate.engine.random_numbers import scenario_word, thresholds, words
from escalate.study.metrics import Truths
from escalate.study.recommend import Recommendation, recommend

SEARCHED: Final = 2000
"""Trials that are looked through for one of a kind."""
FEW: Final = 20
"""The same, where a decision takes long."""


@dataclass(frozen=True)
class ToldCohort:
    """One cohort, and what was decided after it.

    Parameters
    ----------
    level
        From 1.
    outcomes
        One letter a patient, in the order of treatment.
    decision
        What `recommend` answers to the data so far.
    """

    level: int
    outcomes: str
    decision: Recommendation


@dataclass(frozen=True)
class ToldTrial:
    """One random trial.

    Parameters
    ----------
    trial
        Its number, from 1.
    why
        By which rule it was chosen.
    """

    design: Design
    scenario: Scenario
    seed: int
    trial: int
    why: str
    cohorts: tuple[ToldCohort, ...]

    @property
    def outcome_string(self) -> str:
        """The trial as the field writes it."""
        return " ".join(f"{cohort.level}{cohort.outcomes}" for cohort in self.cohorts)

    @property
    def mtd_level(self) -> int | None:
        """The MTD, from 1; None where none can be declared."""
        return self.cohorts[-1].decision.mtd_level


def tell(design: Design, scenario: Scenario, seed: int, trial: int, why: str = "") -> ToldTrial:
    """Return one random trial, number from 1, as `simulate` runs it: the same patients, the same decisions.

    Examples
    --------
    >>> design = Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0)}, "target": 0.3, "max_patients": 9,
    ...     "method": {"kind": "boin"}})
    >>> tell(design, Scenario(name="a", dlt=(0.1, 0.3)), seed=1, trial=1).outcome_string
    '1NTN 1NNN 2NNN'
    """
    latent = words(seed, scenario_word(scenario.dlt), trial - 1, 1, design.max_patients)[:, 0].astype(np.uint64)
    # From the worst outcome down: a patient has the first whose cumulative threshold exceeds the latent uniform.
    worse = np.cumsum(category_rates(scenario, design.outcomes)[:, :0:-1], axis=1)
    below = np.stack([thresholds(rates) for rates in worse.T])
    letters = [outcome.letter for outcome in design.outcomes]
    found: list[ToldCohort] = []
    decision, so_far, n = recommend(design), "", 0
    while decision.next_level is not None and decision.next_cohort_size is not None:
        level, size = decision.next_level, decision.next_cohort_size
        each = [
            letters[-1 - int(np.argmax(hit)) if (hit := latent[k] < below[:, level - 1]).any() else 0]
            for k in range(n, n + size)
        ]
        so_far, n = f"{so_far} {level}{''.join(each)}".strip(), n + size
        decision = recommend(design, from_outcomes(so_far, design, design.outcomes))
        found.append(ToldCohort(level, "".join(each), decision))
    return ToldTrial(design, scenario, seed, trial, why, tuple(found))


FIRST, EARLY, CORRECT = "the first", "the first that ended early", "the first that selected the MTD"


def examples(design: Design, scenario: Scenario, seed: int, number: int) -> tuple[ToldTrial, ...]:
    """Return up to so many example trials, chosen by rule and not by how they look.

    The first trial of the seed; the first that selects the MTD, or the first that selects none where there is no MTD; the first
    that ends before the last planned patient; then those that follow in order. A trial that fits two rules is told once.
    """
    n_trials = FEW if design.method.costly else SEARCHED
    ends, place = decide_some(design, scenario, seed, 0, n_trials)
    selected, patients = ends.selected[place], ends.tally.n_total[place]
    early = patients < design.max_patients
    rules = [(FIRST, np.ones(n_trials, dtype=bool)), (_right(design, scenario)[0], _is_right(design, scenario, selected)),
             (EARLY, early)]  # fmt: skip
    chosen: dict[int, list[str]] = {}
    for why, which in rules:
        if which.any():
            chosen.setdefault(int(np.argmax(which)), []).append(why)
    # More are told only where more are asked for than there are rules.
    for k in range(n_trials if number > len(rules) else 0):
        if len(chosen) < number:
            chosen.setdefault(k, ["the next in order"])
    told = [
        tell(design, scenario, seed, k + 1, ", also ".join(why)) for k, why in sorted(list(chosen.items())[:number])
    ]
    for each in told:
        k = each.trial - 1
        if each.mtd_level != (None if selected[k] == NONE else int(selected[k]) + 1):
            raise EscalateError(
                f"'{design.title}': trial {each.trial} of seed {seed}, told step by step, does not end as its simulation did; this "
                "is a fault of the program"
            )
    return tuple(told)


def _right(design: Design, scenario: Scenario) -> tuple[str, set[int]]:
    """Return how the rule is called, and the doses (0-based, or NONE) whose selection is right."""
    if design.target is None:
        return "", set()
    rates = mean_burden(category_rates(scenario, design.outcomes)[None], design.outcomes)
    truth = Truths.of(rates, design.target)
    if truth.no_mtd[0]:
        return "the first that selected no dose", {NONE}
    return CORRECT, set(np.flatnonzero(truth.mtd[0]).tolist())


def _is_right(design: Design, scenario: Scenario, selected: IntArray) -> Mask:
    return np.isin(selected, list(_right(design, scenario)[1]))
