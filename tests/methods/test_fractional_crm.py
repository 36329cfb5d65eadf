"""The fractional CRM against a second implementation and worked numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

import escalate as esc
from escalate.core.decision import decide
from escalate.core.errors import DataError
from escalate.core.follow_up import FollowUp
from escalate.core.tally import Tally
from escalate.methods.crm import Crm
from escalate.methods.fractional_crm import FractionalCrm
from tests.helpers import make
from tests.methods.pending_patients import Patient, estimates, histories, states_of, tally_of, together
from tests.models.test_kaplan_meier import survival

S = [0.05, 0.12, 0.25, 0.40, 0.55]
# Follow-up of 28, 28, 7 (DLT), 20, 10 (DLT) and 5 days of 28: the last two outcomes pending are 0 and 0.4 of a DLT.
EXAMPLE: list[Patient] = [
    (1, 0, 1.0),
    (1, 0, 1.0),
    (2, 1, 7 / 28),
    (2, 0, 20 / 28),
    (2, 1, 10 / 28),
    (2, 0, 5 / 28),
]


def _design(kind: str = "fractional_crm", **settings: Any) -> esc.Design:
    return make({"kind": kind, "skeleton": S, "estimate": "plug_in", **settings}, target=0.25, rules=())


def _by_quadrature(patients: list[Patient], skeleton: list[float]) -> list[float]:
    """Return the plug-in estimates of the power model by SciPy's quadrature, the curve by the textbook formula."""
    terms = []
    for level, dlt, share in patients:
        waiting = not dlt and share < 1
        y = 1 - survival(patients, 1.0) / survival(patients, share) if waiting else float(dlt)
        terms.append((skeleton[level - 1], y))

    def density(beta: float) -> float:
        rates = [(s ** np.exp(beta), y) for s, y in terms]
        return float(np.prod([p**y * (1 - p) ** (1 - y) for p, y in rates]) * np.exp(-(beta**2) / (2 * 1.34)))

    total, first = (
        integrate.quad(lambda beta, k=k: density(beta) * beta**k, -8, 8, epsabs=1e-13, limit=400)[0] for k in (0, 1)
    )
    return [float(s ** np.exp(first / total)) for s in skeleton]


def test_worked_example() -> None:
    """Fractions 0 and 0.4 at level 2 (by hand); estimates by quadrature to 1e-7, and what a person reads."""
    design, states = _design(), states_of(tally_of(EXAMPLE, 5))
    assert estimates(design, EXAMPLE) == pytest.approx(_by_quadrature(EXAMPLE, S), abs=1e-7)
    text = design.method.explain(design, states, design.method.decide(design, states))
    assert text.endswith("Pending patients count as fractions of a DLT: 0.000 at level 2, 0.400 at level 2.")


@given(patients=histories(5, st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0])))
def test_estimates_are_those_of_the_quasi_likelihood(patients: list[Patient]) -> None:
    """Any data, ties included: the plug-in estimates of a second program to 1e-6."""
    assert estimates(_design(), patients) == pytest.approx(_by_quadrature(patients, S), abs=1e-6)


def test_no_dlt_yet() -> None:
    """Before the first DLT a pending patient counts as having had none."""
    pending = [(1, 0, 1.0), (2, 0, 0.3), (2, 0, 0.0)]
    complete = [(level, dlt, 1.0) for level, dlt, _ in pending]
    assert estimates(_design(), pending) == pytest.approx(estimates(_design(), complete), abs=1e-12)


@pytest.mark.parametrize("settings", [{}, {"model": "logistic", "estimate": "mean"}, {"inference": "mle"}], ids=str)
@given(patients=histories(5, st.just(1.0)), pending=st.booleans())
def test_complete_data_are_the_crm(settings: dict[str, Any], patients: list[Patient], pending: bool) -> None:
    """With every outcome known, whoever says so: estimates and dose of `crm`, bit for bit."""
    design, parent, tally = _design(**settings), _design("crm", **settings), tally_of(patients, 5, width=2)
    same = tally if pending else Tally(tally.counts)
    assert isinstance(design.method, FractionalCrm)
    assert isinstance(parent.method, Crm)
    found = design.method.estimate_doses(design, same)
    assert (found == parent.method.estimate_doses(parent, Tally(tally.counts))).all()
    assert decide(design, states_of(same)).next.tolist() == decide(parent, states_of(Tally(tally.counts))).next.tolist()


@given(patients=histories(5), data=st.data())
def test_more_follow_up_never_raises_a_fraction(patients: list[Patient], data: st.DataObject) -> None:
    """The fraction of a patient followed longer does not rise, nor does any estimate: the dose does not fall."""
    who = data.draw(st.integers(0, len(patients) - 1))
    level, _, share = patients[who]
    longer = data.draw(st.floats(share, 1.0))
    before, after = ([*patients[:who], (level, 0, each), *patients[who + 1 :]] for each in (share, longer))
    assert (estimates(_design(), after) <= estimates(_design(), before) + 1e-8).all()


def test_maximum_likelihood() -> None:
    """With `inference: mle` the estimate maximises the quasi-likelihood: SciPy's scalar optimum to 1e-6."""
    from scipy import optimize

    design = _design(inference="mle")

    def loss(beta: float) -> float:
        p1, p2 = (S[k] ** np.exp(beta) for k in (0, 1))
        return float(-(2 * np.log(1 - p1) + 2.4 * np.log(p2) + 1.6 * np.log(1 - p2)))

    beta = optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}).x
    assert estimates(design, EXAMPLE) == pytest.approx([s ** np.exp(beta) for s in S], abs=1e-6)


def test_pymc_has_the_fractions() -> None:
    """The model given to PyMC has the quasi-likelihood: a difference of its log density is that of the formula."""
    design, tally = _design(), tally_of(EXAMPLE, 5)
    assert isinstance(design.method, FractionalCrm)
    logp = design.method.in_pymc(design, tally).compile_logp()

    def formula(beta: float) -> float:
        p1, p2 = (S[k] ** np.exp(beta) for k in (0, 1))
        return float(2 * np.log(1 - p1) + 2.4 * np.log(p2) + 1.6 * np.log(1 - p2) - beta**2 / (2 * 1.34))

    found = float(logp({"beta": np.array(0.4)}) - logp({"beta": np.array(-0.6)}))
    assert found == pytest.approx(formula(0.4) - formula(-0.6), abs=1e-9)


def test_dlts_need_their_times() -> None:
    """Without the day of a DLT there is no curve: refused."""
    tally = tally_of(EXAMPLE, 5)
    assert tally.pending is not None
    bare = Tally(tally.counts, FollowUp(tally.pending.dose, tally.pending.share, np.empty((1, 0))))
    with pytest.raises(DataError, match=r"^fractions of pending outcomes need the day of every DLT: there are 2 DLTs"):
        decide(_design(), states_of(bare))


@given(many=st.lists(histories(5), min_size=1, max_size=8))
def test_batches_are_single_states(many: list[list[Patient]]) -> None:
    """Complete and incomplete states side by side, padded: each has the answer it has alone."""
    design = _design()
    assert isinstance(design.method, FractionalCrm)
    batch = together([tally_of(patients, 5, width=15) for patients in many])
    alone = np.stack([estimates(design, patients) for patients in many])
    assert design.method.estimate_doses(design, batch) == pytest.approx(alone, abs=1e-12)
