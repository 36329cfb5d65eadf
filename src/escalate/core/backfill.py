"""Backfill: who may be treated below the dose under escalation, as the design file says it."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.setting import Count, Probability, Setting
from escalate.core.tally import States, Tally

if TYPE_CHECKING:
    from escalate.core.design import Design

SLACK = 1e-9
"""A rate equal to the limit is not above it; the slack absorbs the rounding of the product."""


class Backfill(Setting):
    """Rules by which lower doses are opened to patients who arrive while the dose under escalation waits.

    Notes
    -----
    `cap` counts assigned patients, escalation and backfill together. A dose is closed for toxicity by evaluated patients alone.
    Backfill ends with the escalation.

    References
    ----------
    Zhao Y, Yuan Y, Korn EL, Freidlin B (2024). Backfilling patients in phase I dose-escalation trials using Bayesian optimal
    interval design (BOIN). Clin Cancer Res 30:673-679.
    """

    cap: Annotated[int, Field(ge=2, le=1000)] = 12
    activity: Literal["response", "none"] = "response"
    responses: Count = 1
    min_level: Count = 1
    after_cohorts: Count = 1
    priority: Literal["highest", "lowest"] = "highest"
    counts_in_tally: bool = True
    reopen: bool = True
    close_above: Probability | None = None

    def describe(self, design: Design) -> str:
        """Say, as a protocol would, who may be backfilled and where."""
        needed = f"{self.responses} response{'s' * (self.responses > 1)}"
        active = f" with at least {needed} at it or below" if self.activity == "response" else ""
        lowest = f" from level {self.min_level} up" if self.min_level > 1 else ""
        cohorts = f"{self.after_cohorts} cohort{'s' * (self.after_cohorts > 1)}"
        limit = close_above(design)
        again = (
            "opens again when the data no longer say so" if self.reopen else "stays closed for the rest of the trial"
        )
        used = "count like any other patients" if self.counts_in_tally else "do not count in dose decisions"
        return (
            f"Patients who arrive while the dose under escalation waits may be treated at a lower level{lowest}{active}, after "
            f"{cohorts} of the escalation at it, until it has been assigned {self.cap} patients; the {self.priority} open level "
            f"first. Where the DLT rate of a level, and that of it and the next level together, are both above "
            f"{limit:.4f}, it closes with all levels above it, and {again}. Levels that a safety rule bars are closed, and all "
            f"are when the escalation ends. Backfilled patients {used}."
        )

    def problems(self, design: Design) -> Iterator[Problem]:
        """Yield what makes these settings unusable with this design; fields are relative to `backfill`."""
        if self.min_level >= design.n_doses:
            yield Problem(
                "min_level",
                f"level {self.min_level} has no level above it among {design.n_doses}, so that it is never below the dose under "
                "escalation",
            )
        fewest = (self.after_cohorts - 1) * design.cohort_size + 1
        if self.cap <= fewest:
            yield Problem(
                "cap",
                f"{self.cap} leaves no place: a level has at least that many patients after {self.after_cohorts} cohorts of "
                f"{design.cohort_size}",
            )
        if self.activity == "none" and self.responses != 1:
            yield Problem("responses", f"{self.responses} has no meaning with activity: none; leave one of the two out")
        if self.close_above is None and design.target is None:
            yield Problem(
                "close_above", "is missing; a design without a target needs the DLT rate above which a level closes"
            )
        elif self.close_above is not None and design.target is not None and self.close_above < design.target:
            yield Problem(
                "close_above",
                f"{self.close_above:g} is below the target {design.target:g}: levels would close although their DLT rate is "
                "acceptable",
            )

    def doubts(self, design: Design) -> Iterator[str]:
        """Yield what a statistician would question although it can be run."""
        whole = self.after_cohorts * design.cohort_size
        if self.cap <= whole:
            yield f"backfill: the cap of {self.cap} leaves no place after {self.after_cohorts} whole cohorts at a level"
        if not self.counts_in_tally:
            yield "backfill: DLTs of backfilled patients do not count in dose decisions"


def upper_cut(target: float, p_tox: float) -> float:
    """Return BOIN's lambda_d: the DLT rate from which a dose is held to be too toxic.

    References
    ----------
    Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat
    64:507-523.

    Examples
    --------
    >>> round(upper_cut(0.25, 0.35), 6)
    0.298392
    """
    return log((1 - target) / (1 - p_tox)) / log(p_tox * (1 - target) / (target * (1 - p_tox)))


def close_above(design: Design) -> float:
    """Return the DLT rate above which levels close: the setting, else the method's lambda_d, else BOIN's at the target."""
    from escalate.core.method import TableMethod  # noqa: PLC0415 - methods need the plan, and the plan holds these settings

    given, method = settings_of(design).close_above, design.method
    if given is not None:
        return given
    of_method = isinstance(method, TableMethod) and method.score_of_dlt() is None
    own = method.boundaries(design).get("lambda_d") if isinstance(method, TableMethod) and of_method else None
    return own if own is not None else upper_cut(design.target_rate, 1.4 * design.target_rate)


def settings_of(design: Design) -> Backfill:
    """Return the backfill settings of a design that has them.

    Raises
    ------
    ValueError
        Where it has none.
    """
    if design.backfill is None:
        raise ValueError("this design has no backfill")
    return design.backfill


def above(limit: float, n: IntArray, dlt: IntArray) -> Mask:
    """Return where the DLT rate is strictly above a limit, as whole numbers; of any shape."""
    return dlt > np.floor(limit * n + SLACK)


def too_toxic(limit: float, tally: Tally) -> Mask:
    """Return which doses are closed to backfill for toxicity, evaluated patients alone; shape (S, J).

    A dose closes, with all above it, where its own DLT rate and that of it and the next dose together are above the limit.

    Examples
    --------
    >>> too_toxic(0.2984, Tally.of([[9, 6, 3]], [[4, 1, 0]])).tolist()
    [[True, True, True]]
    >>> too_toxic(0.2984, Tally.of([[9, 6, 3]], [[4, 0, 0]])).tolist()
    [[False, False, False]]
    """
    known = tally.known()
    n, dlt = known.n, known.dlt
    both = above(limit, n, dlt) & above(limit, n + _next(n), dlt + _next(dlt))
    return np.logical_or.accumulate(both, axis=1)


def _next(values: IntArray) -> IntArray:
    """Return the values of the dose above, 0 at the top."""
    return np.pad(values[:, 1:], ((0, 0), (0, 1)))


def closures(
    design: Design,
    states: States,
    responses: IntArray | None,
    *,
    barred: Mask | None = None,
    closed_before: Mask | None = None,
) -> dict[str, Mask]:
    """Return what closes each dose to backfill, by reason; a dose is open where nothing does. Each of shape (S, J).

    Parameters
    ----------
    states
        `dose` is the dose under escalation, or NONE where the escalation has ended.
    responses
        Responders by state and dose, shape (S, J); None where responses are not recorded.
    barred
        Doses that safety rules barred earlier for good, shape (S, J).
    closed_before
        Doses that were ever closed for toxicity, shape (S, J); looked at where `reopen` is false.
    """
    backfill, tally = settings_of(design), states.tally
    shape, dose = tally.n.shape, np.arange(tally.n_doses)
    escalated = tally.n if tally.backfilled is None else tally.n - tally.backfilled
    bars = np.zeros(shape, dtype=bool) if barred is None else barred.copy()
    for rule in design.rules:
        if rule.about_safety:
            bars |= rule.forbids(design, states)
    toxic = too_toxic(close_above(design), tally)
    if not backfill.reopen and closed_before is not None:
        toxic = toxic | closed_before
    # Rounded up: a patient who could not be evaluated makes no cohort undone.
    cohorts = -(-escalated // design.cohort_size)
    inactive = np.zeros(shape, dtype=bool)
    if backfill.activity == "response":
        seen = np.zeros(shape, dtype=np.int64) if responses is None else np.cumsum(responses, axis=1)
        inactive = seen < backfill.responses
    return {
        "ended": np.broadcast_to((states.dose == NONE)[:, None], shape),
        "not_below": dose >= states.dose[:, None],
        "min_level": np.broadcast_to(dose < backfill.min_level - 1, shape),
        "few_cohorts": cohorts < backfill.after_cohorts,
        "inactive": inactive,
        "toxic": toxic,
        "full": tally.n >= backfill.cap,
        "barred": bars,
    }


def open_to_backfill(closed: dict[str, Mask]) -> Mask:
    """Return which doses are open, from what closes each; shape (S, J)."""
    return np.logical_not(np.logical_or.reduce(list(closed.values())))


def allocate(backfill: Backfill, is_open: Mask) -> IntArray:
    """Return the dose of the next backfilled patient, 0-based, or NONE where no dose is open; shape (S,)."""
    last = is_open.shape[1] - 1
    first = np.argmax(is_open, axis=1) if backfill.priority == "lowest" else last - np.argmax(is_open[:, ::-1], axis=1)
    return np.where(is_open.any(axis=1), first, NONE)
