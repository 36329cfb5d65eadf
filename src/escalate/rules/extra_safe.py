"""Stop the trial early when the lowest dose looks too toxic: BOIN's 'extra safe' option."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import Mask
from escalate.core.errors import Problem
from escalate.core.outcome import burden_units, said, score_note
from escalate.core.plan import exact
from escalate.core.rule import Rule
from escalate.core.setting import Count, Probability
from escalate.core.tally import States
from escalate.models import beta_binomial

if TYPE_CHECKING:
    from escalate.core.design import Design


class ExtraSafe(Rule):
    """Stop, with no MTD, where level 1 exceeds a cut-off lower than that of elimination.

    Notes
    -----
    Pr(p_1 > target | Beta(1 + y, 1 + n - y)) strictly above `cutoff - offset`, from `min_patients` on (the authors'
    software uses 3; some guides say "more than three").

    References
    ----------
    Yan F, Zhang L, Zhou Y, Pan H, Liu S, Yuan Y (2020). BOIN: an R package for designing single-agent and drug-combination
    dose-finding trials using Bayesian optimal interval designs. J Stat Softw 94(13):1-32.
    """

    kind: Literal["extra_safe"] = "extra_safe"
    offset: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    cutoff: Probability = 0.95
    min_patients: Count = 3

    about_safety = True

    @property
    def bar(self) -> float:
        """The cut-off at level 1, as the decimal number it is."""
        return float(exact(self.cutoff) - exact(self.offset))

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid every dose where level 1 exceeds the cut-off."""
        units, whole = burden_units(design.outcomes)
        n, burden = states.tally.n[:, 0], states.tally.burden(units)[:, 0]
        too_toxic = beta_binomial.exceeds(n, burden, whole, design.target_rate, self.bar) & (n >= self.min_patients)
        return np.broadcast_to(too_toxic[:, None], states.tally.n.shape)

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        return (
            f"The trial stops, with no MTD, when level 1 has at least {self.min_patients} evaluable patients and "
            f"Pr(p > {design.target_rate:g} | data) above {self.bar:g}, which is {self.cutoff:g} less {self.offset:g}, under a "
            "Beta(1, 1) prior."
            f"{score_note(design.outcomes)}"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give Pr(p > target) of level 1."""
        units, whole = burden_units(design.outcomes)
        n, burden = int(state.tally.n[0, 0]), int(state.tally.burden(units)[0, 0])
        value = beta_binomial.tail_of_burden(n, burden, whole, design.target_rate)
        verdict = "the trial stops" if self.forbids(design, state)[0, 0] else "the trial may go on"
        few = f"; the rule applies from {self.min_patients} patients" if n < self.min_patients else ""
        return (
            f"Level 1: {said(burden, whole, n)}, Pr(p > {design.target_rate:g}) = {value:.4f} against the cut-off {self.bar:g}"
            f"{few}: {verdict}."
        )

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a design without a target, and a cut-off that vanishes."""
        if design.target is None:
            yield Problem("kind", "extra_safe needs the design's target")
        if self.offset >= self.cutoff:
            yield Problem("offset", f"{self.offset:g} leaves nothing of the cut-off {self.cutoff:g}")

    @classmethod
    def examples(cls) -> tuple[ExtraSafe, ...]:
        """Return the published rule."""
        return (cls(),)
