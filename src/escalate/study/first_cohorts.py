"""The first decisions of a design: every outcome of its first cohort, and what it gives while no DLT is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.decision import cohort_size, decide, lasting, select_at_stop
from escalate.core.design import Design
from escalate.core.method import ModelMethod
from escalate.core.moves import Action, Reason
from escalate.core.tally import States, Tally
from escalate.study.pathways import paths
from escalate.study.reasons import reasons_of


@dataclass(frozen=True)
class FirstOutcome:
    """One outcome of the first cohort, and what follows; levels are counted from 1.

    Parameters
    ----------
    outcomes
        Patients with each outcome, from none to the DLT.
    probability
        Of this outcome under the prior.
    next_level, mtd_level
        The level of the next cohort, None on a stop; the MTD on a stop, None where none can be declared.
    wanted_level
        What the method wanted, whatever the rules say; None where it wanted to stop.
    estimates, prob_overdose
        Of every dose after this outcome; the latter None where the method has no overdose limit.
    """

    outcomes: tuple[int, ...]
    probability: float
    action: Action
    next_level: int | None
    mtd_level: int | None
    reasons: tuple[Reason, ...]
    wanted_level: int | None
    estimates: tuple[float, ...]
    prob_overdose: tuple[float, ...] | None

    @property
    def patients(self) -> int:
        """Patients in the cohort."""
        return sum(self.outcomes)

    @property
    def dlts(self) -> int:
        """How many of them had a DLT."""
        return self.outcomes[-1]


@dataclass(frozen=True)
class CleanCohort:
    """One cohort of the run without DLTs."""

    level: int
    patients: int


@dataclass(frozen=True)
class NoDltRun:
    """What is given while no DLT is seen, to the end of the trial.

    Parameters
    ----------
    mtd_level
        The MTD at its end, or None.
    ended_by
        Why it ends.
    """

    cohorts: tuple[CleanCohort, ...]
    mtd_level: int | None
    ended_by: tuple[Reason, ...]

    def first_patient_at(self, level: int) -> int | None:
        """Return which patient is the first to get a level, counted from 1, or None."""
        before = 0
        for cohort in self.cohorts:
            if cohort.level == level:
                return before + 1
            before += cohort.patients
        return None

    @property
    def highest_level(self) -> int:
        """The highest level given."""
        return max(cohort.level for cohort in self.cohorts)


def first_outcomes(design: Design, method: ModelMethod) -> tuple[FirstOutcome, ...]:
    """Return every outcome of the first cohort, fewest DLTs first."""
    nodes = paths(design, cohorts=1).next_cohort
    counts = np.zeros((len(nodes), design.n_doses, len(design.outcomes)), dtype=np.int64)
    counts[:, design.start_dose] = [node.outcomes for node in nodes]
    tally, limit = Tally(counts), method.overdose_limit(design)
    every = len(nodes)
    states = States(
        tally, np.full(every, design.start_dose), counts[:, design.start_dose], np.ones(every, dtype=np.int64)
    )
    wanted = method.decide(design, states).next.tolist()
    estimates = method.estimate_doses(design, tally).tolist()
    over = None if limit is None else method.prob_above(design, tally, limit).tolist()
    return tuple(
        FirstOutcome(
            outcomes=node.outcomes,
            probability=node.conditional_probability,
            action=node.action,
            next_level=node.next_level,
            mtd_level=node.mtd_level,
            reasons=node.reasons,
            wanted_level=None if wanted[k] == NONE else wanted[k] + 1,
            estimates=tuple(estimates[k]),
            prob_overdose=None if over is None else tuple(over[k]),
        )
        for k, node in enumerate(nodes)
    )


def no_dlt_run(design: Design) -> NoDltRun:
    """Return what the design gives while no DLT is seen, each cohort whole."""
    counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
    barred = np.zeros((len(design.rules), 1, design.n_doses), dtype=bool)
    dose, in_a_row, cohorts = design.start_dose, 0, list[CleanCohort]()
    while True:
        size = int(cohort_size(design, Tally(counts), np.array([dose]))[0])
        cohorts.append(CleanCohort(dose + 1, size))
        counts = counts.copy()
        counts[0, dose, 0] += size
        cohort = np.zeros((1, len(design.outcomes)), dtype=np.int64)
        cohort[0, 0] = size
        in_a_row += 1
        states = States(Tally(counts), np.array([dose]), cohort, np.array([in_a_row]))
        decisions = decide(design, states, barred)
        barred = lasting(design, decisions.forbidden)
        following = int(decisions.next[0])
        if following == NONE:
            mtd = int(select_at_stop(design, states.tally, decisions)[0])
            return NoDltRun(tuple(cohorts), None if mtd == NONE else mtd + 1, reasons_of(design, states, decisions))
        in_a_row = in_a_row if following == dose else 0
        dose = following
