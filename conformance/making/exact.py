"""Vectors of exact results: whole trials, decision tables, elimination, isotonic fits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from making.common import RATIONAL, Vector, cases, design, tallied, vector
from making.rational import (
    BoinTrial,
    boin_fits,
    ccd,
    cut_offs,
    eliminated_from,
    i3p3,
    isotonic,
    keyboard,
    mtpi,
    nearest,
    three_plus_three,
)

TRUTHS = (
    ("1/20", "3/20", "3/10"),
    ("3/10", "1/2", "7/10"),
    ("1/2", "3/5", "7/10"),
    ("1/20", "3/20", "3/10", "9/20"),
    ("1/50", "1/20", "1/10", "1/4"),
)
METHODS = (
    ("TAB-1", "mtpi", mtpi),
    ("TAB-2", "mtpi2", keyboard),
    ("TAB-4", "keyboard", keyboard),
    ("TAB-6", "i3p3", i3p3),
)
TOLERANCE = dict.fromkeys(("selected", "selected_none", "patients", "dlts"), 1e-12)


def _rates(truth: tuple[str, ...]) -> list[Fraction]:
    return [Fraction(rate) for rate in truth]


def whole_trials() -> Iterator[Vector]:
    """Make vectors of exact operating characteristics of small BOIN trials, by the cut-offs of the authors' software."""
    table = next(
        case["outputs"]["full_boundary_tab"]
        for case in cases("boin_boundary")
        if case["inputs"]["target"] == 0.3 and case["inputs"]["p_saf_p_tox_default"] and case["inputs"]["cutoff_eli"] == 0.95
        and not case["inputs"]["extrasafe"] and case["inputs"]["ncohort"] * case["inputs"]["cohortsize"] >= 18
    )  # fmt: skip
    cuts = (table["escalate_if_le"], table["deescalate_if_ge"], table["eliminate_if_ge"])
    for k, truth in enumerate(TRUTHS, start=1):
        for size in (9, 15):
            rates = _rates(truth)
            found = BoinTrial(rates, Fraction(3, 10), size, *cuts)
            made = design({"kind": "boin"}, len(rates), max_patients=size, cohort_size=3, rules=[{"kind": "eliminate"}])
            expect = {
                "selected": [float(share) for share in found.selected[1:]],
                "selected_none": float(found.selected[0]),
                "patients": [float(mean) for mean in found.patients],
                "dlts": [float(mean) for mean in found.dlts],
            }
            question = {"kind": "simulate", "design": made, "scenario": {"dlt": [float(rate) for rate in rates]}}
            yield vector(f"exact/boin-{k}-{size}", "BOIN-3", question, expect, RATIONAL, TOLERANCE)


def three_plus_threes() -> Iterator[Vector]:
    """Make vectors of the exact selection of the 3+3 with de-escalation."""
    for k, truth in enumerate(TRUTHS, start=1):
        rates = _rates(truth)
        found = three_plus_three(rates)
        made = design({"kind": "three_plus_three"}, len(rates), max_patients=6 * len(rates), cohort_size=3)
        question = {"kind": "simulate", "design": made, "scenario": {"dlt": [float(rate) for rate in rates]}}
        expect = {"selected": [float(p) for p in found[1:]], "selected_none": float(found[0])}
        yield vector(f"exact/3plus3-{k}", "TPT-1", question, expect, RATIONAL, TOLERANCE)


def tables() -> Iterator[Vector]:
    """Make vectors of decision tables; a number of patients with a tie of two intervals is left out."""
    for requirement, kind, rule in METHODS:
        for target in ("1/5", "1/4", "3/10", "33/100"):
            yield _table(requirement, kind, {"kind": kind, "epsilon_low": 0.05, "epsilon_high": 0.05}, rule, target)
    for target in ("1/5", "1/4", "3/10"):
        yield _table("TAB-5", "ccd", {"kind": "ccd", "delta": 0.1}, ccd, target)


def _table(requirement: str, kind: str, method: dict[str, Any], rule: Any, target: str) -> Vector:
    value = Fraction(target)
    found = {n: cuts for n in range(1, 31) if (cuts := cut_offs(rule, value, n)) is not None}
    question = {"kind": "table", "design": design(method, 5, target=float(value)), "patients": list(found)}
    expect = {
        "escalate_if_dlts_at_most": [cuts[0] for cuts in found.values()],
        "deescalate_if_dlts_at_least": [cuts[1] for cuts in found.values()],
    }
    return vector(f"exact/{kind}-{float(value):g}", requirement, question, expect, RATIONAL)


def elimination() -> Iterator[Vector]:
    """Make vectors of the DLTs that eliminate a dose; at a cut-off of 15/16 three of three at target 1/2 are exactly on it."""
    for target, cutoff, least in (
        ("3/10", "19/20", 3), ("1/5", "19/20", 3), ("1/4", "19/20", 3), ("33/100", "19/20", 3), ("3/10", "9/10", 3),
        ("3/10", "19/20", 6), ("1/4", "4/5", 2), ("1/2", "15/16", 3), ("1/2", "31/32", 3), ("1/2", "7/8", 2),
    ):  # fmt: skip
        value, limit = Fraction(target), Fraction(cutoff)
        patients = list(range(1, 25))
        rule = {"kind": "eliminate", "cutoff": float(limit), "min_patients": least}
        question = {
            "kind": "table",
            "design": design({"kind": "boin"}, 5, target=float(value), rules=[rule]),
            "patients": patients,
        }
        cuts = [eliminated_from(value, limit, n) if n >= least else None for n in patients]
        name = f"exact/eliminate-{float(value):g}-{float(limit):g}-{least}"
        yield vector(name, "ELIM-1", question, {"eliminate_if_dlts_at_least": cuts}, RATIONAL)


def isotonic_fits() -> Iterator[Vector]:
    """Make vectors of isotonic fits and of the dose nearest to the target: tallies from a fixed arithmetic sequence.

    BOIN's rates have pseudo-counts and are weighted by their precision, those of the cumulative cohort design are as observed
    and weighted by patients.
    """
    target = Fraction(3, 10)
    for k in range(1, 25):
        n = [3 * (1 + (k * (j + 3) + j * j) % 4) for j in range(5)]
        y = [(k * k + 7 * j * k + 3 * j) % (count // 2 + 1) for j, count in enumerate(n)]
        text, fits = tallied(n, y), boin_fits(n, y, range(5))
        question = {"kind": "select", "design": design({"kind": "boin"}, 5), "outcomes": text}
        expect = {"mtd_level": nearest(fits, target) + 1, "estimate": [float(fit) for fit in fits.values()]}
        yield vector(f"exact/isotonic-boin-{k}", "ISO-1", question, expect, RATIONAL, {"estimate": 1e-12})
        plain = isotonic([Fraction(a, b) for a, b in zip(y, n, strict=True)], [Fraction(b) for b in n])
        question = {"kind": "select", "design": design({"kind": "ccd"}, 5), "outcomes": text}
        expect = {"mtd_level": nearest(dict(enumerate(plain)), target) + 1}
        yield vector(f"exact/isotonic-ccd-{k}", "ISO-1", question, expect, RATIONAL)
