"""Kinds of decisions that the safety atlas lists: those of `check`, and those that look at all the data of a dose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.design import Design
from escalate.core.outcome import burden_units
from escalate.core.tally import Tally
from escalate.engine.paths import Walk
from escalate.models import beta_binomial
from escalate.study.marks import Mark, after_all_dlts, all_marks, burdens, dlts

ENOUGH = 6
"""Patients at a dose from which on half of them with a DLT is questioned."""
NEED_TARGET = ("incoherent", "escalates_into_risk", "stays_in_risk")
"""Kinds that mean nothing for a design without target."""
ORDER = (
    "incoherent",
    "escalates_after_dlt_majority",
    "escalates_after_all_dlts",
    "escalates_into_risk",
    "stays_in_risk",
    "stays_on_half",
    "not_monotone",
    "rigid",
)


def kinds(design: Design, walk: Walk, following: IntArray, risk: float) -> list[Mark]:
    """Return every kind of questionable decision, met or not, in a fixed order.

    Parameters
    ----------
    following
        The dose after each outcome of each state's next cohort, as `marks.next_doses` gives it; shape (S, K).
    risk
        Pr(p > target) of a dose from which on giving it is questioned.
    """
    found = {mark.code: mark for mark in all_marks(design, walk.automaton, following)}
    found.setdefault("escalates_after_all_dlts", after_all_dlts(walk.automaton, following))
    found.update({mark.code: mark for mark in _of_the_atlas(design, walk, following, risk)})
    return [found[code] for code in ORDER if code in found]


def _of_the_atlas(design: Design, walk: Walk, following: IntArray, risk: float) -> Iterator[Mark]:
    automaton, row = walk.automaton, np.arange(walk.automaton.n_states)
    dose, size = automaton.dose[:, None], automaton.size[:, None]
    escalates, stays = automaton.occurs & (following > dose), automaton.occurs & (following == dose)
    in_cohort = dlts(automaton)
    yield Mark(
        "escalates_after_dlt_majority",
        "escalates right after a cohort of two or more of whom more than half had a DLT",
        escalates & (2 * in_cohort > size) & (size > 1),
    )
    tally = Tally(walk.counts)
    n = tally.n[row, automaton.dose][:, None] + size
    dlt = tally.dlt[row, automaton.dose][:, None] + in_cohort
    yield Mark(
        "stays_on_half",
        "stays at a dose with six or more patients half or more of whom had a DLT",
        stays & (n >= ENOUGH) & (2 * dlt >= n),
    )
    if design.target is None:
        return
    units, whole = burden_units(design.outcomes)
    target = design.target
    p = "p" if whole == 1 else "mean score"
    said = f"Pr({p} > {target:g} | its own data) is above {risk:g}, prior Beta(1, 1)"
    of_dose = tally.burden(units)
    risky = (tally.n > 0) & beta_binomial.exceeds(tally.n, of_dose, whole, target, risk)
    yield Mark(
        "escalates_into_risk",
        f"escalates to a level already tried where {said}",
        escalates & _at(risky, following),
    )
    burden = of_dose[row, automaton.dose][:, None] + burdens(design, automaton)
    yield Mark(
        "stays_in_risk",
        f"stays at a level, the lowest included, where {said}",
        stays & beta_binomial.exceeds(np.broadcast_to(n, burden.shape), burden, whole, target, risk),
    )


def _at(of_dose: Mask, following: IntArray) -> Mask:
    """Return what holds of the dose that follows, False where none does; shape (S, K)."""
    return np.take_along_axis(of_dose, np.maximum(following, 0), axis=1) & (following >= 0)
