"""Trials on a clock, one patient after another in plain Python: slow, and easy to read. The engine must give the same trials."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from escalate import Design, Scenario
from escalate.core.backfill import Backfill
from escalate.core.arrays import NONE
from escalate.core.clock import Clock, ListedAccrual, PiecewiseTimes, PoissonAccrual, UniformAccrual, WeibullTimes
from escalate.core.decision import Decisions, allowed_as_mtd, carried, cohort_size, cohorts_counted, decide, lasting
from escalate.core.follow_up import FollowUp
from escalate.core.outcome import category_rates
from escalate.core.tally import States, Tally
from escalate.engine.random_numbers import key_of, philox, scenario_word, thresholds

LEFT = -1


@dataclass
class Patient:
    """One patient treated."""

    who: int
    dose: int
    arrived: float
    start: float
    end: float
    fate: int
    backfilled: bool = False
    responds: bool = False

    def known(self, day: float) -> bool:
        """Return whether the outcome is known."""
        return self.end <= day

    def there(self, day: float) -> bool:
        """Return whether the patient counts, evaluable or pending."""
        return not (self.known(day) and self.fate == LEFT)


@dataclass
class PlainTrial:
    """One trial, as it goes."""

    patients: list[Patient] = field(default_factory=list)
    turned_away: int = 0
    waiting: float = 0.0
    stops: int = 0
    selected: int = NONE
    last_day: float = 0.0


def word(seed: int, scenario: Scenario, trial: int, patient: int, purpose: int) -> int:
    """Return the random word of an arrival for a purpose."""
    counter = [patient // 4 + (purpose << 24), trial & 0xFFFFFFFF, trial >> 32, scenario_word(scenario.dlt)]
    return int(philox(np.array(counter, dtype=np.uint64)[:, None], key_of(seed))[patient % 4, 0])


def gap_after(clock: Clock, u: float, patient: int) -> float:
    """Return the days from an arrival to the next."""
    accrual = clock.accrual
    if isinstance(accrual, PoissonAccrual):
        return float(-accrual.mean_days * np.log(u))
    if isinstance(accrual, UniformAccrual):
        return 2 * accrual.mean_days * u
    if isinstance(accrual, ListedAccrual):
        k = min(patient + 1, len(accrual.days) - 1)
        return accrual.days[k] - accrual.days[k - 1]
    return float(getattr(accrual, "days"))  # noqa: B009


def share_of_dlt(clock: Clock, u: float, p: float) -> float:
    """Return the share of the window at which a DLT happens."""
    times = clock.dlt_times
    if isinstance(times, WeibullTimes):
        shape = math.log(math.log(1 - p) / math.log(1 - (1 - times.late) * p)) / math.log(2)
        rate = -math.log(1 - p)
        return float((-math.log(1 - u * p) / rate) ** (1 / shape))
    if isinstance(times, PiecewiseTimes):
        before = 0.0
        for k, mass in enumerate(times.masses):
            if u < before + mass:
                return (k + (u - before) / mass) / len(times.masses)
            before += mass
    return u


def outcome(
    design: Design, scenario: Scenario, clock: Clock, seed: int, trial: int, who: int, dose: int
) -> tuple[int, float]:
    """Return what becomes of a patient, and after how many days that is known."""
    window = float(design.dlt_window or 0)
    tolerance = word(seed, scenario, trial, who, 0)
    rates = category_rates(scenario, design.outcomes)[dose]
    fate, worse = 0, 0.0
    for category in range(len(rates) - 1, 0, -1):
        worse += rates[category]
        if tolerance < int(thresholds([worse])[0]):
            fate = category
            break
    if fate == len(rates) - 1:
        u = (word(seed, scenario, trial, who, 1) + 0.5) / 2.0**32
        return fate, share_of_dlt(clock, u, scenario.dlt[dose]) * window
    leaves = word(seed, scenario, trial, who, 2) if clock.drop_out else 0
    if clock.drop_out and leaves < int(thresholds([clock.drop_out])[0]):
        return LEFT, leaves / (clock.drop_out * 2.0**32) * window
    return fate, window


def state(design: Design, patients: list[Patient], first: int, dose: int, run: int, day: float) -> States:
    """Return what a decision may look at."""
    window, n_categories = float(design.dlt_window or 0), len(design.outcomes)
    counts = np.zeros((1, design.n_doses, n_categories), dtype=np.int64)
    cohort = np.zeros((1, n_categories), dtype=np.int64)
    pending, dlts = [], []
    for k, patient in enumerate(patients):
        if not patient.there(day):
            continue
        category = patient.fate if patient.known(day) else 0
        counts[0, patient.dose, category] += 1
        if k >= first:
            cohort[0, category] += 1
        if not patient.known(day):
            pending.append((patient.dose, min((day - patient.start) / window, float(np.nextafter(1, 0)))))
        elif patient.fate == n_categories - 1:
            dlts.append((patient.end - patient.start) / window)
    follow_up = (
        FollowUp(
            np.array([[d for d, _ in pending]]), np.array([[s for _, s in pending]]), np.array([dlts], dtype=float)
        )
        if pending
        else None
    )
    counted = np.array([run + 1]) if cohorts_counted(design) else None
    return States(Tally(counts, follow_up), np.array([dose]), cohort, counted)


def run_trial(  # noqa: PLR0912, PLR0915 - one story, told from start to end
    design: Design, scenario: Scenario, clock: Clock, seed: int, trial: int
) -> PlainTrial:
    """Run one trial."""
    out = PlainTrial()
    patients = out.patients
    window = float(design.dlt_window or 0)
    dose, first, run, k = design.start_dose, 0, 0, 0
    nobody = Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))
    size = int(cohort_size(design, nobody, np.array([dose]))[0])
    barred = np.zeros((len(design.rules), 1, design.n_doses), dtype=bool)
    safety = np.array([rule.about_safety for rule in design.rules], dtype=bool)
    arrival, free = 0.0, 0.0
    since: float | None = None
    decisions: Decisions | None = None

    def next_arrival() -> None:
        nonlocal arrival, k
        arrival += gap_after(clock, (word(seed, scenario, trial, k, 3) + 0.5) / 2.0**32, k)
        k += 1

    def ask(day: float) -> tuple[States, Decisions]:
        states = state(design, patients, first, dose, run, day)
        found = decide(design, states, barred.copy())
        barred[:] = lasting(design, found.forbidden)
        return states, found

    while True:
        day = max(arrival, free)
        there = [patient for patient in patients if patient.there(day)]
        if len(there) >= design.max_patients:
            if not any(patient.fate == LEFT for patient in there):
                _, decisions = ask(math.inf)
                out.stops = int(decisions.stops[0])
                break
            next_arrival()
            continue
        cohort = patients[first:]
        wait_until: float | None = None
        if sum(patient.there(day) for patient in cohort) < size:
            if len(cohort) == 1 and day < cohort[0].start + clock.stagger_days:
                wait_until = cohort[0].start + clock.stagger_days
        else:
            states, decisions = ask(day)
            if decisions.waits[0]:
                changes = [patient.end for patient in there if not patient.known(day)]
                for rule in design.rules:
                    for mark in rule.follow_up_marks(design):
                        reached = [p.start + mark * window + 1e-6 for p in there if not p.known(day)]
                        changes += [moment for moment in reached if moment > day]
                wait_until = min(changes)
            elif decisions.next[0] == NONE:
                out.stops, out.last_day = int(decisions.stops[0]), day
                out.waiting += day - since if since is not None else 0.0
                break
            else:
                run = int(carried(design, states, decisions.next)[0])
                dose, first = int(decisions.next[0]), len(patients)
                size = int(cohort_size(design, states.tally, decisions.next)[0])
        if wait_until is not None:
            since = day if since is None else since
            if clock.queues:
                free = wait_until
            else:
                out.turned_away += 1
                next_arrival()
            continue
        fate, delay = outcome(design, scenario, clock, seed, trial, k, dose)
        patients.append(Patient(k, dose, arrival, day, day + delay, fate))
        out.waiting += day - since if since is not None else 0.0
        since, out.last_day = None, day
        free = day if clock.queues else 0.0
        next_arrival()
    assert decisions is not None
    final = state(design, patients, first, dose, run, math.inf).tally
    allowed = allowed_as_mtd(design, final) & ~decisions.forbidden[safety].any(axis=0)
    out.selected = int(design.method.select(design, final, allowed)[0])
    return out
