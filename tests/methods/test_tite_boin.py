"""TITE-BOIN against its published cuts, worked numbers, and the method it is with every outcome known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.tally import States
from escalate.methods.boin import Boin
from escalate.methods.families.late_onset import FollowUpCuts
from escalate.methods.tite_boin import TiteBoin
from tests.helpers import make
from tests.methods.pending_patients import Patient, tally_of


def _design(**settings: Any) -> esc.Design:
    frame = {"target": settings.pop("target", 0.3)}
    return make({"kind": "tite_boin", **settings}, 3, **frame)


def _cuts(design: esc.Design, n_max: int = 30) -> FollowUpCuts:
    assert isinstance(design.method, TiteBoin)
    return design.method.cuts(design, n_max)


def _state(n: int, dlt: int, shares: list[float], level: int = 2) -> States:
    """Return one state with the current level's patients alone."""
    patients: list[Patient] = [(level, 1, 1.0)] * dlt + [(level, 0, share) for share in shares]
    patients += [(level, 0, 1.0)] * (n - len(patients))
    return States(tally_of(patients, 3), np.array([level - 1]), np.array([[1, 0]]))


def _said(design: esc.Design, state: States) -> tuple[str, str]:
    moves = design.method.decide(design, state)
    return design.method.reasons[int(moves.reason[0])], design.method.explain(design, state, moves)


@pytest.mark.parametrize(
    ("n", "dlt", "pending", "escalate_from"), [(9, 1, 3, 0.773122), (9, 1, 4, 2.150559)]
)  # fmt: skip
def test_published_escalation(n: int, dlt: int, pending: int, escalate_from: float) -> None:
    """Source: Yuan et al. (2018), table of decisions, target 0.2, to six decimals by way of dossier tite.md 2."""
    cuts = _cuts(_design(target=0.2))
    assert cuts.escalate_from[n, dlt, pending] == pytest.approx(escalate_from, abs=5.1e-7)
    assert cuts.deescalate_to[n, dlt, pending] == -np.inf


@pytest.mark.parametrize(
    ("pending", "deescalate_to"), [(1, 0.519754), (2, 1.589355), (3, 2.658955), (4, 3.728556)]
)  # fmt: skip
def test_published_de_escalation(pending: int, deescalate_to: float) -> None:
    """Source: the same, 2 DLTs in 9 patients."""
    cuts = _cuts(_design(target=0.2))
    assert cuts.deescalate_to[9, 2, pending] == pytest.approx(deescalate_to, abs=5.1e-7)
    assert cuts.escalate_from[9, 2, pending] == np.inf


@pytest.mark.parametrize("pending", [0, 1, 2, 3])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_published_stay(pending: int, share: float) -> None:
    """Source: the same: 1 DLT in 6 patients stays, also where the imputed rate is above lambda_d."""
    design = _design(target=0.2)
    assert _said(design, _state(6, 1, [share] * pending))[0] == "stay"


def test_direction_is_compared_in_whole_numbers() -> None:
    """3 DLTs in 10 are the target 0.3 and not above it, whatever 3/10 is as a float: nothing de-escalates; 4 in 10 does."""
    cuts = _cuts(_design())
    for s, n in ((3, 10), (6, 20), (9, 30)):
        assert (cuts.deescalate_to[n, s, 1 : n - s + 1] == -np.inf).all()
        assert (cuts.escalate_from[n, s, 1 : n - s + 1] == np.inf).all()
    assert np.isfinite(cuts.deescalate_to[10, 4, 1:7]).all()


@pytest.mark.parametrize(
    ("n", "dlt", "shares", "action", "parts"),
    [
        (3, 1, [0.9], "stay", ("imputed rate 0.3541", "between lambda_e = 0.2365 and lambda_d = 0.3585")),
        (6, 1, [0.5, 0.7], "escalate", ("imputed rate 0.2065", "at most lambda_e")),
        (6, 2, [0.8, 0.7], "de_escalate", ("imputed rate 0.3962", "at least lambda_d")),
        # (2 + 2.15 / 0.85 x 0.9) / 3: a rate above 1 says where it comes from.
        (
            3,
            2,
            [0.1],
            "de_escalate",
            ("imputed rate 1.4255 (2 DLTs and 2.2765 imputed", "above 1 because odds are imputed"),
        ),
    ],
)
def test_worked_examples(n: int, dlt: int, shares: list[float], action: str, parts: tuple[str, ...]) -> None:
    """Source: dossier tite.md 2, target 0.3."""
    found, text = _said(_design(), _state(n, dlt, shares))
    assert found == action
    for part in (f"{dlt}/{n} DLTs at level 2", f"{len(shares)} pending with {sum(shares):.4f} windows", *parts):
        assert part in text


@pytest.mark.parametrize(("n", "dlt", "pending", "cut"), [(3, 1, 1, 0.878450), (6, 2, 2, 1.799682)])
def test_worked_cuts(n: int, dlt: int, pending: int, cut: float) -> None:
    """Source: dossier tite.md 2, target 0.3."""
    assert _cuts(_design()).deescalate_to[n, dlt, pending] == pytest.approx(cut, abs=5.1e-7)


def test_effective_patients_cuts() -> None:
    """Source: dossier tite.md 3: with 1 DLT escalate from ESS 4.22850, de-escalate up to 2.789249.

    The dossier prints 4.228497 for the first; to 40 digits it is 4.2284963528.
    """
    cuts = _cuts(_design(weights="ess"))
    for n, c in ((3, 1), (6, 2), (6, 5)):
        assert cuts.escalate_from[n, 1, c] + n - c == pytest.approx(4.2284963528, abs=5.1e-11)
        assert cuts.deescalate_to[n, 1, c] + n - c == pytest.approx(2.789249, abs=5.1e-7)


@pytest.mark.parametrize(
    ("n", "dlt", "shares", "action", "said"),
    [
        (3, 1, [0.9], "stay", "1 in 2.9000 patients (ESS), 0.3448,"),
        (6, 1, [0.1, 0.2, 0.3], "stay", "1 in 3.6000 patients (ESS), 0.2778,"),
        (6, 1, [0.5, 0.7], "escalate", "1 in 5.2000 patients (ESS), 0.1923,"),
        (6, 2, [0.8, 0.7], "de_escalate", "2 in 5.5000 patients (ESS), 0.3636,"),
        (4, 1, [10 / 28, 18 / 28], "stay", "1 in 3.0000 patients (ESS), 0.3333,"),
    ],
)
def test_effective_patients_examples(n: int, dlt: int, shares: list[float], action: str, said: str) -> None:
    """Source: dossier tite.md 3, the last one by the authors' software TITEgBOIN."""
    found, text = _said(_design(weights="ess"), _state(n, dlt, shares))
    assert found == action
    assert said in text


def test_nothing_known() -> None:
    """With effective patients and nobody followed at all the dose stays; the least follow-up without DLT says more."""
    design = _design(weights="ess")
    found, text = _said(design, _state(3, 0, [0.0, 0.0, 0.0]))
    assert (found, "nothing is known of the level yet: stay" in text) == ("stay", True)
    assert _said(design, _state(3, 0, [0.01, 0.0, 0.0]))[0] == "escalate"


def test_thirds() -> None:
    """Source: dossier tite.md 3: (.1, .2, .7) and follow-up 30, 48, 75 of 90 days beside 2 known: 2.97 patients; without 3.70."""
    state = _state(5, 0, [30 / 90, 48 / 90, 75 / 90])
    for thirds, ess in (((0.1, 0.2, 0.7), 2.97), (None, 3.70)):
        method = TiteBoin(thirds=thirds)
        assert method.effective(state.tally)[0, 1] == pytest.approx(ess, abs=1e-12)
    assert "weighed by thirds of the window" in _said(_design(thirds=(0.1, 0.2, 0.7)), state)[1]


@given(share=st.floats(0, 1, exclude_max=True))
def test_even_thirds_are_the_follow_up(share: float) -> None:
    """DLTs as likely in each third of the window: the follow-up itself."""
    third = 1 / 3
    assert TiteBoin(thirds=(third, third, third)).weigh(np.array([share]))[0] == pytest.approx(share, abs=1e-15)


@given(data=st.data(), target=st.sampled_from([0.2, 0.25, 0.3, 0.33]))
def test_decides_as_the_formula(data: st.DataObject, target: float) -> None:
    """The formula of the paper, written once more without cuts, gives the same action off the cuts themselves."""
    n = data.draw(st.integers(1, 30))
    dlt = data.draw(st.integers(0, n - 1))
    shares = data.draw(st.lists(st.floats(0, 0.999), min_size=1, max_size=n - dlt))
    design = _design(target=target)
    cuts = Boin().boundaries(design)
    r = n - len(shares)
    p = (dlt + target / 2) / (r + 1)
    rate = (dlt + p / (1 - p) * sum(1 - share for share in shares)) / n
    if min(abs(rate - cut) for cut in cuts.values()) < 1e-12:
        return
    expected = "stay"
    if rate <= cuts["lambda_e"] and dlt * 100 < n * round(target * 100):
        expected = "escalate"
    if rate >= cuts["lambda_d"] and dlt * 100 > n * round(target * 100):
        expected = "de_escalate"
    assert _said(design, _state(n, dlt, shares))[0] == expected


def test_margin() -> None:
    """How many windows of follow-up from the cut that can still be reached; the rate's where all is known."""
    design = _design()
    found = design.method.margin(design, _state(3, 1, [0.9]))
    assert found is not None
    assert found.text == "0.0216 windows of follow-up from de-escalation, at 0.8784"
    complete = _state(3, 1, [])
    other = Boin().margin(design, complete)
    assert design.method.margin(design, complete) == other
    assert design.method.margin(design, _state(6, 0, [0.5])) is None


def test_summary_counts_effective_patients() -> None:
    """1 DLT in 2.9 effective patients: (1 + 0.05) / (2.9 + 0.1) = 0.35."""
    design = _design()
    found = design.method.summarise(design, _state(3, 1, [0.9]).tally)
    assert found.estimate[0, 1] == pytest.approx(0.35, abs=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"titration": True}, r"method\.titration: tite_boin does not titrate; leave it out, or use boin"),
        ({"preset": "ffp"}, r"method\.preset: ffp is a preset of boin"),
        ({"thirds": (0.1, 0.2, 0.6)}, r"method\.thirds: adds up to 0\.9; the three probabilities must add up to 1"),
        ({"p_saf": 0.4}, r"method\.p_saf: 0\.4 is not below the target 0\.3"),
    ],
)
def test_refused(settings: dict[str, Any], message: str) -> None:
    """What is for known outcomes only, thirds that are no distribution, and what BOIN refuses."""
    with pytest.raises(esc.DesignError, match=message):
        _design(**settings)


def test_published_rules_and_doubts() -> None:
    """Elimination and two rules for waiting; without a minimum of follow-up `check` warns."""
    design = _design()
    assert [rule.kind for rule in design.rules] == ["eliminate", "suspend_when_pending", "min_follow_up"]
    assert not any("min_follow_up" in text for text in design.method.doubts(design))
    bare = make({"kind": "tite_boin"}, 3, rules=())
    assert any("without min_follow_up" in text for text in bare.method.doubts(bare))
    assert any(text.startswith("without dlt_window no outcome can be pending") for text in bare.method.doubts(bare))
    dated = make({"kind": "tite_boin"}, 3, dlt_window=28)
    assert not list(dated.method.doubts(dated))


def test_cuts_are_fixed_arrays() -> None:
    """Shape (n_max + 1) cubed, the same object when asked again, and closed to changes; counts that cannot be stay."""
    design = _design()
    cuts = _cuts(design, 12)
    assert cuts.escalate_from.shape == cuts.deescalate_to.shape == (13, 13, 13)
    assert _cuts(design, 12) is cuts
    assert not cuts.escalate_from.flags.writeable
    n, dlt, pending = np.indices((13, 13, 13))
    impossible = dlt + pending > n
    assert (cuts.escalate_from[impossible] == np.inf).all()
    assert (cuts.deescalate_to[impossible] == -np.inf).all()
    assert not ((cuts.escalate_from <= cuts.deescalate_to) & (pending > 0)).any()
