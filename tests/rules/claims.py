"""Claims: the sentence of a rule, cases made from the numbers in it, and what is seen where the rule speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betainc

import escalate as esc
from escalate.study.recommend import Recommendation
from tests.helpers import make

Numbers = list[float]
Case = tuple[str, bool]
"""An outcome string, and whether the sentence speaks there."""

BOIN = {"kind": "boin"}
CRM = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55], "estimate": "mean"}
BLRM = {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": [-1.0, 0.0], "sd": [1.2, 0.7]}}
TABLE = {"kind": "decision_table",
         "rows": [[n, k, "E" if 5 * k < n else "DU" if 2 * k > n else "S" if 3 * k <= n else "D"] for n in (3, 6, 9, 12)
                  for k in range(n + 1)]}  # fmt: skip
UP = {"kind": "crm", "skeleton": [0.01, 0.02, 0.03, 0.04, 0.06], "estimate": "mean", "prior_sd": 0.5}
"""A model that wants the highest level whatever a few patients show."""


NUMBER = r"(\d+(?:\.\d+)?)"
"""What a # stands for in the sentence of a claim."""


def barred(level: int) -> Callable[[Recommendation, str], bool]:
    """Return whether a rule forbids a level."""

    def seen(found: Recommendation, kind: str) -> bool:
        return kind in (found.doses[level - 1].why_not or "").split(", ")

    return seen


def stops(found: Recommendation, kind: str) -> bool:
    """Return whether a rule ends the trial."""
    return found.action == "stop" and kind in {reason.code for reason in found.reasons}


def goes_on(found: Recommendation, kind: str) -> bool:
    """Return whether the trial is kept from ending."""
    del kind
    return found.action != "stop"


@dataclass(frozen=True)
class Claim:
    """A rule with settings, its sentence, and where it speaks."""

    rule: dict[str, Any]
    says: str
    cases: Callable[[Numbers], Iterator[Case]]
    seen: Callable[[Recommendation, str], bool] = stops
    method: dict[str, Any] = field(default_factory=lambda: BOIN)
    others: tuple[dict[str, Any], ...] = ()
    frame: dict[str, Any] = field(default_factory=dict)


def patients(level: int, n: int, dlts: int, size: int = 3) -> str:
    """Return patients at one level, in cohorts, the DLTs last."""
    letters = "N" * (n - dlts) + "T" * dlts
    return " ".join(f"{level}{letters[k : k + size]}" for k in range(0, n, size))


def above(n: int, dlts: int, limit: float, prior: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return Pr(p > limit) under a beta posterior."""
    return 1 - float(betainc(prior[0] + dlts, prior[1] + n - dlts, limit))


def eliminated(x: Numbers) -> Iterator[Case]:
    """Yield level 2: least patients, target, cut-off, and the pseudo-counts of the prior."""
    least, target, cutoff, a, b = x
    for n in range(1, 10):
        for dlts in range(n + 1):
            yield f"1NNN {patients(2, n, dlts, 1)}", n >= least and above(n, dlts, target, (a, b)) > cutoff


def lowest(x: Numbers) -> Iterator[Case]:
    """Yield level 1 alone: least patients, limit, cut-off."""
    least, limit, cutoff = x
    for n in range(1, 10):
        for dlts in range(n + 1):
            yield patients(1, n, dlts, 1), n >= least and above(n, dlts, limit) > cutoff


def by_model(method: dict[str, Any], limit: float, cutoff: float, level: int) -> Iterator[Case]:
    """Yield cases of a posterior, which `recommend` without rules reports."""
    for outcomes in ("1NNN", "1NNT", "1NTT", "1TTT", "1NNN 2NNN", "1NNN 2NTT", "1NNN 2TTT", "1NNN 2NNN 3NTT"):
        design = make(method, rules=())
        found = esc.recommend(design, outcomes)
        # Asked anew with a rule that has the limit: the posterior of the method, not of this test.
        belief = design.method.belief(design, tally_from(outcomes))  # type: ignore[attr-defined]
        p = belief.prob_above(limit)[0]
        del found
        yield outcomes, bool((p[:level] > cutoff).any())


def tally_from(outcomes: str) -> Any:
    """Return the tally of an outcome string over five levels."""
    from escalate.core.tally import Tally

    n, dlt = np.zeros((1, 5), dtype=np.int64), np.zeros((1, 5), dtype=np.int64)
    for cohort in outcomes.split():
        n[0, int(cohort[0]) - 1] += len(cohort) - 1
        dlt[0, int(cohort[0]) - 1] += cohort.count("T")
    return Tally.of(n, dlt)


def believed(method: dict[str, Any], outcomes: str) -> tuple[esc.Design, Any, int]:
    """Return the design without rules, what is believed after some outcomes, and the dose that follows, 0-based."""
    design = make(method, rules=())
    following = esc.recommend(design, outcomes).next_level
    assert following is not None
    return design, design.method.belief(design, tally_from(outcomes)), following - 1  # type: ignore[attr-defined]


LONG = (
    "1NNN",
    "1NNN 2NNT",
    "1NNN 2NNT 3NNN 3NNT",
    "1NNN 2NNN 3NNT 3NNT 3NNN",
    "1NNN 2NNN 3NNN 3NNN 4NTT 4NNT 3NNT 3NNT",
)


def precise(x: Numbers) -> Iterator[Case]:
    """Yield cases by the quantiles of the dose that follows."""
    share, lower, upper, least = x
    for outcomes in (*LONG, "3NNT 3NNN 3NNT 3NNN"):
        _, belief, dose = believed(CRM, outcomes)
        low, high = (float(belief.quantile(q)[0, dose]) for q in (0.5 - share / 200, 0.5 + share / 200))
        yield outcomes, lower <= low and high <= upper and tally_from(outcomes).n[0, dose] >= least


def likely(x: Numbers) -> Iterator[Case]:
    """Yield cases by the probability of the interval at the dose that follows."""
    low, high, least = x
    for outcomes in LONG:
        _, belief, dose = believed(CRM, outcomes)
        yield outcomes, float(belief.prob_above(low)[0, dose] - belief.prob_above(high)[0, dose]) >= least


def mtd_above(x: Numbers) -> Iterator[Case]:
    """Yield cases by the probability that the MTD is above a part of the dose that follows."""
    target, factor, least = x
    for outcomes in ("1NNT", "1NNN", "1NNN 2NNN", "1NNN 2NNT", "1NNN 2NNN 2NNN 2NNN 2NNT"):
        design, _, dose = believed(BLRM, outcomes)
        amount = factor * design.doses.levels[dose]
        over = design.method.prob_above_at(design, tally_from(outcomes), target, [amount], precise=True)  # type: ignore[attr-defined]
        yield outcomes, 1 - float(over[0, 0]) >= least


def certain(x: Numbers) -> Iterator[Case]:
    """Yield cases by the distribution of the MTD at many amounts: 1.4826 times the median distance from its median."""
    target, most = x
    amounts = np.exp(np.linspace(np.log(1e-3), np.log(1e3), 300))
    for outcomes in ("1NNT", "1NNT 1NNT 1NNT 1NNN 1NNT", "1NNN 2NNN 2NNT 2NNT 2NNT 2NNN"):
        design, _, _ = believed(BLRM, outcomes)
        cdf = design.method.prob_above_at(design, tally_from(outcomes), target, amounts.tolist(), precise=True)[0]  # type: ignore[attr-defined]
        median = float(np.interp(0.5, cdf, amounts))
        distances = np.linspace(0, 5, 4000) * median
        within = np.interp(median + distances, amounts, cdf) - np.interp(median - distances, amounts, cdf, left=0.0)
        mad = float(np.interp(0.5, within, distances))
        yield outcomes, 1.4826 * mad / median <= most / 100
