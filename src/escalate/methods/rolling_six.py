"""The rolling six design: up to six patients a dose, enrolled while outcomes are pending."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import TableMethod
from escalate.core.moves import DoseSummary, Moves
from escalate.core.plan import Plan
from escalate.core.tally import States, Tally
from escalate.core.wording import counted
from escalate.methods.families import rule_based_words
from escalate.methods.three_plus_three import FULL, TOO_MANY, TOO_TOXIC, from_lowest_toxic
from escalate.models import isotonic

if TYPE_CHECKING:
    from escalate.core.design import Design

Rolled = Literal["escalate", "same", "suspend", "de-escalate"]
_ROLLED: tuple[Rolled, ...] = get_args(Rolled)
_STEP: dict[Rolled, int] = {"escalate": 1, "same": 0, "suspend": 0, "de-escalate": -1}


def action(n: int, dlts: int, pending: int, strict: bool = False) -> Rolled:
    """Return what the next patient gets, from the patients at the current dose.

    Parameters
    ----------
    n
        Patients enrolled at the dose, 0 to 6.
    dlts
        DLTs seen among them.
    pending
        Patients without DLT whose follow-up is not complete.
    strict
        With six patients and no DLT, wait for the last outcome too.

    Raises
    ------
    ValueError
        Where there are more than six patients, or fewer than the DLTs and pending outcomes.

    References
    ----------
    Skolnik JM et al. (2008). J Clin Oncol 26:190-195. Frankel PH et al. (2020). JAMA Netw Open 3:e204787, table 2.

    Examples
    --------
    >>> action(3, 0, 0), action(3, 0, 1), action(6, 0, 1), action(6, 0, 1, strict=True)
    ('escalate', 'same', 'escalate', 'suspend')
    """
    if min(dlts, pending) < 0 or not dlts + pending <= n <= FULL:
        raise ValueError(f"{dlts} DLTs and {pending} pending among {n} patients is not possible with at most {FULL}")
    if dlts >= TOO_MANY:
        return "de-escalate"
    if n < FULL:
        return "escalate" if n >= 3 and dlts == 0 and pending == 0 else "same"
    five_without = dlts == 0 and n - pending >= 5 and not strict
    return "escalate" if pending == 0 or five_without else "suspend"


class RollingSix(TableMethod):
    """Up to six patients a dose; escalate on 3/3, 4/4 or 5/5 without DLT or at most 1/6; two DLTs close a dose.

    Notes
    -----
    A decision looks at patients, DLTs and pending outcomes of the current dose; with six patients accrual may have to wait for
    outcomes. With all outcomes known and cohorts of three it is the 3+3 with six at the MTD. A dose below a closed one is
    filled to six before it is the MTD, and so is the top level; it is declared when none of the outcomes up to it is pending.
    `strict: true` concerns pending outcomes alone. No target is used; the design's target, if given, serves the operating
    characteristics.

    References
    ----------
    Skolnik JM, Barrett JS, Jayaraman B, Patel D, Adamson PC (2008). Shortening the timeline of pediatric phase I trials: the
    rolling six design. J Clin Oncol 26:190-195.
    """

    kind: Literal["rolling_six"] = "rolling_six"
    strict: bool = False

    needs_target = False
    weighs_follow_up = True
    closes = (TOO_TOXIC,)
    reasons = ("de_escalate", "stay", "escalate", "mtd_established", "no_dose_acceptable", "highest_planned", "wait")

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients with complete outcomes."""
        few = min(n, FULL)
        return np.array([_STEP[action(few, min(dlt, TOO_MANY, few), 0, self.strict)] for dlt in range(n + 1)])

    def largest_at_dose(self, plan: Plan) -> int:
        """Return six."""
        return min(FULL, plan.max_patients)

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what holds while outcomes are pending."""
        waits = (
            "all six outcomes known"
            if self.strict
            else "no DLT and at least five outcomes known, or with all six known"
        )
        return (
            "Outcomes pending, two or more DLTs: the level is closed at once.",
            "Outcomes pending, fewer than six patients: the next patient gets the same level.",
            f"Outcomes pending, six patients and at most one DLT: escalate with {waits}; until then accrual is suspended.",
        )

    def decide(self, plan: Plan, states: States) -> Moves:
        """Follow the table below the closed levels; wait, or stop, where the highest level left open is settled."""
        tally, dose, top = states.tally, states.dose, plan.n_doses - 1
        rolled = self._rolled(tally)
        step = rolled[np.arange(len(states)), dose] == _ROLLED.index("escalate")
        closed, ceiling = _ceiling(tally)
        down = closed & (ceiling < dose)
        wanted = np.where(down, ceiling, np.minimum(dose + step, ceiling))
        # A level that has six patients and is not closed is passed: nobody more is treated there.
        level = np.arange(plan.n_doses)
        room = (level >= wanted[:, None]) & (level <= ceiling[:, None]) & (tally.n < FULL)
        done = ~room.any(axis=1)
        following = np.where(done, NONE, np.argmax(room, axis=1))
        moved = np.where(down, 0, np.where(following > dose, 2, 1))
        ended = np.where(ceiling < 0, 4, np.where(closed | (ceiling < top), 3, 5))
        reason = np.where(done, ended, moved)
        if tally.pending is None:
            return Moves(following, reason)
        # Not past a level that is not settled yet, and no MTD while an outcome up to it is pending.
        passed = (level >= wanted[:, None]) & (level < np.where(done, ceiling + 1, following)[:, None])
        waits = (passed & (rolled == _ROLLED.index("suspend"))).any(axis=1)
        waits |= done & ((tally.n_pending > 0) & (level <= ceiling[:, None])).any(axis=1)
        return Moves(np.where(waits, np.minimum(dose, ceiling), following), np.where(waits, 6, reason), suspend=waits)

    def _rolled(self, tally: Tally) -> IntArray:
        """Return what the next patient gets at each dose by the table, as an index into _ROLLED; shape (S, J)."""
        n, dlt = np.minimum(tally.n, FULL), np.minimum(tally.dlt, TOO_MANY)
        return _table(self.strict)[n, dlt, np.minimum(tally.n_pending, n - np.minimum(dlt, n))]

    def cohort_size(self, plan: Plan, tally: Tally, dose: IntArray) -> IntArray:
        """Return the size of a cohort, cut to what the level still lacks of six."""
        n = tally.at(dose)[0]
        # Only a rule can send a cohort to a level that has six.
        return np.where(n < FULL, np.minimum(plan.cohort_size, FULL - n), plan.cohort_size)

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the highest dose with six patients and at most one DLT below every closed dose, or NONE."""
        _, ceiling = _ceiling(tally)
        meets = allowed & (tally.n >= FULL) & (np.arange(plan.n_doses) <= ceiling[:, None])
        return np.where(meets.any(axis=1), plan.n_doses - 1 - np.argmax(meets[:, ::-1], axis=1), NONE)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates of the known outcomes: a help to the reader, not part of the design."""
        return isotonic.summarise(tally.dlt, tally.n - tally.n_pending, plan.target)

    def closed(self, design: Design, tally: Tally) -> Iterator[tuple[str, Mask]]:
        """Yield the levels with two DLTs, and all above them."""
        yield TOO_TOXIC, from_lowest_toxic(tally)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Say which row of the table applies."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        level, following = int(state.dose[0]) + 1, int(moves.next[0]) + 1
        seen, reason = f"{dlt}/{n} DLTs at level {level}", self.reasons[int(moves.reason[0])]
        open_ = int(_ceiling(state.tally)[1][0]) + 1
        if open_ < level - 1:
            seen += f", and {state.tally.dlt[0, open_]}/{state.tally.n[0, open_]} at level {open_ + 1}"
        if pending := int(state.tally.n_pending[0, level - 1]):
            seen += f", {pending} pending"
        if reason == "wait":
            return self._explain_wait(state, seen, open_)
        few = min(n, FULL)
        tolerated = action(few, min(dlt, TOO_MANY, few), min(pending, few - min(dlt, few)), self.strict) == "escalate"
        if reason == "stay" and tolerated:
            edge = "it is the top level" if level == plan.n_doses else "the level above is closed"
            return f"{seen}: tolerated, and {edge}; it is filled to six patients."
        settled = "tolerated"
        if level != open_:
            at = f"{state.tally.dlt[0, open_ - 1]}/{state.tally.n[0, open_ - 1]}"
            settled = f"{'closed' if level > open_ else 'tolerated'}, and level {open_} has {at}"
        return {
            "escalate": f"{seen}: escalate to level {following}.",
            "stay": f"{seen}: the next patients get the same level.",
            "de_escalate": f"{seen}: closed; level {following} is filled to six patients.",
            "mtd_established": f"{seen}: {settled}; the level above level {open_} is closed.",
            "highest_planned": f"{seen}: {settled}; it is the highest planned level, not necessarily the MTD.",
            "no_dose_acceptable": f"{seen}: closed, and there is no lower level.",
        }[reason]

    def _explain_wait(self, state: States, seen: str, open_: int) -> str:
        """Say what is waited for, with the highest open level as people count."""
        level = int(state.dose[0]) + 1
        if level > open_ or state.tally.n[0, level - 1] < FULL:
            n, dlt, pending = (int(x[0, open_ - 1]) for x in (state.tally.n, state.tally.dlt, state.tally.n_pending))
            end = "closed" if level > open_ else "tolerated"
            return (
                f"{seen}: {end}; level {open_} has {dlt}/{n}, {pending} pending: accrual waits for outcomes up to it."
            )
        return f"{seen}: the level has its six patients, and accrual waits for their outcomes."

    def default_max_patients(self, n_doses: int) -> int:
        """Return six patients a dose: the design never uses more."""
        return FULL * n_doses

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse cohorts that no dose has room for."""
        if plan.cohort_size > FULL:
            yield Problem("kind", f"rolling_six treats at most {FULL} at a dose; cohort_size is {plan.cohort_size}")

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a sample size that can cut the design short."""
        if plan.max_patients < FULL * plan.n_doses:
            yield (
                f"max_patients ({plan.max_patients}) is below six a dose ({FULL * plan.n_doses}): the trial can end before "
                "an MTD is established"
            )

    @property
    def sizes_cohorts(self) -> bool:
        """Return True: no cohort goes beyond six at a dose."""
        return True

    def describe_sizes(self, design: Design) -> str:
        """Say how many patients a cohort has."""
        return f"Cohorts have {counted(design.cohort_size, 'evaluable patient')}, cut to what the level lacks of 6."

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say who is treated where, and what is waited for."""
        return rule_based_words.rolling_six(design, self.strict)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say which level is the MTD."""
        return rule_based_words.rolling_six_selection(design)

    @classmethod
    def examples(cls) -> tuple[RollingSix, ...]:
        """Return the published table and the strict one."""
        return (cls(), cls(strict=True))


@cache
def _table(strict: bool) -> IntArray:
    """Return `action` as an index into _ROLLED, by [n, DLTs, pending]; what cannot be is "same"."""
    table = np.full((FULL + 1, TOO_MANY + 1, FULL + 1), _ROLLED.index("same"))
    for n, dlt, pending in np.ndindex(table.shape):
        if dlt + pending <= n:
            table[n, dlt, pending] = _ROLLED.index(action(n, dlt, pending, strict))
    return table


def _ceiling(tally: Tally) -> tuple[Mask, IntArray]:
    """Return whether any dose is closed, and the highest dose below all closed ones, -1 where there is none; (S,) each."""
    toxic = tally.dlt >= TOO_MANY
    closed = np.logical_or.reduce(toxic, axis=1)
    return closed, np.where(closed, np.argmax(toxic, axis=1) - 1, tally.n_doses - 1)
