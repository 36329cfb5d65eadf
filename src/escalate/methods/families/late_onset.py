"""Interval methods for late toxicity: the follow-up so far of pending patients decides where outcomes are not known.

With n patients at a dose, s DLTs among them and c outcomes pending, the action depends on one number more: the follow-up of
the pending patients, in windows, summed (STFT). It is fixed before the trial as two cuts of the STFT for each (n, s, c).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.errors import Problem
from escalate.core.follow_up import FollowUp
from escalate.core.moves import DoseSummary, Margin, Moves, PendingRow
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.methods.families import late_onset_words
from escalate.methods.families.interval import IntervalMethod, action_said, action_table, seen_at
from escalate.methods.families.keys import Keys
from escalate.methods.families.pending_rows import pending_rows
from escalate.methods.families.toxicity_intervals import Masses, said_interval
from escalate.models import beta_binomial, isotonic
from escalate.rules.min_follow_up import MinFollowUp
from escalate.rules.suspend_when_pending import SuspendWhenPending

if TYPE_CHECKING:
    from escalate.core.design import Design

Share = Annotated[float, Field(ge=0, le=1)]
# The least effective number of patients that says anything: at exactly none the dose stays.
LEAST = 1e-9
# Cuts on the scale of follow-up are found to this many windows.
PRECISION = 1e-10
NOTHING = "nothing is known of the level yet"


@dataclass(frozen=True, eq=False)
class FollowUpCuts:
    """Cuts of the summed follow-up of the pending patients (STFT, in windows), by [n, DLTs, pending].

    Parameters
    ----------
    escalate_from
        Escalate where the STFT is at least this: inf never, -inf always.
    deescalate_to
        De-escalate where the STFT is at most this: -inf never, inf always.
    """

    escalate_from: FloatArray
    deescalate_to: FloatArray

    def action(self, stft: FloatArray) -> IntArray:
        """Return +1, 0 or -1 by the summed follow-up, of the shape of the cuts."""
        return np.where(stft >= self.escalate_from, 1, np.where(stft <= self.deescalate_to, -1, 0))


class LateOnset(IntervalMethod):
    """What an interval method needs to decide while outcomes are pending; with all known it is the method it stands before.

    Notes
    -----
    `thirds` are the prior probabilities that a DLT comes in the first, second and last third of the window. The follow-up u
    of a pending patient then weighs sum_k thirds_k min(max(3u - k + 1, 0), 1); without them it weighs u.
    """

    thirds: tuple[Share, Share, Share] | None = None

    weighs_follow_up: ClassVar[bool] = True

    @abstractmethod
    def pending_cuts(self, plan: Plan, n: IntArray, dlt: IntArray, pending: IntArray) -> FollowUpCuts:
        """Return the cuts where outcomes are pending, of the shape of the counts, with dlt + pending <= n."""

    @abstractmethod
    def explain_pending(self, plan: Plan, state: States, moves: Moves, known: int, stft: float) -> str:
        """Say why a single state with pending outcomes has its move: what follows the counts and a colon."""

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the rules of the method for known outcomes, and when accrual waits."""
        return (*super().published_rules(), SuspendWhenPending(), MinFollowUp())

    def cuts(self, plan: Plan, n_max: int) -> FollowUpCuts:
        """Return the cuts for up to n_max patients at a dose, each of shape (n_max + 1,) * 3: [n, DLTs, pending].

        Counts that cannot be (more DLTs and pending outcomes than patients) stay.
        """
        return _grid(self, plan, n_max)

    def cuts_at(self, plan: Plan, n: IntArray, dlt: IntArray, pending: IntArray) -> FollowUpCuts:
        """Return the cuts for some counts, of their shape; with nothing pending they give the action for known outcomes."""
        up, down = np.full(n.shape, np.inf), np.full(n.shape, -np.inf)
        known = (pending == 0) & (dlt <= n)
        if known.any():
            table = action_table(self, plan, max(plan.max_patients, int(n[known].max())), 0)[n[known], dlt[known]]
            up[known] = np.where(table > 0, -np.inf, np.inf)
            down[known] = np.where(table < 0, np.inf, -np.inf)
        some = (pending > 0) & (dlt + pending <= n)
        if some.any():
            found = self.pending_cuts(plan, n[some], dlt[some], pending[some])
            up[some], down[some] = found.escalate_from, found.deescalate_to
        return FollowUpCuts(up, down)

    def pending_rows(self, plan: Plan) -> tuple[PendingRow, ...]:
        """Return the cuts of the summed follow-up for whole cohorts, up to four, and at least half of the outcomes known."""
        largest = min(self.largest_at_dose(plan), 4 * plan.cohort_size)
        counts = [
            (n, dlt, pending)
            for n in range(plan.cohort_size, largest + 1, plan.cohort_size)
            for dlt in range(n + 1)
            for pending in range(1, min(n // 2, n - dlt) + 1)
        ]
        found = self.cuts_at(plan, *np.array(counts, dtype=np.int64).reshape(-1, 3).T)
        return pending_rows(counts, found.escalate_from.tolist(), found.deescalate_to.tolist())

    def table_actions(self, plan: Plan, states: States) -> IntArray:
        """Return the action at the current dose of each state, shape (S,)."""
        if states.tally.pending is None:
            return super().table_actions(plan, states)
        n, dlt = states.tally.at(states.dose)
        pending = states.tally.n_pending[np.arange(len(states)), states.dose]
        return self.cuts_at(plan, n, dlt, pending).action(self.stft(states.tally.pending, states.dose[:, None])[:, 0])

    def weigh(self, share: FloatArray) -> FloatArray:
        """Return what shares of the window count as, of any shape.

        Examples
        --------
        >>> from escalate.methods.tite_boin import TiteBoin
        >>> TiteBoin(thirds=(0.1, 0.2, 0.7)).weigh(np.array([30, 48, 75]) / 90).round(4).tolist()
        [0.1, 0.22, 0.65]
        """
        if self.thirds is None:
            return share
        parts = [v * np.clip(3 * share - k, 0.0, 1.0) for k, v in enumerate(self.thirds)]
        return parts[0] + parts[1] + parts[2]

    def stft(self, pending: FollowUp, dose: IntArray) -> FloatArray:
        """Return the summed weights of the pending patients at some doses of each state, (S, K) in and out."""
        at = pending.dose[:, None, :] == dose[:, :, None]
        return np.where(at, self.weigh(pending.share)[:, None, :], 0.0).sum(axis=2)

    def effective(self, tally: Tally) -> FloatArray:
        """Return the effective number of patients by state and dose: known outcomes and the weights of the pending; (S, J)."""
        if tally.pending is None:
            return tally.n.astype(np.float64)
        doses = np.tile(np.arange(tally.n_doses), (len(tally), 1))
        return tally.n - tally.n_pending + self.stft(tally.pending, doses)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates, limits and Pr(p > target) of DLTs among effective patients."""
        if tally.pending is None:
            return super().summarise(plan, tally)
        return isotonic.summarise(tally.dlt, self.effective(tally), plan.target)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Say what the known outcomes, or with some pending what the follow-up as well, has to do with the cuts."""
        pending, stft = self._pending(state)
        if not pending:
            return super().explain(plan, state, moves)  # type: ignore[safe-super]
        known = int(state.tally.n[0, state.dose[0]]) - pending
        weighed = "" if self.thirds is None else ", weighed by thirds of the window"
        seen = f"{seen_at(self, state)}, {pending} pending with {stft:.4f} windows of follow-up (STFT{weighed})"
        return f"{seen}: {self.explain_pending(plan, state, moves, known, stft)}: {action_said(state, moves)}."

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far the follow-up stands from the nearer cut; that of the known outcomes where none is pending."""
        pending, stft = self._pending(state)
        if not pending:
            return super().margin(plan, state)
        n, dlt = state.tally.at(state.dose)
        cuts = self.cuts_at(plan, n, dlt, np.array([pending]))
        named = (("escalation", float(cuts.escalate_from[0])), ("de-escalation", float(cuts.deescalate_to[0])))
        # Only what these patients can still reach.
        near = [(name, cut) for name, cut in named if 0 <= cut <= pending]
        if not near:
            return None
        name, cut = min(near, key=lambda item: abs(item[1] - stft))
        gap = abs(cut - stft)
        return Margin(gap, f"{gap:.4f} windows of follow-up from {name}, at {cut:.4f}")

    def _pending(self, state: States) -> tuple[int, float]:
        if state.tally.pending is None:
            return 0, 0.0
        stft = self.stft(state.tally.pending, state.dose[:, None])
        return int(state.tally.n_pending[0, state.dose[0]]), float(stft[0, 0])

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what the method does with known outcomes, and what while some are pending."""
        known = super().describe(design)
        return (*known, *late_onset_words.pending(self.thirds), self.describe_pending(design))

    @abstractmethod
    def describe_pending(self, design: Design) -> str:
        """Say in a sentence what decides while outcomes at the current level are pending."""

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say for which outcomes the table is."""
        return (
            *super().table_notes(plan),
            "The table is for known outcomes; while some are pending the summed follow-up of those patients decides too.",
        )

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse thirds that are no distribution."""
        yield from super().problems(plan)
        if self.thirds is not None and abs(sum(self.thirds) - 1) > PRECISION:
            yield Problem("thirds", f"adds up to {sum(self.thirds):g}; the three probabilities must add up to 1")

    def doubts(self, design: Design) -> Iterator[str]:
        """Question an escalation on no known outcome, and a design in which nothing can be pending."""
        yield from super().doubts(design)
        if design.dlt_window is None:
            yield f"without dlt_window no outcome can be pending, and {self.kind} decides on known outcomes alone"
        if not any(isinstance(rule, MinFollowUp) for rule in design.rules):
            yield (
                f"without min_follow_up, {self.kind} can escalate while hardly any outcome at the dose is known: "
                "0 DLTs among patients just treated are few DLTs to it"
            )


@cache
def _grid(method: LateOnset, plan: Plan, n_max: int) -> FollowUpCuts:
    n, dlt, pending = np.indices((n_max + 1,) * 3)
    found = method.cuts_at(plan, n, dlt, pending)
    for cut in (found.escalate_from, found.deescalate_to):
        cut.flags.writeable = False
    return found


class LateOnsetKeys(LateOnset, Keys):
    """Keys under Beta(a + s, b + ESS - s): a pending patient is the part of a patient without DLT that was followed.

    Notes
    -----
    (1 - w p) is put as (1 - p)^w for a pending patient of weight w (Lin and Yuan 2020), so that the effective number of
    patients, ESS, is the known outcomes and the weights of the pending. With s fixed, more follow-up only ever moves the
    strongest key down (the likelihood ratio is monotone), so there is one cut for each action; bisection finds it.
    """

    def pending_cuts(self, plan: Plan, n: IntArray, dlt: IntArray, pending: IntArray) -> FollowUpCuts:
        """Return the effective numbers of patients that escalate and de-escalate, less the known outcomes."""
        ends = np.array([ess_of_keys(self, plan, s) for s in range(int(dlt.max(initial=0)) + 1)])
        return FollowUpCuts(ends[dlt, 0] - (n - pending), ends[dlt, 1] - (n - pending))

    def describe_pending(self, design: Design) -> str:
        """Say which posterior decides."""
        return late_onset_words.keys(self.prior)

    def masses_at(self, plan: Plan, dlt: int, ess: float) -> Masses:
        """Return the posterior masses of the keys for an effective number of patients, as the single row of a table."""
        edges, (a, b) = self.keys(plan)[0], self.prior
        above = [beta_binomial.sf(float(edge), a + dlt, b + ess - dlt) for edge in edges]
        return Masses(edges, (tuple(x - z for x, z in pairwise(above)),), 1.0)

    def explain_pending(self, plan: Plan, state: States, moves: Moves, known: int, stft: float) -> str:
        """Give the effective number of patients and the strongest key."""
        if known + stft == 0:
            return NOTHING
        (edges, target), dlt = self.keys(plan), int(state.tally.at(state.dose)[1][0])
        masses = self.masses_at(plan, dlt, known + stft)
        best, upm = masses.densest(0, self.counted(plan))[-1], masses.densities(0)
        place = "the target's" if best == target else f"against {upm[target]:.4f} in {self.interval_said(plan)}"
        return (
            f"as {dlt} in {known + stft:.4f} patients (ESS) the largest unit probability mass, {upm[best]:.4f}, is in "
            f"{said_interval(edges[best], edges[best + 1])}, {place}"
        )


@cache
def ess_of_keys(method: LateOnsetKeys, plan: Plan, dlt: int) -> tuple[float, float]:
    """Return the least effective number of patients that escalates with these DLTs, and the largest that de-escalates."""
    target, counted = method.keys(plan)[1], method.counted(plan)
    least = max(float(dlt), LEAST)

    def action(ess: float) -> int:
        return int(np.sign(target - method.masses_at(plan, dlt, ess).densest(0, counted)[-1]))

    def first(above: int) -> float:
        """Return where the action becomes larger than `above`, within PRECISION and on the larger side."""
        low, high = least, least + 1.0
        while action(high) <= above:
            low, high = high, 2 * high
        while high - low > PRECISION:
            middle = (low + high) / 2
            low, high = (low, middle) if action(middle) > above else (middle, high)
        return high

    start = action(least)
    return first(0) if start <= 0 else least, first(-1) - PRECISION if start < 0 else -np.inf
