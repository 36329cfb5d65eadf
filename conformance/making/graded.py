"""Relatives of BOIN and of the 3+3: prior guesses, graded toxicity, backfilled levels, single patients first."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb, log
from typing import Any

from making.common import Vector, design, vector

ZHOU = {
    "kind": "exact",
    "citation": "Zhou Y, Lee JJ, Wang S, Bailey S, Yuan Y (2021). Pharm Stat 20:1017-1034",
    "method": "cuts by the formulas of the paper, prior weights as fractions, written for this suite (conformance/making)",
}
MU = {
    "kind": "exact",
    "citation": "Mu R, Yuan Y, Xu J, Mandrekar SJ, Yin J (2019). J R Stat Soc Ser C Appl Stat 68:289-308",
    "method": "mean scores as fractions against the cuts of the paper, written for this suite (conformance/making)",
}
ZHAO = {
    "kind": "paper",
    "citation": "Zhao Y, Yuan Y, Korn EL, Freidlin B (2024). Backfilling patients in phase I dose-escalation trials using Bayesian "
    "optimal interval design (BOIN). Clin Cancer Res 30:673-679; its examples, target 0.25, and pools worked by hand",
}
SIMON = {
    "kind": "paper",
    "citation": "Simon R, Freidlin B, Rubinstein L, Arbuck SG, Collins J, Christian MC (1997). Accelerated titration designs for "
    "phase I clinical trials in oncology. J Natl Cancer Inst 89:1138-1147, design 2; paths worked by hand",
}


def _cuts(target: float) -> tuple[float, float, float, float]:
    """Return BOIN's cuts at a target, and by how much a log ratio of prior weights shifts each, for one patient."""
    low, high = 0.6 * target, 1.4 * target
    up, down = log(target * (1 - low) / (low * (1 - target))), log(high * (1 - target) / (target * (1 - high)))
    return log((1 - low) / (1 - target)) / up, log((1 - target) / (1 - high)) / down, 1 / up, 1 / down


def prior_weights(guess: Fraction, worth: int, target: Fraction) -> list[Fraction]:
    """Return the weights of the target rate, 0.6 and 1.4 times it, from a guess that is worth some patients."""
    rates = (target, target * Fraction(3, 5), target * Fraction(7, 5))
    found = [Fraction(0)] * 3
    for x in range(worth + 1):
        likely = [rate**x * (1 - rate) ** (worth - x) for rate in rates]
        chance = comb(worth, x) * guess**x * (1 - guess) ** (worth - x)
        found = [sofar + chance * each / sum(likely) for sofar, each in zip(found, likely, strict=True)]
    return found


def iboin() -> Iterator[Vector]:
    """Make vectors of every count of DLTs among up to twelve patients at the middle of three levels."""
    target = Fraction(3, 10)
    up, down, shift_up, shift_down = _cuts(float(target))
    for guess in (Fraction(1, 10), Fraction(3, 10), Fraction(42, 100), Fraction(54, 100)):
        for worth in (1, 3, 5):
            same, lower, higher = prior_weights(guess, worth, target)
            asked: list[tuple[int, int, str]] = []
            for n in range(1, 13):
                lambda_e = up + shift_up * log(lower / same) / n
                lambda_d = down + shift_down * log(same / higher) / n
                for y in range(n + 1):
                    if min(abs(y / n - lambda_e), abs(y / n - lambda_d)) > 1e-9:
                        # Beyond 0 and 1 the cuts can cross: de-escalation comes first.
                        action = "de-escalate" if y / n >= lambda_d else "escalate" if y / n <= lambda_e else "stay"
                        asked.append((n, y, action))
            skeleton = [0.05, float(guess), 0.7]
            question = {
                "kind": "decisions",
                "design": design({"kind": "iboin", "skeleton": skeleton, "ess": worth}, 3),
                "level": 2,
                "patients": [n for n, *_ in asked],
                "dlts": [y for _, y, _ in asked],
            }
            expect = {"action": [action for *_, action in asked]}
            yield vector(f"graded/iboin-{float(guess):g}-{worth}", "TAB-7", question, expect, ZHOU)


def gboin() -> Iterator[Vector]:
    """Make vectors of the published cuts and of every total score of three and of six patients; a normal score too."""
    target = 0.3133333
    up, down, *_ = _cuts(target)
    made = design({"kind": "gboin"}, 3, target=target)
    published = {
        "kind": "paper",
        "citation": MU["citation"],
        "printed": "seven decimals, also given by the package TITEgBOIN",
    }
    cuts = {"lambda_e": 0.2470996, "lambda_d": 0.3745942}
    question = {"kind": "table", "design": made, "patients": [3]}
    yield vector("graded/gboin-cuts", "TAB-8", question, cuts, published, dict.fromkeys(cuts, 1e-7))
    thirds = {"N": 0, "M": 1, "S": 2, "T": 3}
    for n in (3, 6):
        texts = ["".join(letters) for letters in combinations_with_replacement("NMST", n)]
        means = [sum(thirds[letter] for letter in text) / (3 * n) for text in texts]
        expect = {"next_level": [3 if mean <= up else 1 if mean >= down else 2 for mean in means]}
        asked = {"kind": "recommend_each", "design": made, "outcomes": [f"1NNN 2{text}" for text in texts]}
        yield vector(f"graded/gboin-{n}", "TAB-8", asked, expect, MU)
    grades = [("N", 0.0), ("A", 1.176), ("B", 1.764), ("C", 2.3), ("T", 3.0)]
    method = {
        "kind": "gboin",
        "endpoint": "normal",
        "grades": [{"letter": letter, "name": letter, "score": score} for letter, score in grades],
    }
    exact = {letter: Fraction(str(score)) for letter, score in grades}
    texts = ["".join(letters) for letters in combinations_with_replacement("NABCT", 3)]
    totals = [sum(exact[letter] for letter in text) / 3 for text in texts]
    low, high = Fraction("1.176"), Fraction("1.764")
    expect = {"next_level": [3 if mean <= low else 1 if mean >= high else 2 for mean in totals]}
    asked = {
        "kind": "recommend_each",
        "design": design(method, 3, target=0.49),
        "outcomes": [f"1NNN 2{text}" for text in texts],
    }
    yield vector("graded/gboin-normal", "TAB-8", asked, expect, MU)


def bf_boin() -> Iterator[Vector]:
    """Make vectors of levels below the current one that speak against it, and of an outcome that is awaited."""
    examples = (
        (3, [9, 6, 3, 0], [3, 1, 0, 0], 3), (3, [3, 6, 3, 0], [0, 2, 0, 0], 3), (3, [3, 6, 3, 0], [0, 2, 1, 0], 1),
        (3, [3, 12, 4, 0], [1, 0, 1, 0], 3), (3, [3, 12, 4, 0], [1, 0, 2, 0], 2), (3, [3, 12, 4, 0], [1, 0, 0, 0], 4),
    )  # fmt: skip
    made = design({"kind": "bf_boin"}, 4, target=0.25, backfill={"activity": "none"}, dlt_window=28)
    question = {
        "kind": "decisions",
        "design": made,
        "level": 3,
        "tallies": [{"patients": n, "dlts": dlts} for _, n, dlts, _ in examples],
    }
    expect = {"next_level": [following for *_, following in examples]}
    yield vector("graded/bf_boin", "BACK-1", question, expect, ZHAO)
    # One of three at the current level is pending.
    patients: list[dict[str, Any]] = [
        {"level": level, "dlt": False, "follow_up": 1.0} for level in (1, 2, 3) for _ in "abc"
    ]
    patients[-1] = {**patients[-1], "follow_up": 0.5}
    asked = {"kind": "follow_up_each", "design": made, "patients": [patients]}
    yield vector("graded/bf_boin-pending", "BACK-1", asked, {"action": ["wait"]}, ZHAO)


def accelerated_titration() -> Iterator[Vector]:
    """Make vectors of whole paths: single patients, what ends the titration, and the 3+3 after it."""
    paths = (
        ("1N", 2, 1, None), ("1N 2M", 3, 1, None), ("1N 2M 3M", 3, 2, None), ("1N 2M 3M 3NN", 4, 3, None),
        ("1N 2N 3T", 3, 2, None), ("1N 2N 3T 3NN", 3, 3, None), ("1N 2N 3T 3NT", 2, 2, None),
        ("1N 2N 3T 3NT 2NN", 2, 3, None), ("1N 2N 3T 3NT 2NN 2NNN", None, None, 2), ("1N 2N 3N 4N 5N", 5, 2, None),
        ("1M 2N 3N 4N 5N 5MN", None, None, 5), ("1T", 1, 2, None),
    )  # fmt: skip
    made = design({"kind": "accelerated_titration"}, 5, target=None, max_patients=30, rules=None)
    question = {"kind": "recommend_each", "design": made, "outcomes": [text for text, *_ in paths]}
    expect = {
        "next_level": [level for _, level, *_ in paths],
        "next_cohort_size": [size for _, _, size, _ in paths],
        "mtd_level": [mtd for *_, mtd in paths],
    }
    yield vector("graded/accelerated_titration", "TITR-1", question, expect, SIMON)
