"""Calibrate a design: try settings, judge each by exact operating characteristics over scenarios, choose the best.

Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC, chapters 7 to 10.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.design import Design
from escalate.core.errors import EscalateError, TooLargeError
from escalate.core.outcome import category_rates_of_all, check_scenarios, mean_burden
from escalate.core.scenario import Scenario
from escalate.study.calibration_axes import Axis, axis_of, named, show
from escalate.study.calibration_grid import Candidate, Workshop
from escalate.study.calibration_refine import ROUNDS, nearer
from escalate.study.calibration_results import Calibration, Fresh, Judged, Skipped, paired, worst_mean
from escalate.study.counting import truths_of
from escalate.study.losses import DEFAULT, Expression, Limit, check_loss, distances, parse, parse_limit
from escalate.study.metrics import TIED
from escalate.study.simulate import simulate
from escalate.study.summary import groups, mean_and_error

MAX_CANDIDATES = 200
MAX_STATES = 1_000_000
"""States of a candidate; several are held at once."""
REPORTED = (
    "pcs",
    "pas",
    "overdose_selected",
    "selected_none",
    "pca",
    "overdose_allocated",
    "risk_overdose_60",
    "mean_distance",
    "mean_patients",
    "mean_dlts",
)
"""Metrics given of every candidate, whatever the loss."""

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class _Truth:
    """Scenarios, and what of them is the same for every candidate; shapes (V,), (V, J), (V,)."""

    scenarios: tuple[Scenario, ...]
    strata: IntArray
    rates: FloatArray
    no_mtd: Mask | None

    @classmethod
    def of(cls, design: Design, scenarios: Sequence[Scenario]) -> _Truth:
        check_scenarios(scenarios, design.n_doses, design.outcomes, design.title)
        by_outcome = category_rates_of_all(scenarios, design.outcomes)
        rates = mean_burden(by_outcome, design.outcomes)
        truths = truths_of(design, rates)
        return cls(tuple(scenarios), groups(scenarios)[0].strata, rates, None if truths is None else truths.no_mtd)


def calibrate(
    design: Design,
    scenarios: Sequence[Scenario],
    vary: Mapping[str, Sequence[Any] | str] | Sequence[Axis],
    *,
    loss: str = DEFAULT,
    subject_to: Sequence[str] = (),
    fresh: Sequence[Scenario] | None = None,
    refine: bool = False,
    max_candidates: int = MAX_CANDIDATES,
    max_states: int = MAX_STATES,
    workers: int | None = None,
    progress: Progress = lambda _: None,
) -> Calibration:
    """Return every candidate with its loss, and the best of them.

    Parameters
    ----------
    scenarios
        The same for every candidate.
    vary
        By setting its values: a list, or text `start:stop:step`.
    loss
        A sum such as `1 - pcs + 0.5*overdose_selected`. Its mean over the scenarios is minimised.
    subject_to
        Limits such as `max: overdose_allocated <= 0.25`.
    fresh
        Scenarios to check the chosen design on, from the same laws.
    refine
        Whether to add candidates near the best of the grid.
    max_candidates
        Largest grid that is tried.
    max_states
        Candidates with more reachable states are left out.
    workers
        Threads; all processors by default. The result does not depend on it.
    progress
        Called with a line of text as the work goes on.

    Raises
    ------
    DesignError
        Where a candidate is no valid design, or a scenario does not fit.
    EscalateError
        Where the loss, a limit or a setting makes no sense, the grid is too large, or no candidate is within the limits.
    """
    judge = _Judge(check_loss(parse(loss)), tuple(map(parse_limit, subject_to)), max_states)
    axes = [axis_of(field, values) for field, values in vary.items()] if isinstance(vary, Mapping) else list(vary)
    if not scenarios:
        raise EscalateError("there are no scenarios to judge by")
    if workers is not None and workers < 1:
        raise EscalateError(f"workers: {workers} is not 1 or more")
    workshop, truth, threads = Workshop(design, axes), _Truth.of(design, scenarios), workers or os.cpu_count() or 1
    start, seconds = _timed(judge, workshop.start, truth)
    if workshop.size > max_candidates:
        raise EscalateError(
            _too_many(workshop, max_candidates, seconds / threads if isinstance(start, Judged) else None)
        )
    found = [start, *_judge_all(judge, workshop.grid(), truth, threads, progress)]
    for step in range(1, ROUNDS + 1) if refine else ():
        judged = [one for one in found if isinstance(one, Judged)]
        if not any(one.kept for one in judged):
            break
        wanted = nearer(workshop.axes, judged, judged[_best(judged)].candidate)
        new = workshop.make(wanted, len(found), step)
        progress(f"nearer to the best, round {step}: {len(new)} more")
        found += _judge_all(judge, new, truth, threads, progress)
    return _result(workshop, judge, truth, found, fresh)


def _result(
    workshop: Workshop,
    judge: _Judge,
    truth: _Truth,
    found: Sequence[Judged | Skipped],
    fresh: Sequence[Scenario] | None,
) -> Calibration:
    judged = tuple(one for one in found if isinstance(one, Judged))
    skipped = tuple(one for one in found if isinstance(one, Skipped))
    if not judged:
        raise EscalateError(f"every candidate is too large to follow exactly: {skipped[0].why}")
    if not any(one.kept for one in judged):
        raise EscalateError(_none_within(workshop.axes, judge.limits, judged))
    best = _best(judged)
    start = judged[0] if judged[0].candidate.number == 0 else None
    return Calibration(
        workshop.axes,
        judge.loss,
        judge.limits,
        truth.scenarios,
        truth.strata,
        judged,
        skipped,
        best,
        None if fresh is None else _check(judge, judged[best], start, _Truth.of(workshop.design, fresh)),
    )


@dataclass(frozen=True)
class _Judge:
    """Judges one candidate."""

    loss: Expression
    limits: tuple[Limit, ...]
    max_states: int

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that is needed."""
        wanted = [*REPORTED, *self.loss.weights, *(name for limit in self.limits for name in limit.what.weights)]
        return tuple(dict.fromkeys(wanted))

    def __call__(self, candidate: Candidate, truth: _Truth) -> Judged | Skipped:
        try:
            done = simulate(
                [candidate.design], truth.scenarios, exact=True, workers=1, max_states=self.max_states
            ).designs[0]
        except TooLargeError as error:
            return Skipped(candidate, str(error).partition(";")[0])
        oc = done.characteristics
        values = {column.metric: oc.values[:, k] for k, column in enumerate(oc.columns) if column.level is None}
        selected = [k for k, column in enumerate(oc.columns) if column.metric == "selected"]
        values |= _derived(candidate.design, truth, oc.values[:, selected], values)
        self._check_values(values, truth)
        loss = self.loss.of(values)
        mean, se = mean_and_error(loss, np.zeros(len(loss)), truth.strata)
        limits = tuple(limit.of(values) for limit in self.limits)
        kept = all(limit.kept(value) for limit, value in zip(self.limits, limits, strict=True))
        means = {name: float(values[name].mean()) for name in self.names}
        return Judged(
            candidate, loss, float(mean), float(se), worst_mean(loss), means, limits, kept, done.n_states or 0
        )

    def _check_values(self, values: Mapping[str, FloatArray], truth: _Truth) -> None:
        for name in (*self.loss.weights, *(each for limit in self.limits for each in limit.what.weights)):
            missing = np.isnan(values[name])
            if missing.all() and truth.no_mtd is None:
                raise EscalateError(f"{name} needs a design with a target, such as 'target: 0.30'")
            if missing.any():
                scenario = truth.scenarios[int(np.argmax(missing))].name
                raise EscalateError(
                    f"{name} has no value under scenario '{scenario}'; leave it out of the loss and limits"
                )


def _derived(
    design: Design, truth: _Truth, selected: FloatArray, values: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    if truth.no_mtd is None or design.target is None:
        nothing = np.full(len(truth.scenarios), np.nan)
        return dict.fromkeys(("incorrect_selection", "distance_below", "distance_above", "mean_distance"), nothing)
    below, above = distances(selected, values["selected_none"], truth.rates, design.target, truth.no_mtd)
    return {
        "incorrect_selection": 1 - values["pcs"],
        "distance_below": below,
        "distance_above": above,
        "mean_distance": below + above,
    }


def _judge_all(
    judge: _Judge, candidates: Sequence[Candidate], truth: _Truth, threads: int, progress: Progress
) -> list[Judged | Skipped]:
    found: list[Judged | Skipped] = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for one in pool.map(partial(judge, truth=truth), candidates):
            found.append(one)
            if len(found) % 10 == 0 or len(found) == len(candidates):
                progress(f"{len(found):,} of {len(candidates):,} candidates")
    return found


def _timed(judge: _Judge, candidate: Candidate, truth: _Truth) -> tuple[Judged | Skipped, float]:
    """Judge a candidate and return also the seconds that one like it takes."""
    # Once to have compiled what is compiled once.
    first = judge(candidate, _first_of(truth))
    if isinstance(first, Skipped):
        return first, 0.0
    since = time.perf_counter()
    return judge(candidate, truth), time.perf_counter() - since


def _first_of(truth: _Truth) -> _Truth:
    some = slice(0, 1)
    no_mtd = None if truth.no_mtd is None else truth.no_mtd[some]
    return _Truth(truth.scenarios[some], truth.strata[some], truth.rates[some], no_mtd)


def _too_many(workshop: Workshop, limit: int, seconds: float | None) -> str:
    sizes = " x ".join(str(len(axis.values)) for axis in workshop.axes)
    many = f"{workshop.size:,} candidates" + (f" ({sizes})" if len(workshop.axes) > 1 else "")
    about = "" if seconds is None else f", which takes about {_duration(seconds * workshop.size)}"
    return (
        f"the grid has {many}{about}, and the limit is {limit:,}; try fewer values, then more near the best (--refine), or "
        f"allow it with --max-candidates {workshop.size}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _best(judged: Sequence[Judged]) -> int:
    """Return the first of those with the smallest mean loss within all limits: the given design before all others."""
    means = [one.mean if one.kept else np.inf for one in judged]
    return next(k for k, mean in enumerate(means) if mean <= min(means) + TIED)


def _none_within(axes: Sequence[Axis], limits: Sequence[Limit], judged: Sequence[Judged]) -> str:
    parts = []
    for k, limit in enumerate(limits):
        nearest = min(judged, key=lambda one: one.limits[k] if limit.at_most else -one.limits[k])
        if limit.kept(nearest.limits[k]):
            continue
        parts.append(
            f"'{limit.text}': the nearest is {show(nearest.limits[k])}, with {named(axes, nearest.candidate.settings)}"
        )
    said = "; ".join(parts) or "each limit is kept by some candidate, but not all limits by one"
    return f"no candidate is within the limits; {said}"


def _check(judge: _Judge, chosen: Judged, start: Judged | None, truth: _Truth) -> Fresh:
    again = judge(chosen.candidate, truth)
    assert isinstance(again, Judged)
    if start is None:
        return Fresh(len(truth.scenarios), again, None, None)
    before = again if start is chosen else judge(start.candidate, truth)
    assert isinstance(before, Judged)
    return Fresh(len(truth.scenarios), again, before, paired(again.loss, before.loss, truth.strata))
