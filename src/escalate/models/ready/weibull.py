"""A Weibull curve: the dose at which a patient has a DLT has a Weibull distribution.

At the dose d the DLT probability is 1 - exp(-(d / scale)^shape). Under the prior, log(scale) is normal with the logarithm of three
times the highest dose as mean and standard deviation 1, and log(shape) is normal with mean 0.2 and standard deviation 0.4,
independently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.arrays import FloatArray


def build(doses: FloatArray) -> Any:
    """Return p(d) = 1 - exp(-(d / scale)^shape), the scale being expected at three times the highest dose."""
    import pymc as pm  # noqa: PLC0415 - takes seconds to import
    import pytensor.tensor as pt  # noqa: PLC0415

    with pm.Model() as model:
        log_scale = pm.Normal("log_scale", np.log(3.0 * doses.max()), 1.0)
        log_shape = pm.Normal("log_shape", 0.2, 0.4)
        pm.Deterministic("p", -pt.expm1(-pt.exp(pt.exp(log_shape) * (np.log(doses) - log_scale))))
    return model
