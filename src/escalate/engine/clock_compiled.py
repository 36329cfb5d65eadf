"""Trials on a clock, compiled: which designs the event loop of `clock_kernel.py` can run, and how their trials end."""

from __future__ import annotations

import numpy as np

from escalate.core.clock import Clock
from escalate.core.decision import allowed_as_mtd
from escalate.core.design import Design
from escalate.core.scenario import Scenario
from escalate.core.tally import Tally
from escalate.engine.automaton import state_keys
from escalate.engine.clock_tables import ACCRUAL, TIMING, Ends, Room, Stream, protocol, tables, times
from escalate.engine.clock_trials import ClockEnds
from escalate.methods.boin import Boin
from escalate.methods.crm import Crm
from escalate.methods.keyboard import Keyboard
from escalate.methods.mtpi2 import Mtpi2
from escalate.methods.tite_boin import TiteBoin
from escalate.methods.tite_crm import TiteCrm
from escalate.methods.tite_keyboard import TiteKeyboard
from escalate.methods.tite_mtpi2 import TiteMtpi2
from escalate.rules.coherence import Coherence
from escalate.rules.eliminate import Eliminate
from escalate.rules.lowest_dose_too_toxic import LowestDoseTooToxic
from escalate.rules.min_follow_up import MinFollowUp
from escalate.rules.no_skipping import NoSkipping
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose
from escalate.rules.suspend_when_pending import SuspendWhenPending

BY_TABLE = (Boin, Keyboard, Mtpi2, TiteBoin, TiteKeyboard, TiteMtpi2)
BY_MODEL = (Crm, TiteCrm)
RULES = (Coherence, Eliminate, LowestDoseTooToxic, MinFollowUp, NoSkipping, StopAtPatientsAtDose, SuspendWhenPending)
LARGEST = 150
"""Most patients: an interval design has a cut for each number of patients, DLTs and pending outcomes at a dose."""


def runnable(design: Design, clock: Clock) -> bool:
    """Return whether the compiled event loop gives the trials of this design on this clock.

    What it does not know it refuses: kinds are compared, not what they inherit from.
    """
    kinds = [type(rule) for rule in design.rules]
    known = set(kinds) <= set(RULES) and len(set(kinds)) == len(kinds)
    timed = type(clock.accrual) in ACCRUAL and type(clock.dlt_times) in TIMING and design.dlt_window is not None
    fits = design.backfill is None and design.max_patients <= LARGEST and len(design.outcomes) == 2
    known = known and not any(isinstance(rule, LowestDoseTooToxic) and rule.basis == "model" for rule in design.rules)
    return known and timed and fits and design.target is not None and (_by_table(design) or _by_model(design))


def _by_table(design: Design) -> bool:
    method = design.method
    return type(method) in BY_TABLE and not (isinstance(method, Boin) and method.titration)


def _by_model(design: Design) -> bool:
    method = design.method
    if not isinstance(method, Crm) or type(method) not in BY_MODEL:
        return False
    one_curve = method.skeletons is None and method.model != "logistic2"
    plugged = method.inference == "bayes" and method.estimate == "plug_in" and method.choose == "nearest"
    linear = not isinstance(method, TiteCrm) or method.weights == "linear"
    return one_curve and plugged and linear and method.initial_levels is None


def run_some(design: Design, scenario: Scenario, clock: Clock, seed: int, first_trial: int, n_trials: int) -> Ends:
    """Return how some successive trials end, whichever part of a longer run they are."""
    from escalate.engine import clock_kernel  # noqa: PLC0415 - Numba loads when first used

    arrays, ends = tables(design, clock, scenario), Ends.of(n_trials, design.n_doses)
    room = Room.of(design, clock_kernel.LANES, len(arrays.prior))
    stream = Stream.of(seed, scenario)
    clock_kernel.run(protocol(design), times(clock, design), arrays, room, stream, first_trial, ends)
    return ends


def ends_of(design: Design, scenario: Scenario, clock: Clock, seed: int, first_trial: int, n_trials: int) -> ClockEnds:
    """Return what operating characteristics need of successive trials of a design that is `runnable`."""
    ends = run_some(design, scenario, clock, seed, first_trial, n_trials)
    flat = ends.counts.reshape(n_trials, -1)
    _, first, place = np.unique(state_keys(flat, ends.barred), return_index=True, return_inverse=True)
    tally = Tally(ends.counts[first])
    open_ = np.arange(design.n_doses) < ends.barred[first, None]
    selected = design.method.select(design, tally, allowed_as_mtd(design, tally) & open_)[place]
    return ClockEnds(
        ends.counts, ends.stops, selected, ends.duration, ends.waited, ends.queued, ends.turned_away, ends.gone,
        ends.first_days, ends.last_patient,
    )  # fmt: skip
