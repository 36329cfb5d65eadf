"""The JSON of a study: its plan, what came of a run, its state, and the means of its metrics."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalate.report.study_means import Means
    from escalate.study.grid.journal import Kept
    from escalate.study.grid.plan import Plan
    from escalate.study.grid.results import Status
    from escalate.study.grid.run import Outcome
    from escalate.study.grid.study import Study


def plan(study: Study, found: Plan, workers: int) -> dict[str, Any]:
    """Return what a study will take as JSON."""
    return {
        "schema": "escalate/study-plan/1",
        "study": study.title,
        "designs": found.designs,
        "scenarios": found.scenarios,
        "exact": found.trials is None,
        "trials": found.trials,
        "jobs": found.jobs,
        "reachable_states": None if found.states is None else {"fewest": found.states[0], "most": found.states[1]},
        "cpu_seconds": _number(found.seconds),
        "workers": workers,
        "seconds": _number(found.seconds / workers),
        "bytes_per_worker": found.memory,
        "bytes_on_disk": found.disk,
        "asks_first": found.large,
        "tried": [asdict(each) for each in found.tried],
    }


def outcome(study: Study, found: Outcome) -> dict[str, Any]:
    """Return what came of a run as JSON."""
    standing = found.standing
    return {
        "schema": "escalate/study-run/1",
        "study": study.title,
        "folder": str(study.folder),
        "jobs": standing.jobs,
        "reused": standing.reused,
        "done": standing.done,
        "failed": standing.failed,
        "seconds": standing.seconds,
        "failures": [_failure(each) for each in found.failures],
    }


def status(study: Study, found: Status) -> dict[str, Any]:
    """Return how far a study is as JSON."""
    return {
        "schema": "escalate/study-status/1",
        "study": study.title,
        "folder": str(study.folder),
        "state": found.state,
        "jobs": study.n_jobs,
        "done": found.done,
        "failed": found.n_failed,
        "failures": [_failure(each) for each in found.failed],
        "damaged": list(found.damaged),
    }


def means(found: Means) -> dict[str, Any]:
    """Return the means of a study's metrics as JSON."""
    return {
        "schema": "escalate/study-means/1",
        "study": found.title,
        "scenarios": found.scenarios,
        "families": list(found.families),
        "trials": found.trials,
        "sort": found.sort,
        "where": [str(limit) for limit in found.where],
        "left_out": len(found.others),
        "designs": [
            {
                "number": row.number,
                "title": row.title,
                "method": row.method,
                "sha256": row.sha256,
                "settings": row.choices,
                "means": {name: _number(value) for name, value in row.means.items()},
            }
            for row in found.rows
        ],
    }


def _failure(each: Kept) -> dict[str, Any]:
    return {"design_sha256": each.design or None, "block": each.block, "error": each.error}


def _number(x: float | None) -> float | None:
    return None if x is None or isnan(x) else float(x)
