"""The one function everything asks: what has been observed, in; what happens next, out.

A method wishes, rules forbid doses and end the trial. Stops are OR-ed, vetoes are OR-ed: order cannot matter. A forbidden
dose falls to the highest permitted one below it, and with none the trial stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.design import Design
from escalate.core.moves import Moves
from escalate.core.tally import States, Tally

MAX_PATIENTS = "max_patients"
METHOD_DONE = "method_complete"
PENDING = "outcomes_pending"
METHOD_WAITS = "method_waits"


@dataclass(frozen=True, eq=False)
class Decisions:
    """What happens next in each of S states, and who asked for it.

    Parameters
    ----------
    next
        Dose of the next cohort, 0-based, or NONE where the trial stops; shape (S,). Where `waits` is set nobody is treated yet.
    moves
        What the method wanted.
    forbidden
        Doses forbidden by each rule; shape (R, S, J).
    stops
        Bit k is set where the k-th of `stop_codes(design)` ends the trial; shape (S,).
    ended_by
        Where each rule ends the trial; shape (R, S).
    held
        Where each rule keeps the trial from ending; shape (R, S).
    held_back
        Where each rule would end the trial if none held; shape (R, S).
    waits
        Bit k is set where the k-th of `wait_codes(design)` has accrual wait for pending outcomes; shape (S,).
    """

    next: IntArray
    moves: Moves
    forbidden: Mask
    stops: IntArray
    ended_by: Mask
    held: Mask
    held_back: Mask
    waits: IntArray

    def take(self, rows: IntArray) -> Decisions:
        """Return the decisions in some of the states, in the order asked for."""
        return Decisions(
            self.next[rows],
            self.moves.take(rows),
            self.forbidden[:, rows],
            self.stops[rows],
            self.ended_by[:, rows],
            self.held[:, rows],
            self.held_back[:, rows],
            self.waits[rows],
        )

    @cached_property
    def permitted(self) -> Mask:
        """Doses that no rule forbids; shape (S, J)."""
        return np.logical_not(self.forbidden.any(axis=0))

    @property
    def following(self) -> IntArray:
        """The dose that would follow if the trial went on, 0-based, or NONE; shape (S,)."""
        return best_permitted(self.moves, self.permitted)


@cache
def cohorts_counted(design: Design) -> int:
    """Return how many cohorts in a row at one dose the rules of a design count up to; 0 where none counts."""
    return max((rule.cohorts_counted for rule in design.rules), default=0)


def carried(design: Design, states: States, following: IntArray) -> IntArray:
    """Return how many cohorts in a row the following dose has had so far, counted as far as the rules do; shape (S,)."""
    if states.in_a_row is None:
        return np.zeros(len(states), dtype=np.int64)
    return np.where(following == states.dose, np.minimum(states.in_a_row, cohorts_counted(design)), 0)


@cache
def stop_codes(design: Design) -> tuple[str, ...]:
    """Return the codes of all that can end this trial, in a fixed order."""
    return (MAX_PATIENTS, METHOD_DONE, *dict.fromkeys(rule.kind for rule in design.rules))


@cache
def wait_codes(design: Design) -> tuple[str, ...]:
    """Return the codes of all that can have this trial wait for outcomes, in a fixed order."""
    return (MAX_PATIENTS, PENDING, METHOD_WAITS, *dict.fromkeys(rule.kind for rule in design.rules))


def decide(design: Design, states: States, barred: Mask | None = None) -> Decisions:
    """Return what happens next in each state: the method's wish within what the rules permit.

    Parameters
    ----------
    barred
        What permanent rules forbade earlier, as `lasting` gives it, shape (R, S, J). A trial that follows its design never
        gives a barred dose again, so that the tally alone says so; where one was given all the same, it must be told.
    """
    forbidden = np.zeros((len(design.rules), *states.tally.n.shape), dtype=bool)
    for r, rule in enumerate(design.rules):
        forbidden[r] = rule.forbids(design, states)
    if barred is not None:
        forbidden |= barred
    return combine(design, states, wish(design, states), forbidden)


def wish(design: Design, states: States) -> Moves:
    """Return what the method wants; one that does not weigh follow-up is asked as if no pending patient had a DLT."""
    if states.tally.pending is None or design.method.weighs_follow_up:
        return design.method.decide(design, states)
    moves = design.method.decide(design, states.as_complete())
    # Its own end would rest on outcomes that are not known.
    over = (moves.next == NONE) & (states.tally.pending.n > 0)
    return Moves(np.where(over, states.dose, moves.next), moves.reason, moves.preference, over)


def decide_along(design: Design, history: States) -> Decisions:
    """Return what happens next after each cohort of one trial, in order; what a permanent rule once barred stays so."""
    decisions = decide(design, history)
    earlier = np.logical_or.accumulate(lasting(design, decisions.forbidden), axis=1)
    return combine(design, history, decisions.moves, decisions.forbidden | earlier)


def lasting(design: Design, forbidden: Mask) -> Mask:
    """Return the part of what each rule forbids, shape (R, S, J), that stays forbidden for the rest of the trial."""
    permanent = np.array([rule.permanent for rule in design.rules], dtype=bool)
    return forbidden & permanent[:, None, None]


def combine(design: Design, states: States, moves: Moves, forbidden: Mask) -> Decisions:
    """Return what follows from the method's wish and what each rule forbids, shape (R, S, J)."""
    following = best_permitted(moves, np.logical_not(forbidden.any(axis=0))) if design.rules else moves.next
    codes = stop_codes(design)
    pending = None if states.tally.pending is None else states.tally.pending.n
    full = states.tally.n_escalated >= design.max_patients
    stops = (full if pending is None else full & (pending == 0)).astype(np.int64)
    stops |= (moves.next == NONE).astype(np.int64) << 1
    blocked = (following == NONE) & (moves.next != NONE)
    ended_by = np.zeros((len(design.rules), len(states)), dtype=bool)
    held, held_back = np.zeros_like(ended_by), np.zeros_like(ended_by)
    for r, rule in enumerate(design.rules):
        held[r] = rule.holds(design, states, following)
    may_end = ~held.any(axis=0)
    waits = _waits(design, states, moves, following)
    for r, rule in enumerate(design.rules):
        ends = rule.stops(design, states, following)
        safety = rule.stops_for_safety(design, states, following)
        now = ends & (may_end | safety)
        if pending is not None:
            # An end that is not for safety waits for what is pending: the MTD rests on it.
            early = now & ~safety & (pending > 0)
            waits |= early.astype(np.int64) << wait_codes(design).index(rule.kind)
            now &= ~early
        # With nothing left at or below the dose wanted, the rules that bar the lowest level end the trial.
        ended_by[r] = (blocked & forbidden[r, :, 0]) | now
        held_back[r] = ends & ~ended_by[r]
        stops |= ended_by[r].astype(np.int64) << codes.index(rule.kind)
    waits = np.where(stops > 0, 0, waits)
    return Decisions(np.where(stops > 0, NONE, following), moves, forbidden, stops, ended_by, held, held_back, waits)


def _waits(design: Design, states: States, moves: Moves, following: IntArray) -> IntArray:
    """Return what has accrual wait for pending outcomes, as bits of `wait_codes`; shape (S,)."""
    waits = np.zeros(len(states), dtype=np.int64)
    if states.tally.pending is None:
        return waits
    pending, codes = states.tally.pending.n > 0, wait_codes(design)
    waits |= (pending & (states.tally.n_escalated >= design.max_patients)).astype(np.int64) << codes.index(MAX_PATIENTS)
    if not (design.method.weighs_follow_up or any(rule.decides_pending for rule in design.rules)):
        waits |= pending.astype(np.int64) << codes.index(PENDING)
    if moves.suspend is not None:
        waits |= (pending & moves.suspend).astype(np.int64) << codes.index(METHOD_WAITS)
    some = np.flatnonzero(pending)
    if len(some):
        asked = states.take(some)
        for rule in design.rules:
            waits[some] |= rule.suspends(design, asked, following[some]).astype(np.int64) << codes.index(rule.kind)
    return waits


def best_permitted(moves: Moves, permitted: Mask) -> IntArray:
    """Return the dose wanted, or the permitted one below it that comes next in the method's eyes, or NONE; shape (S,)."""
    dose = np.arange(permitted.shape[1])
    reachable = permitted & (dose <= moves.next[:, None])
    if moves.preference is not None:
        liked = np.where(reachable, moves.preference, -np.inf)
        best = np.argmax(liked, axis=1)
        return np.where(np.isfinite(liked[np.arange(len(best)), best]), best, NONE)
    highest = permitted.shape[1] - 1 - np.argmax(reachable[:, ::-1], axis=1)
    return np.where(reachable.any(axis=1), highest, NONE)


def allowed_as_mtd(design: Design, tally: Tally) -> Mask:
    """Return the doses, tried or not, that no safety rule bars, shape (S, J)."""
    # Safety rules look at the tally alone, so the last cohort given here does not matter.
    last = States(tally, np.zeros(len(tally), dtype=np.int64), np.zeros((len(tally), tally.counts.shape[2]), np.int64))
    allowed = np.ones(tally.n.shape, dtype=bool)
    for rule in design.rules:
        if rule.about_safety:
            allowed &= ~rule.forbids(design, last)
    return allowed


def select(design: Design, tally: Tally) -> IntArray:
    """Return the MTD of each state from its final data, 0-based, or NONE; shape (S,)."""
    return design.method.select(design, tally, allowed_as_mtd(design, tally))


def select_at_stop(design: Design, tally: Tally, decisions: Decisions) -> IntArray:
    """Return the MTD where the trial stops, 0-based, or NONE, and NONE where it goes on; shape (S,)."""
    safety = np.array([rule.about_safety for rule in design.rules], dtype=bool)
    selected = np.full(len(tally), NONE, dtype=np.int64)
    over = np.flatnonzero(decisions.next == NONE)
    if len(over):
        last = Tally(tally.counts[over])
        # A bar that later outcomes would lift still counts.
        allowed = allowed_as_mtd(design, last) & ~decisions.forbidden[safety][:, over].any(axis=0)
        selected[over] = design.method.select(design, last, allowed)
    return selected


def cohort_size(design: Design, tally: Tally, dose: IntArray) -> IntArray:
    """Return the size of the next cohort, at the dose given, within the maximum number of patients; shape (S,)."""
    wanted = np.zeros(len(tally), dtype=np.int64)
    for rule in design.rules:
        wanted = np.maximum(wanted, rule.cohort_size(design, tally, dose))
    if not wanted.all():
        wanted = np.where(wanted > 0, wanted, design.method.cohort_size(design, tally, dose))
    return np.minimum(wanted, design.max_patients - tally.n_escalated)
