"""A control: doses from a randomisation list."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import IntArray
from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.core.wording import counted
from escalate.methods.families.control import Control
from escalate.rules.eliminate import Eliminate
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

ENTRIES = 1000
"""No trial has more patients, so none has more cohorts."""


class Random(Control):
    """Control: every cohort after the first gets the next level of a randomisation list in permuted blocks.

    Notes
    -----
    The list follows from `seed` and the number of levels alone. Which entry is next depends on the number of patients so far,
    so that a decision is a function of the data.
    """

    kind: Literal["random"] = "random"
    seed: Annotated[int, Field(ge=0, lt=2**63)]

    reasons = ("randomised",)

    def published_rules(self) -> tuple[Rule, ...]:
        """Return what keeps patients from untried heights and from doses likely to be too toxic."""
        return (NoSkipping(), Eliminate())

    def decide(self, plan: Plan, states: States) -> Moves:
        """Return the level of the list."""
        entry = self._entry(plan, states.tally)
        return Moves(randomisation_list(self.seed, plan.n_doses)[entry], np.zeros(len(states), dtype=np.int64))

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Name the entry of the list."""
        n, entry = int(state.tally.n_total[0]), int(self._entry(plan, state.tally)[0]) + 1
        return (
            f"{n} patient{'s' * (n != 1)} so far: entry {entry} of the randomisation list (seed {self.seed}) is level "
            f"{int(moves.next[0]) + 1}."
        )

    @property
    def sizes_cohorts(self) -> bool:
        """Return True: entries are counted in cohorts of one size."""
        return True

    def describe_sizes(self, design: Design) -> str:
        """Say how many patients a cohort has."""
        return f"Cohorts have {counted(design.cohort_size, 'evaluable patient')}."

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say where the levels come from."""
        return (
            "Every cohort after the first is treated at the next level of a randomisation list in permuted blocks, each of "
            f"which holds every level once (seed {self.seed}); outcomes do not steer it (a control). The entry is counted by "
            f"the patients so far, in cohorts of {design.cohort_size}.",
        )

    @classmethod
    def examples(cls) -> tuple[Random, ...]:
        """Return one list."""
        return (cls(seed=165),)

    def _entry(self, plan: Plan, tally: Tally) -> IntArray:
        # The first cohort is at the start level, the second has entry 0. Patients are counted in whole cohorts, rounded up.
        return np.clip(-(-tally.n_total // plan.cohort_size) - 1, 0, ENTRIES - 1)


@cache
def randomisation_list(seed: int, n_doses: int) -> IntArray:
    """Return levels, 0-based, in blocks that hold each level once; at least 1000 entries.

    Notes
    -----
    Each block is the order of as many 64-bit words of Philox4x64-10 with the seed as key: words that no version of NumPy
    changes, unlike its permutations.

    Examples
    --------
    >>> sorted(randomisation_list(1, 3)[:3].tolist())
    [0, 1, 2]
    """
    blocks = -(-ENTRIES // n_doses)
    words = np.random.Philox(key=seed).random_raw(blocks * n_doses).reshape(blocks, n_doses)
    levels = np.argsort(words, axis=1, kind="stable").reshape(-1)
    levels.flags.writeable = False
    return levels
