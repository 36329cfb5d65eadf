"""Single trials on a clock, told event by event: who was treated when, what happened, what was decided and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.clock import Clock
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.core.scenario import Scenario
from escalate.engine.clock import run_trials
from escalate.engine.clock_draws import LEFT
from escalate.engine.clock_trials import ClockTrials
from escalate.study.on_a_clock import check_designs
from escalate.study.reasons import action_of, reasons_of, waits_of

MAX_TRACED: Final = 1000


class Kind(StrEnum):
    """What an event is."""

    OUTCOME = "outcome"
    DLT = "DLT"
    LEFT = "drop-out"
    DECISION = "decision"
    WAIT = "suspended"
    STOP = "stop"
    TREATED = "treated"
    BACKFILLED = "backfilled"
    TURNED_AWAY = "turned away"
    MTD = "MTD"


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    day
        Since the first arrival.
    patient
        Number in the order of treatment, from 1; None where it concerns nobody, or somebody turned away.
    level
        The level it concerns, from 1; None where it concerns none.
    action
        Of a decision, what follows; None of any other event.
    text
        One sentence.
    """

    day: float
    kind: Kind
    patient: int | None
    level: int | None
    text: str
    action: Action | None = None


@dataclass(frozen=True)
class Bar:
    """One patient treated: level, from 1; days of arrival, treatment and outcome; whether a DLT, a drop-out, backfilled."""

    patient: int
    level: int
    arrived: float
    start: float
    end: float
    dlt: bool
    left: bool
    backfilled: bool


@dataclass(frozen=True)
class Story:
    """One trial.

    Parameters
    ----------
    trial
        Its number, from 1.
    bars
        Patients in the order of treatment.
    events
        In the order of days.
    suspended
        Days from which and to which accrual was suspended.
    mtd_level
        From 1; None where no dose is selected.
    """

    design: Design
    scenario: Scenario
    clock: Clock
    seed: int
    trial: int
    bars: tuple[Bar, ...]
    events: tuple[Event, ...]
    suspended: tuple[tuple[float, float], ...]
    mtd_level: int | None


def trace(design: Design, scenario: Scenario, clock: Clock, seed: int, trials: int) -> tuple[Story, ...]:
    """Return the first trials that `simulate` runs with the same seed and clock.

    Raises
    ------
    EscalateError
        Where that is more trials than one can read, or the design cannot run on a clock.
    """
    if not 1 <= trials <= MAX_TRACED:
        raise EscalateError(f"--trace: {trials} is not between 1 and {MAX_TRACED:,}")
    check_designs([design], clock, [scenario])
    found = run_trials(design, scenario, clock, seed, 0, trials, keep=True)
    return tuple(_Teller(design, clock, found, t).story(scenario, seed) for t in range(trials))


_Told: TypeAlias = tuple[float, float, Event]
"""An event, after the arrival it belongs to and its place among the events of this arrival."""
_BEFORE_ALL, _AFTER_ALL = -1.0, float("inf")


class _Teller:
    """Tells one of some trials."""

    def __init__(self, design: Design, clock: Clock, found: ClockTrials, trial: int) -> None:
        self.design, self.clock, self.found, self.trial = design, clock, found, trial
        self.asked = [(each, int(i)) for each in found.asked for i in np.flatnonzero(each.trial == trial)]
        self.number = {int(who): k for k, who in enumerate(found.who[trial], start=1) if who != NONE}

    def story(self, scenario: Scenario, seed: int) -> Story:
        """Return the whole trial."""
        bars, mtd = tuple(self._bars()), int(self.found.selected[self.trial])
        told = [*self._outcomes(bars), *self._decisions(), *self._staggered(), *self._treatments(bars), *self._lost()]
        # A decision has seen the outcomes of its day; arrivals are dealt with one after the other.
        told.sort(key=lambda each: (each[2].day, each[0], each[1]))
        events = [event for _, _, event in told]
        text = "no dose is selected" if mtd == NONE else f"level {mtd + 1} is selected, {self.design.amount(mtd)}"
        events.append(Event(events[-1].day, Kind.MTD, None, None if mtd == NONE else mtd + 1, text))
        return Story(
            self.design, scenario, self.clock, seed, self.trial + 1, bars, tuple(events), tuple(self._suspended()),
            None if mtd == NONE else mtd + 1,
        )  # fmt: skip

    def _bars(self) -> Iterator[Bar]:
        found, t, worst = self.found, self.trial, len(self.design.outcomes) - 1
        beside = np.zeros_like(found.treated) if found.beside is None else found.beside
        for k in range(int(found.treated[t].sum())):
            fate = int(found.fate[t, k])
            arrived, start, end = (float(array[t, k]) for array in (found.arrived, found.start, found.end))
            yield Bar(
                k + 1, int(found.dose[t, k]) + 1, arrived, start, end, fate == worst, fate == LEFT, bool(beside[t, k])
            )

    def _outcomes(self, bars: tuple[Bar, ...]) -> Iterator[_Told]:
        for bar in bars:
            followed = f"{bar.end - bar.start:.1f} days after treatment"
            if bar.dlt:
                kind, text = Kind.DLT, f"DLT, {followed}"
            elif bar.left:
                kind, text = Kind.LEFT, f"leaves without DLT, {followed}: not evaluable"
            else:
                outcome = self.design.outcomes[int(self.found.fate[self.trial, bar.patient - 1])]
                kind, text = Kind.OUTCOME, f"{outcome.name} in {self.design.dlt_window} days"
            yield _BEFORE_ALL, 0, Event(bar.end, kind, bar.patient, bar.level, text)

    def _decisions(self) -> Iterator[_Told]:
        for asked, i in self.asked:
            states, one = asked.states.take(np.array([i])), asked.decisions.take(np.array([i]))
            waits = waits_of(self.design, one)
            reasons = reasons_of(self.design, states, one)
            why = " ".join(reason.text for reason in (reasons[: len(waits)] if waits else reasons))
            at, following, arrival = int(states.dose[0]), int(one.next[0]), int(asked.patient[i])
            day, order = float(asked.day[i]), float(arrival) if arrival != NONE else _AFTER_ALL
            action = action_of(following, at)
            if waits:
                queues = self.clock.queues and self.design.backfill is None and arrival in self.number
                who = f"patient {self.number[arrival]}" if queues else "accrual"
                event = Event(day, Kind.WAIT, None, at + 1, f"{who} waits: {why}")
            elif action == Action.STOP:
                event = Event(day, Kind.STOP, None, None, f"accrual ends: {why}", action)
            else:
                text = f"{action} {'at' if action == Action.STAY else 'to'} level {following + 1}: {why}"
                event = Event(day, Kind.DECISION, None, following + 1, text, action)
            yield order, 0, event

    def _staggered(self) -> Iterator[_Told]:
        """Yield the waits that no decision was asked for: after the first patient of a cohort."""
        asked = {(int(each.patient[i]), float(each.day[i])) for each, i in self.asked}
        for day, arrival in self._moments("held"):
            if (arrival, day) not in asked:
                text = f"accrual waits: {self.clock.stagger_days:g} days after the first patient of the cohort are not over"
                yield arrival, 0, Event(day, Kind.WAIT, None, None, text)

    def _treatments(self, bars: tuple[Bar, ...]) -> Iterator[_Told]:
        opened = {int(each.patient[i]) for each, i in self.asked if not each.decisions.waits[i]}
        for bar, who in zip(bars, self.found.who[self.trial].tolist(), strict=False):
            new = bar.patient == 1 or who in opened
            waited = f", after {bar.start - bar.arrived:.1f} days in the queue" if bar.start > bar.arrived else ""
            text = f"{'opens' if new else 'joins'} the cohort at level {bar.level}{waited}"
            if bar.backfilled:
                text = f"is backfilled at level {bar.level}{waited}"
            kind = Kind.BACKFILLED if bar.backfilled else Kind.TREATED
            yield who, 1, Event(bar.start, kind, bar.patient, bar.level, text)

    def _lost(self) -> Iterator[_Told]:
        for day, arrival in self._moments("lost"):
            yield arrival, 2, Event(day, Kind.TURNED_AWAY, None, None, f"arrival {arrival + 1} is turned away")

    def _suspended(self) -> Iterator[tuple[float, float]]:
        escalated = self.found.treated if self.found.beside is None else self.found.treated & ~self.found.beside
        starts = self.found.start[self.trial][escalated[self.trial]]
        for day, _ in self._moments("held"):
            later = starts[starts > day]
            yield day, float(later.min()) if len(later) else float(self.found.last_day[self.trial])

    def _moments(self, name: str) -> Iterator[tuple[float, int]]:
        for moments in getattr(self.found, name):
            for i in np.flatnonzero(moments.trial == self.trial):
                yield float(moments.day[i]), int(moments.patient[i])
