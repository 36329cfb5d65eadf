"""Outcome probabilities of each dose by itself, uniform a priori: Dirichlet(1, .., 1), or Beta(1, 1) for DLT or none."""

from __future__ import annotations

from math import lgamma

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.tally import Tally


def log_evidence(tally: Tally) -> FloatArray:
    """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,).

    Notes
    -----
    The product over doses of Gamma(C) prod_c Gamma(y_c + 1) / Gamma(n + C), C the number of outcomes.

    Examples
    --------
    >>> round(1 / float(np.exp(log_evidence(Tally.of([[3, 0]], [[1, 0]])))[0]), 9)  # 4! / (1! 2!)
    12.0
    """
    n_categories = tally.counts.shape[2]
    table = np.array([lgamma(k + 1) for k in range(int(tally.n.max(initial=0)) + n_categories)])
    each = table[tally.counts].sum(axis=2) - table[tally.n + n_categories - 1] + table[n_categories - 1]
    return each.sum(axis=1)
