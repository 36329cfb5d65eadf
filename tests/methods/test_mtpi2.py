"""mTPI-2 against another package (escalation 0.2.3), and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.methods.mtpi2 import Mtpi2
from tests.helpers import make, reference
from tests.methods.interval_references import (
    actions,
    assert_monotone,
    assert_next_dose,
    assert_table,
    masses_by_scipy,
    of_kind,
    selected,
)


@pytest.mark.parametrize("case", of_kind("mtpi2", "decision_table"), ids=lambda case: case["id"])
def test_decision_tables(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_mtpi2`; every row."""
    assert_table("mtpi2", case, {})


@pytest.mark.parametrize("case", of_kind("mtpi2", "next_dose_exclusion"), ids=lambda case: case["id"])
def test_next_dose_exclusion(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_mtpi2`, data at the dose above as well; the next dose."""
    assert_next_dose("mtpi2", case)


# mtpi2-0134: estimates 0.2 and 0.3 are equally far from 0.25, and the reference takes the dose above the target; we take the one
# below (decision 0012). mtpi2-0135: 3/3 DLTs at level 1 end our trial; the reference pools them away with the levels above.
OTHER_MTD = {"mtpi2-0134": 3, "mtpi2-0135": None}


@pytest.mark.parametrize("case", of_kind("mtpi2", "mtd_selection"), ids=lambda case: case["id"])
def test_selection(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `select_mtpi2_mtd`; the MTD, but for the two cases listed."""
    assert selected("mtpi2", case) == OTHER_MTD.get(case["id"], case["outputs"]["mtd"])
    if case["id"] in OTHER_MTD:
        assert case["outputs"]["mtd"] != OTHER_MTD[case["id"]]


@pytest.mark.parametrize(("target", "low", "high"), [(0.3, 0.05, 0.05), (0.25, 0.1, 0.05), (0.33, 0.03, 0.03)])
def test_masses_agree_with_scipy(target: float, low: float, high: float) -> None:
    """Source: SciPy's beta distribution; densities to 1e-11, and the densest interval."""
    method = Mtpi2(epsilon_low=low, epsilon_high=high)
    design = make(method.model_dump(mode="json"), target=target)
    edges = [float(edge) for edge in method.keys(design)[0]]
    for n in range(1, 31):
        found = method.posterior(design, n)
        for dlt in range(n + 1):
            upm = masses_by_scipy(edges, n, dlt) / np.diff(edges)
            np.testing.assert_allclose(found.densities(dlt), upm, rtol=1e-10, atol=1e-11)
            assert max(upm) - upm[found.densest(dlt)[-1]] < 1e-10


def test_equal_intervals_tie_exactly() -> None:
    """Source: symmetry. Half DLTs make the posterior symmetric about 0.5: 0.4..0.5 and 0.5..0.6 tie, and the higher counts.

    At target 0.45 the lower of them is the target's: de-escalate. At 0.55 the higher is: stay.
    """
    for n in range(2, 31, 2):
        assert Mtpi2().posterior(make({"kind": "mtpi2"}, target=0.45), n).densest(n // 2) == [4, 5]
        assert actions(make({"kind": "mtpi2"}, target=0.45), n)[n // 2] == "D"
        assert actions(make({"kind": "mtpi2"}, target=0.55), n)[n // 2] == "S"


def test_3_of_6_de_escalates() -> None:
    """Source: Guo et al. (2017), what the design was made for: mTPI stays at 3/6, mTPI-2 does not."""
    assert actions(make({"kind": "mtpi2"}), 6)[3] == "D"
    assert actions(make({"kind": "mtpi"}), 6)[3] == "S"


@given(
    target=st.integers(6, 60),
    epsilons=st.tuples(st.integers(1, 5), st.integers(1, 12)),
    prior=st.sampled_from([(1.0, 1.0), (0.5, 0.5), (2.0, 1.0)]),
)
def test_more_dlts_never_raise_the_dose(target: int, epsilons: tuple[int, int], prior: tuple[float, float]) -> None:
    """For any target, interval and prior."""
    method = {"kind": "mtpi2", "epsilon_low": epsilons[0] / 100, "epsilon_high": epsilons[1] / 100, "prior": prior}
    assert_monotone(make(method, 1, target=target / 100), 10)


def test_keys_of_no_width_are_refused() -> None:
    """Intervals below 0.01 would be thousands."""
    with pytest.raises(esc.DesignError, match=r"at least 0\.01 wide"):
        make({"kind": "mtpi2", "epsilon_low": 0.001, "epsilon_high": 0.001})


def test_source_is_named() -> None:
    """The reference values say which version of the software they come from."""
    assert reference("mtpi2")["source"]["version"] == "0.2.3"
