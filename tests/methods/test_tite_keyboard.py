"""TITE-Keyboard against worked numbers, SciPy's beta distribution, and the keyboard design."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

import escalate as esc
from escalate.core.tally import States
from escalate.methods.families.late_onset import LateOnsetKeys, ess_of_keys
from escalate.methods.tite_keyboard import TiteKeyboard
from tests.helpers import make
from tests.methods.pending_patients import Patient, tally_of

KEYS = [0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0]
"""The keys of target 0.3; the target's is the fourth."""


def _design(kind: str = "tite_keyboard", **settings: Any) -> esc.Design:
    return make({"kind": kind, **settings}, 3)


def _state(n: int, dlt: int, shares: list[float]) -> States:
    patients: list[Patient] = [(2, 1, 1.0)] * dlt + [(2, 0, share) for share in shares]
    patients += [(2, 0, 1.0)] * (n - len(patients))
    return States(tally_of(patients, 3), np.array([1]), np.array([[1, 0]]))


def _action(design: esc.Design, state: States) -> str:
    return design.method.reasons[int(design.method.decide(design, state).reason[0])]


def _ends(design: esc.Design, dlt: int) -> tuple[float, float]:
    assert isinstance(design.method, LateOnsetKeys)
    return ess_of_keys(design.method, design, dlt)


@pytest.mark.parametrize("kind", ["tite_keyboard", "tite_mtpi2"])
def test_effective_patients_at_the_cuts(kind: str) -> None:
    """Source: dossier tite.md 3, one DLT, target 0.3: de-escalate up to ESS - 1 = 1.8756, escalate from 3.0749."""
    escalate_from, deescalate_to = _ends(_design(kind), 1)
    assert deescalate_to - 1 == pytest.approx(1.8756, abs=5.1e-5)
    assert escalate_from - 1 == pytest.approx(3.0749, abs=5.1e-5)


@pytest.mark.parametrize("kind", ["tite_keyboard", "tite_mtpi2"])
def test_worked_example(kind: str) -> None:
    """Source: dossier tite.md 3: one DLT in three, two pending for a third and a sixth of the window: ESS 1.5, de-escalate."""
    design, state = _design(kind), _state(3, 1, [1 / 3, 1 / 6])
    assert _action(design, state) == "de_escalate"
    text = design.method.explain(design, state, design.method.decide(design, state))
    assert "1/3 DLTs at level 2, 2 pending with 0.5000 windows of follow-up (STFT)" in text
    assert "as 1 in 1.5000 patients (ESS)" in text
    assert text.endswith(": de-escalate.")


def test_thirds() -> None:
    """Source: dossier tite.md 3: 2 known outcomes and follow-up 30, 48, 75 of 90 days count as 2.97 patients; uniform 3.70."""
    tally = _state(5, 0, [30 / 90, 48 / 90, 75 / 90]).tally
    assert TiteKeyboard(thirds=(0.1, 0.2, 0.7)).effective(tally)[0, 1] == pytest.approx(2.97, abs=1e-12)
    assert TiteKeyboard().effective(tally)[0, 1] == pytest.approx(3.70, abs=1e-12)


def test_accuracy_of_effective_patients() -> None:
    """Source: dossier tite.md 3: one DLT, two known outcomes without, follow-ups .3 and .6: the approximation is optimistic."""
    p = np.linspace(0, 1, 2_000_001)
    exact = p * (1 - p) ** 2 * (1 - 0.3 * p) * (1 - 0.6 * p)
    approximate = p * (1 - p) ** 2.9
    found = [(x[p > 0.3].sum() / x.sum(), (p * x).sum() / x.sum()) for x in (exact, approximate)]
    assert found[0] == pytest.approx((0.567858, 0.355875), abs=1.1e-6)
    assert found[1] == pytest.approx((0.539936, 0.338983), abs=1.1e-6)
    method, design = TiteKeyboard(epsilon_low=0.1, epsilon_high=0.05), _design(epsilon_low=0.1, epsilon_high=0.05)
    assert method.effective(_state(5, 1, [0.3, 0.6]).tally)[0, 1] == pytest.approx(3.9, abs=1e-12)
    masses, edges = method.masses_at(design, 1, 3.9), method.keys(design)[0]
    below = sum(mass for mass, high in zip(masses.rows[0], edges[1:], strict=True) if high <= Fraction(35, 100))
    assert below == pytest.approx(beta.cdf(0.35, 2, 3.9), abs=1e-12)


def _by_scipy(dlt: int, ess: float, prior: tuple[float, float], counted: range) -> tuple[int, float]:
    """Return the action of the densest key, and by how much it leads those with another action."""
    law = beta(prior[0] + dlt, prior[1] + ess - dlt)
    upm = {k: (law.cdf(KEYS[k + 1]) - law.cdf(KEYS[k])) / (KEYS[k + 1] - KEYS[k]) for k in counted}
    best = max(upm, key=lambda k: upm[k])
    action = int(np.sign(3 - best))
    lead = upm[best] - max(value for k, value in upm.items() if np.sign(3 - k) != action)
    return action, float(lead)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("tite_keyboard", {}),
        ("tite_keyboard", {"end_keys": "discard"}),
        ("tite_mtpi2", {}),
        ("tite_mtpi2", {"prior": (0.5, 0.5)}),
    ],
)
@given(data=st.data())
def test_densest_key_by_scipy(kind: str, settings: dict[str, Any], data: st.DataObject) -> None:
    """For any counts and follow-up the action is that of the key with the largest mass by length, by SciPy."""
    n = data.draw(st.integers(1, 30))
    dlt = data.draw(st.integers(0, n - 1))
    shares = data.draw(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=n - dlt))
    design = _design(kind, **settings)
    counted = range(1, 10) if settings.get("end_keys") == "discard" else range(11)
    action, lead = _by_scipy(dlt, n - len(shares) + sum(shares), settings.get("prior", (1.0, 1.0)), counted)
    if lead > 1e-7:
        assert _action(design, _state(n, dlt, shares)) == ("de_escalate", "stay", "escalate")[action + 1]


@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.5, 0.5), (2.0, 1.0)])
@pytest.mark.parametrize("dlt", range(9))
def test_one_cut_for_each_action(dlt: int, prior: tuple[float, float]) -> None:
    """Along a fine grid of effective patients the action only rises, and it changes where the cuts say, to 1e-10."""
    design = _design("tite_mtpi2", prior=prior)
    method = design.method
    assert isinstance(method, LateOnsetKeys)
    target = method.keys(design)[1]

    def action(ess: float) -> int:
        return int(np.sign(target - method.masses_at(design, dlt, ess).densest(0)[-1]))

    grid = [action(max(dlt, 1e-9) + k / 4) for k in range(200)]
    assert all(a <= b for a, b in pairwise(grid))
    up, down = _ends(design, dlt)
    assert action(up) == 1
    if up > max(dlt, 1e-9):
        assert action(up - 2e-10) < 1
    if np.isfinite(down):
        assert action(down) == -1
        assert action(down + 2e-10) > -1
    assert down < up


def test_nothing_known() -> None:
    """Nobody followed at all: stay, although all keys tie under a uniform prior."""
    design, state = _design(), _state(3, 0, [0.0, 0.0, 0.0])
    moves = design.method.decide(design, state)
    assert _action(design, state) == "stay"
    assert "nothing is known of the level yet: stay" in design.method.explain(design, state, moves)


def test_published_rules() -> None:
    """Elimination and the two rules for waiting."""
    assert [rule.kind for rule in _design().rules] == ["eliminate", "suspend_when_pending", "min_follow_up"]
