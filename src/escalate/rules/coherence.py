"""Never escalate right after a toxic cohort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import Mask
from escalate.core.errors import Problem
from escalate.core.outcome import burden_units, rate_word, said
from escalate.core.plan import exact
from escalate.core.rule import Rule
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class Coherence(Rule):
    """Forbid escalation right after a cohort whose DLT rate is at or above the target.

    Notes
    -----
    Where outcomes are scored, the mean score takes the place of the DLT rate.

    References
    ----------
    Cheung YK (2005). Coherence principles in dose-finding studies. Biometrika 92:863-873.
    """

    kind: Literal["coherence"] = "coherence"

    def _toxic(self, design: Design, states: States) -> Mask:
        target = exact(design.target_rate)
        units, whole = burden_units(design.outcomes)
        burden, n = states.cohort @ units, states.cohort.sum(axis=1)
        # burden / (n whole) >= a / b, in whole numbers.
        return burden * target.denominator >= n * whole * target.numerator

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid every dose above the last one where its cohort was toxic."""
        above = np.arange(design.n_doses) > states.dose[:, None]
        return above & self._toxic(design, states)[:, None]

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        rate = rate_word(design.outcomes)
        return f"The dose is not escalated right after a cohort whose {rate} is {design.target_rate:g} or more."

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give what the last cohort had."""
        units, whole = burden_units(design.outcomes)
        seen = said(int(state.cohort[0] @ units), whole, int(state.cohort[0].sum()))
        verdict = "escalation is forbidden" if self._toxic(design, state)[0] else "escalation is allowed"
        return f"The last cohort had {seen} against {design.target_rate:g}: {verdict}."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a design without a target."""
        if design.target is None:
            yield Problem("kind", "coherence needs the design's target")

    @classmethod
    def examples(cls) -> tuple[Coherence, ...]:
        """Return the rule."""
        return (cls(),)
