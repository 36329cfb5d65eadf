"""Eight designs beside each other over 5,000 scenarios, exactly; and random trials of several designs on the same patients."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import process_time

import commands
import designs
from commands import ROOT
from escalate import Design, Scenario, load_design, load_scenarios, simulate
from measuring import Job, Row, Timing, timed_in_turn

KINDS = ("boin", "crm", "three_plus_three", "mtpi2", "keyboard", "i3p3", "ccd", "tpi")
FILES = [ROOT / "designs" / f"{kind}.yaml" for kind in KINDS]
SCENARIOS = ROOT / "simulations" / "scenarios" / "random-five-doses.yaml"
LIMIT = 30.0
"""Seconds on the clock with two cores; one core that takes no more keeps it too."""
TRIALS = 1 << 20
PARTS = ("draw the scenarios", "compile and all metrics", "optimal benchmark", "summary", "comparison")


def rows(repeat: int) -> Iterator[Row]:
    chosen = [load_design(file) for file in FILES]
    _by_part(chosen)
    samples = [_by_part(chosen) for _ in range(repeat)]
    whole = Timing(tuple(sum(parts) for parts in samples))
    yield whole.row("comparison", "8 designs, 5,000 scenarios, exact: all parts", LIMIT)
    for name, times in zip(PARTS, zip(*samples, strict=True), strict=True):
        yield Timing(times).row("comparison", f"8 designs, 5,000 scenarios, exact: {name}")
    yield from _command_rows(repeat)
    yield from _trial_rows(chosen, repeat)


def _by_part(chosen: Sequence[Design]) -> tuple[float, ...]:
    """Return the CPU seconds of each part."""
    ticks = [process_time()]
    scenarios = load_scenarios(SCENARIOS, chosen)
    ticks.append(process_time())
    found = simulate(chosen, scenarios, workers=1)
    ticks.append(process_time())
    # Properties that are made when first asked for.
    for result in found.designs:
        _ = result.benchmark
    ticks.append(process_time())
    for result in found.designs:
        _ = result.summary
    ticks.append(process_time())
    assert found.comparison is not None
    _ = found.comparison.families
    ticks.append(process_time())
    return tuple(end - start for start, end in pairwise(ticks))


def _command_rows(repeat: int) -> Iterator[Row]:
    command = [commands.escalate(), "simulate", *map(str, FILES), "--scenarios", str(SCENARIOS), "--workers", "1", "-q"]
    with tempfile.TemporaryDirectory() as folder:
        timing = commands.timed(command, commands.environment(Path(folder)), repeat)
    yield timing.row("comparison", "escalate simulate, 8 designs, 5,000 scenarios: whole process", LIMIT)


def _trial_rows(chosen: Sequence[Design], repeat: int) -> Iterator[Row]:
    """Time random trials on the same patients: all designs, the first two, and each alone, by turns."""
    scenario = [Scenario(name="truth", dlt=designs.BOIN_TRUTH)]
    sets = [chosen, chosen[:2], *([design] for design in chosen)]
    jobs: list[Job] = [partial(simulate, some, scenario, trials=TRIALS, workers=1) for some in sets]
    every, pair, *alone = timed_in_turn(jobs, repeat)
    yield alone[0].rate("comparison", f"{KINDS[0]} alone", TRIALS, note="trials of one design; compiling included")
    yield alone[1].rate("comparison", f"{KINDS[1]} alone", TRIALS, note="the same")
    yield pair.rate("comparison", "these two, paired", TRIALS, note="trials of both designs")
    yield _ratio("two designs, paired: CPU over the first alone", pair, alone[:1])
    yield _ratio("two designs, paired: CPU over each alone, added up", pair, alone[:2])
    yield every.rate("comparison", "eight designs, paired", TRIALS, note="trials of all eight, 28 pairs")
    yield _ratio("eight designs, paired: CPU over each alone, added up", every, alone)


def _ratio(what: str, together: Timing, alone: Sequence[Timing]) -> Row:
    sums = [sum(times) for times in zip(*(timing.samples for timing in alone), strict=True)]
    ratios = [whole / parts for whole, parts in zip(together.samples, sums, strict=True)]
    return Row("comparison", what, min(ratios), statistics.median(ratios), "ratio", note="run by turns")
