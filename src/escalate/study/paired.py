"""Random trials of several designs on the same patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.design import Design
from escalate.core.scenario import Scenario
from escalate.engine.paired import CHUNK, Chunk, Ends, Source, in_order, run_some
from escalate.study.characteristics import Characteristics
from escalate.study.counting import PerTrial, from_counts
from escalate.study.results import DesignResult


def run_together(
    designs: Sequence[Design],
    scenarios: tuple[Scenario, ...],
    trials: int,
    seed: int,
    workers: int,
    max_states: int,
    say: Callable[[str], None],
) -> tuple[tuple[DesignResult, ...], FloatArray]:
    """Return the results of each design, as it would have alone, and the mean squared differences (P, 21, V).

    Every trial is walked once for both. The squared differences are added up in fixed chunks of trials, so they depend neither
    on the number of threads nor on the other designs and scenarios.
    """
    sources = [Source.of(design, max_states) for design in designs]

    def items() -> Iterator[tuple[int, list[PerTrial], int]]:
        for v, scenario in enumerate(scenarios):
            scores = [PerTrial.of(design, scenario) for design in designs]
            yield from ((v, scores, start) for start in range(0, trials, CHUNK))

    def job(item: tuple[int, list[PerTrial], int]) -> tuple[int, Chunk]:
        v, scores, start = item
        return v, run_some(sources, scores, scenarios[v], seed, start, min(CHUNK, trials - start))

    found: list[list[Characteristics]] = [[] for _ in designs]
    squares = []
    for v, chunks in groupby(in_order(job, items(), workers), key=lambda done: done[0]):
        say(f"scenario {v + 1} of {len(scenarios)}, {trials:,} trials of each of {len(designs)} designs")
        ends = [Ends(source) for source in sources]
        total: FloatArray | float = 0.0
        for _, chunk in chunks:
            total = total + chunk.squares
            for of_design, some in zip(ends, chunk.ends, strict=True):
                of_design.add(some)
        squares.append(np.divide(total, trials))
        for design, of_design, parts in zip(designs, ends, found, strict=True):
            parts.append(from_counts(design, scenarios[v], *of_design.merged(), trials))
    results = tuple(
        DesignResult(source.design, scenarios, Characteristics.join(parts), source.n_states)
        for source, parts in zip(sources, found, strict=True)
    )
    return results, np.stack(squares, axis=2)
