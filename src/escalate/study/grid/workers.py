"""Who does the jobs: this process or others, here or elsewhere. The same function in each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from escalate.engine.automaton_cache import Compile, cache_of
from escalate.study.grid.job import Done, run_job
from escalate.study.grid.study import Study

Task: TypeAlias = tuple[int, ...]
"""Jobs that are done together."""
TRIES: Final = 3
"""How often a job may take its worker down before it is reported as failed."""


class Workers(Protocol):
    """Something that does tasks, in any order."""

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Yield the results of tasks as they come; tasks are taken as they are needed."""
        ...


def do(study: Study, task: Iterable[int], cache: str | None) -> list[Done]:
    """Return the results of jobs."""
    compile_: Compile | None = cache_of(cache)
    return [run_job(study, index, compile_) for index in task]


@dataclass(frozen=True)
class Serial:
    """One process, the one that was started."""

    study: Study
    cache: str | None = None

    def run(self, tasks: Iterator[Task]) -> Iterator[list[Done]]:
        """Do one task after the other."""
        for task in tasks:
            yield do(self.study, task, self.cache)


def lost(study: Study, index: int) -> Done:
    """Return that a job took its workers down."""
    k, block = study.job(index)
    design, scenarios = study.designs[k].design, study.scenarios_of(block)
    which = f"scenario '{scenarios[0].name}'" + (f" to '{scenarios[-1].name}'" if len(scenarios) > 1 else "")
    return Done(
        index, None, design.sha256, error=f"{design.title}: {which}: the worker died {TRIES} times (out of memory?)"
    )
