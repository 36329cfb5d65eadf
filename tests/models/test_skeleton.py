"""Skeletons, their sensitivity and sample sizes, against dfcrm and the dossier."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.models.one_parameter import OneParameterModel
from escalate.models.priors_1d import Normal
from escalate.models.skeleton import from_half_width, least_informative_sd, prior_of_mtd, sample_size, sensitivity
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
    found = sensitivity(OneParameterModel(form, tuple(i["prior"]), Normal(sd=1.0), i["intcpt"]), i["target"])
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
    model = OneParameterModel("power", from_half_width(0.05, 0.25, 3, 5), Normal(sd=1.0))
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


@pytest.mark.parametrize(
    ("skeleton", "target", "variance", "uniform"),
    [
        ((0.05, 0.12, 0.25, 0.40, 0.55), 0.25, 0.741495, 0.738881),
        (from_half_width(0.05, 0.25, 3, 5), 0.25, 0.524048, 0.522214),
        (from_half_width(0.06, 0.25, 3, 5), 0.25, 0.630554, None),
        (from_half_width(0.05, 0.20, 3, 5), 0.20, 0.566416, None),
    ],
)
def test_least_informative_sd(
    skeleton: tuple[float, ...], target: float, variance: float, uniform: float | None
) -> None:
    """Source: dossier crm.md 3, computed independently; to half a unit of the last digit given."""
    model = OneParameterModel("power", skeleton, Normal(sd=1.0))
    assert least_informative_sd(model, target) == pytest.approx(variance, abs=5e-7)
    if uniform is not None:
        assert least_informative_sd(model, target, "uniform") == pytest.approx(uniform, abs=2e-6)


def test_prior_of_mtd() -> None:
    """Source: dossier crm.md 3: the prior of the MTD under the least informative sd, and under sqrt(1.34)."""
    model = OneParameterModel("power", (0.05, 0.12, 0.25, 0.40, 0.55), Normal(sd=1.0))
    found = prior_of_mtd(model, 0.25, least_informative_sd(model, 0.25))
    assert found == pytest.approx([0.2124, 0.1795, 0.2225, 0.1904, 0.1953], abs=5e-5)
    assert prior_of_mtd(model, 0.25, 1.34**0.5) == pytest.approx([0.3046, 0.1257, 0.1436, 0.1350, 0.2912], abs=5e-5)


@given(
    half=st.floats(0.02, 0.09),
    n_doses=st.integers(3, 8),
    where=st.integers(1, 8),
    form=st.sampled_from(["power", "logistic"]),
)
def test_least_informative_sd_of_any_skeleton(half: float, n_doses: int, where: int, form: Any) -> None:
    """The prior variance of the MTD's level is that of levels alike, whichever level is the prior guess."""
    model = OneParameterModel(form, from_half_width(half, 0.25, min(where, n_doses), n_doses, form), Normal(sd=1.0))
    pi, level = prior_of_mtd(model, 0.25, least_informative_sd(model, 0.25)), np.arange(n_doses)
    assert pi.sum() == pytest.approx(1)
    assert pi @ level**2 - (pi @ level) ** 2 == pytest.approx((n_doses**2 - 1) / 12, abs=1e-6)


def test_least_informative_sd_needs_three_levels() -> None:
    """With two levels any sd is as good as another where they are alike, and none otherwise: refused."""
    model = OneParameterModel("power", (0.1, 0.3), Normal(sd=1.0))
    with pytest.raises(ValueError, match="three dose levels"):
        least_informative_sd(model, 0.25)
