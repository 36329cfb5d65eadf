"""Escalation with overdose control, the ordinal CRM and PyMC models: what their sentences say of bounds and choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from escalate.core.arrays import NONE
from escalate.core.method import ModelMethod
from escalate.core.tally import States, Tally
from tests.helpers import make
from tests.methods.reading import found, outcomes_of, words
from tests.methods.reading_models import TALLIES, Nodes, following


@pytest.mark.parametrize(
    "settings", [{}, {"schedule": {"step": 0.1, "max": 0.4}}, {"schedule": {"per": "patient", "step": 0.02}}]
)
def test_bound_and_model_of_ewoc(settings: dict[str, Any]) -> None:
    """The highest level with Pr(MTD below it) within the bound of the text, by an integral over the prior of the text."""
    design = make({"kind": "ewoc", "mtd_up_to": 6.0, **settings}, 3, rules=())
    text = words(design)
    (target,) = found(r"the dose at which the DLT probability is (\d+(?:\.\d+)?);", text)
    bottom, top = (float(x) for x in found(r"position of the MTD between (\d+(?:\.\d+)?) and (\d+(?:\.\d+)?) mg", text))
    assert text.count("the uniform distribution") == 2
    rho = (np.arange(400) + 0.5) / 400 * float(target)
    mtd = bottom + (np.arange(1000) + 0.5) / 1000 * (top - bottom)
    r, g = (x.ravel() for x in np.meshgrid(rho, mtd, indexing="ij"))

    def logit(x: Any) -> Any:
        return np.log(x / (1 - x))

    slope = (logit(float(target)) - logit(r)) / (g - bottom)
    p = 1 / (1 + np.exp(-(logit(r)[:, None] + slope[:, None] * (np.array([1.0, 2.0, 3.0]) - bottom))))
    nodes = Nodes(np.ones_like(r), np.clip(p, 1e-15, 1 - 1e-15))
    for n, dlt in TALLIES:
        weight = nodes.posterior(np.array(n), np.array(dlt))
        below = np.array([weight @ (g < dose) for dose in (1.0, 2.0, 3.0)])
        bound = _bound(text, sum(n))
        if np.abs(below[1:] - bound).min() < 2e-3:
            continue
        given = int(np.flatnonzero(n)[-1])
        moves = design.method.decide(design, States(Tally.of([n], [dlt]), np.array([given]), np.array([[3, 0]])))
        assert int(moves.next[0]) == max(np.flatnonzero(below <= bound)), (n, dlt)


def _bound(text: str, n: int) -> float:
    if "throughout the trial" in text:
        return float(found(r"feasibility bound is (\d+(?:\.\d+)?) throughout", text)[0])
    first, step, unit, most = found(
        r"starts at (\d+(?:\.\d+)?) and rises by (\d+(?:\.\d+)?) for each (\w+) after the first \w+, to at most (\d+(?:\.\d+)?)\. ",
        text,
    )
    seen = -(-n // 3) if unit == "cohort" else n
    return min(float(first) + float(step) * max(seen - 1, 0), float(most))


def test_a_worse_cohort_never_raises_the_dose_of_ewoc() -> None:
    """As its text says, over every outcome of a cohort."""
    design = make({"kind": "ewoc", "mtd_up_to": 6.0, "schedule": {}}, 3, rules=())
    assert "never higher than the level that would follow if fewer patients of the last cohort had had a DLT" in words(
        design
    )
    for before in range(4):
        levels = []
        for dlts in range(4):
            tally = Tally.of([[3, 3, 0]], [[before, dlts, 0]])
            levels.append(
                int(design.method.decide(design, States(tally, np.array([1]), np.array([[3 - dlts, dlts]]))).next[0])
            )
        assert levels == sorted(levels, reverse=True)


@pytest.mark.parametrize("coherent", [False, True])
def test_choice_of_the_ordinal_crm(coherent: bool) -> None:
    """Admissible by the cut-off of the text, most likely on target; never higher after a worse outcome where it says so."""
    design = make({"kind": "ordinal_crm", "reference_amount": 2.0, "prior": {"mean": [-0.5, -2.0], "sd": [1.5, 1.5]},
                   "coherent_grades": coherent}, 3, rules=())  # fmt: skip
    text = words(design)
    assert ("if patients of the last cohort had fared better" in text) is coherent
    high, cutoff = (float(x) for x in found(r"Pr\(p > (\d+(?:\.\d+)?) \| data\), is at most (\d+(?:\.\d+)?)\.", text))
    assert isinstance(design.method, ModelMethod)
    for counts in outcomes_of(3, range(3, 4)):
        tally = np.zeros((1, 3, 3), dtype=np.int64)
        tally[0, 0] = counts
        moves = design.method.decide(design, States(Tally(tally), np.array([0]), np.array([counts])))
        over = design.method.belief(design, Tally(tally)).prob_above(high)[0]
        if moves.next[0] != NONE:
            assert over[moves.next[0]] <= cutoff
        elif not coherent:
            assert (over > cutoff).all()


def test_choice_of_a_pymc_model() -> None:
    """The cut-off of the text divides what may be given from what may not; draws and seed are as said."""
    design = make({"kind": "pymc", "model": "emax", "choose": "highest"}, 3, rules=())
    text = words(design)
    draws, seed = found(r"over (\d+) draws of the prior \(seed (\d+)\)", text)
    assert (int(draws), int(seed)) == (design.method.draws, design.method.seed)  # type: ignore[attr-defined]
    high, cutoff = (float(x) for x in found(r"Pr\(p > (\d+(?:\.\d+)?) \| data\), is at most (\d+(?:\.\d+)?)\.", text))
    assert isinstance(design.method, ModelMethod)
    for n, dlt in (([3, 0, 0], [0, 0, 0]), ([3, 3, 0], [0, 2, 0]), ([3, 0, 0], [3, 0, 0])):
        over = design.method.belief(design, Tally.of([n], [dlt])).prob_above(high)[0]
        admissible = np.flatnonzero(over <= cutoff)
        assert following(design, n, dlt) == (admissible[-1] if len(admissible) else NONE)
