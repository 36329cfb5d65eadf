"""BF-BOIN: BOIN where patients are backfilled to lower doses, whose outcomes can speak against the current dose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.backfill import above
from escalate.core.errors import Problem
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan
from escalate.core.tally import States, Tally
from escalate.methods.boin import Boin
from escalate.methods.families.interval import action_table
from escalate.methods.families.interval_words import pooling

if TYPE_CHECKING:
    from escalate.core.design import Design

POOLED = len(Boin.reasons)
"""Index of the first of the reasons that speak of pooled doses; action + 1 is added to it."""
SAID = {1: "escalate", 0: "stay", -1: "de-escalate"}


class BfBoin(Boin):
    """Decide as BOIN does, unless backfilled lower doses look worse than the current one: then pool them.

    Notes
    -----
    A lower dose conflicts where its own rate asks for de-escalation, or for staying while the current dose asks for escalation.
    All doses from the highest conflicting one, b, to the current one, c, are then pooled: escalate where the pooled rate is at
    most lambda_e; stay up to lambda_d, equality included; above it de-escalate to the highest k in b..c-1 whose pool b..k is not
    above lambda_d, else to b-1 (level 1 at least). Never above what BOIN says of the current dose alone.

    Compared are the lower doses with backfilled patients, where the tally says who was backfilled, else all that were tried.
    Pending patients of lower doses are left out; the trial waits for those of the current dose.
    `conflicts: every` pools from each conflicting dose and takes the lowest of the doses asked for.

    References
    ----------
    Zhao Y, Yuan Y, Korn EL, Freidlin B (2024). Backfilling patients in phase I dose-escalation trials using Bayesian optimal
    interval design (BOIN). Clin Cancer Res 30:673-679.
    """

    kind: Literal["bf_boin"] = "bf_boin"  # type: ignore[assignment]
    conflicts: Literal["highest", "every"] = "highest"

    reasons = (*Boin.reasons, "pooled_de_escalate", "pooled_stay", "pooled_escalate")
    weighs_follow_up = True

    def decide(self, plan: Plan, states: States) -> Moves:
        """Move by the table, or by the pooled doses where those say less."""
        seen = States(states.tally.known(), states.dose, states.cohort)
        action = self.categories(plan, seen.tally)[np.arange(len(seen)), seen.dose]
        following, reason = np.clip(seen.dose + action, 0, plan.n_doses - 1), action + 1
        conflict = self.conflicting(plan, states)
        for start in self._starts(conflict):
            some = np.flatnonzero(start >= 0)
            wanted, pooled = self._pooled(plan, seen.take(some), start[some])
            # A dose between the two may be so well tolerated that the pool asks for more than the current dose does.
            lower = wanted <= following[some]
            following[some[lower]], reason[some[lower]] = wanted[lower], POOLED + 1 + pooled[lower]
        waits = states.tally.n_pending[np.arange(len(states)), states.dose] > 0
        return Moves(np.where(waits, np.minimum(following, states.dose), following), reason, None, waits)

    def categories(self, plan: Plan, tally: Tally) -> IntArray:
        """Return BOIN's action for the data of each dose, 0 where it has none; shape (S, J)."""
        n_max = max(plan.max_patients, int(tally.n.max(initial=0)))
        return action_table(self, plan, n_max, 0)[tally.n, tally.dlt]

    def conflicting(self, plan: Plan, states: States) -> Mask:
        """Return the lower doses whose data speak against what the current dose asks for; shape (S, J)."""
        known, given = states.tally.known(), states.tally.backfilled
        category = self.categories(plan, known)
        now = category[np.arange(len(states)), states.dose][:, None]
        compared = (np.arange(plan.n_doses) < states.dose[:, None]) & known.tried
        if given is not None:
            compared &= given > 0
        return compared & ((category == -1) | ((category == 0) & (now == 1)))

    def _starts(self, conflict: Mask) -> Iterator[IntArray]:
        """Yield, by state, the dose from which to pool, or -1; each of shape (S,)."""
        dose = np.where(conflict, np.arange(conflict.shape[1]), -1)
        if self.conflicts == "highest":
            yield dose.max(axis=1)
        else:
            yield from dose.T

    def _pooled(self, plan: Plan, states: States, start: IntArray) -> tuple[IntArray, IntArray]:
        """Return the dose that the pool from a start to the current dose asks for, and its action; each of shape (S,)."""
        lambda_d, row = self.boundaries(plan)["lambda_d"], np.arange(len(states))
        n, dlt = self._pools(states.tally, start)
        action = self._action(plan, n[row, states.dose], dlt[row, states.dose])
        dose = np.arange(plan.n_doses)
        safe = (dose >= start[:, None]) & (dose < states.dose[:, None]) & ~above(lambda_d, n, dlt)
        highest = plan.n_doses - 1 - np.argmax(safe[:, ::-1], axis=1)
        down = np.where(safe.any(axis=1), highest, np.maximum(start - 1, 0))
        up = np.minimum(states.dose + 1, plan.n_doses - 1)
        return np.where(action < 0, down, np.where(action > 0, up, states.dose)), action

    @staticmethod
    def _pools(tally: Tally, start: IntArray) -> tuple[IntArray, IntArray]:
        """Return patients and DLTs of the doses from a start to each dose, 0 below the start; each of shape (S, J)."""
        within = np.arange(tally.n_doses) >= start[:, None]
        return np.cumsum(np.where(within, tally.n, 0), axis=1), np.cumsum(np.where(within, tally.dlt, 0), axis=1)

    def _action(self, plan: Plan, n: IntArray, dlt: IntArray) -> IntArray:
        """Return what a pooled rate asks for; a rate equal to lambda_d stays, unlike that of a single dose."""
        cuts = self.boundaries(plan)
        return np.where(dlt <= np.floor(cuts["lambda_e"] * n), 1, np.where(above(cuts["lambda_d"], n, dlt), -1, 0))

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Compare the observed rate with the two cuts, and that of the pooled doses."""
        seen = States(state.tally.known(), state.dose, state.cohort)
        c, row = int(state.dose[0]), self._waiting(state)
        if not seen.tally.n[0, c]:
            return f"No outcome is known yet at level {c + 1}.{row}"
        conflict = self.conflicting(plan, state)
        action = int(self.categories(plan, seen.tally)[0, c])
        plain = Moves(np.clip(state.dose + action, 0, plan.n_doses - 1), np.array([action + 1]))
        alone = super().explain(plan, seen, plain)
        if not conflict.any():
            return alone + row
        starts = [int(start[0]) for start in self._starts(conflict) if start[0] >= 0]
        asked = [(b, *self._pooled(plan, seen, np.array([b]))) for b in reversed(starts)]
        b, wanted, pooled = min(((b, int(to[0]), int(act[0])) for b, to, act in asked), key=lambda one: one[1])
        n, dlt = (int(x[0, c]) for x in self._pools(seen.tally, np.array([b])))
        levels = f"{b + 1} {'and' if c == b + 1 else 'to'} {c + 1}"
        text = (
            f"{alone} Level {b + 1} conflicts with that: {int(seen.tally.dlt[0, b])}/{int(seen.tally.n[0, b])} DLTs. Levels "
            f"{levels} together have {dlt}/{n}; the rate of {dlt / n:.4f} {self._relation(plan, pooled)}: "
        )
        if int(moves.reason[0]) < POOLED:
            return f"{text}{SAID[pooled]}. That is more than level {c + 1} by itself asks for: {SAID[action]}.{row}"
        blocked = ", but there is no level above" if pooled > 0 and wanted == c else ""
        to = f" to level {wanted + 1}" if pooled < 0 else blocked
        return f"{text}{SAID[pooled]}{to}.{row}"

    def _relation(self, plan: Plan, action: int) -> str:
        cuts = self.boundaries(plan)
        low, high = f"lambda_e = {cuts['lambda_e']:.4f}", f"lambda_d = {cuts['lambda_d']:.4f}"
        return {1: f"is at most {low}", 0: f"is above {low} and not above {high}", -1: f"is above {high}"}[action]

    @staticmethod
    def _waiting(state: States) -> str:
        n = int(state.tally.n_pending[0, int(state.dose[0])])
        who = "patient is" if n == 1 else "patients are"
        return f" {n} {who} pending at level {int(state.dose[0]) + 1}; the trial waits." if n else ""

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return the distance of the observed rate, or of the pooled one that decides, to the nearer cut."""
        seen, c = States(state.tally.known(), state.dose, state.cohort), int(state.dose[0])
        if not seen.tally.n[0, c]:
            return None
        if int(self.decide(plan, state).reason[0]) < POOLED:
            return super().margin(plan, seen)
        if self.conflicts == "every":
            return None
        n, dlt = (int(x[0, c]) for x in self._pools(seen.tally, next(self._starts(self.conflicting(plan, state)))))
        name, cut = min(self.boundaries(plan).items(), key=lambda item: abs(item[1] - dlt / n))
        return Margin(abs(cut - dlt / n), f"{abs(cut - dlt / n):.4f} from {name} = {cut:.4f}, in pooled DLT rate")

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say that lower doses may speak against the table."""
        return (
            "Where a lower level with backfilled patients conflicts with the current one, the pooled rate decides, and never for "
            "more than the table says.",
        )

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what BOIN refuses, and what would not be this design."""
        yield from super().problems(plan)
        if self.titration:
            yield Problem(
                "titration", "bf_boin has no titration: patients are backfilled once whole cohorts were treated"
            )
        if self.preset is not None:
            yield Problem(
                "preset", f"{self.preset} is the design submitted to FDA, local BOIN without backfill; use boin"
            )
        if plan.backfill is not None and not plan.backfill.counts_in_tally:
            yield Problem(
                "kind", "bf_boin decides by backfilled patients; it cannot have counts_in_tally: false in backfill"
            )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a design in which nobody is backfilled."""
        if design.backfill is None:
            yield "nobody is backfilled, so that this is boin; the setting 'backfill' of the design is not there"

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what BOIN does, and when levels are pooled."""
        return (*super().describe(design), *pooling(self.conflicts))

    @classmethod
    def examples(cls) -> tuple[BfBoin, ...]:
        """Return the published design, and pools from every conflicting dose."""
        return (cls(), cls(conflicts="every"))
