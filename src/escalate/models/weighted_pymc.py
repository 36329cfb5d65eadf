"""Patients who count in part, as a term of a PyMC model."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.tally import Tally
from escalate.models.weighted_tally import WeightedTally


def add_partial(tally: Tally, logit_p: Any) -> None:
    """Add to the model under construction what pending patients say of a single state, if anything.

    Parameters
    ----------
    logit_p
        Log odds of a DLT at each dose, shape (J,).
    """
    if not (isinstance(tally, WeightedTally) and tally.partial[0]):
        return
    import pymc as pm  # noqa: PLC0415 - takes seconds to import
    import pytensor.tensor as pt  # noqa: PLC0415

    terms = pt.constant(0.0)
    if tally.pending is not None:
        dose, weight = (each[0] for each in tally.placed())
        terms = terms + pt.log1p(-weight * pm.math.invlogit(logit_p[dose])).sum()
    if tally.fractions is not None:
        free, dlt = tally.fractions[0].T
        given = np.flatnonzero(free + dlt)
        terms = terms - (dlt[given] * pt.softplus(-logit_p[given]) + free[given] * pt.softplus(logit_p[given])).sum()
    pm.Potential("pending", terms)
