"""Random trials of several designs on the same patients, chunk by chunk: how they end, and how far apart they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.design import Design
from escalate.core.errors import TooLargeError
from escalate.core.outcome import BINARY
from escalate.core.scenario import Scenario
from escalate.core.tally import Tally
from escalate.engine import monte_carlo
from escalate.engine.automaton import Automaton, Terminals, compile_design, state_keys
from escalate.engine.monte_carlo import Walkable

CHUNK = 1 << 15
"""Trials of one job. Fixed, for the bits of a sum over trials depend on it."""
MERGED = 1 << 18
"""Ends of trials that may lie unmerged."""

Item = TypeVar("Item")
Done = TypeVar("Done")


class Some(NamedTuple):
    """Distinct ends of some trials, how many trials reached each, and their numbers in the automaton where there is one."""

    terminals: Terminals
    times: IntArray
    numbers: IntArray | None


@dataclass(frozen=True, eq=False)
class Source:
    """Where the random trials of a design come from: an automaton, or decisions as they go."""

    design: Design
    automaton: Automaton | None
    walkable: Walkable | None

    @classmethod
    def of(cls, design: Design, max_states: int) -> Self:
        """Compile a design, unless it has too many states or costly ones, or grades outcomes, which the kernel does not walk."""
        try:
            automaton = (
                compile_design(design, max_states) if design.outcomes == BINARY and not design.method.costly else None
            )
        except TooLargeError:
            automaton = None
        return cls(design, automaton, Walkable.of(automaton) if automaton else None)

    @property
    def n_states(self) -> int | None:
        """How many states the automaton has, terminals included."""
        return None if self.automaton is None else self.automaton.n_states + len(self.automaton.terminals)

    def some(self, scenario: Scenario, seed: int, first_trial: int, n_trials: int) -> tuple[Some, IntArray]:
        """Return how some successive trials end, and which of these ends each trial reaches, shape (n_trials,)."""
        if self.automaton is None or self.walkable is None:
            terminals, place = monte_carlo.decide_some(self.design, scenario, seed, first_trial, n_trials)
            return Some(terminals, np.bincount(place, minlength=len(terminals)), None), place
        n_patients = self.design.max_patients
        ended = monte_carlo.walk_some(self.walkable, scenario.dlt, n_patients, seed, first_trial, n_trials)
        times = np.bincount(ended, minlength=len(self.automaton.terminals))
        seen = np.flatnonzero(times)
        place = np.zeros(len(times), dtype=np.int64)
        place[seen] = np.arange(len(seen))
        return Some(self.automaton.terminals.take(seen), times[seen], seen), place[ended]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some successive trials of D designs.

    Parameters
    ----------
    ends
        For each design how they end.
    squares
        Sums over trials of the squared difference between two designs, in M numbers that a trial has; shape (P, M).
    """

    ends: tuple[Some, ...]
    squares: FloatArray


def run_some(
    sources: Iterable[Source],
    values: Iterable[Callable[[Terminals], FloatArray]],
    scenario: Scenario,
    seed: int,
    first_trial: int,
    n_trials: int,
) -> Chunk:
    """Run some successive trials of every design, given what ends (T, M) of each design's trials count."""
    from escalate.engine import kernels  # noqa: PLC0415 - Numba loads when first used

    found = [source.some(scenario, seed, first_trial, n_trials) for source in sources]
    tables = [value(some.terminals) for value, (some, _) in zip(values, found, strict=True)]
    starts = np.cumsum([0, *(len(table) for table in tables)])
    rows = np.stack([place + start for (_, place), start in zip(found, starts[:-1], strict=True)])
    squares = np.zeros((len(found) * (len(found) - 1) // 2, tables[0].shape[1]))
    kernels.add_squares(np.concatenate(tables), rows, squares)
    return Chunk(tuple(some for some, _ in found), squares)


class Ends:
    """How often trials of a source have ended in which way so far."""

    def __init__(self, source: Source) -> None:
        self._all = None if source.automaton is None else source.automaton.terminals
        self._times = np.zeros(0 if self._all is None else len(self._all), dtype=np.int64)
        self._parts: list[Some] = []
        self._limit = MERGED

    def add(self, some: Some) -> None:
        """Add the ends of more trials."""
        if some.numbers is not None:
            self._times[some.numbers] += some.times
            return
        self._parts.append(some)
        if sum(len(part.times) for part in self._parts) > self._limit:
            self._limit = max(MERGED, 2 * len(self.merged()[1]))

    def merged(self) -> tuple[Terminals, IntArray]:
        """Return the distinct ends, and how many trials reached each."""
        if self._all is not None:
            return self._all, self._times
        terminals, times = _join(self._parts)
        self._parts = [Some(terminals, times, None)]
        return terminals, times


def _join(parts: list[Some]) -> tuple[Terminals, IntArray]:
    if len(parts) == 1:
        return parts[0].terminals, parts[0].times
    counts, paths, selected, stops = (
        np.concatenate(of_parts)
        for of_parts in zip(*((t.tally.counts, t.paths, t.selected, t.stops) for t, _, _ in parts), strict=True)
    )
    _, first, place = np.unique(state_keys(counts, stops), return_index=True, return_inverse=True)
    times = np.bincount(place, weights=np.concatenate([part.times for part in parts])).astype(np.int64)
    return Terminals(Tally(counts[first]), paths[first], selected[first], stops[first]), times


def in_order(job: Callable[[Item], Done], items: Iterable[Item], workers: int) -> Iterator[Done]:
    """Yield what a job gives for each item, in their order; threads run a little ahead, however many items there are."""
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for item in items:
            waiting.append(pool.submit(job, item))
            if len(waiting) > 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
