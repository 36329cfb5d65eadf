"""What the event loop of `clock_kernel.py` sees of a design, a clock and a scenario: numbers and arrays, laid out once."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from escalate.core.arrays import AnyArray, FloatArray, IntArray
from escalate.core.clock import (
    Accrual,
    Clock,
    DltTimes,
    FixedAccrual,
    ListedAccrual,
    PiecewiseTimes,
    PoissonAccrual,
    UniformAccrual,
    UniformTimes,
    WeibullTimes,
    weibull_shape,
)
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.plan import exact
from escalate.core.scenario import Scenario
from escalate.engine.random_numbers import key_of, scenario_word, thresholds
from escalate.methods.crm import Crm
from escalate.methods.families.interval import IntervalMethod, action_table
from escalate.methods.families.late_onset import LateOnset
from escalate.models import beta_binomial
from escalate.rules.coherence import Coherence
from escalate.rules.eliminate import Eliminate
from escalate.rules.lowest_dose_too_toxic import LowestDoseTooToxic
from escalate.rules.min_follow_up import SLACK, MinFollowUp
from escalate.rules.no_skipping import NoSkipping
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose
from escalate.rules.suspend_when_pending import SuspendWhenPending

ACCRUAL: dict[type[Accrual], int] = {FixedAccrual: 0, PoissonAccrual: 1, UniformAccrual: 2, ListedAccrual: 3}
TIMING: dict[type[DltTimes], int] = {UniformTimes: 0, WeibullTimes: 1, PiecewiseTimes: 2}
"""Codes of `clock_kernel`."""


class Protocol(NamedTuple):
    """The numbers of a design.

    Parameters
    ----------
    by_model
        Whether a model decides, not a table.
    waits_for_all
        Whether the trial waits while anything is pending.
    bit_eliminate, bit_lowest, bit_enough
        What `eliminate`, `lowest_dose_too_toxic` and `stop_at_patients_at_dose` set in the stop bits.
    no_skipping
        0, or 1 (from the last dose given), or 2 (from the highest).
    coherent, target_parts
        Whether the rule coherence applies, and the target as a fraction.
    enough, enough_at, only_if_staying
        Of `stop_at_patients_at_dose`; 0 patients where it does not apply.
    pending_parts
        Share of pending patients at a dose above which accrual waits, as a fraction; 1 where there is no such rule.
    least_complete, least_share
        Known outcomes, and follow-up of each pending patient, that escalation takes.
    """

    n_doses: int
    start: int
    cohort_size: int
    max_patients: int
    by_model: bool
    waits_for_all: bool
    bit_eliminate: int
    bit_lowest: int
    bit_enough: int
    no_skipping: int
    coherent: bool
    target_parts: tuple[int, int]
    enough: int
    enough_at: int
    only_if_staying: bool
    pending_parts: tuple[int, int]
    least_complete: int
    least_share: float


class Times(NamedTuple):
    """The numbers of a clock: codes of `clock_kernel`, days, and what a word is below, and divided by, for a drop-out."""

    accrual: int
    timing: int
    gap: float
    queue: bool
    stagger: float
    window: float
    drop_out: float
    leaves_by: float


class Tables(NamedTuple):
    """The arrays of a design on a clock; those that do not apply are empty.

    Parameters
    ----------
    threshold
        Words below which a patient has a DLT, by dose, shape (J,).
    escalate_from, deescalate_to
        Summed follow-up of the pending patients at a dose (in windows) from which, and up to which, it is left; by patients,
        DLTs and pending patients, shape (N + 1, N + 1, N + 1).
    thirds
        Masses of the thirds of the window by which follow-up is weighed, shape (3,).
    eliminated
        DLTs that eliminate a dose, by its patients, shape (N + 1,).
    too_toxic
        DLTs at level 1 that end the trial by `lowest_dose_too_toxic`, by its patients, shape (N + 1,).
    prior, node, factor, breaks
        Of a model at K nodes: prior mass and parameter (K,), probability of no DLT and of a DLT by dose (2, J, K), and the
        posterior means from which on each dose above the lowest is wanted (J - 1,).
    listed
        Days between arrivals.
    dlt_times
        Weibull: DLT rate, log of its complement, and exponent by dose. Piecewise: cumulative masses and masses.
    marks
        Shares of the window at which follow-up alone can end a wait.
    """

    threshold: AnyArray
    escalate_from: FloatArray
    deescalate_to: FloatArray
    thirds: FloatArray
    eliminated: IntArray
    too_toxic: IntArray
    prior: FloatArray
    node: FloatArray
    factor: FloatArray
    breaks: FloatArray
    listed: FloatArray
    dlt_times: FloatArray
    marks: FloatArray


class Stream(NamedTuple):
    """What keys the random words: the seed and the scenario."""

    key: AnyArray
    scenario: int

    @classmethod
    def of(cls, seed: int, scenario: Scenario) -> Stream:
        """Return the key of the words of `clock_draws`."""
        return cls(key_of(seed), scenario_word(scenario.dlt))


class Room(NamedTuple):
    """What is kept of one trial while it runs.

    Parameters
    ----------
    words, drawn, counter
        Random words of 64 arrivals by purpose, of which arrivals they are, and room to draw them.
    entry, out, where
        Of pending patients: days of entry and of the outcome; dose, cohort, and kind of outcome.
    seen
        Patients, DLTs and pending patients by dose; in the last row patients and DLTs of the cohort, all patients, and those
        pending who will leave.
    weight, mass
        Of the nodes of a model: posterior mass by known outcomes, and with the follow-up of pending patients.
    """

    words: AnyArray
    drawn: IntArray
    counter: AnyArray
    entry: FloatArray
    out: FloatArray
    where: IntArray
    seen: IntArray
    weight: FloatArray
    mass: FloatArray

    @classmethod
    def of(cls, design: Design, lanes: int, n_nodes: int) -> Room:
        """Return room for trials of a design."""
        room = design.max_patients
        return cls(
            np.empty((4, 4 * lanes), dtype=np.uint32), np.empty(4, dtype=np.int64), np.empty((4, lanes), dtype=np.uint32),
            np.empty(room), np.empty(room), np.empty((3, room), dtype=np.int64),
            np.empty((4, max(4, design.n_doses)), dtype=np.int64), np.empty(n_nodes), np.empty(n_nodes),
        )  # fmt: skip


class Ends(NamedTuple):
    """How T trials end: as in `clock_trials.ClockEnds`, and the lowest dose barred, J where none is."""

    counts: IntArray
    first_days: FloatArray
    stops: IntArray
    barred: IntArray
    turned_away: IntArray
    gone: IntArray
    last_patient: IntArray
    duration: FloatArray
    waited: FloatArray
    queued: FloatArray

    @classmethod
    def of(cls, n_trials: int, n_doses: int) -> Ends:
        """Return room for so many trials."""
        whole, days = (np.zeros((rows, n_trials), dtype=kind) for rows, kind in ((5, np.int64), (3, np.float64)))
        counts = np.zeros((n_trials, n_doses, 2), dtype=np.int64)
        return cls(counts, np.full((n_trials, n_doses), np.inf), *whole, *days)


@cache
def protocol(design: Design) -> Protocol:
    """Return the numbers of a design that is `runnable`."""
    of = {type(rule): rule for rule in design.rules}
    skip, enough, suspend, follow_up = (
        of.get(kind) for kind in (NoSkipping, StopAtPatientsAtDose, SuspendWhenPending, MinFollowUp)
    )
    codes = stop_codes(design)
    target = exact(design.target_rate)
    share = exact(suspend.share) if isinstance(suspend, SuspendWhenPending) else exact(1.0)
    return Protocol(
        n_doses=design.n_doses,
        start=design.start_dose,
        cohort_size=design.cohort_size,
        max_patients=design.max_patients,
        by_model=isinstance(design.method, Crm),
        waits_for_all=not (design.method.weighs_follow_up or any(rule.decides_pending for rule in design.rules)),
        bit_eliminate=1 << codes.index("eliminate") if Eliminate in of else 0,
        bit_lowest=1 << codes.index("lowest_dose_too_toxic") if LowestDoseTooToxic in of else 0,
        bit_enough=1 << codes.index(enough.kind) if enough is not None else 0,
        no_skipping={"last": 1, "highest": 2}[skip.basis] if isinstance(skip, NoSkipping) else 0,
        coherent=Coherence in of,
        target_parts=(target.numerator, target.denominator),
        enough=enough.patients if isinstance(enough, StopAtPatientsAtDose) else 0,
        enough_at=1 if isinstance(enough, StopAtPatientsAtDose) and enough.at == "last" else 2,
        only_if_staying=isinstance(enough, StopAtPatientsAtDose) and enough.only_if_staying,
        pending_parts=(share.numerator, share.denominator),
        least_complete=follow_up.complete if isinstance(follow_up, MinFollowUp) else 0,
        least_share=follow_up.share - SLACK if isinstance(follow_up, MinFollowUp) else 0.0,
    )


def times(clock: Clock, design: Design) -> Times:
    """Return the numbers of a clock."""
    accrual = clock.accrual
    return Times(
        accrual=ACCRUAL[type(accrual)],
        timing=TIMING[type(clock.dlt_times)],
        gap=float(accrual.days) if isinstance(accrual, FixedAccrual) else float(getattr(accrual, "mean_days", 0.0)),
        queue=clock.queues,
        stagger=float(clock.stagger_days),
        window=float(design.dlt_window or 0),
        drop_out=float(thresholds([clock.drop_out])[0]),
        leaves_by=clock.drop_out * 2.0**32,
    )


def tables(design: Design, clock: Clock, scenario: Scenario) -> Tables:
    """Return the arrays of a design that is `runnable`, on a clock, for the DLT rates of a scenario."""
    timing, parts = clock.dlt_times, np.zeros((0, 0))
    if isinstance(timing, WeibullTimes):
        p = np.array(scenario.dlt)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.stack([p, np.log1p(-p), 1 / weibull_shape(p, timing.late)])
    elif isinstance(timing, PiecewiseTimes):
        parts = np.stack([np.cumsum(timing.masses), timing.masses])
    listed = np.diff(clock.accrual.days) if isinstance(clock.accrual, ListedAccrual) else np.zeros(0)
    marks = sorted({mark for rule in design.rules for mark in rule.follow_up_marks(design)})
    return _of_method(design)._replace(
        threshold=thresholds(scenario.dlt), listed=listed, dlt_times=parts, marks=np.array(marks, dtype=np.float64)
    )


@cache
def _of_method(design: Design) -> Tables:
    """Return what of `Tables` depends on the design alone."""
    nowhere = np.full(design.max_patients + 1, design.max_patients + 2)
    eliminated = too_toxic = nowhere
    for rule in design.rules:
        if isinstance(rule, Eliminate):
            eliminated = _fewest(design, design.target_rate, rule.cutoff, rule.prior, rule.min_patients)
        elif isinstance(rule, LowestDoseTooToxic):
            limit = rule.above if rule.above is not None else design.target_rate
            too_toxic = _fewest(design, limit, rule.cutoff, rule.prior, max(rule.min_patients, 1))
    nothing, cuts = np.zeros(0), (np.zeros((1, 1, 1)), np.zeros((1, 1, 1)))
    nodes = nothing, nothing, np.zeros((2, design.n_doses, 0)), nothing
    if isinstance(design.method, Crm):
        nodes = _nodes(design)
    else:
        cuts = _cuts(design)
    thirds = np.array(getattr(design.method, "thirds", None) or (), dtype=np.float64)
    found = (nothing, *cuts, thirds, eliminated, too_toxic, *nodes, nothing, np.zeros((0, 0)), nothing)
    # Copies: an array that cannot be written to is another type to the compiler.
    return Tables(*(np.array(array, order="C") for array in found))


def _fewest(
    design: Design, limit: float, cutoff: float, prior: tuple[float, float] | None, min_patients: int
) -> IntArray:
    """Return the fewest DLTs with Pr(p > limit | data) above a cut-off, by patients, beyond reach where there are none."""
    n, dlt = np.indices((design.max_patients + 1, design.max_patients + 2))
    over = beta_binomial.exceeds(n, dlt, 1, limit, cutoff, prior or beta_binomial.UNIFORM) & (n >= min_patients)
    return np.where(over.any(axis=1), np.argmax(over, axis=1), design.max_patients + 2)


def _cuts(design: Design) -> tuple[FloatArray, FloatArray]:
    """Return the follow-up from which, and up to which, the dose is left, shape (N + 1, N + 1, N + 1)."""
    n_max = design.max_patients
    method = design.method
    assert isinstance(method, IntervalMethod)
    if isinstance(method, LateOnset):
        found = method.cuts(design, n_max)
        return found.escalate_from, found.deescalate_to
    action = action_table(method, design, n_max, 0)[:, :, None]
    shape = (n_max + 1,) * 3
    escalate_from = np.where(action == 1, -np.inf, np.inf)
    deescalate_to = np.where(action == -1, np.inf, -np.inf)
    return np.broadcast_to(escalate_from, shape).copy(), np.broadcast_to(deescalate_to, shape).copy()


def _nodes(design: Design) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return prior masses, the parameter whose mean is plugged in, outcome probabilities, and where the choice changes."""
    method = design.method
    assert isinstance(method, Crm)
    model = method.working_model(design)
    grid = model.table(design.max_patients)
    prior = np.exp(grid.nodes.log_prior - grid.nodes.log_prior.max())
    on_theta = model.prior.on_theta
    every = np.ones((1, design.n_doses), dtype=bool)

    def wanted(beta: float) -> int:
        return int(method.chosen(model.rates(np.array([beta])), design.target_rate, every)[0])

    breaks = np.empty(design.n_doses - 1)
    for dose in range(design.n_doses - 1):
        low, high = float(grid.beta[0]), float(grid.beta[-1])
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (low, middle) if wanted(middle) > dose else (middle, high)
        breaks[dose] = high
    factor = np.ascontiguousarray(np.exp(grid.nodes.log_outcome).transpose(2, 1, 0))
    return prior, grid.theta if on_theta else grid.beta, factor, np.exp(breaks) if on_theta else breaks
