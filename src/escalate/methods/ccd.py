"""The cumulative cohort design (CCD), by rate or by t-statistic."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import IntArray
from escalate.core.errors import Problem
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan, exact
from escalate.core.tally import States
from escalate.core.wording import number
from escalate.methods.families import interval_words
from escalate.methods.families.interval import IntervalMethod, action_said, seen_at
from escalate.models import isotonic

if TYPE_CHECKING:
    from escalate.core.design import Design

# Ivanova, Flournoy and Chung (2007), the margin recommended for each target.
PUBLISHED_DELTA = {
    Fraction(percent, 100): delta
    for percents, delta in (((10, 15, 20, 25), 0.09), ((30, 35), 0.10), ((40,), 0.12), ((45, 50), 0.13))
    for percent in percents
}
LEAST_RATE = Fraction(1, 1000)
"""A rate of 0 counts as this in the variance of the t-statistic."""


class Ccd(IntervalMethod):
    """Escalate or de-escalate where the DLT rate is a fixed margin below or above the target.

    Notes
    -----
    `version: rate` compares the rate with target - delta and target + delta; both equalities move. `version: t` compares
    (rate - target) / sqrt(rate (1 - rate) / n) with -delta and delta, strictly, and stays while there is one patient.
    `delta` is the paper's for the target, and 1 for `version: t`.

    References
    ----------
    Ivanova A, Flournoy N, Chung Y (2007). Cumulative cohort design for dose-finding. J Stat Plan Inference 137:2316-2327.
    Ivanova A, Kim SH (2009). Dose finding for continuous and ordinal outcomes with a monotone objective function: a unified
    approach. Biometrics 65:307-315.
    """

    kind: Literal["ccd"] = "ccd"
    version: Literal["rate", "t"] = "rate"
    delta: Annotated[float, Field(gt=0, le=10)] | None = None

    mtd_weights: ClassVar[isotonic.Weights] = "patients"

    def mtd_pseudo_counts(self) -> tuple[float, float]:
        """Return none: the MTD is chosen by the rates as they are."""
        return (0.0, 0.0)

    def margin_used(self, plan: Plan) -> Fraction:
        """Return delta: as given, or the published one."""
        if self.delta is not None:
            return exact(self.delta)
        return exact(PUBLISHED_DELTA[exact(plan.target_rate)]) if self.version == "rate" else Fraction(1)

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        if self.version == "t":
            return np.array([self._by_t(plan, n, dlt) for dlt in range(n + 1)])
        target, delta = exact(plan.target_rate), self.margin_used(plan)
        dlt = np.arange(n + 1)
        return np.where(dlt <= floor((target - delta) * n), 1, np.where(dlt >= ceil((target + delta) * n), -1, 0))

    def _by_t(self, plan: Plan, n: int, dlt: int) -> int:
        off, variance = self._t_parts(plan, n, dlt)
        # |off| / sqrt(variance / n) > delta, in whole numbers.
        clear = n > 1 and off * off * n > self.margin_used(plan) ** 2 * variance
        return (-1 if off > 0 else 1) if clear else 0

    def _t_parts(self, plan: Plan, n: int, dlt: int) -> tuple[Fraction, Fraction]:
        rate = Fraction(dlt, n)
        bounded = max(rate, LEAST_RATE)
        return rate - exact(plan.target_rate), bounded * (1 - bounded)

    def boundaries(self, plan: Plan) -> dict[str, float]:
        """Return target - delta and target + delta, where rates are compared."""
        if self.version == "t":
            return {}
        target, delta = exact(plan.target_rate), self.margin_used(plan)
        return {"low": float(target - delta), "high": float(target + delta)}

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what the t-statistic is compared with."""
        if self.version == "rate":
            return ()
        delta = float(self.margin_used(plan))
        return (f"Escalate where the t-statistic is below {-delta:g}, de-escalate where it is above {delta:g}.",)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Compare the rate, or the t-statistic, with its cuts."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        action = int(moves.reason[0]) - 1
        if self.version == "rate":
            cuts = self.boundaries(plan)
            low, high = f"{cuts['low']:.4g}", f"{cuts['high']:.4g}"
            relation = {1: f"at most {low}", 0: f"between {low} and {high}", -1: f"at least {high}"}[action]
            return f"{seen_at(self, state)}, a rate of {dlt / n:.4f}, is {relation}: {action_said(state, moves)}."
        if n == 1:
            return f"{seen_at(self, state)}: one patient gives no t-statistic: {action_said(state, moves)}."
        delta = float(self.margin_used(plan))
        relation = {1: f"below {-delta:g}", 0: f"between {-delta:g} and {delta:g}", -1: f"above {delta:g}"}[action]
        t = self._t(plan, n, dlt)
        said = "infinite" if t == float("inf") else f"{t:.4f}"
        return f"{seen_at(self, state)}: the t-statistic, {said}, is {relation}: {action_said(state, moves)}."

    def _t(self, plan: Plan, n: int, dlt: int) -> float:
        off, variance = self._t_parts(plan, n, dlt)
        return float(off) / float(variance / n) ** 0.5 if variance else float("inf")

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return the distance of the rate, or of the t-statistic, to the nearer cut."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        delta = self.margin_used(plan)
        if self.version == "rate":
            gap = float(abs(abs(Fraction(dlt, n) - exact(plan.target_rate)) - delta))
            return Margin(gap, f"{gap:.4f} from the nearer cut, in DLT rate")
        t = self._t(plan, n, dlt)
        if n == 1 or t == float("inf"):
            return None
        return Margin(abs(abs(t) - float(delta)), f"{abs(abs(t) - float(delta)):.4f} from the nearer cut, in t")

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a target without a published margin, and a margin that reaches 0 or 1."""
        if self.version == "t":
            return
        target = exact(plan.target_rate)
        if self.delta is None and target not in PUBLISHED_DELTA:
            known = ", ".join(f"{float(rate):g}" for rate in PUBLISHED_DELTA)
            yield Problem(
                "delta",
                f"is missing: the paper has none for the target {plan.target_rate:g}, only for {known}; give one",
            )
        elif self.margin_used(plan) >= min(target, 1 - target):
            room = min(target, 1 - target)
            end = 0 if target <= 1 - target else 1
            yield Problem(
                "delta",
                f"{float(self.margin_used(plan)):g} reaches {end} from the target {plan.target_rate:g}; "
                f"it must be below {float(room):g}",
            )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a t-statistic of single patients."""
        if self.version == "t" and design.cohort_size == 1:
            yield "version: t never moves after the first patient at a level, whatever happened; give cohorts of two or more"

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what is compared with which cuts."""
        delta, target = self.margin_used(design), exact(design.target_rate)
        if self.version == "t":
            t = "the t-statistic (y / n - target) / sqrt(q (1 - q) / n) of the current level"
            return (
                f"After each cohort, {t}, y DLTs among n patients against the target of {number(target)}, is compared with "
                f"-{number(delta)} and {number(delta)}; q is y / n, or {number(LEAST_RATE)} where that is smaller.",
                *interval_words.compared(
                    design,
                    f"the t-statistic is below -{number(delta)}",
                    "the same otherwise, and always where one patient was treated at the level",
                    f"it is above {number(delta)}",
                ),
            )
        low, high = number(target - delta), number(target + delta)
        return (
            f"After each cohort, the observed DLT rate at the current level is compared with {low} and {high}: the target of "
            f"{number(target)} less, and plus, a margin of {number(delta)}.",
            *interval_words.compared(
                design, f"that DLT rate is at most {low}", "the same otherwise", f"it is at least {high}"
            ),
        )

    @classmethod
    def examples(cls) -> tuple[Ccd, ...]:
        """Return the published design, a wider margin, and the t-statistic."""
        return (cls(), cls(delta=0.15), cls(version="t"))
