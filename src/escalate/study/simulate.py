"""Operating characteristics of designs over scenarios: exact, or over random trials of the same patients."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from escalate.core.clock import Clock
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.outcome import category_rates_of_all, check_scenarios, mean_burden
from escalate.core.scenario import Scenario
from escalate.engine import monte_carlo
from escalate.engine.automaton import MAX_STATES, compile_design
from escalate.engine.automaton_cache import Compile
from escalate.engine.exact import Propagator
from escalate.engine.paired import Source
from escalate.engine.random_numbers import MAX_SEED
from escalate.study import on_a_clock
from escalate.study.characteristics import Characteristics, characterise
from escalate.study.counting import from_counts, truths_of
from escalate.study.metrics import Groups, Sums, allocation_values
from escalate.study.paired import run_together
from escalate.study.results import DesignResult, OperatingCharacteristics

__all__ = ["DesignResult", "OperatingCharacteristics", "from_counts", "simulate"]

SIMULATION_STATES = 2_000_000
"""Beyond this many states random trials are decided as they go, not walked along an automaton."""
MAX_TRIALS = 1_000_000_000

Progress = Callable[[str], None]


def simulate(
    designs: Sequence[Design] | Design,
    scenarios: Sequence[Scenario] | Scenario,
    *,
    exact: bool = False,
    trials: int | None = None,
    seed: int = 1,
    workers: int | None = None,
    max_states: int = MAX_STATES,
    clock: Clock | None = None,
    compile_: Compile | None = None,
    progress: Progress = lambda _: None,
) -> OperatingCharacteristics:
    """Return operating characteristics of every design under every scenario.

    Parameters
    ----------
    designs, scenarios
        One, or any number of each. Under random trials, patient k of trial i is the same person under every design.
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
    clock
        Run the random trials on a calendar: patients arrive, and outcomes become known, in time. Every design needs a
        `dlt_window`.
    compile_
        What makes the automaton that exact figures come from; the compiler itself unless given.
    progress
        Called with a line of text as the work goes on.

    Raises
    ------
    TooLargeError
        Where exact characteristics are asked for and the design has more states than allowed.
    DesignError
        Where a scenario does not have one rate a dose and outcome, or its mean scores fall with the dose.
    EscalateError
        Where exact and trials are both given, or trials or the seed is out of range; where a clock is given without trials, or
        for a design without `dlt_window`.
    """
    designs = (designs,) if isinstance(designs, Design) else designs
    scenarios = (scenarios,) if isinstance(scenarios, Scenario) else scenarios
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
        check_scenarios(scenarios, design.n_doses, design.outcomes, design.title)
    threads = workers or os.cpu_count() or 1
    every = tuple(scenarios)
    if clock is not None:
        if trials is None:
            raise EscalateError("there is no exact answer on a clock; give a number of random trials (--trials N)")
        return on_a_clock.run(designs, every, clock, trials, seed, threads, progress)
    if trials is None:
        make = compile_ or compile_design
        results = tuple(_run_exact(design, every, threads, max_states, make, progress) for design in designs)
        return OperatingCharacteristics(results, None, None)
    states = min(max_states, SIMULATION_STATES)
    if len(designs) == 1:
        alone = _run_trials(designs[0], every, trials, seed, threads, states, progress)
        return OperatingCharacteristics((alone,), trials, seed)
    results, squares = run_together(designs, every, trials, seed, threads, states, progress)
    return OperatingCharacteristics(results, trials, seed, squares)


def _run_exact(
    design: Design, scenarios: tuple[Scenario, ...], workers: int, max_states: int, make: Compile, say: Progress
) -> DesignResult:
    say(f"{design.title}: walking the reachable states")
    automaton = make(design, max_states)
    terminals, groups = automaton.terminals, Groups.of(automaton.terminals)
    n_states = automaton.n_states + len(terminals)
    say(f"{design.title}: {n_states:,} states, {len(scenarios):,} scenarios")
    by_outcome = category_rates_of_all(scenarios, design.outcomes)
    rates = mean_burden(by_outcome, design.outcomes)
    truths = truths_of(design, rates)
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
    source = Source.of(design, max_states)
    found = []
    for k, scenario in enumerate(scenarios, start=1):
        say(f"{design.title}: scenario {k} of {len(scenarios)}, {trials:,} trials")
        if source.automaton and source.walkable:
            terminals = source.automaton.terminals
            times = monte_carlo.walk(source.walkable, scenario.dlt, design.max_patients, trials, seed, workers)
        else:
            terminals, times = monte_carlo.decide_as_they_go(design, scenario, trials, seed, workers)
        found.append(from_counts(design, scenario, terminals, times, trials))
    return DesignResult(design, scenarios, Characteristics.join(found), source.n_states)
