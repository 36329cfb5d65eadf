"""Designs for late toxicity: the cuts of TITE-BOIN, the keys of TITE-Keyboard and TITE-mTPI-2, the table of the rolling six."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import exp, log, log1p, sqrt
from typing import Any

from making.common import Vector, by_quadrature, cases, design, vector
from making.rational import keys

Followed = list[dict[str, Any]]
YUAN = {
    "kind": "paper",
    "citation": "Yuan Y, Lin R, Li D, Nie L, Warren KE (2018). Time-to-event Bayesian optimal interval design to accelerate "
    "phase I trials. Clin Cancer Res 24:4921-4930, table of decisions for a target of 0.2",
    "printed": "follow-up at the cut; asked 0.0001 below and above it",
}
FORMULA = {
    "kind": "exact",
    "method": "imputed rate by the formula of Yuan et al. (2018), written for this suite (conformance/making); target 0.3",
}
KEYS = {
    "kind": "quadrature",
    "method": "Simpson's rule over each key under the beta posterior of Lin and Yuan (2020, Biostatistics 21:807-824)",
}
SKOLNIK = {
    "kind": "paper",
    "citation": "Skolnik JM, Barrett JS, Jayaraman B, Patel D, Adamson PC (2008). J Clin Oncol 26:190-195; Frankel PH et al. "
    "(2020). JAMA Netw Open 3:e204787, table 2",
}
ROLLED = (
    (3, 0, 0, "escalate"), (3, 0, 1, "stay"), (4, 0, 1, "stay"), (5, 1, 0, "stay"), (6, 1, 0, "escalate"),
    (6, 0, 1, "escalate"), (6, 1, 1, "wait"), (6, 0, 2, "wait"), (2, 2, 0, "de-escalate"), (6, 2, 3, "de-escalate"),
    (5, 0, 1, "stay"), (5, 0, 2, "stay"),
)  # fmt: skip
"""Patients, DLTs and pending outcomes at a level, and what follows."""
STAYS = "a DLT rate at the target stays, whatever the follow-up"
CUTS = ((9, 1, 3, 0.773122, "escalate"), (9, 1, 4, 2.150559, "escalate"), (9, 2, 1, 0.519754, "de-escalate"),
        (9, 2, 2, 1.589355, "de-escalate"), (9, 2, 3, 2.658955, "de-escalate"), (9, 2, 4, 3.728556, "de-escalate"))  # fmt: skip
"""Patients, DLTs and pending outcomes at a level, the follow-up at the cut in windows, and what the cut leads to."""


def seen(n: int, dlts: int, shares: Sequence[float], level: int = 2) -> Followed:
    """Return the patients of a level: DLTs, pending ones with the share of the window followed, and the rest."""
    ends = [(True, 1.0)] * dlts + [(False, share) for share in shares] + [(False, 1.0)] * (n - dlts - len(shares))
    return [{"level": level, "dlt": dlt, "follow_up": share} for dlt, share in ends]


def _asked(kind: str, patients: Sequence[Followed], target: float | None = 0.3, **method: Any) -> dict[str, Any]:
    made = design({"kind": kind, **method}, 3, target=target, max_patients=18, dlt_window=28)
    return {"kind": "follow_up_each", "design": made, "patients": list(patients)}


def tite_boin() -> Iterator[Vector]:
    """Make vectors of the published cuts, one on either side of each, and of the formula where it is clear of the cuts."""
    for n, dlts, pending, cut, action in CUTS:
        sides = [seen(n, dlts, [(cut + off) / pending] * pending) for off in (-1e-4, 1e-4)]
        expect = ["stay", action] if action == "escalate" else [action, "stay"]
        question = _asked("tite_boin", sides, 0.2)
        yield vector(f"late/tite_boin-{n}-{dlts}-{pending}", "LATE-1", question, {"action": expect}, YUAN)
    rows = [seen(6, 1, [share] * pending) for pending in (1, 2, 3) for share in (0.0, 0.5, 0.999)]
    asked = _asked("tite_boin", rows, 0.2)
    yield vector("late/tite_boin-6-1", "LATE-1", asked, {"action": ["stay"] * len(rows)}, YUAN, note=STAYS)
    for pending in (1, 2, 3):
        found = [
            (seen(n, dlts, [share] * pending), action)
            for n in (3, 6, 9)
            for dlts in range(n - pending + 1)
            for share in (0.05, 0.35, 0.65, 0.95)
            if (action := imputed(n, dlts, pending, pending * share)) is not None
        ]
        question, expect = _asked("tite_boin", [patients for patients, _ in found]), [action for _, action in found]
        yield vector(f"late/tite_boin-pending-{pending}", "LATE-1", question, {"action": expect}, FORMULA)


def imputed(n: int, dlts: int, pending: int, followed: float) -> str | None:
    """Return the action of TITE-BOIN for a target of 0.3, or None nearer than 1e-6 to a cut."""
    target, low, high = 0.3, 0.18, 0.42
    p = (dlts + target / 2) / (n - pending + 1)
    rate = (dlts + p / (1 - p) * (pending - followed)) / n
    up = log((1 - low) / (1 - target)) / log(target * (1 - low) / (low * (1 - target)))
    down = log((1 - target) / (1 - high)) / log(high * (1 - target) / (target * (1 - high)))
    if min(abs(rate - up), abs(rate - down)) < 1e-6:
        return None
    if rate <= up and 10 * dlts < 3 * n:
        return "escalate"
    return "de-escalate" if rate >= down and 10 * dlts > 3 * n else "stay"


def keyboards() -> Iterator[Vector]:
    """Make vectors of the densest key where it leads clearly, for TITE-Keyboard and TITE-mTPI-2."""
    found = [(seen(3, 1, [1 / 3, 1 / 6]), "de-escalate")]
    for n in (3, 6, 9):
        for pending in (1, 2, 3):
            for dlts in range(min(n - pending, 5) + 1):
                for share in (0.2, 0.7):
                    action = densest_key(dlts, n - pending + pending * share)
                    if action is not None:
                        found.append((seen(n, dlts, [share] * pending), action))
    for kind in ("tite_keyboard", "tite_mtpi2"):
        question = _asked(kind, [patients for patients, _ in found])
        yield vector(f"late/{kind}", "LATE-2", question, {"action": [action for _, action in found]}, KEYS)


def densest_key(dlts: int, patients: float) -> str | None:
    """Return the action of the densest of the keys of target 0.3 among so many effective patients; None without a clear lead."""
    edges = [float(edge) for edge in keys(Fraction(1, 4), Fraction(7, 20))]
    middle = edges.index(0.25)

    def density(p: float) -> float:
        return float(p**dlts * (1 - p) ** (patients - dlts))

    def mean(a: float, b: float, panels: int = 40) -> float:
        step = (b - a) / panels
        inner = sum((4 if k % 2 else 2) * density(a + k * step) for k in range(1, panels))
        return (density(a) + inner + density(b)) / (3 * panels)

    means = [mean(a, b) for a, b in pairwise(edges)]
    best = max(range(len(means)), key=means.__getitem__)

    def side(k: int) -> int:
        return (k > middle) - (k < middle)

    others = [value for k, value in enumerate(means) if side(k) != side(best)]
    if means[best] - max(others) < 1e-4 * means[best]:
        return None
    return ("escalate", "stay", "de-escalate")[side(best) + 1]


def rolling_six() -> Iterator[Vector]:
    """Make vectors of the published table at level 2 of 3, and of paths with every outcome known."""
    below = seen(3, 0, [], 1)
    rows = [[*below, *seen(n, dlts, [0.5] * pending)] for n, dlts, pending, _ in ROLLED]
    expect = {"action": [action for *_, action in ROLLED]}
    yield vector("late/rolling_six-table", "LATE-3", _asked("rolling_six", rows, None), expect, SKOLNIK)
    paths = (
        ("1NNN", 2, None), ("1NN", 1, None), ("1NNNN", 2, None), ("1NNNT", 1, None), ("1NNNT 1NN", 2, None),
        ("1NNN 2NTT", 1, None), ("1NNN 2NNN 3NNN", 3, None), ("1NTT", None, None), ("1NNN 2NTT 1NNT", None, 1),
        ("1NNN 2NTT 1NTT", None, None), ("1NNNNNN 2NTT", None, 1), ("1NNN 2NNN 3NNN 3NNT", None, 3),
    )  # fmt: skip
    made = design({"kind": "rolling_six"}, 3, target=None, max_patients=18, cohort_size=3)
    question = {"kind": "recommend_each", "design": made, "outcomes": [text for text, *_ in paths]}
    expect = {"next_level": [level for _, level, _ in paths], "mtd_level": [mtd for *_, mtd in paths]}
    yield vector("late/rolling_six-paths", "LATE-3", question, expect, SKOLNIK)


def models() -> Iterator[Vector]:
    """Make vectors of the TITE-BLRM's posterior, and of the fractional CRM's plug-in estimates."""
    for case in cases("ordinal"):
        if case["kind"] != "tite_logistic" or case["inputs"]["weight_method"] != "linear":
            continue
        inputs, grid = case["inputs"], case["inputs"]["dose_grid"]
        if len(grid) > 10:
            continue
        (v1, cov), (_, v2) = inputs["Sigma"]
        method = {
            "kind": "tite_blrm",
            "reference_amount": inputs["dref"],
            "prior": {"mean": inputs["mu"], "sd": [sqrt(v1), sqrt(v2)], "correlation": cov / sqrt(v1 * v2)},
            "intervals": [0.2, 0.35],
        }
        patients = [
            {"level": grid.index(amount) + 1, "dlt": bool(dlt), "follow_up": min(days / inputs["Tmax"], 1.0)}
            for amount, dlt, days in zip(inputs["x"], inputs["y"], inputs["u"], strict=True)
        ]
        question = {"kind": "follow_up", "design": design(method, grid, dlt_window=28), "patients": patients}
        expect = {"estimate": [dose["mean"] for dose in case["expected"]["doses"]]}
        source = by_quadrature("ordinal", case["id"])
        yield vector(f"late/{case['id']}", "LATE-4", question, expect, source, {"estimate": 1e-6})
    for name, patients, fractions in FRACTIONAL:
        method = {"kind": "fractional_crm", "skeleton": SKELETON, "estimate": "plug_in"}
        asked = [{"level": level, "dlt": dlt, "follow_up": days / 28} for level, dlt, days in patients]
        made = design(method, len(SKELETON), target=0.25, dlt_window=28)
        question = {"kind": "follow_up", "design": made, "patients": asked}
        expect = {"estimate": plug_in([(level, part) for (level, *_), part in zip(patients, fractions, strict=True)])}
        yield vector(f"late/fractional_crm-{name}", "LATE-4", question, expect, YIN, {"estimate": 1e-6})


def plug_in(parts: Sequence[tuple[int, float]]) -> list[float]:
    """Return the power model's estimates at the posterior mean, prior N(0, 1.34), of patients who are part of a DLT."""
    mass = first = 0.0
    for k in range(-4000, 4001):
        beta = k / 500
        weight = -beta * beta / (2 * 1.34)
        for level, part in parts:
            log_rate = exp(beta) * log(SKELETON[level - 1])
            weight += part * log_rate + (1 - part) * log1p(-exp(log_rate))
        mass += exp(weight)
        first += beta * exp(weight)
    return [round(float(guess ** exp(first / mass)), 9) for guess in SKELETON]


SKELETON = [0.05, 0.12, 0.25, 0.40, 0.55]
YIN = {
    "kind": "quadrature",
    "method": "trapezium rule; fractions by the Kaplan-Meier curve of Yin, Zheng and Xu (2013, J Biopharm Stat 23:856-870)",
}
FRACTIONAL = (
    # DLTs on days 7 and 10 of 28: the curve falls to 0.8 and 0.6, so that day 5 is 0.4 of a DLT and day 8 a quarter.
    ("day-5", ((1, False, 28), (1, False, 28), (2, True, 7), (2, False, 20), (2, True, 10), (2, False, 5)),
     (0, 0, 1, 0, 1, 0.4)),
    ("no-dlt-yet", ((1, False, 28), (1, False, 28), (1, False, 28), (2, False, 9), (2, False, 3)), (0, 0, 0, 0, 0)),
)  # fmt: skip


def waiting() -> Iterator[Vector]:
    """Make vectors of the rules that have accrual wait, under TITE-BOIN or BOIN at level 2 of 3."""
    suspended = (
        (seen(6, 0, [0.9] * 4), "wait"), (seen(6, 0, [0.9] * 3), "escalate"), (seen(6, 1, [0.5] * 4), "wait"),
        # Left even if none of them has a DLT: safety goes before waiting.
        (seen(5, 2, [0.5] * 3), "de-escalate"),
    )  # fmt: skip
    followed = (
        (seen(6, 0, [0.2, 0.9]), "wait"), (seen(6, 0, [0.25, 0.9]), "escalate"), (seen(3, 0, [0.9, 0.9]), "wait"),
        (seen(3, 1, [0.1]), "de-escalate"),
    )  # fmt: skip
    certain = (
        (seen(3, 2, [0.5]), "de-escalate"), (seen(3, 0, [0.9]), "wait"), (seen(3, 1, [0.9]), "wait"),
        (seen(6, 0, [0.1]), "escalate"),
    )  # fmt: skip
    for kind, rule, rows in (
        ("tite_boin", "suspend_when_pending", suspended),
        ("tite_boin", "min_follow_up", followed),
        ("boin", "decide_when_certain", certain),
    ):
        made = design({"kind": kind}, 3, max_patients=18, dlt_window=28, rules=[{"kind": rule}])
        question = {"kind": "follow_up_each", "design": made, "patients": [patients for patients, _ in rows]}
        expect = {"action": [action for _, action in rows]}
        source = {"kind": "specification", "where": f"definition of the rule {rule}"}
        yield vector(f"late/{rule}", "WAIT-1", question, expect, source)
