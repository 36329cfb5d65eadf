"""A study as it is asked for: designs, scenarios in blocks, and how; the same in every process that works on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from escalate.core.clock import Clock
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.scenario import Scenario
from escalate.study.grid.designs import DesignGrid, Source
from escalate.study.grid.same_code import code

BLOCK: Final = 1000
"""Scenarios of a job, at most."""
TRIALS: Final = 2_000_000
"""Random trials of a job, about, where one scenario does not have more."""
FORMAT: Final = 1
"""Of the parts: raised where their content changes though the figures do not."""


@dataclass(frozen=True, eq=False)
class Study:
    """What a study asks for, and where its results go.

    Parameters
    ----------
    name
        The study file, as the user named it.
    trials
        Random trials of each design and scenario; None for exact figures.
    metrics
        What is kept; None for everything but what needs the benchmark.
    folder
        Where the results are.
    """

    title: str
    name: str
    designs: DesignGrid
    scenarios: tuple[Scenario, ...]
    trials: int | None
    seed: int
    metrics: tuple[str, ...] | None
    max_states: int
    per_trial: bool
    folder: Path
    clock: Clock | None = None

    @property
    def block(self) -> int:
        """Scenarios of a job: it depends on the study alone, so that the parts do not depend on who computes them."""
        return BLOCK if self.trials is None else max(1, min(BLOCK, TRIALS // self.trials))

    @property
    def n_blocks(self) -> int:
        """Blocks of scenarios."""
        return -(-len(self.scenarios) // self.block)

    @property
    def n_jobs(self) -> int:
        """Jobs: one a design and block."""
        return len(self.designs) * self.n_blocks

    @property
    def n_trials(self) -> int:
        """Random trials in all; none where exact."""
        return (self.trials or 0) * len(self.scenarios) * len(self.designs)

    def job(self, index: int) -> tuple[int, int]:
        """Return the design, from 0, and the block of a job."""
        return divmod(index, self.n_blocks)

    def scenarios_of(self, block: int) -> tuple[Scenario, ...]:
        """Return the scenarios of a block."""
        return self.scenarios[block * self.block : (block + 1) * self.block]

    def with_scenarios(self, scenarios: tuple[Scenario, ...], design: Design) -> Study:
        """Return the study of one design under other scenarios."""
        return replace(self, scenarios=scenarios, designs=DesignGrid((Source(design),)))

    @cached_property
    def how(self) -> dict[str, Any]:
        """What the figures of a job depend on, its design and scenarios aside."""
        return {
            "format": FORMAT,
            # Another code or library under the same version may give other bytes.
            "code": code(),
            "trials": self.trials,
            "seed": None if self.trials is None else self.seed,
            "metrics": self.metrics,
            "max_states": self.max_states,
            "per_trial": self.per_trial,
            "clock": None if self.clock is None else self.clock.to_dict(),
        }

    @cached_property
    def block_sha256(self) -> tuple[str, ...]:
        """Hash of the scenarios of each block."""
        return tuple(_hash([_content(scenario) for scenario in self.scenarios_of(b)]) for b in range(self.n_blocks))

    @property
    def scenarios_sha256(self) -> str:
        """Hash of all scenarios."""
        return _hash(list(self.block_sha256))

    def key(self, design_sha256: str, block: int) -> str:
        """Return what names the result of a job: equal keys, equal bytes."""
        return _hash([design_sha256, self.block_sha256[block], self.how])

    def keys(self) -> Iterator[str | None]:
        """Yield the key of every job, in order; None where there is no such design."""
        for k in range(len(self.designs)):
            try:
                sha256 = self.designs[k].design.sha256
            except EscalateError:
                sha256 = None
            yield from (None if sha256 is None else self.key(sha256, block) for block in range(self.n_blocks))


def _content(scenario: Scenario) -> dict[str, Any]:
    # Why a scenario is there changes no figure.
    return scenario.model_dump(mode="json", exclude={"reason"})


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
