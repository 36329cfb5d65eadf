"""The cuts of the BOIN designs: where the DLT rate, or the mean score, speaks for escalation or de-escalation.

Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat
64:507-523.
"""

from __future__ import annotations

from math import log

SLACK = 1e-9
"""Equality with lambda_d de-escalates, as the paper has it; the slack absorbs the rounding of the product (decision 0003)."""


def optimal_cuts(target: float, p_saf: float, p_tox: float) -> tuple[float, float]:
    """Return lambda_e and lambda_d, with equal prior weights of the three hypotheses.

    Examples
    --------
    >>> [round(cut, 6) for cut in optimal_cuts(0.3, 0.18, 0.42)]
    [0.236491, 0.358519]
    """
    lambda_e = log((1 - p_saf) / (1 - target)) / log(target * (1 - p_saf) / (p_saf * (1 - target)))
    lambda_d = log((1 - target) / (1 - p_tox)) / log(p_tox * (1 - target) / (target * (1 - p_tox)))
    return lambda_e, lambda_d
