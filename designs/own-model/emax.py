"""An Emax curve for the DLT rate: the rate cannot exceed `top`, and half of it is reached at `ed50`."""

import numpy as np
import pymc as pm


def build(doses):
    """Return the model at these amounts (an array): priors, and `p`, the DLT rate of each dose. No data."""
    with pm.Model() as model:
        top = pm.Beta("top", 4, 2)
        log_ed50 = pm.Normal("log_ed50", np.log(80.0), 1.0)
        hill = pm.LogNormal("hill", 0.2, 0.4)
        pm.Deterministic("p", top * pm.math.invlogit(hill * (np.log(doses) - log_ed50)))
    return model
