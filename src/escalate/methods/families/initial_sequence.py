"""Initial sequences of a two-stage CRM, and whether they cohere with the model that takes over at the first DLT.

Cheung YK (2005). Coherence principles in dose-finding studies. Biometrika 92:863-873.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from escalate.core.method import Method
from escalate.core.plan import Plan
from escalate.core.tally import States, Tally


def coherent_after(method: Method, plan: Plan, levels: Sequence[int]) -> list[bool]:
    """Return, for each patient but the last, whether a first DLT there leads to no higher dose than that patient's.

    Parameters
    ----------
    levels
        The level of each patient until the first DLT, from 1.
    """
    doses = np.asarray(levels[:-1], dtype=np.int64) - 1
    counts = np.zeros((len(doses), plan.n_doses, 2), dtype=np.int64)
    for k, dose in enumerate(doses):
        counts[k + 1 :, dose, 0] += 1
        counts[k, dose, 1] = 1
    last = np.tile([0, 1], (len(doses), 1))
    return (method.decide(plan, States(Tally(counts), doses, last)).next <= doses).tolist()


def longest_coherent(method: Method, plan: Plan, n_patients: int, n_top: int) -> tuple[int, ...]:
    """Return a coherent initial sequence that is as cautious as the model allows.

    Parameters
    ----------
    n_patients
        Length of the sequence.
    n_top
        Patients kept for the top level at least.

    Notes
    -----
    Starts with one patient a level and adds one at a time, from the level below the top down and again, until the next
    addition would make the sequence incoherent or leave fewer than `n_top` patients.

    Raises
    ------
    ValueError
        Where there are too few patients for one a level.
    """
    below = plan.n_doses - 1
    if n_patients - n_top < below:
        raise ValueError(
            f"{n_patients} patients with {n_top} at the top leave less than one for each of {below} levels below"
        )

    def sequence(sizes: list[int]) -> tuple[int, ...]:
        rising = [level for level, size in enumerate(sizes, start=1) for _ in range(size)]
        return (*rising, *[plan.n_doses] * (n_patients - len(rising)))

    sizes = [1] * below
    while below:
        for k in reversed(range(below)):
            larger = [size + (j == k) for j, size in enumerate(sizes)]
            if sum(larger) > n_patients - n_top or not all(coherent_after(method, plan, sequence(larger))):
                return sequence(sizes)
            sizes = larger
    return sequence(sizes)
