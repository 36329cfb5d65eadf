"""How large a design that is too large to walk would be: a guess from the layers walked so far."""

from __future__ import annotations

import numpy as np

from escalate.core.design import Design


def too_large(design: Design, grown: dict[int, int], max_states: int | None) -> str:
    """Say how large a design is, and what to do; without `max_states` it is one step of the walk that does not fit."""
    about = f"this design has about {_round(_extrapolate(design, grown))} reachable states"
    reduce = "simulate it with --trials, use larger cohorts, fewer doses or fewer patients"
    if max_states is None:
        return f"{about}, more at one number of patients than fit in memory; {reduce}"
    return f"{about}, and the limit is {max_states:,}; {reduce}, or raise --max-states"


def _extrapolate(design: Design, grown: dict[int, int]) -> float:
    """Guess the number of states by continuing the growth seen so far as a power of the number of patients."""
    n = np.array(sorted(grown)[1:] or [1], dtype=np.float64)
    if len(grown) < 2:
        return float(design.max_patients) ** 2
    states = np.array([grown[int(k)] for k in n], dtype=np.float64)
    tail = slice(len(n) // 2, None)
    if len(n[tail]) < 2:
        return float(states.sum() * design.max_patients / max(n[-1], 1))
    power, level = np.polyfit(np.log(n[tail]), np.log(states[tail]), 1)
    step = (n[-1] - n[len(n) // 2]) / max(len(n[tail]) - 1, 1)
    rest = np.arange(n[-1] + step, design.max_patients + 0.5, step)
    return float(states.sum() + np.exp(level + power * np.log(rest)).sum())


def _round(x: float) -> str:
    if x < 1e6:
        return f"{int(x):,}"
    return f"{x / 1e6:.1f} million" if x < 1e7 else f"{x / 1e6:,.0f} million"
