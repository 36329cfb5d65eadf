"""One-parameter models in PyMC: what their nodes are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.tally import Tally
from escalate.models.one_parameter import OneParameterModel
from escalate.models.weighted_pymc import add_partial


def in_pymc(model: OneParameterModel, tally: Tally) -> Any:
    """Return a `pymc.Model` of a single state, with deterministic `p`, shape (J,)."""
    import pymc as pm  # noqa: PLC0415 - takes seconds to import
    import pytensor.tensor as pt  # noqa: PLC0415

    n, dlt = tally.n[0], tally.dlt[0]
    given = np.flatnonzero(n)
    with pm.Model() as found:
        theta = model.prior.in_pymc()
        eta = theta * model.labels
        # Of the power model as log odds: a rate that rounds to 1 would be an impossible outcome.
        logit_p = eta - pt.log(-pt.expm1(eta)) if model.form == "power" else model.intercept + eta
        pm.Deterministic("p", pt.exp(eta) if model.form == "power" else pm.math.invlogit(logit_p))
        if len(given):
            pm.Binomial("dlt", n=n[given], logit_p=logit_p[given], observed=dlt[given])
        add_partial(tally, logit_p)
    return found
