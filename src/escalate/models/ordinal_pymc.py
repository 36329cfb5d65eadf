"""The ordinal logistic model in PyMC: what its nodes are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.tally import Tally
from escalate.models.ordinal import OrdinalModel


def in_pymc(model: OrdinalModel, tally: Tally) -> Any:
    """Return a `pymc.Model` of a single state; deterministic `p` holds the DLT probabilities, shape (J,).

    Notes
    -----
    `at_least` holds the probabilities of each grade or worse, shape (G, J).
    """
    import pymc as pm  # noqa: PLC0415 - takes seconds to import
    import pytensor.tensor as pt  # noqa: PLC0415

    counts = tally.counts[0]
    given = np.flatnonzero(counts.sum(axis=1))
    mean, sd = model.mean, model.sd
    with pm.Model() as found:
        alpha = [pm.Normal("alpha_1", mean[0], sd[0])]
        for k in range(1, model.n_grades):
            alpha.append(pm.TruncatedNormal(f"alpha_{k + 1}", mean[k], sd[k], upper=alpha[-1]))
        slope = pt.exp(pm.Normal("log_slope", *model.log_slope))
        at_least = pm.math.invlogit(pt.stack(alpha)[:, None] + slope * np.array(model.labels))
        pm.Deterministic("at_least", at_least)
        pm.Deterministic("p", at_least[-1])
        if not len(given):
            return found
        seen = at_least[:, given]
        if model.likelihood == "cumulative":
            rates = [1 - seen[0], *(seen[k] - seen[k + 1] for k in range(model.n_grades - 1)), seen[-1]]
            total = counts[given].sum(axis=1)
            pm.Multinomial("outcome", n=total, p=pt.stack(rates, axis=1), observed=counts[given])
        else:
            events, _, _ = model.events(tally.counts)
            pm.Binomial("outcome", n=counts[given].sum(axis=1), p=seen, observed=events[0][:, given])
    return found
