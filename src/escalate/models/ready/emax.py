"""An Emax (Hill) curve: the DLT probability levels off at `top`.

At the dose d it is top d^hill / (ed50^hill + d^hill). Under the prior, top has the distribution Beta(4, 1), log(ed50) is normal
with the logarithm of twice the highest dose as mean and standard deviation 1, and log(hill) is normal with mean 0.3 and standard
deviation 0.4, independently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from escalate.core.arrays import FloatArray


def build(doses: FloatArray) -> Any:
    """Return p(d) = top d^hill / (ed50^hill + d^hill), half of the top being expected at twice the highest dose."""
    import pymc as pm  # noqa: PLC0415 - takes seconds to import

    with pm.Model() as model:
        top = pm.Beta("top", 4.0, 1.0)
        log_ed50 = pm.Normal("log_ed50", np.log(2.0 * doses.max()), 1.0)
        log_hill = pm.Normal("log_hill", 0.3, 0.4)
        slope = pm.math.exp(log_hill)
        pm.Deterministic("p", top * pm.math.invlogit(slope * (np.log(doses) - log_ed50)))
    return model
