"""The two-parameter logistic model in PyMC: what its nodes are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.tally import Tally
from escalate.models.bivariate_normal import Component
from escalate.models.two_parameter import TwoParameterModel, log_evidence_of_known
from escalate.models.weighted_pymc import add_partial


def in_pymc(model: TwoParameterModel, tally: Tally) -> Any:
    """Return a `pymc.Model` of a single state, with `theta` = (a, b) and deterministic `p`, shape (J,)."""
    import pymc as pm  # noqa: PLC0415 - takes seconds to import
    import pytensor.tensor as pt  # noqa: PLC0415

    n, dlt = tally.n[0], tally.dlt[0]
    given = np.flatnonzero(n)
    with pm.Model() as found:
        parts = [pm.MvNormal.dist(mu=np.array(part.mean), cov=_covariance(part)) for part in model.prior]
        if len(parts) == 1:
            only = model.prior[0]
            theta = pm.MvNormal("theta", mu=np.array(only.mean), cov=_covariance(only))
        else:
            theta = pm.Mixture("theta", w=np.array([part.weight for part in model.prior]), comp_dists=parts)
        slope = pt.exp(theta[1])
        eta = theta[0] + slope * np.array(model.labels)
        pm.Deterministic("p", pm.math.invlogit(eta))
        if model.known:
            pm.Potential("known", _log_known(model, theta))
        if len(given):
            pm.Binomial("dlt", n=n[given], logit_p=eta[given], observed=dlt[given])
        add_partial(tally, eta)
    return found


def _log_known(model: TwoParameterModel, theta: Any) -> Any:
    """Return what the known patients add to the log prior density at theta."""
    import pymc as pm  # noqa: PLC0415
    import pytensor.tensor as pt  # noqa: PLC0415

    dlts = np.array([known.dlts for known in model.known])
    free = np.array([known.patients for known in model.known]) - dlts
    at = theta[0] + pt.exp(theta[1]) * np.array([known.label for known in model.known])
    log_known = -(dlts * pt.softplus(-at) + free * pt.softplus(at)).sum()
    if not model.blind:
        return log_known
    informed = len(model.prior) - model.blind
    densities = [
        pm.logp(pm.MvNormal.dist(mu=np.array(part.mean), cov=_covariance(part)), theta) + np.log(part.weight)
        for part in model.prior
    ]
    log_known = log_known - log_evidence_of_known(model)
    after = [density + log_known if k < informed else density for k, density in enumerate(densities)]
    return pm.math.logsumexp(pt.stack(after)) - pm.math.logsumexp(pt.stack(densities))


def _covariance(part: Component) -> np.ndarray[Any, np.dtype[np.float64]]:
    s1, s2 = part.sd
    off = part.correlation * s1 * s2
    return np.array([[s1**2, off], [off, s2**2]])
