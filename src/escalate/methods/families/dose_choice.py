"""Choose a dose from the probabilities that its DLT rate lies in each of a few intervals, with overdose control.

Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
27:2420-2439.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import field_validator

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.belief import Belief
from escalate.core.errors import Problem
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.plan import Plan
from escalate.core.setting import Probability, Setting

LIKELY_ENOUGH = 0.05
"""With no admissible dose more likely than this to be on target, the highest admissible one is taken (crmPack's N-CRM)."""
NOT_ADMISSIBLE = "overdose_cutoff"
"""Why the method would not give a dose."""
REASONS = ("best_admissible", "no_admissible_dose", "lowest_instead")


class DoseChoice(Setting):
    """Settings of a method that chooses by interval probabilities.

    Notes
    -----
    `intervals: [0.16, 0.33]` cuts (0, 1] into underdosing (0, 0.16], target (0.16, 0.33] and overdosing (0.33, 1]; a third
    limit divides overdosing into excessive and unacceptable. A dose is admissible where Pr(overdosing | data) is at most
    `overdose_cutoff`. Among the admissible doses `choose` takes the one most likely on target (the highest, where none is
    more likely than 0.05), the highest, or the one with the smallest expected loss; ties go to the lower dose. Where no dose
    is admissible the trial stops, unless `if_none_admissible: lowest`.
    """

    intervals: tuple[Probability, ...] = (0.16, 0.33)
    overdose_cutoff: Probability = 0.25
    choose: Literal["target", "highest", "loss"] = "target"
    losses: tuple[float, ...] | None = None
    if_none_admissible: Literal["stop", "lowest"] = "stop"

    choice_reasons: ClassVar[tuple[str, ...]] = REASONS

    @field_validator("intervals", mode="before")
    @classmethod
    def _from_pairs(cls, value: Any) -> Any:
        """Accept intervals written out, such as [[0, 0.16], [0.16, 0.33], [0.33, 1]], where they cover 0 to 1 once."""
        if not (
            isinstance(value, tuple) and value and all(isinstance(part, tuple) and len(part) == 2 for part in value)
        ):
            return value
        if value[0][0] != 0 or value[-1][1] != 1:
            raise ValueError("do not start at 0 and end at 1; write their inner limits, such as [0.16, 0.33]")
        for (_, end), (start, _) in pairwise(value):
            if start != end:
                fault = "overlap" if start < end else "leave a hole"
                raise ValueError(f"{fault} between {min(start, end):g} and {max(start, end):g}; write [0.16, 0.33]")
        return tuple(end for _, end in value[:-1])

    @field_validator("intervals")
    @classmethod
    def _increasing(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not 2 <= len(value) <= 3:
            raise ValueError(f"has {len(value)} limits; give two, or three to tell excessive from unacceptable")
        for low, high in pairwise(value):
            if high <= low:
                raise ValueError(f"overlap: {high:g} does not lie above {low:g}; list the limits from low to high")
        return value

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the target interval."""
        return self.intervals[0], self.intervals[1]

    @property
    def losses_used(self) -> tuple[float, ...]:
        """Losses of the intervals, from low to high."""
        return self.losses or ((1.0, 0.0, 1.0, 2.0) if len(self.intervals) == 3 else (1.0, 0.0, 1.0))

    def choice_problems(self) -> Iterator[Problem]:
        """Refuse losses that do not fit, and a choice that does not use them."""
        if self.losses is None:
            return
        if self.choose != "loss":
            yield Problem("losses", f"are not used with choose: {self.choose}; write 'choose: loss' or leave them out")
        elif len(self.losses) != len(self.intervals) + 1:
            yield Problem(
                "losses",
                f"has {len(self.losses)} entries for {len(self.intervals) + 1} intervals; give one an interval",
            )
        elif min(self.losses) < 0:
            yield Problem("losses", f"{min(self.losses):g} is negative; a loss is 0 or more")
        elif min(self.losses[0], *self.losses[2:]) <= self.losses[1]:
            yield Problem(
                "losses", "do not make the target interval the cheapest; every other interval costs more than it"
            )
        elif list(self.losses[2:]) != sorted(self.losses[2:]):
            yield Problem("losses", "make a higher interval of overdosing cheaper than a lower one")

    def start_doubts(self, plan: Plan, prior: Belief) -> Iterator[str]:
        """Question a start that the prior already calls an overdose."""
        over = float(self.overdosing(prior)[0, plan.start_dose])
        if over > self.overdose_cutoff:
            yield (
                f"the start level {plan.start_level} is not admissible before any patient: Pr(p > {self.intervals[1]:g}) is "
                f"{over:.3f} under the prior, against {self.overdose_cutoff:g}"
            )

    def cells(self, belief: Belief) -> FloatArray:
        """Return the probability of each interval, from low to high, shape (S, J, I)."""
        return self.cells_between(belief.probs_above(self.intervals))

    def cells_between(self, above_limits: FloatArray) -> FloatArray:
        """Return the probability of each interval, given Pr(p > limit) of each of `intervals`, shape (L, S, J)."""
        inner = list(above_limits)
        above = [np.ones_like(inner[0]), *inner, np.zeros_like(inner[0])]
        return np.stack([np.maximum(low - high, 0.0) for low, high in pairwise(above)], axis=-1)

    def undecided(self, cells: FloatArray, error: float) -> Mask:
        """Return where cells wrong by `error` could have led to another dose; shape (S,)."""
        over = cells[:, :, 2:].sum(axis=2)
        near = (np.abs(over - self.overdose_cutoff) < 2 * error).any(axis=1)
        if self.choose == "highest" or cells.shape[1] == 1:
            return near
        slack = 4 * error * (max(self.losses_used) if self.choose == "loss" else 1.0)
        # A rule may forbid the dose liked best, so that the ranks below matter too.
        ranked = np.sort(np.where(over <= self.overdose_cutoff, self.preferences(cells), np.inf), axis=1)
        both = np.isfinite(ranked[:, 1:])
        near |= (both & (np.where(both, ranked[:, 1:], 0.0) - np.where(both, ranked[:, :-1], 0.0) < slack)).any(axis=1)
        if self.choose == "target":
            near |= (np.abs(cells[:, :, 1] - LIKELY_ENOUGH) < 2 * error).any(axis=1)
        return near

    def overdose_limit(self, plan: Plan) -> float:
        """Return the upper limit of the target interval."""
        return self.intervals[1]

    @property
    def interval_names(self) -> tuple[str, ...]:
        """What the intervals are called, from low to high."""
        low, high = self.limits
        over: tuple[str, ...] = (f"p > {high:g}",)
        if len(self.intervals) == 3:
            over = (f"{high:g} < p <= {self.intervals[2]:g}", f"p > {self.intervals[2]:g}")
        return (f"p <= {low:g}", f"{low:g} < p <= {high:g}", *over)

    def summary(self, belief: Belief) -> DoseSummary:
        """Return posterior means, 95% limits, interval probabilities, and which doses are not admissible."""
        cells = self.cells(belief)
        over = cells[:, :, 2:].sum(axis=2)
        return DoseSummary(
            belief.mean(),
            belief.quantile(0.025),
            belief.quantile(0.975),
            over,
            (self.interval_names, cells),
            (NOT_ADMISSIBLE, over > self.overdose_cutoff),
        )

    def overdosing(self, belief: Belief) -> FloatArray:
        """Return Pr(p > upper limit of the target interval), shape (S, J)."""
        return belief.prob_above(self.intervals[1])

    def moves(self, cells: FloatArray, liked: FloatArray | None = None) -> Moves:
        """Return the dose wanted in each state, given the probability of each interval, shape (S, J, I).

        Parameters
        ----------
        liked
            How much each dose is liked, shape (S, J), where that is not up to the intervals.
        """
        over = cells[:, :, 2:].sum(axis=2)
        admissible = over <= self.overdose_cutoff
        preference = np.where(admissible, self.preferences(cells) if liked is None else liked, -np.inf)
        best = np.argmax(preference, axis=1)
        some = admissible.any(axis=1)
        if self.if_none_admissible == "lowest":
            preference[~some, 0] = 0.0
            return Moves(np.where(some, best, 0), np.where(some, 0, 2), preference)
        return Moves(np.where(some, best, NONE), np.where(some, 0, 1), preference)

    def preferences(self, cells: FloatArray) -> FloatArray:
        """Return how much each dose is liked, admissible or not; shape (S, J)."""
        level = np.arange(1, cells.shape[1] + 1) / (cells.shape[1] + 1)
        if self.choose == "highest":
            return np.broadcast_to(level, cells.shape[:2]).copy()
        if self.choose == "loss":
            # Losses that agree to 12 digits are tied: the lower dose is taken.
            return -np.round(cells @ np.array(self.losses_used), 12)
        target = np.round(cells[:, :, 1], 12)
        # Below the threshold only the level counts, and any dose above it is liked more.
        return np.where(target > LIKELY_ENOUGH, target, LIKELY_ENOUGH * level)

    def select_among(self, cells: FloatArray, allowed: Mask, liked: FloatArray | None = None) -> IntArray:
        """Return the dose liked best among those both allowed and admissible, or NONE; shape (S,). `liked` as in `moves`."""
        liked = self.preferences(cells) if liked is None else liked
        liked = np.where(allowed & (cells[:, :, 2:].sum(axis=2) <= self.overdose_cutoff), liked, -np.inf)
        best = np.argmax(liked, axis=1)
        return np.where(np.isfinite(liked[np.arange(len(best)), best]), best, NONE)

    def choice_margin(self, cells: FloatArray) -> Margin:
        """Return how far Pr(overdosing) of the nearest dose of a single state stands from the cut-off."""
        over = cells[0, :, 2:].sum(axis=1)
        nearest = int(np.argmin(np.abs(over - self.overdose_cutoff)))
        gap = abs(float(over[nearest]) - self.overdose_cutoff)
        return Margin(
            gap,
            f"Pr(overdosing) at level {nearest + 1} is {over[nearest]:.4f}, {gap:.4f} from the cut-off {self.overdose_cutoff:g}",
        )

    def choice_explained(self, cells: FloatArray, moves: Moves) -> str:
        """Say which doses are admissible in a single state, and why one of them is taken."""
        over = cells[0, :, 2:].sum(axis=1)
        limit, cutoff = self.intervals[1], self.overdose_cutoff
        listed = ", ".join(f"{value:.4f} at level {j + 1}" for j, value in enumerate(over))
        text = f"Pr(p > {limit:g}) is {listed}, against the cut-off {cutoff:g}"
        reason = REASONS[int(moves.reason[0])]
        if reason == "no_admissible_dose":
            return f"{text}: no dose is admissible, and the trial stops."
        if reason == "lowest_instead":
            return f"{text}: no dose is admissible; the lowest is given, as the design says."
        level = int(moves.next[0]) + 1
        highest = int(np.flatnonzero(over <= cutoff)[-1]) + 1
        target = cells[0, :, 1]
        found = f"{text}: level {highest} is the highest admissible"
        if self.choose == "highest":
            return f"{found}, and taken."
        if self.choose == "loss":
            loss = (cells[0] @ np.array(self.losses_used))[level - 1]
            return f"{found}; level {level} has the smallest expected loss, {loss:.4f}."
        if target[level - 1] <= LIKELY_ENOUGH:
            return f"{found}, and taken: no admissible dose is more likely than {LIKELY_ENOUGH:g} to be on target."
        return f"{found}; level {level} has the highest Pr({self.intervals[0]:g} < p <= {limit:g}), {target[level - 1]:.4f}."
