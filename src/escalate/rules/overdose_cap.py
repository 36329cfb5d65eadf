"""Forbid doses that are likely to be overdoses: escalation with overdose control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import Mask
from escalate.core.errors import Problem
from escalate.core.method import ModelMethod
from escalate.core.outcome import burden_units, score_note
from escalate.core.rule import Rule
from escalate.core.setting import Count, Probability
from escalate.core.tally import States
from escalate.models import beta_binomial

if TYPE_CHECKING:
    from escalate.core.design import Design


class OverdoseCap(Rule):
    """Forbid each dose, and all above it, where Pr(p > limit | data) exceeds a cut-off.

    Notes
    -----
    Strictly above the cut-off: at the cut-off a dose is allowed. The limit `above` is the target unless given. `basis: model`
    asks the method's posterior of every dose, tried or not; `basis: beta_binomial` uses Beta(1, 1) and each dose's own data,
    so that an untried dose is barred only by one below it. `min_patients` counts those whose data the probability rests on:
    of the whole trial for the model, at the dose for `beta_binomial`. Unlike `eliminate` it judges the data as they stand, so
    that a dose may be allowed again. When level 1 is forbidden the trial stops, with no MTD.

    References
    ----------
    Babb J, Rogatko A, Zacks S (1998). Cancer phase I clinical trials: efficient dose escalation with overdose control. Stat
    Med 17:1103-1120.
    Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
    27:2420-2439.
    """

    kind: Literal["overdose_cap"] = "overdose_cap"
    cutoff: Probability
    above: Probability | None = None
    basis: Literal["model", "beta_binomial"] = "model"
    min_patients: Count = 1

    about_safety = True

    def _limit(self, design: Design) -> float:
        return self.above if self.above is not None else design.target_rate

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid each dose at or above one that exceeds the cut-off."""
        tally, method, limit = states.tally, design.method, self._limit(design)
        if self.basis == "model":
            assert isinstance(method, ModelMethod)
            over = method.prob_above(design, tally, limit) > self.cutoff
            over &= (tally.n_total >= self.min_patients)[:, None]
        else:
            units, whole = burden_units(design.outcomes)
            over = beta_binomial.exceeds(tally.n, tally.burden(units), whole, limit, self.cutoff)
            over &= tally.n >= self.min_patients
        return np.logical_or.accumulate(over, axis=1)

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        source = "the model" if self.basis == "model" else "the data of the dose and a Beta(1, 1) prior"
        where = "in the trial" if self.basis == "model" else "at the dose"
        after = f", from {self.min_patients} evaluable patients {where} on" if self.min_patients > 1 else ""
        return (
            f"A dose with Pr(p > {self._limit(design):g} | data), from {source}, above {self.cutoff:g} is forbidden with all "
            f"doses above it{after}, as long as the data say so; the trial stops, with no MTD, when level 1 "
            f"is.{score_note(design.outcomes)}"
        )

    def weighs_follow_up(self, design: Design) -> bool:
        """Return whether the probability is the model's, and the model weighs."""
        return self.basis == "model" and design.method.weighs_follow_up

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give Pr(p > limit) of each dose, or of each dose tried."""
        tally, method, limit = state.tally, design.method, self._limit(design)
        if self.basis == "model":
            assert isinstance(method, ModelMethod)
            values = dict(enumerate(method.prob_above(design, tally, limit)[0].tolist()))
        else:
            units, whole = burden_units(design.outcomes)
            n, burden = tally.n[0].tolist(), tally.burden(units)[0].tolist()
            values = {
                j: beta_binomial.tail_of_burden(n[j], burden[j], whole, limit) for j in np.flatnonzero(n).tolist()
            }
        out = self.forbids(design, state)[0]
        verdict = (
            f"level {int(np.argmax(out)) + 1} and all above are forbidden" if out.any() else "no dose is forbidden"
        )
        listed = ", ".join(f"{value:.4f} at level {j + 1}" for j, value in values.items())
        few = f"; the rule applies from {self.min_patients} patients" if self.min_patients > 1 else ""
        return f"Pr(p > {limit:g}) is {listed}, against the cut-off {self.cutoff:g}{few}: {verdict}."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a model-based rule for a method that has no posterior."""
        if self.basis == "model" and not (isinstance(design.method, ModelMethod) and design.method.has_posterior):
            yield Problem(
                "basis",
                f"{design.method.kind} here gives no posterior probability; write 'basis: beta_binomial' to use the data "
                "of each dose alone",
            )
        if self.above is None and design.target is None:
            yield Problem("above", "is missing, and the design has no target")

    def table_note(self, design: Design) -> str:
        """Say that it asks anew each time."""
        return "What overdose_cap forbids stands under 'eliminate'; it is asked anew after each cohort and may open a level again."

    @classmethod
    def examples(cls) -> tuple[OverdoseCap, ...]:
        """Return both bases."""
        return (cls(cutoff=0.25, above=0.33), cls(cutoff=0.9, basis="beta_binomial", min_patients=3))
