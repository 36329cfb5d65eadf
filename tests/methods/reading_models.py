"""What readings of models share: some data, and a prior laid out at points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import escalate as esc
from escalate.core.arrays import IntArray
from escalate.core.tally import States, Tally

TALLIES = [
    ([3, 0, 0], [0, 0, 0]), ([3, 0, 0], [1, 0, 0]), ([3, 0, 0], [2, 0, 0]), ([3, 3, 0], [0, 0, 0]), ([3, 3, 0], [0, 1, 0]),
    ([3, 3, 3], [0, 0, 1]), ([3, 3, 3], [0, 1, 2]), ([6, 3, 0], [0, 2, 0]), ([3, 6, 6], [0, 1, 3]), ([3, 9, 3], [1, 1, 0]),
]  # fmt: skip


@dataclass(frozen=True)
class Nodes:
    """Points of a prior with weights, and the DLT probability of each level there."""

    weight: Any
    p: Any

    def posterior(self, n: IntArray, dlt: IntArray) -> Any:
        """Return posterior weights of the points."""
        log = np.log(self.weight) + (dlt * np.log(self.p) + (n - dlt) * np.log1p(-self.p)).sum(axis=1)
        likely = np.exp(log - log.max())
        return likely / likely.sum()


def following(design: esc.Design, n: list[int], dlt: list[int]) -> int:
    """Return the dose that follows final counts, 0-based, or NONE."""
    tally = Tally.of([n], [dlt])
    given = int(np.flatnonzero(tally.n[0])[-1])
    return int(design.method.decide(design, States(tally, np.array([given]), np.array([[3, 0]]))).next[0])
