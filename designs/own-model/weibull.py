"""A Weibull curve for the DLT rate."""

import numpy as np
import pymc as pm


def build(doses):
    """Return the model at these amounts: p(d) = 1 - exp(-(d / scale)^shape)."""
    with pm.Model() as model:
        log_scale = pm.Normal("log_scale", np.log(200.0), 1.0)
        shape = pm.LogNormal("shape", 0.2, 0.4)
        pm.Deterministic("p", 1 - pm.math.exp(-pm.math.exp(shape * (np.log(doses) - log_scale))))
    return model
