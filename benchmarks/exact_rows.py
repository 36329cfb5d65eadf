"""Exact operating characteristics: compiling a design, and 1 or 1,000 scenarios of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import sqrt
from pathlib import Path

import numpy as np

import designs
from escalate import Design, simulate
from escalate.engine.automaton import Automaton, compile_design
from escalate.engine.exact import Propagator
from measuring import Row, timed, timed_in_turn

N_SCENARIOS = 1000
MEMORY_LIMIT = 1000.0
"""Megabytes."""
US_A_STATE = 0.6 / 0.538905
"""The goal for compiling the CRM in cohorts of one, 0.6 s for 538,905 states, as microseconds a state."""
NS_A_TERM = 0.5 / 121_315 / N_SCENARIOS * 1e9
"""The goal for 1,000 scenarios of it, 0.5 s for 121,315 terminals, as nanoseconds a terminal and scenario."""


@dataclass(frozen=True)
class Goals:
    """CPU seconds to compile, for one scenario, and for 1,000; then the same by state and by terminal."""

    compile: float | None = None
    one: float | None = None
    thousand: float | None = None
    us_a_state: float | None = None
    ns_a_term: float | None = None


@dataclass(frozen=True)
class Case:
    """A design to time, and what is wanted of it."""

    group: str
    name: str
    design: Design
    goals: Goals = field(default_factory=Goals)


def boin(repeat: int) -> Iterator[Row]:
    yield from _rows(Case("boin", "BOIN, cohorts of 3", designs.boin(3), Goals(0.1, 1e-4, 0.05)), repeat)


def crm_threes(repeat: int) -> Iterator[Row]:
    goals = Goals(0.05, None, 0.05)
    yield from _rows(Case("crm3", "CRM, cohorts of 3", designs.crm(3), goals), repeat)
    # A prior sd that was not met before: its nodes have to be laid out.
    sds = count()
    yield timed(lambda: compile_design(designs.crm(3, prior_sd=sqrt(1.34) + 1e-9 * next(sds))), repeat).row(
        "crm3", "CRM, cohorts of 3: compile a model not met before", note="nodes are laid out anew"
    )
    yield from _rows(Case("crm3", "CRM of the goals, cohorts of 3", designs.crm_prototype(3), goals), repeat)


def crm_ones(repeat: int) -> Iterator[Row]:
    by_size = Goals(us_a_state=US_A_STATE, ns_a_term=NS_A_TERM)
    in_full = Goals(0.6, None, 0.5, US_A_STATE, NS_A_TERM)
    yield from _rows(Case("crm1", "CRM, cohorts of 1", designs.crm(1), by_size), repeat)
    yield from _memory_rows("crm1", "CRM, cohorts of 1")
    yield from _rows(Case("crm1", "CRM of the goals, cohorts of 1", designs.crm_prototype(1), in_full), repeat)


def _rows(case: Case, repeat: int) -> Iterator[Row]:
    compiling = timed(lambda: compile_design(case.design), repeat)
    automaton = compile_design(case.design)
    n_states, n_ends = automaton.n_states, len(automaton.terminals)
    sizes = f"{n_states:,} states + {n_ends:,} terminals"
    yield compiling.row(case.group, f"{case.name}: compile", case.goals.compile, note=sizes)
    each = 1e6 / (n_states + n_ends)
    yield compiling.row(case.group, f"{case.name}: compile, a state", case.goals.us_a_state, scale=each, unit="us")
    yield from _bare_rows(case, automaton, repeat)
    yield from _product_rows(case, repeat)


def _bare_rows(case: Case, automaton: Automaton, repeat: int) -> Iterator[Row]:
    """Time the propagation alone: who is selected, patients and DLTs by dose, no further functional."""
    group, name, goals, terminals = case.group, case.name, case.goals, automaton.terminals
    propagator, selected = Propagator.of(terminals, terminals.selected + 1), terminals.selected + 1
    nothing = np.zeros((len(terminals), 0))
    dlt = designs.random_truths(N_SCENARIOS)
    truths = np.stack([1 - dlt, dlt], axis=2)
    one, thousand = (timed(partial(propagator.expect, some, nothing), repeat) for some in (truths[:1], truths))
    layout = timed(lambda: Propagator.of(terminals, selected), repeat)
    yield layout.row(group, f"{name}: lay out the terminals", scale=1e3, unit="ms")
    goal = None if goals.one is None else 1e3 * goals.one
    yield one.row(group, f"{name}: 1 scenario, bare", goal, scale=1e3, unit="ms", note="computed as a block of 32")
    yield thousand.row(group, f"{name}: 1,000 scenarios, bare", goals.thousand)
    each = 1e9 / N_SCENARIOS / len(terminals)
    yield thousand.row(group, f"{name}: a terminal and scenario, bare", goals.ns_a_term, scale=each, unit="ns")


def _product_rows(case: Case, repeat: int) -> Iterator[Row]:
    """Time what a user calls, every metric included."""
    goals, truths = case.goals, designs.scenarios(designs.random_truths(N_SCENARIOS))
    jobs = [partial(simulate, [case.design], truths[:n], workers=1) for n in (1, N_SCENARIOS)]
    compiling, one, thousand = timed_in_turn([lambda: compile_design(case.design), *jobs], repeat)
    for n, whole, goal in ((1, one, goals.one), (N_SCENARIOS, thousand, goals.thousand)):
        total = None if goal is None or goals.compile is None else goal + goals.compile
        what = f"{case.name}: {n:,} scenario{'s' if n > 1 else ''}, all metrics"
        yield whole.row(case.group, what, total, note="simulate, compiling included")
    what = f"{case.name}: 1,000 scenarios, all metrics, less compiling"
    best, median = thousand.best - compiling.best, thousand.median - compiling.median
    yield Row(case.group, what, best, median, goal=goals.thousand, note="difference, run by turns")


def _memory_rows(group: str, name: str) -> Iterator[Row]:
    script = Path(__file__).with_name("peak_memory.py")
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    for stage, megabytes in json.loads(done.stdout).items():
        goal = None if stage == "imports" else MEMORY_LIMIT
        yield Row(group, f"{name}: peak memory, {stage}", megabytes, None, "MB", goal, note="a process of its own")
