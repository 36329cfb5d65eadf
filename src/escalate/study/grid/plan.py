"""What a study will take, before it starts: jobs, states, memory, time, and room on the disk; measured on a few of its designs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from escalate.core.errors import EscalateError, TooLargeError
from escalate.engine.automaton import compile_design
from escalate.study.grid.job import Done, run_job
from escalate.study.grid.parts import decoded
from escalate.study.grid.study import Study

SAMPLE: Final = 6
"""Designs that are tried, evenly spread over the study."""
BUDGET: Final = 8.0
"""Seconds for trying them, about."""
SOME: Final = 256
"""Scenarios that one is tried with."""
SOME_TRIALS: Final = 100_000
"""Random trials that one is tried with, at most."""
MANY_JOBS: Final = 100_000
LONG: Final = 24 * 3600.0
"""Jobs, and seconds of one worker, from which on a study is not started unasked."""
BYTES_PER_STATE: Final = 140
"""Peak of memory a reachable state, dose and outcome category: the most measured (docs/explanation/studies-at-scale.md)."""
BASE_BYTES: Final = 250_000_000
"""What a worker takes before it has a job."""


@dataclass(frozen=True)
class Tried:
    """One design of the sample; `states` is None for random trials, `error` what keeps it from being computed."""

    number: int
    title: str
    states: int | None
    seconds: float
    bytes: int
    error: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a study will take.

    Parameters
    ----------
    seconds
        Of one worker's processor, for all jobs.
    disk, memory
        Bytes of all results; bytes of a worker at its largest job among those tried.
    """

    designs: int
    scenarios: int
    jobs: int
    trials: int | None
    tried: tuple[Tried, ...]
    seconds: float
    disk: int
    memory: int

    @property
    def states(self) -> tuple[int, int] | None:
        """Fewest and most reachable states of the designs tried; None for random trials."""
        found = [each.states for each in self.tried if each.states is not None]
        return (min(found), max(found)) if found else None

    @property
    def large(self) -> bool:
        """Whether it is so large that it is not started unasked."""
        return self.jobs > MANY_JOBS or self.seconds > LONG


def plan(study: Study) -> Plan:
    """Try a few designs of a study on some of its scenarios, and say what the whole will take."""
    tried: list[Tried] = []
    start, n = time.monotonic(), len(study.designs)
    # What the first job imports is no part of the others' time.
    _try(study, 0)
    for k in sorted({round(i * (n - 1) / max(SAMPLE - 1, 1)) for i in range(SAMPLE)}):
        tried.append(_try(study, k))
        if time.monotonic() - start > BUDGET:
            break
    good = [each for each in tried if each.error is None]
    blocks = len(study.scenarios)
    seconds = sum(each.seconds for each in good) / len(good) * n if good else float("nan")
    disk = sum(each.bytes for each in good) / len(good) * n if good else 0.0
    states = max((each.states or 0 for each in tried), default=0)
    counts = max(source.design.n_doses * len(source.design.outcomes) for source in study.designs.sources)
    memory = BASE_BYTES + states * counts * BYTES_PER_STATE
    return Plan(n, blocks, study.n_jobs, study.trials, tuple(tried), seconds, round(disk), memory)


def _try(study: Study, k: int) -> Tried:
    """Return what one design takes under all scenarios, reckoned from some of them."""
    try:
        design = study.designs[k].design
    except EscalateError as error:
        return Tried(k + 1, "", None, 0.0, 0, str(error))
    some = study.with_scenarios(study.scenarios[: SOME if study.trials is None else 1], design)
    share, of_trials = len(study.scenarios) / len(some.scenarios), 1.0
    if study.trials is not None and study.trials > SOME_TRIALS:
        some, of_trials = replace(some, trials=SOME_TRIALS), study.trials / SOME_TRIALS
    states, compile_seconds = None, 0.0
    if study.trials is None:
        start = time.process_time()
        try:
            automaton = compile_design(design, study.max_states)
        except TooLargeError as error:
            return Tried(k + 1, design.title, None, 0.0, 0, str(error))
        compile_seconds = time.process_time() - start
        states = automaton.n_states + len(automaton.terminals)
    start = time.process_time()
    done = run_job(some, 0)
    if done.content is None:
        return Tried(k + 1, design.title, states, 0.0, 0, done.error)
    each = max(time.process_time() - start - compile_seconds, 0.0) * share * of_trials
    return Tried(k + 1, design.title, states, compile_seconds * study.n_blocks + each, _room(study, done, of_trials))


def _room(study: Study, done: Done, of_trials: float) -> int:
    """Return the bytes of all parts of a design, reckoned from one: what a file takes by itself, then eight bytes a figure."""
    assert done.content is not None
    columns = len(decoded(done.content).column_names)
    rows = max(len(study.scenarios) - done.rows * study.n_blocks, 0)
    trials = len(done.trials or b"") / done.rows * len(study.scenarios) * of_trials
    return round(len(done.content) * study.n_blocks + rows * columns * 8 + trials)
