"""What a protocol says of methods that move one level at a time by a table, and of an MTD selected by isotonic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from escalate.core.rule import Rule
from escalate.core.wording import cut, number

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.models.isotonic import Weights

EDGES = "There is no escalation from the highest level and no de-escalation from level 1: the dose then stays the same."


def compared(design: Design, escalate: str, stay: str, deescalate: str) -> tuple[str, ...]:
    """Return when the dose goes up, stays and goes down, each a clause that follows 'where', and what happens at the ends."""
    first = f"The dose is escalated by one level where {escalate}, de-escalated by one level where {deescalate}, and stays {stay}."
    return (first, *edges(design))


def edges(design: Design) -> tuple[str, ...]:
    """Return what happens at the highest and the lowest level; nothing where there is one level."""
    return (EDGES,) if design.n_doses > 1 else ("There is one level, so that the dose never changes.",)


def rate(design: Design, what: str = "DLT rate") -> str:
    """Return what is compared: the observed rate at the current level."""
    del design
    return f"the observed {what} at the current level"


def boin_cuts(
    design: Design, cuts: tuple[float, float], rates: tuple[float, float], what: str = "DLT rate"
) -> tuple[str, ...]:
    """Return the two cut-offs of a BOIN design, what they come from, and how the rate is compared with them."""
    lambda_e, lambda_d = (cut(value, design.max_patients) for value in cuts)
    low, high = (number(value) for value in rates)
    return (
        f"After each cohort, {rate(design, what)} is compared with two cut-offs, lambda_e = {lambda_e} and "
        f"lambda_d = {lambda_d}. They follow from the target {what} of {number(design.target_rate)}, a {what} of {low} that is "
        f"held to be too low (p_saf) and one of {high} that is held to be too high (p_tox).",
        *compared(
            design,
            f"that {what} is at most lambda_e",
            "the same otherwise",
            "it is at least lambda_d",
        ),
    )


def barring(design: Design) -> bool:
    """Return whether the design has a safety rule that bars doses."""
    return any(rule.about_safety and type(rule).forbids is not Rule.forbids for rule in design.rules)


def eligible(design: Design, among: Literal["tried", "all"] = "tried", which: str = "") -> str:
    """Return which levels can be the MTD, as words that follow 'among'; `which` says what else they must be."""
    barred = "that no safety rule bars" if barring(design) else ""
    if among == "tried":
        return f"the {which}levels at which at least one patient was treated{f' and {barred}' if barred else ''}"
    return f"all {which}levels, treated or not{f', {barred}' if barred else ''}"


NONE_LEFT = "Where no level is left, no MTD is declared."


def isotonic_selection(
    design: Design,
    *,
    prior: tuple[float, float],
    weights: Weights,
    among: Literal["tried", "all"] = "tried",
    what: str = "DLT rate",
    counted: str = "DLTs",
    patients: str = "patients",
    upper: str | None = None,
) -> tuple[str, ...]:
    """Return how the MTD is selected by isotonic regression, ties included.

    Parameters
    ----------
    prior
        Pseudo-counts added to the events, and to patients without one.
    counted, patients
        What the rate of a level is a ratio of.
    upper
        A clause on levels that cannot be selected, if there are such.
    """
    a, b = prior
    ratio = (
        f"({counted} + {number(a)}) / ({patients} + {number(a + b)})"
        if a + b > 0
        else f"{counted} / {patients}"
        if counted == "DLTs"
        else f"({counted}) / ({patients})"
    )
    by = (
        f"the inverse of the variance of the beta distribution with the parameters {counted} + {number(a)} and "
        f"{patients} - {counted} + {number(b)}"
        if weights == "precision"
        else f"the number of {patients}"
        if patients == "patients"
        else patients
    )
    return (
        f"The MTD is selected from the final data among {eligible(design, among)}.",
        f"The {what} of each of these levels is estimated by {ratio}. Estimates that fall from one level to the next are pooled "
        f"by isotonic regression, so that they do not decrease with the dose; the weights are {by}.",
        *((upper,) if upper else ()),
        f"The MTD is the level whose estimate is nearest to the target of {number(design.target_rate)}. Of levels with the same "
        "estimate, the highest is taken where the estimate is below the target, and the lowest otherwise; of two estimates "
        f"equally near, one on either side of the target, the lower is taken. {NONE_LEFT}",
    )


def titration(design: Design) -> str:
    """Return how single patients come before the cohorts of BOIN."""
    return (
        "Single patients come first: while no level has more than one patient, one patient is treated at a level, and where that "
        "patient has no DLT the next patient is treated one level higher. This ends with the first DLT, or at the highest level; "
        f"the cohort of that level is then completed to {design.cohort_size} patients, and the comparison above applies from "
        f"there on, with cohorts of {design.cohort_size}."
    )


def pooling(conflicts: Literal["highest", "every"]) -> tuple[str, ...]:
    """Return how BF-BOIN pools levels."""
    start = "the highest conflicting level" if conflicts == "highest" else "a conflicting level"
    every = (
        ""
        if conflicts == "highest"
        else " This is done for each conflicting level, and the lowest of the levels asked for is given."
    )
    return (
        "A lower level conflicts with the current one where its own DLT rate asks for de-escalation, or asks for staying while the "
        "current level's asks for escalation. Compared are the lower levels with backfilled patients; where it is not recorded "
        "who was backfilled, all lower levels at which patients were treated.",
        f"Where there is a conflict, all levels from {start} to the current one are pooled. The dose is escalated by one level "
        "where the pooled DLT rate is at most lambda_e, and stays where it is above lambda_e and at most lambda_d. Where it is "
        "above lambda_d, the dose is de-escalated to the highest level below the current one for which the pool from the "
        "conflicting level to that level has a DLT rate of at most lambda_d; where there is none, to the level below the "
        f"conflicting one, or to level 1 where that is the conflicting one.{every}",
        "The level is never higher than what the current level by itself asks for.",
        "The next dose is chosen when every outcome at the current level is known; pending patients at lower levels are left out.",
    )
