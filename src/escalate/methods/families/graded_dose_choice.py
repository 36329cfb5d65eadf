"""Choose a dose by its DLT rate, where milder grades may bar doses too."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, FloatArray, Mask
from escalate.core.moves import Margin, Moves
from escalate.methods.families.dose_choice import LIKELY_ENOUGH, REASONS, DoseChoice
from escalate.methods.families.ordinal_settings import THREE, Grade, GradeLimit

GRADED_REASONS = (*REASONS, "held_by_milder_outcome")


class GradedDoseChoice(DoseChoice):
    """Settings of a method that models graded outcomes and chooses by interval probabilities of the DLT rate.

    Notes
    -----
    As `DoseChoice`, with `choose: nearest` besides: the admissible dose whose posterior mean is nearest to the target. A dose
    beyond one of the `grade_limits` is not admissible. What the choice looks at are `figures`, shape (S, J, I + 1 + L): the
    probability of each interval, the posterior mean, and Pr(beyond) of each limit.
    """

    grades: Annotated[tuple[Grade, ...], Field(min_length=3, max_length=9)] = THREE
    grade_limits: Annotated[tuple[GradeLimit, ...], Field(min_length=1, max_length=8)] | None = None
    choose: Literal["target", "highest", "loss", "nearest"] = "target"  # type: ignore[assignment]

    def place(self, letter: str) -> int:
        """Return which category a letter is, 0-based."""
        return [grade.letter for grade in self.grades].index(letter)

    def excess(self, figures: FloatArray) -> FloatArray:
        """Return Pr(overdosing) and Pr(beyond) of each grade limit less their cut-offs, shape (S, J, 1 + L)."""
        n_cells = len(self.intervals) + 1
        over = figures[:, :, 2:n_cells].sum(axis=2) - self.overdose_cutoff
        cutoffs = np.array([each.cutoff for each in self.grade_limits or ()])
        return np.concatenate([over[..., None], figures[:, :, n_cells + 1 :] - cutoffs], axis=2)

    def liked(self, figures: FloatArray, target: float) -> FloatArray:
        """Return how much each dose is liked, -inf where it is not admissible; shape (S, J)."""
        n_cells = len(self.intervals) + 1
        if self.choose == "nearest":
            # Distances that agree to 9 digits are tied: the lower dose is taken.
            distance: FloatArray = np.abs(figures[:, :, n_cells] - target)
            preference = np.asarray(-np.round(distance, 9), dtype=np.float64)
        else:
            preference = self.preferences(figures[:, :, :n_cells])
        return np.where((self.excess(figures) <= 0).all(axis=2), preference, -np.inf)

    def in_doubt(self, target: float, figures: FloatArray, error: float) -> Mask:
        """Return where figures wrong by `error` could have led to another dose; shape (S,)."""
        near = np.asarray((np.abs(self.excess(figures)) < 2 * error).any(axis=(1, 2)))
        if self.choose == "highest" or figures.shape[1] == 1:
            return near
        slack = 4 * error * (max(self.losses_used) if self.choose == "loss" else 1.0)
        liked = self.liked(figures, target)
        # All pairs count, not the best two alone: a rule may forbid the best. Doses that are not admissible do not compete.
        barred = -1e6 * np.arange(1, liked.shape[1] + 1)
        apart = np.diff(np.sort(np.where(np.isfinite(liked), liked, barred), axis=1), axis=1)
        near |= (apart < slack).any(axis=1)
        if self.choose == "target":
            near |= (np.abs(figures[:, :, 1] - LIKELY_ENOUGH) < 2 * error).any(axis=1)
        return near

    def graded_choice_explained(self, figures: FloatArray, moves: Moves, target: float) -> str:
        """Say what bars doses in a single state, and why one of them is taken."""
        excess = self.excess(figures)[0]
        listed = _by_level(excess[:, 0] + self.overdose_cutoff)
        text = f"Pr(DLT rate > {self.intervals[1]:g}) is {listed}, against the cut-off {self.overdose_cutoff:g}"
        for k, limit in enumerate(self.grade_limits or (), start=1):
            worse = f"{self.grades[self.place(limit.letter)].name} or worse"
            text += f"; Pr({worse} in more than {limit.above:g}) is {_by_level(excess[:, k] + limit.cutoff)}"
            text += f", against {limit.cutoff:g}"
        reason = GRADED_REASONS[int(moves.reason[0])]
        if reason == "no_admissible_dose":
            return f"{text}: no dose is admissible, and the trial stops."
        if reason == "lowest_instead":
            return f"{text}: no dose is admissible; the lowest is given, as the design says."
        if reason == "held_by_milder_outcome":
            after = "the trial stops" if moves.next[0] == NONE else f"level {int(moves.next[0]) + 1} is wanted"
            return (
                f"{text}: for this outcome alone the model would go higher than for a milder outcome of the last cohort; as after "
                f"that one, {after}."
            )
        highest = int(np.flatnonzero((excess <= 0).all(axis=1))[-1]) + 1
        return f"{text}: level {highest} is the highest admissible{self._why(figures[0], int(moves.next[0]), target)}"

    def _why(self, figures: FloatArray, dose: int, target: float) -> str:
        """Return why a dose is taken: the end of a sentence."""
        n_cells = len(self.intervals) + 1
        if self.choose == "highest":
            return ", and taken."
        if self.choose == "nearest":
            return (
                f"; the posterior mean of level {dose + 1}, {figures[dose, n_cells]:.4f}, is nearest to the target "
                f"{target:g}."
            )
        if self.choose == "loss":
            loss = float(figures[dose, :n_cells] @ np.array(self.losses_used))
            return f"; level {dose + 1} has the smallest expected loss, {loss:.4f}."
        if figures[dose, 1] <= LIKELY_ENOUGH:
            return f", and taken: no admissible dose is more likely than {LIKELY_ENOUGH:g} to be on target."
        low, high = self.limits
        return f"; level {dose + 1} has the highest Pr({low:g} < DLT rate <= {high:g}), {figures[dose, 1]:.4f}."

    def graded_choice_margin(self, figures: FloatArray) -> Margin:
        """Return how far the nearest probability of a single state stands from its cut-off."""
        excess = self.excess(figures)[0]
        dose, which = np.unravel_index(int(np.argmin(np.abs(excess))), excess.shape)
        gap = abs(float(excess[dose, which]))
        limits = self.grade_limits or ()
        name = "Pr(overdosing)" if which == 0 else f"Pr(beyond the limit of {limits[int(which) - 1].letter})"
        cutoff = self.overdose_cutoff if which == 0 else limits[int(which) - 1].cutoff
        return Margin(
            gap,
            f"{name} at level {int(dose) + 1} is {excess[dose, which] + cutoff:.4f}, {gap:.4f} from the cut-off {cutoff:g}",
        )


def _by_level(values: FloatArray) -> str:
    return ", ".join(f"{value:.4f} at level {j + 1}" for j, value in enumerate(values))
