"""Operating characteristics on a calendar: how long trials take, how long they wait, and who is turned away meanwhile.

Definitions stand in docs/reference/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.clock import Clock
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.scenario import Scenario
from escalate.core.tally import Tally
from escalate.engine.automaton import Terminals, state_keys
from escalate.engine.clock import ends_of
from escalate.engine.clock_trials import ClockEnds
from escalate.engine.paired import MERGED, in_order
from escalate.study.characteristics import Characteristics, Column
from escalate.study.clock_metrics import MEANS, QUANTILES
from escalate.study.counting import PerTrial, from_counts
from escalate.study.metrics import PER_TRIAL
from escalate.study.results import DesignResult, OperatingCharacteristics

CHUNK, SMALL_CHUNK = 10_000, 1_000
"""Trials of one job, and where patients arrive fast. Fixed, for the bits of a sum over trials depend on it."""
FAST, TOO_FAST = 20.0, 500.0
"""Arrivals in a DLT window from which jobs are small, and above which a simulation would be of nothing but waiting."""
STEPS_A_DAY: Final = 10
"""Durations are counted to a tenth of a day, rounded up."""


class _Part(NamedTuple):
    """Some successive trials of one design.

    Parameters
    ----------
    terminals, times
        Distinct ends, and how many trials reached each.
    sums, squares
        Over trials, of `MEANS`, then of the first day of each dose, where it is given, then of its backfilled patients; shape
        (6 + 2 J,).
    reached
        How many trials gave each dose, shape (J,).
    durations, how_many
        Durations that occur, in steps, and of how many trials.
    """

    terminals: Terminals
    times: IntArray
    sums: FloatArray
    squares: FloatArray
    reached: IntArray
    durations: IntArray
    how_many: IntArray


def run(
    designs: Sequence[Design],
    scenarios: tuple[Scenario, ...],
    clock: Clock,
    trials: int,
    seed: int,
    workers: int,
    say: Callable[[str], None],
) -> OperatingCharacteristics:
    """Return operating characteristics of designs over random trials on a clock.

    Patient k of trial i, the k-th to arrive, is the same person under every design, and arrives on the same day.

    Raises
    ------
    EscalateError
        Where a design cannot be run on the clock.
    """
    check_designs(designs, clock, scenarios)
    chunk = SMALL_CHUNK if max(arrivals_in_window(design, clock) for design in designs) > FAST else CHUNK

    def items() -> Iterator[tuple[int, list[PerTrial], int]]:
        for v, scenario in enumerate(scenarios):
            scores = [PerTrial.of(design, scenario) for design in designs]
            yield from ((v, scores, start) for start in range(0, trials, chunk))

    def job(item: tuple[int, list[PerTrial], int]) -> tuple[int, list[_Part], FloatArray]:
        v, scores, start = item
        n = min(chunk, trials - start)
        found = [_summed(clock, ends_of(design, scenarios[v], clock, seed, start, n)) for design in designs]
        squares = _squares([score(part.terminals) for score, (part, _) in zip(scores, found, strict=True)],
                           [place for _, place in found])  # fmt: skip
        return v, [part for part, _ in found], squares

    tables: list[list[Characteristics]] = [[] for _ in designs]
    squares = []
    for v, chunks in groupby(in_order(job, items(), workers), key=lambda done: done[0]):
        say(f"scenario {v + 1} of {len(scenarios)}, {trials:,} trials on the clock of each of {len(designs)} designs")
        totals = [_Total() for _ in designs]
        total: FloatArray | float = 0.0
        for _, parts, some in chunks:
            total = total + some
            for of_design, part in zip(totals, parts, strict=True):
                of_design.add(part)
        squares.append(np.divide(total, trials))
        for design, of_design, found_here in zip(designs, totals, tables, strict=True):
            part = of_design.merged()
            usual = from_counts(design, scenarios[v], part.terminals, part.times, trials)
            found_here.append(_with_clock(usual, design, clock, part, trials))
    results = tuple(
        DesignResult(design, scenarios, Characteristics.join(parts), None)
        for design, parts in zip(designs, tables, strict=True)
    )
    paired = np.stack(squares, axis=2) if len(designs) > 1 else None
    return OperatingCharacteristics(results, trials, seed, paired, clock)


def arrivals_in_window(design: Design, clock: Clock) -> float:
    """Return how many patients arrive while one is followed."""
    return (design.dlt_window or 0) / clock.accrual.mean_gap


def check_designs(designs: Sequence[Design], clock: Clock, scenarios: Sequence[Scenario]) -> None:
    """Refuse designs that cannot be run on a clock.

    Raises
    ------
    EscalateError
        Where a design does not say within how many days a toxicity is a DLT, or backfills where somebody responded and a scenario
        has no response rates; where patients arrive too fast for its window.
    """
    for design in designs:
        if design.dlt_window is None:
            raise EscalateError(
                f"'{design.title}' does not say within how many days after treatment a toxicity is a DLT; a simulation on a "
                "clock needs it: write 'dlt_window: 28' in the design file"
            )
        silent = next((scenario for scenario in scenarios if scenario.response is None), None)
        if design.backfill is not None and design.backfill.activity == "response" and silent is not None:
            raise EscalateError(
                f"scenario '{silent.name}' has no 'response', and '{design.title}' backfills levels where somebody responded: "
                f"write 'response: [..]' with {design.n_doses} response rates in the scenario, or 'activity: none' under "
                "'backfill' in the design file"
            )
        if arrivals_in_window(design, clock) > TOO_FAST:
            raise EscalateError(
                f"accrual: a patient every {clock.accrual.mean_gap:g} days is more than {TOO_FAST:g} patients within the DLT "
                f"window of '{design.title}', {design.dlt_window} days; give days between arrivals, not a rate"
            )


def _squares(tables: list[FloatArray], places: list[IntArray]) -> FloatArray:
    """Return sums over trials of the squared differences between designs, shape (P, 21)."""
    from escalate.engine import kernels  # noqa: PLC0415 - Numba loads when first used

    squares = np.zeros((len(tables) * (len(tables) - 1) // 2, len(PER_TRIAL)))
    if len(tables) > 1:
        starts = np.cumsum([0, *(len(table) for table in tables)])
        rows = np.stack([place + start for place, start in zip(places, starts[:-1], strict=True)])
        kernels.add_squares(np.concatenate(tables), rows, squares)
    return squares


def _summed(clock: Clock, ends: ClockEnds) -> tuple[_Part, IntArray]:
    """Return what is kept of trials, and which of the distinct ends each reaches."""
    n_trials = len(ends.stops)
    table = np.concatenate([ends.counts.reshape(n_trials, -1), ends.stops[:, None]], axis=1)
    _, first, place = np.unique(state_keys(table, ends.selected), return_index=True, return_inverse=True)
    beyond = ends.last_arrival >= (clock.n_listed or np.iinfo(np.int64).max)
    given = np.isfinite(ends.first_days)
    backfilled = np.zeros(given.shape) if ends.backfilled is None else ends.backfilled
    values = np.column_stack(
        [
            ends.duration_days,
            ends.waiting_days,
            ends.turned_away,
            ends.queued_days,
            ends.not_evaluable,
            beyond,
            np.where(given, ends.first_days, 0.0),
            backfilled,
        ]
    )
    # Rounding up takes no step more for a whole number that is off in its last bit.
    steps = np.ceil(ends.duration_days * STEPS_A_DAY - 1e-6).astype(np.int64)
    part = _Part(
        _terminals(ends.counts[first], ends.selected[first], ends.stops[first]),
        np.bincount(place, minlength=len(first)),
        values.sum(axis=0),
        np.square(values).sum(axis=0),
        given.sum(axis=0),
        *np.unique(steps, return_counts=True),
    )
    return part, place


def _terminals(counts: IntArray, selected: IntArray, stops: IntArray) -> Terminals:
    return Terminals(Tally(counts), np.full(len(counts), np.nan), selected, stops)


class _Total:
    """What is kept of all trials of a design so far, in little memory."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._limit = MERGED

    def add(self, part: _Part) -> None:
        """Add more trials."""
        self._parts.append(part)
        if sum(len(each.times) + len(each.durations) for each in self._parts) > self._limit:
            merged = self.merged()
            self._limit = max(MERGED, 2 * (len(merged.times) + len(merged.durations)))

    def merged(self) -> _Part:
        """Return everything as one part."""
        parts = self._parts
        if len(parts) > 1:
            self._parts = [_joined(parts)]
        return self._parts[0]


def _joined(parts: list[_Part]) -> _Part:
    ends = [part.terminals for part in parts]
    counts = np.concatenate([end.tally.counts for end in ends])
    selected, stops = (np.concatenate([getattr(end, name) for end in ends]) for name in ("selected", "stops"))
    table = np.concatenate([counts.reshape(len(counts), -1), stops[:, None]], axis=1)
    _, first, place = np.unique(state_keys(table, selected), return_index=True, return_inverse=True)
    times = np.zeros(len(first), dtype=np.int64)
    np.add.at(times, place, np.concatenate([part.times for part in parts]))
    durations, where = np.unique(np.concatenate([part.durations for part in parts]), return_inverse=True)
    how_many = np.zeros(len(durations), dtype=np.int64)
    np.add.at(how_many, where, np.concatenate([part.how_many for part in parts]))
    sums, squares, reached = parts[0].sums, parts[0].squares, parts[0].reached
    for part in parts[1:]:
        sums, squares, reached = sums + part.sums, squares + part.squares, reached + part.reached
    return _Part(
        _terminals(counts[first], selected[first], stops[first]), times, sums, squares, reached, durations, how_many
    )


@dataclass(frozen=True)
class _Value:
    column: Column
    value: float
    error: float


def _with_clock(usual: Characteristics, design: Design, clock: Clock, part: _Part, trials: int) -> Characteristics:
    """Return operating characteristics with those of the clock after them."""
    found = list(_values(design, clock, part, trials))
    return replace(
        usual,
        columns=(*usual.columns, *(each.column for each in found)),
        values=np.hstack([usual.values, [[each.value for each in found]]]),
        errors=np.hstack([usual.errors, [[each.error for each in found]]]),
    )


def _values(design: Design, clock: Clock, part: _Part, trials: int) -> Iterator[_Value]:
    left_out = {"turned_away" if clock.queues else "queued_days", *([] if clock.n_listed else ["beyond_list"])}
    for k, metric in enumerate(MEANS):
        if metric not in left_out:
            yield _Value(Column(metric), *_mean(part.sums[k], part.squares[k], trials))
    for metric, p in QUANTILES.items():
        yield _Value(Column(metric), *_quantile(part, p, trials))
    for j, n in enumerate(part.reached.tolist()):
        share = n / trials
        yield _Value(Column("level_reached", j + 1), share, float(np.sqrt(share * (1 - share) / trials)))
    for j, n in enumerate(part.reached.tolist()):
        k = len(MEANS) + j
        yield _Value(Column("days_to_level", j + 1), *_mean(part.sums[k], part.squares[k], n))
    for j in range(design.n_doses if design.backfill is not None else 0):
        k = len(MEANS) + design.n_doses + j
        yield _Value(Column("backfilled", j + 1), *_mean(part.sums[k], part.squares[k], trials))


def _mean(total: float, squares: float, n: int) -> tuple[float, float]:
    """Return a mean and its standard error; NaN of nothing."""
    if n == 0:
        return float("nan"), float("nan")
    mean = total / n
    return float(mean), float(np.sqrt(max(squares / n - mean**2, 0.0) / n))


def _quantile(part: _Part, p: float, trials: int) -> tuple[float, float]:
    """Return the duration that a share of the trials does not exceed, and its error: half of what p +- its own error spans."""
    below = np.cumsum(part.how_many)

    def at(share: float) -> float:
        k = int(np.searchsorted(below, share * trials - 1e-9))
        return float(part.durations[min(k, len(below) - 1)]) / STEPS_A_DAY

    spread = float(np.sqrt(p * (1 - p) / trials))
    return at(p), (at(min(p + spread, 1.0)) - at(max(p - spread, 0.0))) / 2
