"""Scenario generators, and the optimal benchmark of the scenarios that they make."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import designs
from escalate.core import registry
from escalate.core.generator import Generator
from escalate.generators.families.drawn import DrawnGenerator
from escalate.generators.logistic import Logistic
from escalate.study.benchmark import Benchmark
from escalate.study.optimal import optimal_selection
from measuring import Row, timed

TARGET, N_DOSES = 0.30, 5
N_SCENARIOS = 5000


def rows(repeat: int) -> Iterator[Row]:
    for cls in registry.generators().all():
        generator = _largest(cls)
        n = len(generator.scenarios())
        made = timed(generator.scenarios, repeat)
        yield made.row("generators", f"{generator.kind}: {n:,} scenarios", scale=1e3, unit="ms")
        yield made.row("generators", f"{generator.kind}: a scenario", scale=1e6 / n, unit="us")
    yield from _benchmark_rows(repeat)


def _largest(cls: type[Generator]) -> Generator:
    """Return a generator of 5,000 scenarios where it draws them, else of as many as five doses allow."""
    if issubclass(cls, DrawnGenerator):
        needed = {"gap": 0.10} if "gap" in cls.model_fields else {}
        return cls.model_validate({"target": TARGET, "doses": N_DOSES, "count": N_SCENARIOS, **needed})
    if issubclass(cls, Logistic):
        slopes = tuple(np.linspace(0.2, 2.0, 50).tolist())
        return cls(target=TARGET, doses=N_DOSES, amounts=(10.0, 20.0, 40.0, 80.0, 160.0), slopes=slopes)
    return cls.examples()[0]


def _benchmark_rows(repeat: int) -> Iterator[Row]:
    truths = designs.random_truths(N_SCENARIOS)
    bare = partial(optimal_selection, truths, TARGET, designs.N_PATIENTS, ties="selection")
    yield timed(bare, repeat).row(
        "generators", f"optimal benchmark of {N_SCENARIOS:,} scenarios, bare", note="N = 30, no dose barred"
    )
    whole = timed(partial(Benchmark.of, designs.boin(3), designs.scenarios(truths)), repeat)
    yield whole.row(
        "generators", f"optimal benchmark of {N_SCENARIOS:,} scenarios, BOIN", note="its elimination imitated"
    )
    yield whole.row("generators", "optimal benchmark of a scenario, BOIN", scale=1e6 / N_SCENARIOS, unit="us")
