"""The designs and truths that are timed: five doses, 30 patients."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np

from escalate import Design, Scenario
from escalate.core.arrays import FloatArray

BOIN_TRUTH = (0.05, 0.15, 0.30, 0.45, 0.60)
CRM_TRUTH = (0.05, 0.12, 0.25, 0.40, 0.55)
N_PATIENTS = 30
INTERVAL = {"half_width": 0.05, "prior_mtd": 3}
"""The skeleton of the CRM: from an indifference interval."""
PROTOTYPE = (0.05, 0.12, 0.25, 0.40, 0.55)
"""A skeleton with fewer reachable states: the one that the goals were set with."""


def boin(cohort_size: int) -> Design:
    """Return BOIN as published, target 0.30."""
    return _design("BOIN", 0.30, cohort_size, {"kind": "boin"})


def mtpi2_as_escalation(cohort_size: int) -> Design:
    """Return mTPI-2, target 0.30, as the R package escalation simulates it: an MTD among all doses."""
    return _design("mTPI-2", 0.30, cohort_size, {"kind": "mtpi2", "mtd_among": "all"})


def crm(
    cohort_size: int,
    skeleton: Mapping[str, Any] | tuple[float, ...] = INTERVAL,
    rules: tuple[Mapping[str, Any], ...] | None = None,
    prior_sd: float = sqrt(1.34),
    **settings: object,
) -> Design:
    """Return the CRM, power model, plug-in estimate, target 0.25; with its published rules unless others are given."""
    method = {
        "kind": "crm",
        "model": "power",
        "skeleton": skeleton,
        "estimate": "plug_in",
        "prior_sd": prior_sd,
        **settings,
    }
    return _design("CRM", 0.25, cohort_size, method, rules)


def crm_prototype(cohort_size: int) -> Design:
    """Return the CRM that the goals were set with: 539,000 states in cohorts of one."""
    return crm(cohort_size, PROTOTYPE, ({"kind": "no_skipping", "from": "last"},))


def crm_as_dfcrm(cohort_size: int) -> Design:
    """Return the CRM as dfcrm simulates it: no skipping from the last dose, coherence, an MTD among all doses."""
    rules = ({"kind": "no_skipping", "from": "last"}, {"kind": "coherence"})
    return crm(cohort_size, rules=rules, mtd_among="all")


def _design(
    title: str,
    target: float,
    cohort_size: int,
    method: Mapping[str, Any],
    rules: tuple[Mapping[str, Any], ...] | None = None,
) -> Design:
    settings: dict[str, Any] = {
        "schema": "escalate/design/1",
        "title": title,
        "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0, 80.0, 160.0)},
        "target": target,
        "cohort_size": cohort_size,
        "max_patients": N_PATIENTS,
        "method": method,
    }
    if rules is not None:
        settings["rules"] = rules
    return Design.from_dict(settings)


def random_truths(n: int, n_doses: int = 5, seed: int = 20_26) -> FloatArray:
    """Return n random truths, shape (n, n_doses): the order statistics of uniform numbers."""
    uniform = np.random.default_rng(seed).uniform(0.005, 0.95, size=(n, n_doses))
    return np.sort(uniform, axis=1)


def scenarios(truths: FloatArray) -> list[Scenario]:
    """Return truths as scenarios."""
    return [Scenario(name=f"truth {k}", dlt=tuple(rates)) for k, rates in enumerate(truths.tolist(), start=1)]
