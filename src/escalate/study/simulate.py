"""Operating characteristics of designs over scenarios: exact, or over random trials of the same patients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.errors import EscalateError, TooLargeError
from escalate.core.outcome import BINARY, category_rates, mean_burden
from escalate.core.scenario import Scenario, check_lengths
from escalate.engine import monte_carlo
from escalate.engine.automaton import MAX_STATES, Automaton, Terminals, compile_design
from escalate.engine.exact import Propagator
from escalate.engine.random_numbers import MAX_SEED
from escalate.study.characteristics import Characteristics, characterise
from escalate.study.metrics import Groups, Sums, Truths, allocation_values

if TYPE_CHECKING:
    import pandas as pd

SIMULATION_STATES = 2_000_000
"""Beyond this many states random trials are decided as they go, not walked along an automaton."""
MAX_TRIALS = 1_000_000_000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class DesignResult:
    """One design under every scenario."""

    design: Design
    scenarios: tuple[Scenario, ...]
    characteristics: Characteristics
    n_states: int | None


@dataclass(frozen=True)
class OperatingCharacteristics:
    """Results of `simulate`: designs by scenarios."""

    designs: tuple[DesignResult, ...]
    trials: int | None
    seed: int | None

    @property
    def exact(self) -> bool:
        """Whether the figures are exact."""
        return self.trials is None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Long form: design, scenario, level (or None), metric, value, standard error."""
        return list(_rows(self))

    def to_frame(self) -> pd.DataFrame:
        """Return `rows` as a pandas data frame."""
        import pandas as pd  # noqa: PLC0415 - slow to import, seldom needed

        return pd.DataFrame(self.rows)


def simulate(
    designs: Sequence[Design],
    scenarios: Sequence[Scenario],
    *,
    exact: bool = False,
    trials: int | None = None,
    seed: int = 1,
    workers: int | None = None,
    max_states: int = MAX_STATES,
    progress: Progress = lambda _: None,
) -> OperatingCharacteristics:
    """Return operating characteristics of every design under every scenario.

    Parameters
    ----------
    designs, scenarios
        Any number of each. Under random trials, patient k of trial i is the same person under every design.
    exact
        Follow every reachable state with its probability: no simulation, no error. The default where `trials` is not given.
    trials
        Number of random trials of each design and scenario.
    seed
        Of the random trials, 0 to 2^63 - 1.
    workers
        Threads; all processors by default. The result does not depend on it.
    max_states
        Largest automaton that may be compiled.
    progress
        Called with a line of text as the work goes on.

    Raises
    ------
    TooLargeError
        Where exact characteristics are asked for and the design has more states than allowed.
    DesignError
        Where a scenario does not have one rate a dose.
    EscalateError
        Where exact and trials are both given, or trials or the seed is out of range.
    """
    if exact and trials is not None:
        raise EscalateError("choose either exact or trials, not both")
    if workers is not None and workers < 1:
        raise EscalateError(f"workers: {workers} is not 1 or more")
    if max_states < 1000:
        raise EscalateError(f"max_states: {max_states} is not 1,000 or more")
    if trials is not None and not (isinstance(trials, int) and 1 <= trials <= MAX_TRIALS):
        raise EscalateError(f"trials: {trials} is not between 1 and {MAX_TRIALS:,}")
    if not 0 <= seed <= MAX_SEED:
        raise EscalateError(f"seed: {seed} is not between 0 and {MAX_SEED}")
    if not designs or not scenarios:
        raise EscalateError("there is nothing to simulate: give at least one design and one scenario")
    for design in designs:
        check_lengths(tuple(scenarios), design.n_doses, design.title)
    threads = workers or os.cpu_count() or 1
    results = []
    for design in designs:
        if trials is None:
            results.append(_run_exact(design, tuple(scenarios), threads, max_states, progress))
        else:
            results.append(_run_trials(design, tuple(scenarios), trials, seed, threads, max_states, progress))
    return OperatingCharacteristics(tuple(results), trials, None if trials is None else seed)


def _truths(design: Design, rates: FloatArray) -> Truths | None:
    return None if design.target is None else Truths.of(rates, design.target)


def _run_exact(
    design: Design, scenarios: tuple[Scenario, ...], workers: int, max_states: int, say: Progress
) -> DesignResult:
    say(f"{design.title}: walking the reachable states")
    automaton = compile_design(design, max_states)
    terminals, groups = automaton.terminals, Groups.of(automaton.terminals)
    n_states = automaton.n_states + len(terminals)
    say(f"{design.title}: {n_states:,} states, {len(scenarios):,} scenarios")
    by_outcome = np.array([category_rates(scenario, design.outcomes) for scenario in scenarios])
    rates = mean_burden(by_outcome, design.outcomes)
    truths = _truths(design, rates)
    values, columns = allocation_values(terminals, design, truths)
    found = Propagator.of(terminals, groups.of_terminal).expect(by_outcome, values, workers)
    shares = np.take_along_axis(found.moments, columns, axis=1) if truths else found.moments
    sums = Sums(found.patients, found.dlts, shares, found.mass)
    return DesignResult(
        design, scenarios, characterise(sums, groups, stop_codes(design), design, rates, truths), n_states
    )


def _run_trials(
    design: Design,
    scenarios: tuple[Scenario, ...],
    trials: int,
    seed: int,
    workers: int,
    max_states: int,
    say: Progress,
) -> DesignResult:
    # The kernel walks binary outcomes; graded ones are decided as they go.
    small = design.outcomes == BINARY
    automaton = _automaton_if_small(design, min(max_states, SIMULATION_STATES)) if small else None
    walkable = monte_carlo.Walkable.of(automaton) if automaton else None
    found = []
    for k, scenario in enumerate(scenarios, start=1):
        say(f"{design.title}: scenario {k} of {len(scenarios)}, {trials:,} trials")
        if automaton and walkable:
            terminals = automaton.terminals
            times = monte_carlo.walk(walkable, scenario.dlt, design.max_patients, trials, seed, workers)
        else:
            terminals, times = monte_carlo.decide_as_they_go(design, scenario, trials, seed, workers)
        found.append(from_counts(design, scenario, terminals, times, trials))
    n_states = automaton.n_states + len(automaton.terminals) if automaton else None
    return DesignResult(design, scenarios, Characteristics.join(found), n_states)


def _automaton_if_small(design: Design, max_states: int) -> Automaton | None:
    try:
        return compile_design(design, max_states)
    except TooLargeError:
        return None


def from_counts(
    design: Design, scenario: Scenario, terminals: Terminals, times: IntArray, trials: int
) -> Characteristics:
    """Return the operating characteristics of random trials of which `times` (T,) ended in each terminal."""
    # In one order whichever engine found them, so that sums have the same bits.
    seen = np.flatnonzero(times)
    counts = terminals.tally.counts[seen].reshape(len(seen), -1)
    seen = seen[np.lexsort((*counts.T, terminals.stops[seen]))]
    terminals = terminals.take(seen)
    rates = mean_burden(category_rates(scenario, design.outcomes)[None], design.outcomes)
    groups, weight = Groups.of(terminals), times[seen] / trials
    truths = _truths(design, rates)
    n, dlt = terminals.tally.n.astype(np.float64), terminals.tally.dlt.astype(np.float64)
    values, columns = allocation_values(terminals, design, truths)
    shares = values[:, columns[0]] if truths else values
    total = dlt.sum(axis=1)

    def mean(values: FloatArray) -> FloatArray:
        # Not a matrix product: its order of summation depends on the machine.
        return np.einsum("t,tm->m", weight, values)[None]

    sums = Sums(
        patients=mean(n),
        dlts=mean(dlt),
        shares=mean(shares),
        mass=np.bincount(groups.of_terminal, weights=times[seen])[None] / trials,
        seconds=mean(np.square(np.hstack([n, dlt, shares]))),
        dlts_total=mean(np.stack([total**2, total * n.sum(axis=1)], axis=1)),
        trials=trials,
    )
    return characterise(sums, groups, stop_codes(design), design, rates, truths)


def _rows(oc: OperatingCharacteristics) -> Iterator[dict[str, Any]]:
    for result in oc.designs:
        found = result.characteristics
        for v, scenario in enumerate(result.scenarios):
            for k, column in enumerate(found.columns):
                yield {
                    "design": result.design.title,
                    "scenario": scenario.name,
                    "level": column.level,
                    "metric": column.metric,
                    "value": float(found.values[v, k]),
                    "se": float(found.errors[v, k]),
                }
