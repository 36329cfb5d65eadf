"""What a statistician would question in a prior: too strong, too vague, or at odds with the trial.

The bars are conventions; each warning gives its number, so that a reader can apply another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import asin, pi, sqrt
from typing import TYPE_CHECKING, Final, Literal

from escalate.core.belief import Belief
from escalate.core.design import Design
from escalate.rules.lowest_dose_too_toxic import LowestDoseTooToxic
from escalate.rules.overdose_cap import OverdoseCap
from escalate.study.first_cohorts import FirstOutcome, NoDltRun

if TYPE_CHECKING:
    from escalate.study.prior import MtdPrior

END: Final = 0.01
"""A DLT probability below this or above 1 - this is as good as 0 or 1."""
JEFFREYS_END: Final = 2 / pi * asin(sqrt(END))
"""What Jeffreys' prior Beta(1/2, 1/2) has on either side, 0.0638: no U in ordinary use is deeper."""
NEARLY_ALL: Final = 0.9
"""Width of a 95% interval that says next to nothing; that of a uniform prior is 0.95."""
FIFTH: Final = 0.2
"""Part of an even share below which a level hardly has a chance to be the MTD."""
HALF: Final = 0.5
ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class PriorWarning:
    """Something to question: a code, whether the prior is too strong, too vague or misplaced, and a sentence."""

    code: str
    about: Literal["strong", "vague", "place"]
    text: str


def warnings_of(
    design: Design,
    belief: Belief,
    effective: Sequence[float | None],
    mtd: MtdPrior | None,
    outcomes: Sequence[FirstOutcome],
    run: NoDltRun,
) -> tuple[PriorWarning, ...]:
    """Return what to question in a prior, given what else was found of it.

    Parameters
    ----------
    effective
        Effective patients at each dose.
    """
    return (
        *_too_strong(design, effective, outcomes, run),
        *_too_vague(design, belief, outcomes),
        *_start(design, belief),
        *_misplaced(design, mtd),
    )


def enough_patients(design: Design) -> float:
    """Return the effective patients above which a prior is called strong: a third of the trial, and a cohort at least."""
    return max(float(design.cohort_size), design.max_patients / 3)


def _too_strong(
    design: Design, effective: Sequence[float | None], outcomes: Sequence[FirstOutcome], run: NoDltRun
) -> Iterator[PriorWarning]:
    most = max(range(design.n_doses), key=lambda j: _size(effective[j]))
    if _size(effective[most]) > enough_patients(design):
        n = effective[most]
        worth = "more than any number of patients" if n is None else f"as much as {n:.1f} patients"
        yield PriorWarning(
            "strong_at_dose",
            "strong",
            f"At level {most + 1} the prior says {worth}, and the trial has {design.max_patients}; few levels get more than a "
            f"third of them, {design.max_patients / 3:.3g}.",
        )
    first, last = outcomes[0], outcomes[-1]
    if len(outcomes) > 1 and first.next_level == last.next_level is not None:
        yield PriorWarning(
            "first_cohort_ignored",
            "strong",
            f"The first cohort does not matter: {first.dlts}/{first.patients} and {last.dlts}/{last.patients} DLTs both lead to "
            f"level {first.next_level}.",
        )
    elif last.wanted_level is not None and last.wanted_level > design.start_level:
        yield PriorWarning(
            "wants_up_after_all_dlts",
            "strong",
            f"After {last.dlts}/{last.patients} DLTs at level {design.start_level} the model still wants level "
            f"{last.wanted_level}, where it now expects a DLT probability of {last.estimates[last.wanted_level - 1]:.3f}; only "
            "rules hold it back.",
        )
    if run.highest_level < design.n_doses:
        n = sum(cohort.patients for cohort in run.cohorts)
        yield PriorWarning(
            "highest_out_of_reach",
            "strong",
            f"Without a single DLT the trial ends after {n} patients at level {run.cohorts[-1].level}, and level "
            f"{design.n_doses} is never given.",
        )


def _size(effective: float | None) -> float:
    return float("inf") if effective is None else effective


def _too_vague(design: Design, belief: Belief, outcomes: Sequence[FirstOutcome]) -> Iterator[PriorWarning]:
    low, high = 1 - belief.prob_above(END)[0], belief.prob_above(1 - END)[0]
    deep = [j for j in range(design.n_doses) if min(low[j], high[j]) > JEFFREYS_END]
    if deep:
        j = max(deep, key=lambda j: low[j] + high[j])
        yield PriorWarning(
            "u_shaped",
            "vague",
            f"At level {j + 1} the prior is U-shaped: it gives {low[j]:.3f} to DLT probabilities below {END:g} and "
            f"{high[j]:.3f} to those above {1 - END:g}.",
        )
    lower, upper = belief.quantile(0.025)[0], belief.quantile(0.975)[0]
    narrowest = float((upper - lower).min())
    if narrowest > NEARLY_ALL:
        yield PriorWarning(
            "says_nothing",
            "vague",
            f"At no level does the prior say anything of the DLT probability: its narrowest 95% interval is {narrowest:.3f} wide.",
        )
    # Where outcomes are graded: one DLT, and nothing else.
    one = [
        outcome for outcome in outcomes if outcome.dlts == sum(outcome.outcomes[1:]) == 1 and outcome.next_level is None
    ]
    if one and outcomes[0].next_level is not None:
        n, chance = one[0].patients, sum(outcome.probability for outcome in outcomes if outcome.next_level is None)
        who = f"A single DLT among the first {n} patients" if n > 1 else "A DLT in the first patient"
        yield PriorWarning(
            "stops_on_first_dlt",
            "vague",
            f"{who} ends the trial; the prior expects its first cohort to end it with probability {chance:.3f}.",
        )


def _start(design: Design, belief: Belief) -> Iterator[PriorWarning]:
    """Say where the start level is not acceptable before any patient: by the design's own cut-offs, else if likelier than not."""
    found = {source: (limit, cutoff) for source, limit, cutoff in _cutoffs(design)}
    target = design.target if design.target is not None else design.method.overdose_limit(design)
    if not found and target is not None:
        found["an even chance"] = (target, HALF)
    for source, (limit, cutoff) in found.items():
        over = float(belief.prob_above(limit)[0, design.start_dose])
        if over > cutoff + ROUNDING:
            yield PriorWarning(
                "start_not_acceptable",
                "place",
                f"The start level {design.start_level} is not acceptable before any patient: Pr(p > {limit:g}) is {over:.3f}, "
                f"against {cutoff:g} ({source}).",
            )
            return


def _cutoffs(design: Design) -> Iterator[tuple[str, float, float]]:
    """Yield, by its source, each limit of the DLT probability with the cut-off of the probability to exceed it."""
    own, limit = getattr(design.method, "overdose_cutoff", None), design.method.overdose_limit(design)
    if own is not None and limit is not None:
        yield f"{design.method.kind} overdose_cutoff", limit, own
    for rule in design.rules:
        if not isinstance(rule, (OverdoseCap, LowestDoseTooToxic)) or rule.basis != "model":
            continue
        if isinstance(rule, OverdoseCap) or design.start_level == 1:
            above = rule.above if rule.above is not None else design.target_rate
            yield f"rule {rule.kind}", above, rule.cutoff


def _misplaced(design: Design, mtd: MtdPrior | None) -> Iterator[PriorWarning]:
    if mtd is None:
        return
    if mtd.none > HALF + ROUNDING:
        yield PriorWarning(
            "mtd_below_all",
            "place",
            f"The prior expects no MTD: with probability {mtd.none:.3f} even level 1 has a DLT probability above {mtd.limit:g}.",
        )
    if mtd.levels[-1] > HALF + ROUNDING and design.n_doses > 1:
        yield PriorWarning(
            "mtd_above_all",
            "place",
            f"The prior expects the MTD at or beyond the highest level: with probability {mtd.levels[-1]:.3f} even level "
            f"{design.n_doses} has a DLT probability of at most {mtd.limit:g}.",
        )
    shares = mtd.nearest if mtd.nearest is not None else mtd.levels
    least = min(range(design.n_doses), key=lambda j: shares[j])
    if design.n_doses > 1 and shares[least] < FIFTH / design.n_doses:
        how = "nearest to the target" if mtd.nearest is not None else "the MTD"
        yield PriorWarning(
            "mtd_uneven",
            "place",
            f"The prior gives level {least + 1} a probability of {shares[least]:.3f} to be {how}; an even share is "
            f"{1 / design.n_doses:.3f}.",
        )
