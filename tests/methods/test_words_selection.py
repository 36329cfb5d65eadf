"""How the MTD is selected, read from the text and done by the test's own means, on random final data."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.arrays import NONE
from escalate.core.decision import select
from escalate.core.method import ModelMethod
from escalate.core.tally import Tally
from tests.helpers import make

NUMBER = r"(\d+(?:\.\d+)?)"
TRIALS = 300
HALF = {"half_width": 0.05, "prior_mtd": 2}
CRM = {"kind": "crm", "skeleton": [0.05, 0.15, 0.3, 0.45, 0.6], "estimate": "mean"}
BLRM = {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": [-1.0, 0.1], "sd": [1.2, 0.7]}}


def words(design: esc.Design) -> str:
    """Return what a protocol says of the selection."""
    return "\n".join(design.method.describe_selection(design))


def final_data(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return patients and DLTs of five levels, the highest ones not tried."""
    reached = int(rng.integers(1, 6))
    n = [int(x) * 3 if j < reached else 0 for j, x in enumerate(rng.integers(1, 4, size=5))]
    return n, [int(rng.binomial(m, p)) for m, p in zip(n, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True)]


def pooled(rates: list[float], weights: list[float]) -> list[float]:
    """Return rates that do not fall: neighbours that do are put together, again and again."""
    blocks = [[rate, weight, 1] for rate, weight in zip(rates, weights, strict=True)]
    k = 0
    while k + 1 < len(blocks):
        if blocks[k][0] > blocks[k + 1][0]:
            a, b = blocks[k], blocks.pop(k + 1)
            blocks[k] = [(a[0] * a[1] + b[0] * b[1]) / (a[1] + b[1]), a[1] + b[1], a[2] + b[2]]
            k = max(k - 1, 0)
        else:
            k += 1
    return [block[0] for block in blocks for _ in range(int(block[2]))]


def by_isotonic_regression(text: str, n: list[int], dlt: list[int], guess: tuple[float, ...] = ()) -> int:
    """Return the MTD by the formula, the weights and the ties of the text."""
    (target,) = re.findall(rf"nearest to the target of {NUMBER}\.", text)
    tried = "at which at least one patient was treated" in text
    levels = [j for j in range(5) if n[j] > 0 or not tried]
    with_prior = re.findall(rf"estimated by \(DLTs \+ {NUMBER}\) / \(patients \+ {NUMBER}\)", text)
    borrowed = re.findall(r"m, what the guess is worth, (\d+) at every level", text)
    events, size = np.array(dlt, dtype=float), np.array(n, dtype=float)
    if borrowed:
        events, size = events + int(borrowed[0]) * np.array(guess), size + int(borrowed[0])
    elif with_prior:
        a, total = (float(x) for x in with_prior[0])
        events, size = events + a, size + total
    else:
        assert "is estimated by DLTs / patients." in text
    if "the inverse of the variance of the beta distribution" in text:
        weights = size**2 * (size + 1) / (events * (size - events))
    else:
        weights = size
    rates = pooled([float(events[j] / size[j]) for j in levels], [float(weights[j]) for j in levels])
    upper = re.findall(rf"whose estimate is above lambda_d = {NUMBER} cannot be selected", text)
    best: tuple[float, float, int] | None = None
    for level, rate in zip(levels, rates, strict=True):
        if upper and rate > float(upper[0]):
            continue
        # Of equal estimates the highest below the target, else the lowest; of two equally near the lower.
        tie = -level if rate < float(target) - 1e-9 else level
        found = (round(abs(rate - float(target)), 9), round(rate, 9), tie)
        if best is None or found < best[:3]:
            best = (*found, level)  # type: ignore[assignment]
    return NONE if best is None else best[-1]


ISOTONIC: list[dict[str, Any]] = [
    {"kind": "boin"},
    {"kind": "boin", "bound_mtd": True},
    {"kind": "bf_boin"},
    {"kind": "tite_boin"},
    {"kind": "ccd"},
    {"kind": "i3p3"},
    {"kind": "mtpi"},
    {"kind": "mtpi2", "mtd_prior": [0.2, 0.3]},
    {"kind": "mtpi2", "mtd_among": "all"},
    {"kind": "keyboard"},
    {"kind": "tite_keyboard"},
    {"kind": "tite_mtpi2"},
    {"kind": "tpi"},
    {"kind": "iboin", "skeleton": [0.05, 0.15, 0.3, 0.45, 0.6], "ess": 3},
    {"kind": "iboin", "skeleton": [0.05, 0.15, 0.3, 0.45, 0.6], "ess": 2, "mtd_borrowing": True},
    {"kind": "constant", "level": 1},
    {"kind": "random", "seed": 1},
    {"kind": "decision_table", "rows": [[n, k, "E" if 4 * k < n else "D"] for n in (3, 6, 9) for k in range(n + 1)]},
]


@pytest.mark.parametrize("settings", ISOTONIC, ids=lambda settings: settings["kind"])
def test_isotonic_selection_as_described(settings: dict[str, Any]) -> None:
    """Formula, pseudo-counts, weights and ties of the text give the MTD of every trial."""
    design = make(settings, rules=())
    text, rng = words(design), np.random.default_rng(20)
    guess = tuple(settings.get("skeleton", ()))
    seen = set()
    for _ in range(TRIALS):
        n, dlt = final_data(rng)
        mtd = int(select(design, Tally.of([n], [dlt]))[0])
        assert mtd == by_isotonic_regression(text, n, dlt, guess), (n, dlt)
        seen.add(mtd)
    assert len(seen) >= 4


def by_3_plus_3(text: str, n: list[int], dlt: list[int]) -> int:
    """The highest level below every toxic one that meets the criterion of the text."""
    (bad,) = re.findall(r"below every level with (\d) or more DLTs", text)
    most, six = re.findall(r"at most (\d) of at least (\d) patients had a DLT", text)[0]
    three = re.findall(r"none of at least (\d)", text)
    toxic = [j for j in range(5) if dlt[j] >= int(bad)]
    clean = not toxic or "as long as no level" not in text
    for level in reversed(range(min(toxic, default=5))):
        enough = n[level] >= int(six) and dlt[level] <= int(most)
        if enough or (three and clean and n[level] >= int(three[0]) and dlt[level] == 0):
            return level
    return NONE


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "three_plus_three"},
        {"kind": "three_plus_three", "deescalate": False},
        {"kind": "three_plus_three", "six_at_mtd": True},
        {"kind": "rolling_six"},
    ],
)
def test_selection_of_rule_based_designs(settings: dict[str, Any]) -> None:
    """Two DLTs bar a level and all above; six patients with at most one DLT, or three without where the text allows it."""
    design = make(settings, rules=())
    text, rng, seen = words(design), np.random.default_rng(21), set()
    for _ in range(TRIALS):
        n, dlt = final_data(rng)
        mtd = int(select(design, Tally.of([n], [dlt]))[0])
        assert mtd == by_3_plus_3(text, n, dlt), (n, dlt)
        seen.add(mtd)
    assert len(seen) >= 3


def test_selection_after_accelerated_titration() -> None:
    """The sentences of the 3+3 design."""
    design = make({"kind": "accelerated_titration"}, rules=())
    assert words(design) == words(make({"kind": "three_plus_three"}, rules=()))


def test_selection_by_scores() -> None:
    """gBOIN: the mean score in place of the DLT rate."""
    design = make({"kind": "gboin"}, rules=())
    text = words(design)
    a, total = (float(x) for x in re.findall(rf"\(sum of the scores \+ {NUMBER}\) / \(patients \+ {NUMBER}\)", text)[0])
    rng = np.random.default_rng(22)
    for _ in range(100):
        counts = np.zeros((1, 5, 4), dtype=np.int64)
        for j in range(int(rng.integers(1, 6))):
            counts[0, j] = rng.multinomial(6, [0.5, 0.2, 0.2, 0.1])
        n = counts[0].sum(axis=1)
        events = counts[0] @ np.array([0, 1, 2, 3]) / 3 + a
        levels = np.flatnonzero(n)
        size = n + total
        weights = size**2 * (size + 1) / (events * (size - events))
        rates = pooled((events / size)[levels].tolist(), weights[levels].tolist())
        gap = [round(abs(rate - 0.3), 9) for rate in rates]
        near = [k for k, each in enumerate(gap) if each == min(gap)]
        mtd = int(select(design, Tally(counts))[0])
        assert mtd in {int(levels[k]) for k in near}


def test_selection_by_estimates() -> None:
    """CRM: the level whose estimate suits best among those tried, or among all."""
    late = ({**CRM, "kind": kind} for kind in ("tite_crm", "fractional_crm"))
    for settings in (CRM, {**CRM, "mtd_among": "all"}, {**CRM, "choose": "highest_below"}, *late):
        design = make(settings, rules=())
        text, rng = words(design), np.random.default_rng(23)
        for _ in range(40):
            n, dlt = final_data(rng)
            tally = Tally.of([n], [dlt])
            assert isinstance(design.method, ModelMethod)
            p = design.method.estimate_doses(design, tally)[0]
            levels = [j for j in range(5) if n[j] or "treated or not" in text]
            if "whose estimate is nearest to" in text:
                wanted = min(levels, key=lambda j: (abs(p[j] - 0.3), j))
            else:
                assert "or the lowest of these levels where there is none" in text
                below = [j for j in levels if p[j] <= 0.3]
                wanted = max(below) if below else levels[0]
            assert int(select(design, tally)[0]) == wanted


@pytest.mark.parametrize("kind", ["blrm", "tite_blrm"])
@pytest.mark.parametrize("choose", ["target", "highest", "loss"])
def test_selection_among_admissible_levels(kind: str, choose: str) -> None:
    """BLRM: admissible, tried, and taken as the text says."""
    design = make({**BLRM, "kind": kind, "choose": choose}, rules=())
    text, rng = words(design), np.random.default_rng(24)
    assert "among the admissible levels at which at least one patient was treated" in text
    assert isinstance(design.method, ModelMethod)
    for _ in range(25):
        n, dlt = final_data(rng)
        tally = Tally.of([n], [dlt])
        above = design.method.belief(design, tally).probs_above([0.16, 0.33])[:, 0]
        levels = [j for j in range(5) if n[j] and above[1][j] <= 0.25]
        on = above[0] - above[1]
        mtd = int(select(design, tally)[0])
        if not levels:
            assert mtd == NONE
        elif choose == "highest" or (choose == "target" and all(on[j] <= 0.05 for j in levels)):
            assert mtd == max(levels)
        elif choose == "target":
            assert mtd == max(levels, key=lambda j: on[j])
        else:
            assert mtd == max(levels, key=lambda j: on[j]), "with losses 1, 0, 1 that is the same"


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "pymc", "model": "emax", "choose": "highest"},
        {
            "kind": "ordinal_crm",
            "reference_amount": 2.0,
            "prior": {"mean": [-0.5, -2.0], "sd": [1.5, 1.5]},
            "choose": "highest",
        },
    ],
)
def test_selection_of_other_posteriors(settings: dict[str, Any]) -> None:
    """The highest admissible level that was tried, by the cut-off of the choice."""
    design = make(settings, 3, rules=())
    assert "the admissible levels at which at least one patient was treated: it is the highest of them" in words(design)
    assert isinstance(design.method, ModelMethod)
    for n, dlt in (([3, 3, 0], [0, 0, 0]), ([3, 3, 3], [0, 1, 2]), ([3, 0, 0], [3, 0, 0])):
        counts = np.zeros((1, 3, len(design.outcomes)), dtype=np.int64)
        counts[0, :, 0], counts[0, :, -1] = np.array(n) - dlt, dlt
        over = design.method.belief(design, Tally(counts)).prob_above(0.33)[0]
        levels = [j for j in range(3) if n[j] and over[j] <= 0.25]
        assert int(select(design, Tally(counts))[0]) == max(levels, default=NONE)


@pytest.mark.parametrize("final", ["median", "quantile"])
def test_selection_by_the_mtd(final: str) -> None:
    """EWOC: the highest tried level with Pr(MTD below it) within one half, or within the bound."""
    design = make({"kind": "ewoc", "mtd_up_to": 8.0, "final": final}, rules=())
    text, rng = words(design), np.random.default_rng(25)
    limit = 0.5 if "is at most 0.5" in text else 0.25
    assert ("the feasibility bound of that time" in text) is (final == "quantile")
    assert isinstance(design.method, ModelMethod)
    for _ in range(25):
        n, dlt = final_data(rng)
        tally = Tally.of([n], [dlt])
        # Pr(MTD < dose) = Pr(p(dose) > target).
        below = design.method.belief(design, tally).prob_above(0.3)[0]
        if np.abs(below[1:] - limit).min() < 1e-5:
            continue
        assert int(select(design, tally)[0]) == max(j for j in range(5) if n[j] and (j == 0 or below[j] <= limit))


def test_what_a_safety_rule_bars_is_no_mtd() -> None:
    """The text says so where there is such a rule, and it is so."""
    for rules, said in (((), False), (({"kind": "eliminate"},), True), (({"kind": "max_dlts", "dlts": 9},), False)):
        design = make({"kind": "boin"}, rules=rules)
        assert ("that no safety rule bars" in words(design)) is said
    tally = Tally.of([[3, 3, 0, 0, 0]], [[0, 3, 0, 0, 0]])
    assert int(select(make({"kind": "boin"}), tally)[0]) == 0
    assert int(select(make({"kind": "boin"}), Tally.of([[3, 0, 0, 0, 0]], [[3, 0, 0, 0, 0]]))[0]) == NONE


ELSEWHERE: dict[str, Callable[..., None]] = {
    "three_plus_three": test_selection_of_rule_based_designs,
    "rolling_six": test_selection_of_rule_based_designs,
    "accelerated_titration": test_selection_after_accelerated_titration,
    "gboin": test_selection_by_scores,
    "crm": test_selection_by_estimates,
    "tite_crm": test_selection_by_estimates,
    "fractional_crm": test_selection_by_estimates,
    "blrm": test_selection_among_admissible_levels,
    "tite_blrm": test_selection_among_admissible_levels,
    "ordinal_crm": test_selection_of_other_posteriors,
    "pymc": test_selection_of_other_posteriors,
    "ewoc": test_selection_by_the_mtd,
}
"""The test that reads the selection of a method which does not select by isotonic regression of DLT rates."""


def test_every_method_has_a_selection_that_is_read() -> None:
    """A method whose selection nothing is held against cannot be added."""
    assert {settings["kind"] for settings in ISOTONIC} | set(ELSEWHERE) == set(registry.methods().kinds())
