"""Random trials on a calendar, many side by side: each round takes one step of every trial, and asks for all decisions at once.

A step looks at the next arrival. While the current cohort lacks patients (evaluable or pending), the patient joins it. Otherwise
the design is asked, with what is known on that day: accrual stops, or waits, or the patient opens the next cohort. Where it waits
the patient is turned away and the next arrival asks again; or, in a queue, the question is asked again at the next outcome,
completed window, drop-out or mark of follow-up. With the maximum of patients treated nobody more comes, unless a drop-out is to be
replaced. After accrual every outcome is followed to its end.

With `backfill` an arrival who would be turned away, or queue, is treated at an open lower dose where there is one, beside the
cohorts, and the escalation goes on waiting.

Day d has seen what happened up to and including it: a patient's outcome is known from day start + delay on, be it a DLT, a
completed window, or a drop-out, who is then neither evaluable nor pending.
"""

from __future__ import annotations

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.clock import Clock
from escalate.core.decision import (
    Decisions,
    allowed_as_mtd,
    carried,
    cohort_size,
    cohorts_counted,
    decide,
    lasting,
)
from escalate.core.design import Design
from escalate.core.follow_up import FollowUp
from escalate.core.scenario import Scenario
from escalate.core.tally import States, Tally
from escalate.engine import clock_compiled
from escalate.engine.automaton import state_keys
from escalate.engine.clock_backfill import place_for, toxic_now
from escalate.engine.clock_draws import Draws
from escalate.engine.clock_patients import Patients, View
from escalate.engine.clock_trials import Asked, ClockEnds, ClockTrials, Moments, packed

JUST_AFTER = 1e-6
"""Days after which a mark of follow-up is surely passed, whatever the rounding."""
ALMOST_ALL = float(np.nextafter(1.0, 0.0))
"""The largest share of the window that a pending patient can have."""


def ends_of(design: Design, scenario: Scenario, clock: Clock, seed: int, first_trial: int, n_trials: int) -> ClockEnds:
    """Run successive trials of a design that has a `dlt_window`, compiled where they can be, and return how they end."""
    if clock_compiled.runnable(design, clock):
        return clock_compiled.ends_of(design, scenario, clock, seed, first_trial, n_trials)
    return ClockEnds.of(run_trials(design, scenario, clock, seed, first_trial, n_trials))


def run_trials(
    design: Design, scenario: Scenario, clock: Clock, seed: int, first_trial: int, n_trials: int, *, keep: bool = False
) -> ClockTrials:
    """Run successive trials of a design that has a `dlt_window`.

    Parameters
    ----------
    keep
        Keep every decision, every patient turned away and every beginning of a wait too.
    """
    run = _Run(design, scenario, clock, Draws(design, scenario, clock, seed, first_trial, n_trials), n_trials, keep)
    while len(run.going):
        run.step()
    return run.ended()


class _Run(Patients):
    """Trials under way."""

    def __init__(
        self, design: Design, scenario: Scenario, clock: Clock, draws: Draws, n_trials: int, keep: bool
    ) -> None:
        super().__init__(design, n_trials)
        assert design.dlt_window is not None
        self.clock, self.draws, self.keep = clock, draws, keep
        self.window = float(design.dlt_window)
        self.marks = sorted({mark for rule in design.rules for mark in rule.follow_up_marks(design)})
        self.counted = cohorts_counted(design)
        self.safety = np.array([rule.about_safety for rule in design.rules], dtype=bool)
        # Then follow-up changes nothing: trials with the same counts have the same decision.
        backfill = design.backfill
        self.apart = backfill is not None and not backfill.counts_in_tally
        self.alike = not (keep or design.method.weighs_follow_up or any(rule.decides_pending for rule in design.rules))
        n_doses = design.n_doses
        self.patient = np.zeros(n_trials, dtype=np.int64)
        self.ready = np.zeros(n_trials)
        start = np.full(n_trials, design.start_dose, dtype=np.int64)
        nothing = Tally(np.zeros((n_trials, n_doses, len(design.outcomes)), dtype=np.int64))
        self.at, self.size = start, cohort_size(design, nothing, start)
        self.in_a_row = np.zeros_like(start)
        permanent = any(rule.permanent for rule in design.rules)
        self.barred = np.zeros((len(design.rules), n_trials, n_doses), dtype=bool) if permanent else None
        self.closed = np.zeros((n_trials, n_doses), dtype=bool)
        self.toxic = None if backfill is None or backfill.reopen else np.zeros((n_trials, n_doses), dtype=bool)
        self.stops, self.turned_away = np.zeros_like(start), np.zeros_like(start)
        self.last_day, self.waiting, self.queued = np.zeros(n_trials), np.zeros(n_trials), np.zeros(n_trials)
        self.since = np.full(n_trials, np.nan)
        self.going = np.arange(n_trials)
        self.asked: list[Asked] = []
        self.lost: list[Moments] = []
        self.held: list[Moments] = []

    def step(self) -> None:
        """Look at the next arrival of every trial under way."""
        rows = self.going
        day = np.maximum(self.draws.arrival(self.patient[rows], rows), self.ready[rows])
        view = self.view(rows, day)
        full = view.n_escalated >= self.design.max_patients
        complete = full & ~view.leaving.any(axis=1)
        # Nobody comes to a trial that is full, and so nobody is turned away.
        self.patient[rows[full & ~complete]] += 1
        lacks = ~full & (view.in_cohort.sum(axis=1) < self.size[rows])
        again = self.start[rows, np.minimum(self.first[rows], self.start.shape[1] - 1)] + self.clock.stagger_days
        soon = np.flatnonzero(lacks & (self.joined[rows] == 1) & (day < again))
        stopped, waits, under = self._ask(rows, day, view, np.flatnonzero(~full & ~lacks))
        held = np.concatenate([soon, waits])
        place = self._offer(rows, day, view, held, np.concatenate([self.at[rows[soon]], under]))
        self._hold(rows, day, view, again, held, np.arange(len(held)) < len(soon), place == NONE)
        treated = ~full
        treated[held] = treated[stopped] = False
        chosen = np.flatnonzero(treated)
        self._treat(rows[chosen], day[chosen], self.at[rows[chosen]], beside=False)
        beside = held[place != NONE]
        self._treat(rows[beside], day[beside], place[place != NONE], beside=True)
        over = complete
        over[stopped] = True
        self.going = rows[~over]

    def _states(
        self, rows: IntArray, day: FloatArray, view: View, some: IntArray, *, everybody: bool = False
    ) -> States:
        """Return what a decision may look at in some of the trials looked at, or the states with everybody treated."""
        rows, day, there, beside = rows[some], day[some], view.there[some], view.beside[some]
        if self.apart and not everybody:
            there = there & ~beside
        n_doses, n_categories, width = self.design.n_doses, len(self.design.outcomes), there.shape[1]
        category, dose, label = view.category[some], self.dose[rows, :width], np.arange(len(rows))[:, None]
        flat = ((label * n_doses + dose) * n_categories + category)[there]
        counts = np.bincount(flat, minlength=len(rows) * n_doses * n_categories)
        mine = view.in_cohort[some]
        cohort = np.bincount((label * n_categories + category)[mine], minlength=len(rows) * n_categories)
        pending = view.pending[some] & there
        follow_up = None
        if pending.any():
            followed = np.minimum((day[:, None] - self.start[rows, :width]) / self.window, ALMOST_ALL)
            delay = (self.end[rows, :width] - self.start[rows, :width]) / self.window
            where, dlts = packed(pending), packed(there & (category == n_categories - 1))
            follow_up = FollowUp(
                np.where(where.used, np.take_along_axis(dose, where.place, axis=1), NONE),
                np.where(where.used, np.take_along_axis(followed, where.place, axis=1), 0.0),
                np.where(dlts.used, np.take_along_axis(delay, dlts.place, axis=1), np.nan),
            )
        return States(
            Tally(counts.reshape(len(rows), n_doses, n_categories), follow_up, self.by_dose(rows, there & beside)),
            self.at[rows],
            cohort.reshape(len(rows), n_categories),
            self.in_a_row[rows] + 1 if self.counted else None,
        )

    def _offer(self, rows: IntArray, day: FloatArray, view: View, held: IntArray, under: IntArray) -> IntArray:
        """Return the dose at which each arrival who is held back is backfilled, or NONE; `under` is the dose under escalation."""
        if self.design.backfill is None or not len(held):
            return np.full(len(held), NONE)
        who, states = rows[held], self._states(rows, day, view, held, everybody=True)
        self._note_toxic(who, states.tally)
        now = States(states.tally, under, states.cohort, states.in_a_row)
        return place_for(
            self.design,
            now,
            self.by_dose(who, view.responded[held]),
            None if self.barred is None else self.barred[self.safety][:, who].any(axis=0),
            None if self.toxic is None else self.toxic[who],
        )

    def _note_toxic(self, who: IntArray, tally: Tally) -> None:
        if self.toxic is not None:
            self.toxic[who] |= toxic_now(self.design, tally)

    def _ask(self, rows: IntArray, day: FloatArray, view: View, ask: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Ask for decisions, open new cohorts, and return which trials stop, which wait, and their doses under escalation."""
        if not len(ask):
            return ask, ask, ask
        states, asked = self._states(rows, day, view, ask), rows[ask]
        if self.toxic is not None:
            self._note_toxic(asked, self._states(rows, day, view, ask, everybody=True).tally)
        decisions = self._decide(states, asked)
        if self.keep:
            self.asked.append(Asked(asked, self.patient[asked], day[ask], states, decisions))
        if self.barred is not None:
            self.barred[:, asked] = lasting(self.design, decisions.forbidden)
        waits = decisions.waits > 0
        stops = ~waits & (decisions.next == NONE)
        over = asked[stops]
        self.stops[over] = decisions.stops[stops]
        self.closed[over] = decisions.forbidden[self.safety][:, stops].any(axis=0)
        self.last_day[over] = day[ask[stops]]
        self._resume(over, day[ask[stops]])
        new = np.flatnonzero(~waits & ~stops)
        opens, following = asked[new], decisions.next[new]
        self.in_a_row[opens] = carried(self.design, states.take(new), following)
        self.at[opens], self.first[opens], self.joined[opens] = following, self.n[opens], 0
        if len(new):
            self.size[opens] = cohort_size(self.design, states.tally.take(new), following)
        return ask[stops], ask[waits], np.minimum(states.dose, decisions.next)[waits]

    def _decide(self, states: States, rows: IntArray) -> Decisions:
        barred = None if self.barred is None else self.barred[:, rows]
        if not self.alike:
            return decide(self.design, states, barred)
        run = np.zeros(len(states), dtype=np.int64) if states.in_a_row is None else states.in_a_row
        pending = states.tally.n_pending.sum(axis=1) > 0
        bars = np.zeros((len(states), 0), np.int64) if barred is None else np.moveaxis(barred, 1, 0)
        beside = bars[:, :0] if states.tally.backfilled is None else states.tally.backfilled
        parts = (states.tally.counts, states.cohort, run, pending, bars, beside)
        table = np.concatenate([np.asarray(part, dtype=np.int64).reshape(len(states), -1) for part in parts], axis=1)
        _, first, place = np.unique(state_keys(table, states.dose), return_index=True, return_inverse=True)
        found = decide(self.design, states.take(first), None if barred is None else barred[:, first])
        return found.take(place)

    def _hold(
        self,
        rows: IntArray,
        day: FloatArray,
        view: View,
        again: FloatArray,
        held: IntArray,
        soon: Mask,
        placeless: Mask,
    ) -> None:
        """Begin waits, and turn patients without a place away, or let them queue.

        Some are `soon`: held because the cohort's first patient was just treated.
        """
        if not len(held):
            return
        who = rows[held]
        begins = np.isnan(self.since[who])
        if self.keep:
            new = who[begins]
            self.held.append(Moments(new, self.patient[new], day[held][begins]))
        self.since[who] = np.where(begins, day[held], self.since[who])
        held, soon, who = held[placeless], soon[placeless], who[placeless]
        if not self.clock.queues:
            if self.keep:
                self.lost.append(Moments(who, self.patient[who], day[held]))
            self.turned_away[who] += 1
            self.patient[who] += 1
            return
        self.ready[who[soon]] = again[held[soon]]
        waits = held[~soon]
        pending, width = view.pending[waits], view.pending.shape[1]
        start, today = self.start[rows[waits], :width], day[waits][:, None]
        upcoming = np.where(pending, self.end[rows[waits], :width], np.inf).min(axis=1, initial=np.inf)
        for mark in self.marks:
            reached = start + mark * self.window + JUST_AFTER
            later = np.where(pending & (reached > today), reached, np.inf).min(axis=1, initial=np.inf)
            upcoming = np.minimum(upcoming, later)
        self.ready[rows[waits]] = upcoming

    def _resume(self, rows: IntArray, day: FloatArray) -> None:
        """End the waits of trials."""
        waited = ~np.isnan(self.since[rows])
        self.waiting[rows[waited]] += day[waited] - self.since[rows[waited]]
        self.since[rows] = np.nan

    def _treat(self, rows: IntArray, day: FloatArray, dose: IntArray, *, beside: bool) -> None:
        """Treat the arrivals that trials look at, in their cohorts or beside them; then the escalation goes on waiting."""
        if not len(rows):
            return
        place, patient = self.n[rows], self.patient[rows]
        if int(place.max()) >= self.dose.shape[1]:
            self.make_room()
        fate, delay = self.draws.outcome(patient, rows, dose)
        arrived = self.draws.arrival(patient, rows)
        self.dose[rows, place], self.who[rows, place], self.fate[rows, place] = dose, patient, fate
        self.arrived[rows, place], self.start[rows, place], self.end[rows, place] = arrived, day, day + delay
        self.beside[rows, place], self.responds[rows, place] = beside, self.draws.responds(patient, rows, dose)
        if not beside:
            self._resume(rows, day)
            self.joined[rows] += 1
        self.queued[rows] += day - arrived
        self.n[rows] += 1
        self.patient[rows] += 1
        self.last_day[rows] = day
        if self.clock.queues:
            self.ready[rows] = day

    def ended(self) -> ClockTrials:
        """Follow everybody to the end, and choose the MTDs."""
        design, every = self.design, np.arange(len(self.n))
        day = np.full(len(every), np.inf)
        view = self.view(every, day)
        states = self._states(every, day, view, every)
        counts = (
            self._states(every, day, view, every, everybody=True).tally.counts if self.apart else states.tally.counts
        )
        # Accrual ended because the trial was full: only now it is known what else would have ended it.
        full = np.flatnonzero(self.stops == 0)
        if len(full):
            last = states.take(full)
            decisions = self._decide(last, full)
            self.stops[full] = decisions.stops
            self.closed[full] = decisions.forbidden[self.safety].any(axis=0)
            if self.keep:
                known = np.where(self.dose[full] == NONE, 0.0, self.end[full]).max(axis=1)
                self.asked.append(Asked(full, np.full(len(full), NONE), known, last, decisions))
        table = np.concatenate([counts.reshape(len(every), -1), self.closed], axis=1)
        _, first, place = np.unique(state_keys(table, self.at * 0), return_index=True, return_inverse=True)
        tally = Tally(counts[first])
        selected = design.method.select(design, tally, allowed_as_mtd(design, tally) & ~self.closed[first])[place]
        some = slice(int(self.n.max()))
        return ClockTrials(
            self.dose[:, some], self.who[:, some], self.arrived[:, some], self.start[:, some], self.end[:, some],
            self.fate[:, some], counts, self.stops, selected, self.last_day, self.turned_away, self.waiting,
            self.queued, tuple(self.asked), tuple(self.lost), tuple(self.held),
            None if design.backfill is None else self.beside[:, some],
        )  # fmt: skip
