"""Choose a dose from one estimate of each dose's DLT probability: how far from the target is too far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.moves import Margin
from escalate.core.setting import Setting

TIE = 1e-9
"""Estimates whose distances to the target differ by less are tied; the lower dose is taken."""
SMALLEST = 1e-300
LARGEST = 1 - 1e-16


class EstimateChoice(Setting):
    """Settings of a method that chooses by estimates that increase with the dose.

    Notes
    -----
    `nearest`: the dose whose estimate p is nearest to the target. `cibp`: the dose with the smallest
    (p - target)^2 / (p^a (1 - p)^(2 - a)), a being `asymmetry`: with a = 1 it is symmetric between DLT and none, a smaller one
    penalises overdosing more. `highest_below`: the highest dose with an estimate at or below the target; the lowest where none
    is. Ties go to the lower dose.

    References
    ----------
    Mozgunov P, Jaki T (2020). Improving safety of the continual reassessment method via a modified allocation rule. Stat Med
    39:906-922. [choose: cibp]
    """

    choose: Literal["nearest", "cibp", "highest_below"] = "nearest"
    asymmetry: Annotated[float, Field(gt=0, lt=2)] | None = None

    choice_reasons: ClassVar[dict[str, str]] = {
        "nearest": "nearest_to_target",
        "cibp": "smallest_criterion",
        "highest_below": "highest_below_target",
    }

    def chosen(self, estimates: FloatArray, target: float, allowed: Mask) -> IntArray:
        """Return the allowed dose that `choose` takes, or NONE; shape (S,)."""
        if self.choose == "nearest":
            return nearest(estimates, target, allowed)
        if self.choose == "cibp":
            return least(self.criterion(estimates, target), estimates, target, allowed)
        below = allowed & (estimates <= target + TIE)
        highest = estimates.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1)
        return np.where(below.any(axis=1), highest, np.where(allowed.any(axis=1), np.argmax(allowed, axis=1), NONE))

    def criterion(self, estimates: FloatArray, target: float) -> FloatArray:
        """Return what CIBP makes small at each dose, shape (S, J)."""
        a = 1.0 if self.asymmetry is None else self.asymmetry
        p = np.clip(estimates, SMALLEST, LARGEST)
        return (p - target) ** 2 * np.exp(-a * np.log(p) - (2 - a) * np.log1p(-p))

    def choice_problems(self) -> Iterator[Problem]:
        """Refuse an asymmetry without its criterion, and the reverse."""
        if self.choose == "cibp" and self.asymmetry is None:
            yield Problem(
                "asymmetry", "is missing; choose: cibp needs it: 1 is symmetric, 0.5 or 0.25 avoid overdosing more"
            )
        if self.choose != "cibp" and self.asymmetry is not None:
            yield Problem("asymmetry", f"belongs to choose: cibp; choose: {self.choose} does not use it")

    def choice_explained(self, estimates: FloatArray, target: float, level: int) -> str:
        """Give the estimates of one state, shape (J,), and why the level (from 1) follows from them."""
        listed = ", ".join(f"{p:.3f}" for p in estimates)
        text, p = f"Estimated DLT probabilities are {listed}; ", estimates[level - 1]
        if self.choose == "nearest":
            return text + f"level {level} ({p:.4f}) is nearest to the target {target:g}."
        if self.choose == "cibp":
            values = ", ".join(f"{value:.4g}" for value in self.criterion(estimates, target))
            return (
                text
                + f"the criterion with asymmetry {self.asymmetry:g} is {values}, smallest at level {level}, against the "
                f"target {target:g}."
            )
        if p > target + TIE:
            return text + f"none is at or below the target {target:g}, so that the lowest level follows."
        return text + f"level {level} ({p:.4f}) is the highest at or below the target {target:g}."

    def choice_margin(self, estimates: FloatArray, target: float) -> Margin | None:
        """Return how far the estimates of one state, shape (J,), stand from another choice; None with a single dose."""
        if len(estimates) == 1:
            return None
        if self.choose == "highest_below":
            # Level 1 is taken whether or not it is below: only the levels above it can change the choice.
            gap = float(np.abs(estimates[1:] - target).min())
            return Margin(gap, f"{gap:.4f} from the target to the nearest estimate that could change the level")
        if self.choose == "cibp":
            value = np.sort(self.criterion(estimates, target))
            gap = float(value[1] - value[0])
            return Margin(gap, f"{gap:.4g} less in the criterion than the second smallest level")
        distance = np.sort(np.abs(estimates - target))
        gap = float(distance[1] - distance[0])
        return Margin(gap, f"{gap:.4f} nearer to the target than the second nearest level, in DLT probability")


def nearest(estimates: FloatArray, target: float, allowed: Mask) -> IntArray:
    """Return the allowed dose nearest to the target, the lower one on ties, or NONE; shape (S,)."""
    return least(np.abs(estimates - target), estimates, target, allowed)


def least(loss: FloatArray, estimates: FloatArray, target: float, allowed: Mask) -> IntArray:
    """Return the allowed dose with the smallest loss, the lower one on ties, or NONE; shape (S,).

    Parameters
    ----------
    loss
        Falls with the estimate up to the target and rises beyond; shape (S, J).

    Notes
    -----
    Estimates increase with the dose, so the choice is between the highest allowed dose at or below the target and the
    lowest above it. Where all are (even indistinguishably) below, that is the highest allowed.
    """
    n_doses = estimates.shape[1]
    below, above = allowed & (estimates <= target), allowed & (estimates > target)
    lower = n_doses - 1 - np.argmax(below[:, ::-1], axis=1)
    upper = np.argmax(above, axis=1)
    row = np.arange(len(estimates))
    upper_less = loss[row, lower] > loss[row, upper] + TIE
    has_lower, has_upper = below.any(axis=1), above.any(axis=1)
    choice = np.where(has_lower & ~(has_upper & upper_less), lower, upper)
    return np.where(has_lower | has_upper, choice, NONE)
