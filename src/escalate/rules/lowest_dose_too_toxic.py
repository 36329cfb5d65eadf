"""Stop when even the lowest dose is too toxic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import FloatArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import ModelMethod
from escalate.core.outcome import burden_units, score_note
from escalate.core.rule import Rule
from escalate.core.setting import BetaPrior, Probability
from escalate.core.tally import States
from escalate.core.wording import counted
from escalate.models import beta_binomial

if TYPE_CHECKING:
    from escalate.core.design import Design


class LowestDoseTooToxic(Rule):
    """Stop, with no MTD, where Pr(p_1 > limit | data) exceeds a cut-off, by the model or by level 1's own data.

    Notes
    -----
    Strictly above the cut-off. The limit `above` is the target unless given. `basis: beta_binomial` uses the
    data of level 1 alone and a Beta(1, 1) prior, or the one given, so it serves any method.

    References
    ----------
    Yap C, Billingham LJ, Cheung YK, Craddock C, O'Quigley J (2017). Dose transition pathways: the missing
    link between complex dose-finding designs and simple decision-making. Clin Cancer Res 23:7440-7447.
    """

    kind: Literal["lowest_dose_too_toxic"] = "lowest_dose_too_toxic"
    cutoff: Probability
    above: Probability | None = None
    basis: Literal["model", "beta_binomial"] = "model"
    min_patients: Annotated[int, Field(ge=0)] = 0
    prior: BetaPrior | None = None

    about_safety = True

    @property
    def _prior(self) -> tuple[float, float]:
        return self.prior if self.prior is not None else beta_binomial.UNIFORM

    @property
    def _beta(self) -> str:
        return f"a Beta({self._prior[0]:g}, {self._prior[1]:g})"

    def _limit(self, design: Design) -> float:
        return self.above if self.above is not None else design.target_rate

    def _probability(self, design: Design, states: States) -> FloatArray:
        method, limit = design.method, self._limit(design)
        if self.basis == "model" and isinstance(method, ModelMethod):
            return method.prob_above(design, states.tally, limit)[:, 0]
        units, whole = burden_units(design.outcomes)
        pairs = zip(states.tally.n[:, 0].tolist(), states.tally.burden(units)[:, 0].tolist(), strict=True)
        return np.array([beta_binomial.tail_of_burden(n, burden, whole, limit, self._prior) for n, burden in pairs])

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid every dose where level 1 exceeds the cut-off."""
        if self.basis == "beta_binomial":
            units, whole = burden_units(design.outcomes)
            n, burden = states.tally.n[:, 0], states.tally.burden(units)[:, 0]
            over = beta_binomial.exceeds(n, burden, whole, self._limit(design), self.cutoff, self._prior)
        else:
            over = self._probability(design, states) > self.cutoff
        # Without a patient at level 1 its own data say nothing.
        least = max(self.min_patients, 1) if self.basis == "beta_binomial" else self.min_patients
        enough = states.tally.n[:, 0] >= least
        return np.broadcast_to((over & enough)[:, None], states.tally.n.shape)

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        source = "the model" if self.basis == "model" else f"the data of level 1 and {self._beta} prior"
        least = self.min_patients or int(self.basis == "beta_binomial")
        after = f", once level 1 has at least {counted(least, 'evaluable patient')}" if least else ""
        return (
            f"The trial stops, with no MTD, when Pr(p > {self._limit(design):g} | data) at level 1, from {source}, is "
            f"above {self.cutoff:g}{after}.{score_note(design.outcomes)}"
        )

    def weighs_follow_up(self, design: Design) -> bool:
        """Return whether the probability is the model's, and the model weighs."""
        return self.basis == "model" and design.method.weighs_follow_up

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the probability at level 1."""
        value = float(self._probability(design, state)[0])
        verdict = "the trial stops" if self.forbids(design, state)[0, 0] else "the trial may go on"
        short = int(state.tally.n[0, 0]) < self.min_patients
        few = f"; the rule applies from {self.min_patients} patients" if short else ""
        return f"Level 1: Pr(p > {self._limit(design):g}) = {value:.4f} against the cut-off {self.cutoff:g}{few}: {verdict}."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a model-based rule for a method that has no posterior."""
        if self.basis == "model" and not (isinstance(design.method, ModelMethod) and design.method.has_posterior):
            yield Problem(
                "basis",
                f"{design.method.kind} here gives no posterior probability; write 'basis: beta_binomial' to use the data "
                "of level 1 alone",
            )
        if self.basis == "model" and self.prior is not None:
            yield Problem("prior", "is of no use with 'basis: model', which has the model's prior")
        if self.above is None and design.target is None:
            yield Problem("above", "is missing, and the design has no target")

    @classmethod
    def examples(cls) -> tuple[LowestDoseTooToxic, ...]:
        """Return both bases."""
        return (cls(cutoff=0.9), cls(cutoff=0.9, basis="beta_binomial", min_patients=3))
