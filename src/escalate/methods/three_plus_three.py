"""The 3+3 design, in its three variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import TableMethod
from escalate.core.moves import DoseSummary, Moves
from escalate.core.plan import Plan
from escalate.core.tally import States, Tally
from escalate.methods.families import rule_based_words
from escalate.methods.families.interval import action_table
from escalate.models import isotonic

if TYPE_CHECKING:
    from escalate.core.design import Design

TOO_MANY = 2
FULL = 6
TOO_TOXIC = "too_toxic"


def from_lowest_toxic(tally: Tally) -> Mask:
    """Return the lowest dose with two DLTs and all above it: the design gives none of them again; shape (S, J)."""
    return np.logical_or.accumulate(tally.dlt >= TOO_MANY, axis=1)


def _lowest_toxic(tally: Tally) -> tuple[Mask, IntArray]:
    """Return whether any dose has two DLTs, and the lowest that has; each of shape (S,)."""
    toxic = tally.dlt >= TOO_MANY
    return np.logical_or.reduce(toxic, axis=1), np.argmax(toxic, axis=1)


class ThreePlusThree(TableMethod):
    """Escalate on 0/3 or at most 1/6; two DLTs at a dose make it too toxic.

    Notes
    -----
    `deescalate: true` (the default) treats the dose below a toxic one up to six patients; `false` stops at once and
    declares the dose below. `six_at_mtd: true` declares no dose with fewer than six patients, the top level included. No
    target is used; the design's target, if given, serves the operating characteristics alone.

    References
    ----------
    Storer BE (1989). Design and analysis of phase I clinical trials. Biometrics 45:925-937.
    Korn EL, Midthune D, Chen TT, Rubinstein LV, Christian MC, Simon RM (1994). A comparison of two phase I trial designs. Stat
    Med 13:1799-1806.
    """

    kind: Literal["three_plus_three"] = "three_plus_three"
    deescalate: bool = True
    six_at_mtd: bool = False

    needs_target = False
    closes = (TOO_TOXIC,)
    reasons = ("de_escalate", "stay", "escalate", "mtd_established", "no_dose_acceptable")

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients; cohorts cut short are completed first."""
        dlt = np.arange(n + 1)
        passed = (dlt == 0) if n == 3 else (dlt < TOO_MANY) & (n >= FULL)
        return np.where(dlt >= TOO_MANY, -1, np.where(passed, 1, 0))

    def largest_at_dose(self, plan: Plan) -> int:
        """Return six."""
        return min(FULL, plan.max_patients)

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what other levels do to the moves of the table."""
        return rule_based_words.three_plus_three_notes(self.deescalate)

    def decide(self, plan: Plan, states: States) -> Moves:
        """Follow the table; stop where the MTD is established or no dose is left."""
        tally, dose, top, row = states.tally, states.dose, plan.n_doses - 1, np.arange(len(states))
        n, dlt = tally.at(dose)
        action = action_table(self, plan, max(FULL, int(n.max(initial=0))), 0)[n, dlt]
        toxic, lowest = _lowest_toxic(tally)
        # A trial that follows the table has its lowest toxic dose at or right above the current one.
        down = toxic & (lowest <= dose)
        below = np.maximum(lowest - 1, 0)
        none = down & (lowest == 0)
        settled = down & (lowest > 0) & ((tally.n[row, below] >= FULL) | (not self.deescalate))

        above_toxic = tally.at(np.minimum(dose + 1, top))[1] >= TOO_MANY
        blocked = ~down & (action > 0) & ((dose == top) | above_toxic)
        needs_six = self.six_at_mtd | (self.deescalate & above_toxic & (dose < top))
        found = blocked & (~needs_six | (n >= FULL))

        following = np.where(down, below, np.where(blocked, dose, np.clip(dose + action, 0, top)))
        reason = np.where(down, 0, np.where(blocked, 1, action + 1))
        following = np.where(found | settled | none, NONE, following)
        return Moves(following, np.where(none, 4, np.where(found | settled, 3, reason)))

    def cohort_size(self, plan: Plan, tally: Tally, dose: IntArray) -> IntArray:
        """Return what fills the dose to three, then to six."""
        return 3 - tally.at(dose)[0] % 3

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the highest dose that meets the criterion below every dose with two DLTs, or NONE."""
        toxic = tally.dlt >= TOO_MANY
        clear = ~np.logical_or.accumulate(toxic, axis=1)
        six = (tally.n >= FULL) & (tally.dlt < TOO_MANY)
        three = (tally.n >= 3) & (tally.dlt == 0)
        needs_six = np.full(len(tally), self.six_at_mtd) | (self.deescalate & toxic.any(axis=1))
        meets = allowed & tally.tried & clear & (six | (three & ~needs_six[:, None]))
        return np.where(meets.any(axis=1), plan.n_doses - 1 - np.argmax(meets[:, ::-1], axis=1), NONE)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates of the tried doses: a help to the reader, not part of the design."""
        return isotonic.summarise(tally.dlt, tally.n, plan.target)

    def closed(self, design: Design, tally: Tally) -> Iterator[tuple[str, Mask]]:
        """Yield the levels with two DLTs, and all above them."""
        yield TOO_TOXIC, from_lowest_toxic(tally)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Say which row of the table applies."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        level = int(state.dose[0]) + 1
        reason, seen = self.reasons[int(moves.reason[0])], f"{dlt}/{n} DLTs at level {level}"
        toxic, lowest = (int(x[0]) for x in _lowest_toxic(state.tally))
        if toxic and lowest < level - 1:
            seen += f", and {state.tally.dlt[0, lowest]}/{state.tally.n[0, lowest]} at level {lowest + 1}"
        more = 3 - int(state.tally.n[0, max(int(moves.next[0]), 0)]) % 3
        if reason == "mtd_established":
            if toxic and lowest < level:
                return f"{seen}: too toxic, and the level below is settled."
            return f"{seen}: tolerated, and " + (
                "it is the top level." if level == plan.n_doses else "the level above is too toxic."
            )
        return {
            "escalate": f"{seen}: escalate.",
            "stay": f"{seen}: treat {more} more at the same level.",
            "de_escalate": f"{seen}: too toxic; treat {more} more at level {int(moves.next[0]) + 1}.",
            "no_dose_acceptable": f"{seen}: too toxic, and there is no lower level.",
        }[reason]

    def default_max_patients(self, n_doses: int) -> int:
        """Return six patients a dose: the design never uses more."""
        return FULL * n_doses

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what is not one of the three variants."""
        if plan.cohort_size != 3:
            yield Problem("kind", f"three_plus_three has cohorts of 3; cohort_size is {plan.cohort_size}")
        if self.six_at_mtd and not self.deescalate:
            yield Problem("six_at_mtd", "needs 'deescalate: true'; a dose can reach six only by coming back to it")
        if not self.deescalate and plan.start_level > 1:
            yield Problem(
                "deescalate", "false needs start_level 1; otherwise a dose nobody had could be declared the MTD"
            )

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a sample size that can cut the design short."""
        if plan.max_patients < FULL * plan.n_doses:
            yield (
                f"max_patients ({plan.max_patients}) is below six a dose ({FULL * plan.n_doses}): the trial can end before "
                "an MTD is established"
            )

    @property
    def sizes_cohorts(self) -> bool:
        """Return True: three patients, then three more."""
        return True

    def describe_sizes(self, design: Design) -> str:
        """Say how many patients a cohort has."""
        return "Cohorts have 3 evaluable patients; a level is filled to 3 patients, then to 6."

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what follows 3 and 6 patients, and when the trial ends."""
        return rule_based_words.three_plus_three(design, self.deescalate, self.six_at_mtd)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say which level is the MTD."""
        return rule_based_words.three_plus_three_selection(design, self.deescalate, self.six_at_mtd)

    @classmethod
    def examples(cls) -> tuple[ThreePlusThree, ...]:
        """Return variants B, A and C."""
        return (cls(), cls(deescalate=False), cls(six_at_mtd=True))
