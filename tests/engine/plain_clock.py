"""Trials on a clock, one patient after another in plain Python: slow, and easy to read. The engine must give the same trials."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from escalate import Design, Scenario
from escalate.core.arrays import NONE
from escalate.core.backfill import close_above
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


def responds_at(design: Design, scenario: Scenario, seed: int, trial: int, who: int, dose: int) -> bool:
    """Return whether a patient responds, where the design backfills by response."""
    if design.backfill is None or design.backfill.activity == "none":
        return False
    assert scenario.response is not None
    return word(seed, scenario, trial, who, 4) < int(thresholds([scenario.response[dose]])[0])


def state(
    design: Design, patients: list[Patient], first: int, dose: int, run: int, day: float, *, everybody: bool = False
) -> States:
    """Return what a decision may look at, or the state with everybody treated."""
    apart = design.backfill is not None and not design.backfill.counts_in_tally and not everybody
    backfilled = np.zeros((1, design.n_doses), dtype=np.int64)
    window, n_categories = float(design.dlt_window or 0), len(design.outcomes)
    counts = np.zeros((1, design.n_doses, n_categories), dtype=np.int64)
    cohort = np.zeros((1, n_categories), dtype=np.int64)
    pending, dlts = [], []
    for k, patient in enumerate(patients):
        if not patient.there(day) or (apart and patient.backfilled):
            continue
        backfilled[0, patient.dose] += patient.backfilled
        category = patient.fate if patient.known(day) else 0
        counts[0, patient.dose, category] += 1
        if k >= first and not patient.backfilled:
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
    tally = Tally(counts, follow_up, None if design.backfill is None else backfilled)
    return States(tally, np.array([dose]), cohort, counted)


def too_toxic(design: Design, patients: list[Patient], day: float) -> list[bool]:
    """Return which doses are closed to backfill for the DLTs seen there and above or below."""
    limit, worst = close_above(design), len(design.outcomes) - 1
    known = [patient for patient in patients if patient.there(day) and patient.known(day)]

    def above(*doses: int) -> bool:
        some = [patient.fate == worst for patient in known if patient.dose in doses]
        return bool(some) and sum(some) / len(some) > limit + 1e-12

    toxic = [above(d) and above(d, d + 1) for d in range(design.n_doses)]
    return [any(toxic[: d + 1]) for d in range(design.n_doses)]


def place_for(
    design: Design, patients: list[Patient], day: float, under: int, barred: list[bool], closed: list[bool]
) -> int | None:
    """Return the dose at which one more patient is backfilled, None where no dose is open."""
    backfill = design.backfill
    if backfill is None:
        return None
    there = [patient for patient in patients if patient.there(day)]
    whole = state(design, patients, 0, under, 0, day, everybody=True)
    forbids = [rule.forbids(design, whole)[0] for rule in design.rules if rule.about_safety]
    found = []
    for d in range(backfill.min_level - 1, under):
        here = [patient for patient in there if patient.dose == d]
        cohorts = math.ceil(sum(not patient.backfilled for patient in here) / design.cohort_size)
        responders = sum(patient.responds and patient.known(day) and patient.dose <= d for patient in there)
        active = backfill.activity == "none" or responders >= backfill.responses
        bad = barred[d] or closed[d] or any(each[d] for each in forbids)
        if cohorts >= backfill.after_cohorts and active and len(here) < backfill.cap and not bad:
            found.append(d)
    return None if not found else found[-1] if backfill.priority == "highest" else found[0]


def run_trial(  # noqa: PLR0912, PLR0915 - one story, told from start to end
    design: Design, scenario: Scenario, clock: Clock, seed: int, trial: int
) -> PlainTrial:
    """Run one trial."""
    out = PlainTrial()
    patients = out.patients
    window = float(design.dlt_window or 0)
    dose, first, run, k = design.start_dose, 0, 0, 0
    ever_toxic = [False] * design.n_doses
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
        escalated = [patient for patient in there if not patient.backfilled]
        if len(escalated) >= design.max_patients:
            if not any(patient.fate == LEFT for patient in escalated):
                _, decisions = ask(math.inf)
                out.stops = int(decisions.stops[0])
                break
            next_arrival()
            continue
        cohort = [patient for patient in patients[first:] if not patient.backfilled]
        wait_until: float | None = None
        under, asked = dose, False
        if sum(patient.there(day) for patient in cohort) < size:
            if len(cohort) == 1 and day < cohort[0].start + clock.stagger_days:
                wait_until = cohort[0].start + clock.stagger_days
        else:
            states, decisions = ask(day)
            asked = True
            if decisions.waits[0]:
                under = min(dose, int(decisions.next[0]))
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
        if design.backfill is not None and not design.backfill.reopen and (asked or wait_until is not None):
            now = too_toxic(design, patients, day)
            ever_toxic = [a or b for a, b in zip(ever_toxic, now, strict=True)]
        if wait_until is not None:
            since = day if since is None else since
            closed = (
                [a or b for a, b in zip(ever_toxic, too_toxic(design, patients, day), strict=True)]
                if design.backfill
                else []
            )
            place = place_for(design, patients, day, under, barred[safety, 0].any(axis=0).tolist(), closed)
            if place is not None:
                fate, delay = outcome(design, scenario, clock, seed, trial, k, place)
                responds = responds_at(design, scenario, seed, trial, k, place)
                patients.append(Patient(k, place, arrival, day, day + delay, fate, backfilled=True, responds=responds))
                free = day if clock.queues else 0.0
                next_arrival()
            elif clock.queues:
                free = wait_until
            else:
                out.turned_away += 1
                next_arrival()
            continue
        fate, delay = outcome(design, scenario, clock, seed, trial, k, dose)
        responds = responds_at(design, scenario, seed, trial, k, dose)
        patients.append(Patient(k, dose, arrival, day, day + delay, fate, responds=responds))
        out.waiting += day - since if since is not None else 0.0
        since, out.last_day = None, day
        free = day if clock.queues else 0.0
        next_arrival()
    assert decisions is not None
    final = state(design, patients, first, dose, run, math.inf, everybody=True).tally
    allowed = allowed_as_mtd(design, final) & ~decisions.forbidden[safety].any(axis=0)
    out.selected = int(design.method.select(design, final, allowed)[0])
    return out
