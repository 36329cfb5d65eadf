"""Skeletons, their sensitivity and sample sizes, against dfcrm and the dossier."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.models.one_parameter import OneParameterModel
from escalate.models.skeleton import from_half_width, sample_size, sensitivity
from tests.helpers import cases

FORMS = {"empiric": "power", "logistic": "logistic"}


def _of(fun: str) -> list[dict[str, Any]]:
    return [case for case in cases("crm_skeleton") if case["inputs"]["fun"] == fun]


@pytest.mark.parametrize("case", _of("getprior"), ids=lambda case: case["id"])
def test_from_half_width(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 `getprior`, to 1e-12; where it gives NaN (quirks D11) we refuse."""
    i, expected = case["inputs"], case["outputs"]["prior"]
    form: Any = FORMS[i["model"]]
    if any(value is None or value in {0, 1} for value in expected):
        with pytest.raises(ValueError, match="half_width"):
            from_half_width(i["halfwidth"], i["target"], i["nu"], i["nlevel"], form, i["intcpt"])
        return
    found = from_half_width(i["halfwidth"], i["target"], i["nu"], i["nlevel"], form, i["intcpt"])
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("case", _of("crmsens"), ids=lambda case: case["id"])
def test_sensitivity(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 `crmsens`, which bisects to 1e-6 on the sum of two rates: 2e-5 in beta, 1e-6 in the rates."""
    i, outputs = case["inputs"], case["outputs"]
    form: Any = FORMS[i["model"]]
    found = sensitivity(OneParameterModel(form, tuple(i["prior"]), 1.0, i["intcpt"]), i["target"])
    assert found.breaks == pytest.approx([row[1] for row in outputs["Hset"][:-1]], abs=2e-5)
    expected = [[np.nan if x is None else x for x in row] for row in outputs["iint"]]
    np.testing.assert_allclose(np.array(found.intervals), np.array(expected), atol=2e-6)


# dfcrm's correction for continuity is not offered: the formula known for it does not give the values of `correction = TRUE`.
UNCORRECTED = [case for case in _of("getn") if not case["inputs"]["correction"]]


@pytest.mark.parametrize("case", UNCORRECTED, ids=lambda case: case["id"])
def test_sample_size(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 `getn` without correction (Cheung 2013), the number exactly and unrounded to 1e-8 relative."""
    i, outputs = case["inputs"], case["outputs"]
    found = sample_size(i["apcs"], i["target"], i["nlevel"], i["psi"])
    assert found.n == outputs["n"]
    assert found.unrounded == pytest.approx(outputs["na"], rel=1e-8)
    assert found.benchmark_pcs == pytest.approx(outputs["bstar"], abs=1e-12)


def test_limits_of_the_dossier() -> None:
    """Source: dossier crm.md 2: a skeleton from half-width .05 at .25 has indifference limits .20 and .30 exactly."""
    model = OneParameterModel("power", from_half_width(0.05, 0.25, 3, 5), 1.0)
    inner = sensitivity(model, 0.25).intervals[1:-1]
    assert np.array(inner) == pytest.approx(np.array([[0.20, 0.30]] * 3), abs=1e-9)


@given(
    half=st.floats(0.01, 0.09),
    target=st.floats(0.1, 0.5),
    n_doses=st.integers(1, 8),
    where=st.integers(1, 8),
    form=st.sampled_from(["power", "logistic"]),
)
def test_any_skeleton_increases_and_hits_the_target(
    half: float, target: float, n_doses: int, where: int, form: Any
) -> None:
    """Strictly increasing, inside (0, 1), and equal to the target at the prior MTD."""
    level = min(where, n_doses)
    if half >= target:
        return
    found = from_half_width(half, target, level, n_doses, form)
    assert found[level - 1] == pytest.approx(target, abs=1e-12)
    assert all(a < b for a, b in pairwise(found))
    assert found[0] >= 0
    assert found[-1] < 1
