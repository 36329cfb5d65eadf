"""What the numbers of a dose are, in a line each: how rates become estimates, and which probability a rule goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from escalate.core.outcome import burden_units
from escalate.methods.accelerated_titration import AcceleratedTitration
from escalate.methods.families.control import Control
from escalate.methods.families.interval import IntervalMethod
from escalate.methods.rolling_six import RollingSix
from escalate.methods.three_plus_three import ThreePlusThree
from escalate.models import beta_binomial

if TYPE_CHECKING:
    from escalate.core.design import Design

SMOOTHED: Final = (IntervalMethod, Control, ThreePlusThree, RollingSix, AcceleratedTitration)
"""Methods that show the estimates of `escalate.models.isotonic.summarise`."""
OWN_PROBABILITY: Final = ("eliminate", "lowest_dose_too_toxic", "extra_safe", "overdose_cap")
"""Rules that hold Pr(p > target) from the data of a dose alone against a cut-off, unless they ask the model."""


def is_isotonic(design: Design) -> bool:
    """Return whether the estimates shown are observed rates made not to fall from level to level."""
    return isinstance(design.method, SMOOTHED)


def smoothing_words(design: Design) -> str:
    """Return how observed rates become the estimates shown; empty where a model makes them."""
    if not is_isotonic(design):
        return ""
    what = "mean scores" if burden_units(design.outcomes)[1] > 1 else "DLT rates"
    return (
        f"Estimates are the observed {what}, weighted and smoothed so that they do not fall from one level to the next (isotonic "
        "regression): levels whose rates fall share one estimate, which can be far from the rate observed at each."
    )


def probability_words(design: Design) -> str:
    """Return which probability of an overdose a rule goes by, where it is another than the one of the table; empty elsewhere."""
    rules = [r for r in design.rules if r.kind in OWN_PROBABILITY and getattr(r, "basis", "data") != "model"]
    if not rules or design.method.overdose_limit(design) is None:
        return ""
    names = " and ".join(dict.fromkeys(r.kind.replace("_", " ") for r in rules))
    a, b = getattr(rules[0], "prior", None) or beta_binomial.UNIFORM
    return (
        f"Pr(overdose) goes with the estimates. The probability that reasons quote for the rule {names} is another: from the data "
        f"of that dose alone, under a Beta({a:g}, {b:g}) prior; by that one a dose is barred."
    )


def overdose_words(design: Design) -> str:
    """Return what an overdose is in the method's terms; empty where it knows none."""
    limit = design.method.overdose_limit(design)
    if limit is None:
        return ""
    what = "mean score, as a part of a DLT's," if burden_units(design.outcomes)[1] > 1 else "DLT probability"
    return f"Overdose is a {what} above {limit:g}."
