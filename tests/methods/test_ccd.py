"""The cumulative cohort design against the values of the dossier, and its rules written out anew."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.methods.ccd import Ccd
from tests.helpers import make
from tests.methods.interval_references import actions, assert_monotone


def test_by_rate() -> None:
    """Source: dossier interval.md 6: target 0.3, margin 0.10: 1/6 escalates, 2/6 stays, 3/6 de-escalates."""
    assert actions(make({"kind": "ccd"}), 6)[1:4] == "ESD"


def test_by_t() -> None:
    """Source: dossier interval.md 6, T as UnifiedDoseFinding: -0.876 and 0.980 stay; 0/3 escalates, one patient stays."""
    design = make({"kind": "ccd", "version": "t"})
    assert actions(design, 6)[1:4] == "SSS"
    assert actions(design, 3)[0] == "E"
    assert actions(design, 1) == "SS"
    reason = esc.recommend(design, "1NNN 1NNT").reasons[0].text
    assert reason == "1/6 DLTs at level 1: the t-statistic, -0.8764, is between -1 and 1: stay."
    assert (
        esc.recommend(design, "1NNT 1NTT").reasons[0].text.startswith("3/6 DLTs at level 1: the t-statistic, 0.9798,")
    )


@pytest.mark.parametrize(
    ("target", "delta"),
    [
        *((target, 0.09) for target in (0.10, 0.15, 0.20, 0.25)),
        *((target, 0.10) for target in (0.30, 0.35)),
        (0.40, 0.12),
        *((target, 0.13) for target in (0.45, 0.50)),
    ],
)
def test_margin_of_each_target(target: float, delta: float) -> None:
    """Source: Ivanova et al. (2007), the margins as the dossier remembers them (interval.md 6, not verified)."""
    cuts = esc.table(make({"kind": "ccd"}, target=target)).boundaries
    assert cuts == pytest.approx({"low": target - delta, "high": target + delta}, abs=1e-12)


def test_target_without_a_margin() -> None:
    """Between the published targets a margin must be given."""
    with pytest.raises(esc.DesignError) as refused:
        make({"kind": "ccd"}, target=0.33)
    assert str(refused.value) == (
        "method.delta: is missing: the paper has none for the target 0.33, only for 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, "
        "0.5; give one"
    )
    assert actions(make({"kind": "ccd", "delta": 0.1}, target=0.33), 3) == "ESDD"
    assert actions(make({"kind": "ccd", "version": "t"}, target=0.33), 3) == "ESDD"


@pytest.mark.parametrize(
    ("target", "delta", "message"),
    [
        (0.3, 0.3, "0.3 reaches 0 from the target 0.3; it must be below 0.3"),
        (0.6, 0.4, "0.4 reaches 1 from the target 0.6"),
    ],
)
def test_margin_stays_within_0_and_1(target: float, delta: float, message: str) -> None:
    """Compared as decimal numbers."""
    with pytest.raises(esc.DesignError) as refused:
        make({"kind": "ccd", "delta": delta}, target=target)
    assert message in str(refused.value)


@given(target=st.integers(2, 60), delta=st.integers(1, 40), n=st.integers(1, 60), data=st.data())
def test_rule_by_rate(target: int, delta: int, n: int, data: st.DataObject) -> None:
    """Source: dossier interval.md 6, in fractions; both equalities move the dose, whatever the rounding of 0.3 - 0.1."""
    if delta >= min(target, 100 - target):
        return
    dlt = data.draw(st.integers(0, n))
    off = Fraction(dlt, n) - Fraction(target, 100)
    expected = "E" if off <= -Fraction(delta, 100) else "D" if off >= Fraction(delta, 100) else "S"
    assert actions(make({"kind": "ccd", "delta": delta / 100}, target=target / 100), n)[dlt] == expected


@given(target=st.integers(5, 60), n=st.integers(2, 60), data=st.data())
def test_rule_by_t(target: int, n: int, data: st.DataObject) -> None:
    """Source: dossier interval.md 6, T in floating point, where it is not within rounding of a cut."""
    dlt = data.draw(st.integers(0, n))
    rate = max(dlt / n, 0.001)
    if dlt == n:
        expected = "D"
    else:
        t = (dlt / n - target / 100) / sqrt(rate * (1 - rate) / n)
        if abs(abs(t) - 1) < 1e-12:
            return
        expected = "E" if t < -1 else "D" if t > 1 else "S"
    assert actions(make({"kind": "ccd", "version": "t"}, target=target / 100), n)[dlt] == expected


def test_t_is_compared_strictly() -> None:
    """T is exactly 1 at 2/4, target 0.25: (0.5 - 0.25) / sqrt(0.25 / 4) = 1 stays, and exactly 2 at delta 2 for 8/16."""
    assert actions(make({"kind": "ccd", "version": "t"}, target=0.25), 4)[2] == "S"
    assert actions(make({"kind": "ccd", "version": "t", "delta": 2.0}, target=0.25), 16)[8] == "S"
    assert actions(make({"kind": "ccd", "version": "t", "delta": 1.99}, target=0.25), 16)[8] == "D"


@given(target=st.integers(5, 60), version=st.sampled_from(["rate", "t"]))
def test_more_dlts_never_raise_the_dose(target: int, version: str) -> None:
    """For any target, by rate and by t."""
    delta = 0.04 if version == "rate" else 1.0
    assert_monotone(make({"kind": "ccd", "version": version, "delta": delta}, 1, target=target / 100), 25)


def test_mtd_by_rates_as_they_are() -> None:
    """Source: dossier interval.md 6: isotonic rates weighted by patients, ties below the target up, above it down.

    0/3, 2/6, 1/6: 2/6 and 1/6 pool to 3/12, below 0.3: the higher. 2/3 and 1/3 pool to 1/2, above: the lower.
    """
    design = make({"kind": "ccd"}, 3)
    assert esc.select(design, "1NNN 2NNNNTT 3NNNNNT").mtd_level == 3
    assert esc.select(design, "1NTT 2NNT").mtd_level == 1
    # Without pseudo-counts 0/3 and 6/10 are 0.3 away on both sides: the lower.
    assert esc.select(make({"kind": "ccd", "delta": 0.1}, 2), "1NNN 2NNNNTTTTTT").mtd_level == 1


def test_published_margin_is_used() -> None:
    """Without `delta` the margin is the paper's, and 1 for the t-statistic."""
    assert Ccd().margin_used(make({"kind": "ccd"})) == Fraction(1, 10)
    assert Ccd(version="t").margin_used(make({"kind": "ccd", "version": "t"})) == 1


def test_single_patients_are_questioned() -> None:
    """With cohorts of one the t-statistic says nothing after the first patient at a level."""
    design = make({"kind": "ccd", "version": "t"}, 2, cohort_size=1, max_patients=6)
    assert any("never moves after the first patient" in finding.text for finding in esc.check(design).findings)
