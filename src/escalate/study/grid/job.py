"""One job: one design under one block of scenarios. A pure function, whoever calls it and wherever."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.scenario import Scenario
from escalate.engine.automaton_cache import Compile
from escalate.study.grid.journal import Kept
from escalate.study.grid.parts import part_of
from escalate.study.grid.study import Study
from escalate.study.grid.trials import run_kept
from escalate.study.simulate import simulate

FAULTS: Final = (Exception, SystemExit)
"""What a job may raise; a method of another package may end the process that it believes its own."""


@dataclass(frozen=True)
class Done:
    """What came of a job.

    Parameters
    ----------
    content
        The Parquet file; None where the job failed.
    design
        Hash of the design; empty where there is no such design.
    sha256
        Of the content.
    trials, trials_sha256
        The Parquet file of single trials, where they are kept.
    rows
        How many there are in it.
    error
        Why the job failed, with design and scenario; None where it did not.
    seconds
        How long it took; no result depends on it.
    """

    index: int
    content: bytes | None
    design: str = ""
    sha256: str = ""
    rows: int = 0
    error: str | None = None
    seconds: float = 0.0
    trials: bytes | None = None
    trials_sha256: str = ""

    def kept(self, study: Study) -> Kept:
        """Return what is written down of it."""
        block = study.job(self.index)[1]
        key = study.key(self.design, block)
        if self.content is None:
            return Kept(self.design, block, key, "failed", error=self.error)
        return Kept(self.design, block, key, "done", self.sha256, self.rows, trials_sha256=self.trials_sha256)


def run_job(study: Study, index: int, compile_: Compile | None = None) -> Done:
    """Return the result of a job, or why there is none; no fault of a job leaves it as an exception.

    Parameters
    ----------
    compile_
        What makes the automaton of a design; the plain compiler unless given.
    """
    start = time.perf_counter()
    return replace(_done(study, index, compile_), seconds=time.perf_counter() - start)


def _done(study: Study, index: int, compile_: Compile | None) -> Done:
    k, block = study.job(index)
    scenarios = study.scenarios_of(block)
    try:
        member = study.designs[k]
    except EscalateError as error:
        return Done(index, None, error=f"design {k + 1}: {error}")
    sha256 = member.design.sha256
    try:
        content, rows, trials = _made(study, member.design, scenarios, compile_)
    except FAULTS as error:
        return Done(index, None, sha256, error=_said(study, member.design, scenarios, compile_, error))
    hashed: dict[str, Any] = (
        {} if trials is None else {"trials": trials, "trials_sha256": hashlib.sha256(trials).hexdigest()}
    )
    return Done(index, content, sha256, hashlib.sha256(content).hexdigest(), rows, **hashed)


def _made(
    study: Study, design: Design, scenarios: Sequence[Scenario], compile_: Compile | None
) -> tuple[bytes, int, bytes | None]:
    """Return the part of a design under scenarios, how many rows it has, and the single trials where they are kept."""
    if study.per_trial:
        found, trials = run_kept(study, design, scenarios)
        return *part_of(study, found), trials
    results = simulate(
        [design],
        scenarios,
        trials=study.trials,
        seed=study.seed,
        workers=1,
        max_states=study.max_states,
        clock=study.clock,
        compile_=compile_,
    )
    return *part_of(study, results.designs[0]), None


def _said(
    study: Study, design: Design, scenarios: Sequence[Scenario], compile_: Compile | None, error: BaseException
) -> str:
    """Return why a job failed: design, and the first scenario that fails by itself where not all do."""
    kind = "" if isinstance(error, EscalateError) else f"{type(error).__name__}: "
    failing = scenarios
    while len(failing) > 1:
        half = failing[: len(failing) // 2]
        failing = half if _fails(study, design, half, compile_) else failing[len(failing) // 2 :]
    every = len(scenarios) > 1 and _fails(study, design, scenarios[-1:], compile_) and failing[0] is scenarios[0]
    where = "every scenario" if every else f"scenario '{failing[0].name}'"
    return f"{design.title}: {where}: {kind}{error}"


def _fails(study: Study, design: Design, scenarios: Sequence[Scenario], compile_: Compile | None) -> bool:
    try:
        _made(study, design, scenarios, compile_)
    except FAULTS:
        return True
    return False
