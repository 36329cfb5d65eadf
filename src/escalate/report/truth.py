"""What a design is held against under a scenario, and how many trials it ran: words and numbers of tables and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from escalate.core.outcome import burden_units, category_rates, mean_burden

if TYPE_CHECKING:
    from escalate.core.arrays import FloatArray
    from escalate.core.design import Design
    from escalate.core.scenario import Scenario


def scored(design: Design) -> bool:
    """Return whether a dose is judged by a mean score, because some outcome weighs a part of a DLT."""
    return burden_units(design.outcomes)[1] > 1


def true_rates(design: Design, scenario: Scenario) -> FloatArray:
    """Return what the target is compared with at each dose, shape (J,): DLT probabilities, or mean scores."""
    return mean_burden(category_rates(scenario, design.outcomes), design.outcomes)


def true_mtd(design: Design, scenario: Scenario) -> list[int] | None:
    """Return the levels nearest to the target, none of them where all are toxic; None for a design without target."""
    from escalate.study.metrics import Truths  # noqa: PLC0415 - the engine is needed by simulations alone

    if design.target is None:
        return None
    truth = Truths.of(true_rates(design, scenario)[None], design.target)
    return [] if truth.no_mtd[0] else [int(dose) + 1 for dose in np.flatnonzero(truth.mtd[0])]


def trials_each(trials: int) -> str:
    """Return how many trials each scenario had.

    Examples
    --------
    >>> trials_each(1), trials_each(2000)
    ('1 trial each', '2,000 trials each')
    """
    return f"{trials:,} trial{'s' * (trials != 1)} each"
