"""mTPI against another package (escalation 0.2.3), the paper, and SciPy."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.methods.families.toxicity_intervals import masses
from escalate.methods.mtpi import Mtpi
from tests.helpers import cases, make, reference
from tests.methods.interval_references import (
    Departures,
    actions,
    assert_monotone,
    assert_next_dose,
    assert_published_path,
    assert_table,
    masses_by_scipy,
    of_kind,
    published_oc,
    selected,
    tail,
)

# The reference keeps treating at a dose that its own rule calls unacceptable where the table says stay; there our rule sends
# the trial down, or ends it at level 1, as the paper's safety rules do (decision 0012).
BARRED = {
    0.20: ((5, 2), (8, 3), (11, 4), (12, 4), (14, 5), (15, 5), (17, 6), (18, 6)),
    0.25: ((12, 5), (15, 6), (17, 7), (18, 7)),
    0.30: ((13, 6), (15, 7), (18, 8)),
    0.35: ((16, 8), (18, 9)),
}
DEPARTURES: Departures = {
    "mtpi-0004": dict.fromkeys(BARRED[0.20], "STOP"),
    "mtpi-0005": dict.fromkeys(BARRED[0.20], "D"),
    "mtpi-0010": dict.fromkeys(BARRED[0.25], "STOP"),
    "mtpi-0016": dict.fromkeys(BARRED[0.30], "STOP"),
    "mtpi-0017": dict.fromkeys(BARRED[0.30], "D"),
    "mtpi-0018": dict.fromkeys(BARRED[0.30], "D"),
    "mtpi-0022": dict.fromkeys(BARRED[0.35], "STOP"),
    "mtpi-0023": dict.fromkeys(BARRED[0.35], "D"),
    # The UPMs within and above are equal, 1.375: a tie stays. The reference's rounding makes it "de-escalate".
    "mtpi-0008": {(2, 1): "S"},
}


@pytest.mark.parametrize("case", of_kind("mtpi", "decision_table"), ids=lambda case: case["id"])
def test_decision_tables(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_mtpi`; every row but for the departures listed."""
    assert_table("mtpi", case, DEPARTURES)
    for (n, dlt), decision in DEPARTURES.get(case["id"], {}).items():
        barred = tail(case["inputs"]["target"], n, dlt) > case["inputs"]["exclusion_certainty"]
        assert barred == (decision != "S")


@pytest.mark.parametrize("case", of_kind("mtpi", "next_dose_exclusion"), ids=lambda case: case["id"])
def test_next_dose_exclusion(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_mtpi`, data at the dose above as well; the next dose."""
    assert_next_dose("mtpi", case)


# The reference has no answer (-Inf) where all tied doses are above the target; the lowest of them is right, as its authors have
# it for mTPI-2. mtpi-0135: 3/3 DLTs at level 1 end our trial; the reference pools them away with the levels above.
NO_REFERENCE = {"mtpi-0086": 1, "mtpi-0088": 1, "mtpi-0090": 2, "mtpi-0092": 2, "mtpi-0099": 1, "mtpi-0104": 1}
OTHER_MTD = {"mtpi-0135": None}


@pytest.mark.parametrize("case", of_kind("mtpi", "mtd_selection"), ids=lambda case: case["id"])
def test_selection(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `select_mtpi_mtd`; the MTD, but for the cases listed."""
    assert (case["outputs"].get("mtd_raw") == "-Inf") == (case["id"] in NO_REFERENCE)
    ours = {**NO_REFERENCE, **OTHER_MTD}
    assert selected("mtpi", case) == ours.get(case["id"], case["outputs"]["mtd"])


def test_ties_of_the_mtd() -> None:
    """Source: the tie rules of the papers, as escalation tests them; mTPI's for every design of the family.

    In the last of four sets 0.2, 0.2 and 0.3 are equally far from 0.25. mTPI's rule takes level 3, the highest at or below the
    target; the other rule (their mean is below the target, so the highest) takes level 4. We take level 3.
    """
    case = next(case for case in cases("published_examples") if case["id"] == "interval_mtd_ties")
    n = case["inputs"]["n_per_dose"]
    for row in case["outputs"]["cases"]:
        for kind in ("tpi", "mtpi", "mtpi2"):
            design = make({"kind": kind, "mtd_prior": (1e-6, 1e-6)}, target=case["inputs"]["target"], max_patients=60)
            dlts = [round(n * rate) for rate in row["p_tox_obs"]]
            data = " ".join(f"{level}{'T' * y}{'N' * (n - y)}" for level, y in enumerate(dlts, start=1))
            assert esc.select(design, data).mtd_level == row["mtd_mtpi"], (kind, row)


def test_figure_of_the_paper() -> None:
    """Source: Ji et al. (2010), figure 2, by way of escalation's tests; every recommendation."""
    assert_published_path("mtpi", "mtpi_figure2")


def test_characteristics_of_the_paper() -> None:
    """Source: Ji et al. (2010), table 1, scenario 1: within rounding and 4 errors of 1,000 trials (their number is not given)."""
    published, found = published_oc("mtpi", "mtpi_table1_sc1")
    shares = [found.value(0, "selected_none"), *(x for x, _ in found.of(0, "selected"))]
    for share, printed in zip(shares, published["prob_recommend_NoDose_1_to_8"], strict=True):
        assert abs(share - printed) <= 0.005 + 4 * sqrt(share * (1 - share) / 1000)
    rate = found.value(0, "mean_dlts") / found.value(0, "mean_patients")
    assert abs(rate - published["mean_tox_rate"]) <= 0.005 + 4 * sqrt(rate * (1 - rate) / 30 / 1000)
    # Patients at a level lie between 0 and 30: with mean m their variance is at most m (30 - m).
    for (mean, _), printed in zip(found.of(0, "patients"), published["mean_n_at_dose"], strict=True):
        assert abs(mean - printed) <= 0.05 + 4 * sqrt(mean * (30 - mean) / 1000)


@pytest.mark.parametrize(
    ("n", "dlt", "upm", "action"),
    [
        (3, 0, (2.734375, 1.379000, 0.274625), "E"),
        (3, 1, (1.046875, 1.753000, 0.866125), "S"),
        (6, 1, (2.220215, 2.111477, 0.359690), "E"),
        (6, 3, (0.282227, 1.292891, 1.231007), "S"),
    ],
)
def test_unit_probability_masses(n: int, dlt: int, upm: tuple[float, float, float], action: str) -> None:
    """Source: dossier interval.md 4, as escalation; six decimals. 3/6 stays: the well-known behaviour of mTPI."""
    design = make({"kind": "mtpi"})
    assert Mtpi().posterior(design, n).densities(dlt) == pytest.approx(upm, abs=5e-7)
    assert actions(design, n)[dlt] == action


@pytest.mark.parametrize("prior", [(1.0, 1.0), (2.0, 3.0), (0.5, 0.5), (0.005, 0.005), (1.5, 2.0)])
def test_masses_agree_with_scipy(prior: tuple[float, float]) -> None:
    """Source: SciPy's beta distribution; 1e-12, whole and fractional pseudo-counts, up to 30 patients."""
    edges = (Fraction(0), Fraction(1, 4), Fraction(7, 20), Fraction(1))
    for n in range(1, 31):
        found = masses(edges, prior, n)
        for dlt in range(n + 1):
            expected = masses_by_scipy([float(edge) for edge in edges], n, dlt, prior)
            np.testing.assert_allclose(found.probabilities(dlt), expected, rtol=0, atol=1e-12)
            assert sum(found.probabilities(dlt)) == pytest.approx(1, abs=1e-12)


def test_ties_do_not_depend_on_rounding() -> None:
    """At 1/2, density 6p(1 - p), the UPMs are polynomials: within and above tie at target 0.25, below and within at 0.75.

    Within l..h: 3(l + h) - 2(l^2 + lh + h^2), above: 1 + h - 2h^2, below: 3l - 2l^2.
    """
    for target, places, named in ((0.25, [1, 2], (0.05, 0.03, 0.1)), (0.75, [0, 1], (0.05, 0.02, 0.1))):
        for epsilon in named:
            settings = {"kind": "mtpi", "epsilon_low": epsilon, "epsilon_high": epsilon}
            design = make(settings, target=target)
            found = Mtpi(epsilon_low=epsilon, epsilon_high=epsilon).posterior(design, 2)
            assert found.densest(1) == places
            assert actions(design, 2)[1] == "S"
            # The same by the incomplete beta function: pseudo-counts a rounding away from whole ones.
            nearly = (1 + 1e-15, 1 + 1e-15)
            assert masses(found.edges, nearly, 2).densest(1) == places


@given(
    target=st.integers(6, 60),
    epsilons=st.tuples(st.integers(1, 5), st.integers(1, 12)),
    prior=st.sampled_from([(1.0, 1.0), (0.5, 0.5), (0.05, 0.05), (2.0, 1.0)]),
)
def test_more_dlts_never_raise_the_dose(target: int, epsilons: tuple[int, int], prior: tuple[float, float]) -> None:
    """For any target, interval and prior."""
    method = {"kind": "mtpi", "epsilon_low": epsilons[0] / 100, "epsilon_high": epsilons[1] / 100, "prior": prior}
    assert_monotone(make(method, 1, target=target / 100), 15)


@pytest.mark.parametrize("kind", ["mtpi", "mtpi2", "keyboard", "i3p3"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilon_low": 0.3}, "method.epsilon_low: 0.3 reaches 0 from the target 0.3; it must be below 0.3"),
        ({"epsilon_high": 0.7}, "method.epsilon_high: 0.7 reaches 1 from the target 0.3; it must be below 0.7"),
    ],
)
def test_interval_stays_within_0_and_1(kind: str, settings: dict[str, float], message: str) -> None:
    """Compared as decimal numbers: 0.3 + 0.7 is 1."""
    with pytest.raises(esc.DesignError) as refused:
        make({"kind": kind, **settings})
    assert message in str(refused.value)


def test_what_is_questioned() -> None:
    """3/6 stays at target 0.30, and an unusual target."""
    findings = [finding.text for finding in esc.check(make({"kind": "mtpi"})).findings]
    assert any("stays at 3/6 DLTs" in text for text in findings)
    findings = [finding.text for finding in esc.check(make({"kind": "mtpi"}, 2, target=0.45)).findings]
    assert any("0.1 to 0.4" in text for text in findings)


def test_source_is_named() -> None:
    """The reference values say which version of the software they come from."""
    assert reference("mtpi")["source"]["version"] == "0.2.3"
