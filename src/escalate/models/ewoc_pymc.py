"""The EWOC model in PyMC: what its nodes are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.tally import Tally
from escalate.models.ewoc_model import EwocModel


def in_pymc(model: EwocModel, tally: Tally) -> Any:
    """Return a `pymc.Model` of a single state, with deterministic `rho`, `gamma` and `p`, the last of shape (J,).

    `rho` is the rate at the lowest dose; `gamma` is the MTD, which is 0 at the lowest dose.
    """
    import pymc as pm  # noqa: PLC0415 - takes seconds to import

    n, dlt = tally.n[0], tally.dlt[0]
    given = np.flatnonzero(n)
    with pm.Model() as found:
        share = pm.Beta("share_of_target", *model.rate_prior)
        part = pm.Beta("share_of_reach", *model.mtd_prior)
        rho = pm.Deterministic("rho", model.target * share)
        gamma = pm.Deterministic("gamma", model.reach * part)
        lowest = pm.math.logit(rho)
        eta = lowest + (model.log_odds - lowest) * np.array(model.positions) / gamma
        pm.Deterministic("p", pm.math.invlogit(eta))
        if len(given):
            pm.Binomial("dlt", n=n[given], logit_p=eta[given], observed=dlt[given])
    return found
