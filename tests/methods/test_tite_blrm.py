"""The TITE-BLRM against quadrature, crmPack and its parent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

import escalate as esc
from escalate.core.decision import decide
from escalate.core.tally import Tally
from escalate.methods.blrm import FEW, Blrm
from escalate.methods.tite_blrm import TiteBlrm
from escalate.models.weighted_tally import WeightedTally
from tests.helpers import cases, make
from tests.methods.pending_patients import Patient, histories, states_of, tally_of, together

TITE = [case for case in cases("ordinal") if case["kind"] == "tite_logistic"]
AMOUNTS = (10.0, 20.0, 40.0, 80.0, 160.0)
MEAN, SD, CORRELATION = (-1.1, 0.1), (1.5, 0.8), 0.2
PRIOR = {"mean": MEAN, "sd": SD, "correlation": CORRELATION}


def _design(kind: str = "tite_blrm", doses: tuple[float, ...] = AMOUNTS, **method: Any) -> esc.Design:
    said = {"kind": kind, "reference_amount": 40.0, "prior": PRIOR, **method}
    return make(said, doses={"unit": "mg", "levels": doses}, target=0.25, rules=())


def _method(design: esc.Design) -> TiteBlrm:
    assert isinstance(design.method, TiteBlrm)
    return design.method


def _reference(case: dict[str, Any]) -> tuple[esc.Design, list[Patient], list[int]]:
    """Return design, patients, and which doses of the reference it has: those given, and up to eight of the others."""
    inputs, every = case["inputs"], case["inputs"]["dose_grid"]
    kept = [k for k, amount in enumerate(every) if amount in inputs["x"] or k % (1 + len(every) // 8) == 0]
    (v1, cov), (_, v2) = inputs["Sigma"]
    sd = (float(np.sqrt(v1)), float(np.sqrt(v2)))
    prior = {"mean": tuple(float(m) for m in inputs["mu"]), "sd": sd, "correlation": cov / (sd[0] * sd[1])}
    grid = [every[k] for k in kept]
    design = _design(
        doses=tuple(float(amount) for amount in grid),
        reference_amount=float(inputs["dref"]),
        prior=prior,
        weights=inputs["weight_method"],
        intervals=(0.2, 0.35),
    )
    shares = [days / inputs["Tmax"] for days in inputs["u"]]
    levels = [grid.index(amount) + 1 for amount in inputs["x"]]
    return design, list(zip(levels, inputs["y"], shares, strict=True)), kept


@pytest.mark.parametrize("case", TITE, ids=lambda case: case["id"])
def test_posterior(case: dict[str, Any]) -> None:
    """Source: independent quadrature of the weighted likelihood: means, Pr(p > limit), sd to 1e-6, limits by their probability.

    crmPack's weights are compared too; to 1e-8, because it adds 1e-8 to a denominator.
    """
    design, patients, kept = _reference(case)
    method, tally = _method(design), tally_of(patients, design.n_doses)
    data = method.evidence(tally)
    assert isinstance(data, WeightedTally)
    expected = [
        w for w, (_, dlt, share) in zip(case["inputs"]["weights"], patients, strict=True) if not dlt and share < 1
    ]
    assert data.placed()[1][0].tolist() == pytest.approx(expected, abs=1e-8)
    belief, doses = method.belief(design, tally), [case["expected"]["doses"][k] for k in kept]
    assert belief.mean()[0] == pytest.approx([dose["mean"] for dose in doses], abs=1e-6)
    assert np.sqrt(belief.variance()[0]) == pytest.approx([dose["sd"] for dose in doses], abs=1e-5)
    for limit in doses[0]["cdf"]:
        below = [dose["cdf"][limit] for dose in doses]
        assert 1 - belief.prob_above(float(limit))[0] == pytest.approx(below, abs=1e-6)
    target = [dose["p_target_02_035"] for dose in doses]
    assert method.interval_probabilities(design, tally)[0, :, 1] == pytest.approx(target, abs=1e-6)
    for q, k in ((0.025, 0), (0.5, 2), (0.975, 4)):
        # Far below 1e-3 a limit is no reading of any consequence.
        exact = np.array([dose["quantiles"][k] for dose in doses])
        found = belief.quantile(q)[0]
        assert found[exact > 1e-3] == pytest.approx(exact[exact > 1e-3], abs=2e-5)


@pytest.mark.parametrize("case", [case for case in TITE if case["peers"]], ids=lambda case: case["id"])
def test_means_against_crmpack(case: dict[str, Any]) -> None:
    """Source: crmPack TITELogisticLogNormal (JAGS): means within 0.004, what its Monte-Carlo error explains."""
    design, patients, kept = _reference(case)
    found = _method(design).estimate_doses(design, tally_of(patients, design.n_doses))[0]
    expected = [case["peers"]["crmPack_TITELogisticLogNormal"]["mean"][k] for k in kept]
    assert found == pytest.approx(expected, abs=0.004)


STATES: list[list[Patient]] = [
    [(1, 0, 1.0), (1, 0, 1.0), (1, 0, 0.4), (2, 0, 0.1)],
    [(1, 0, 1.0), (2, 0, 1.0), (2, 1, 0.3), (3, 0, 0.8), (3, 0, 0.5), (3, 0, 0.05)],
    [(2, 1, 0.9), (2, 1, 0.2), (2, 0, 0.99)],
]


@pytest.mark.parametrize("weights", ["linear", "adaptive"])
@pytest.mark.parametrize("patients", STATES, ids=["few", "more", "dlts"])
def test_posterior_by_dblquad(weights: str, patients: list[Patient]) -> None:
    """Source: SciPy's dblquad of the weighted likelihood: mean, overdosing and evidence to 1e-6."""
    design, tally = _design(weights=weights), tally_of(patients, 5)
    method = _method(design)
    times = sorted(share for _, dlt, share in patients if dlt)
    knots = [0.0, *times, 1.0]

    def weight(dlt: int, share: float) -> float:
        if dlt or share >= 1 or weights == "linear":
            return share
        return float(np.interp(share, knots, np.arange(len(knots)) / (len(times) + 1)))

    x = np.log(np.array(AMOUNTS) / 40)
    (m1, m2), (s1, s2), r = MEAN, SD, CORRELATION

    def density(z: float, b: float) -> float:
        a = m1 + s1 * (r * (b - m2) / s2 + np.sqrt(1 - r * r) * z)
        p = 1 / (1 + np.exp(-(a + np.exp(b) * x)))
        terms = [p[k - 1] if dlt else 1 - weight(dlt, share) * p[k - 1] for k, dlt, share in patients]
        return float(np.prod(terms) * np.exp(-(z * z) / 2 - (b - m2) ** 2 / (2 * s2 * s2)) / (2 * np.pi * s2))

    def rate(z: float, b: float, level: int) -> float:
        a = m1 + s1 * (r * (b - m2) / s2 + np.sqrt(1 - r * r) * z)
        return float(1 / (1 + np.exp(-(a + np.exp(b) * x[level]))))

    def over(b: float, level: int) -> float:
        """Return z above which p exceeds 0.33, within the range of integration."""
        a = np.log(0.33 / 0.67) - np.exp(b) * x[level]
        return float(np.clip((a - m1 - s1 * r * (b - m2) / s2) / (s1 * np.sqrt(1 - r * r)), -8, 8))

    ends, how = (m2 - 7 * s2, m2 + 5 * s2), {"epsabs": 1e-10, "epsrel": 1e-9}
    total = integrate.dblquad(density, *ends, -8, 8, **how)[0]
    level = 2
    mean = integrate.dblquad(lambda z, b: density(z, b) * rate(z, b, level), *ends, -8, 8, **how)[0] / total
    above = integrate.dblquad(density, *ends, lambda b: over(b, level), 8, **how)[0] / total
    assert method.estimate_doses(design, tally)[0, level] == pytest.approx(mean, abs=1e-6)
    assert method.prob_above(design, tally, 0.33)[0, level] == pytest.approx(above, abs=1e-6)
    assert method.log_evidence(design, tally)[0] == pytest.approx(np.log(total), abs=1e-6)


@settings(max_examples=20)
@given(patients=histories(5, st.just(1.0)), pending=st.booleans())
def test_complete_data_are_the_blrm(patients: list[Patient], pending: bool) -> None:
    """With every outcome known, whoever says so: probabilities and dose of `blrm`, bit for bit."""
    design, parent, tally = _design(), _design("blrm"), tally_of(patients, 5, width=2)
    same = tally if pending else Tally(tally.counts)
    assert isinstance(parent.method, Blrm)
    found = _method(design).interval_probabilities(design, same)
    assert (found == parent.method.interval_probabilities(parent, Tally(tally.counts))).all()
    assert decide(design, states_of(same)).next.tolist() == decide(parent, states_of(Tally(tally.counts))).next.tolist()


@settings(max_examples=20)
@given(patients=histories(5), level=st.integers(1, 5), number=st.integers(1, 4))
def test_patients_just_treated_tell_nothing(patients: list[Patient], level: int, number: int) -> None:
    """Pending patients without any follow-up leave the posterior where it was."""
    design = _design()
    before, after = (tally_of([*patients, *new], 5) for new in ([], [(level, 0, 0.0)] * number))
    found = [_method(design).interval_probabilities(design, tally) for tally in (before, after)]
    assert np.abs(found[0] - found[1]).max() < 1e-6


@settings(max_examples=20)
@given(patients=histories(5), data=st.data())
def test_more_dlts_never_make_overdosing_less_likely(patients: list[Patient], data: st.DataObject) -> None:
    """A DLT in place of none at a level: the estimate of that level does not fall."""
    design = _design()
    who = data.draw(st.integers(0, len(patients) - 1))
    level, _, share = patients[who]
    better, worse = (tally_of([*patients[:who], (level, dlt, share), *patients[who + 1 :]], 5) for dlt in (0, 1))
    found = [_method(design).estimate_doses(design, tally)[0, level - 1] for tally in (better, worse)]
    assert found[1] >= found[0] - 1e-6


def test_many_states_choose_as_one() -> None:
    """Batches go through fewer nodes where the dose cannot depend on it: the same dose, probabilities within their tolerance."""
    rng = np.random.default_rng(3)
    many: list[list[Patient]] = []
    for _ in range(FEW * 3):
        n = int(rng.integers(1, 14))
        followed = np.where(rng.random(n) < 0.4, rng.random(n), 1.0)
        levels, dlts = rng.integers(1, 5, n), rng.random(n) < 0.2
        many.append([(int(k), int(y), max(float(u), 0.01)) for k, y, u in zip(levels, dlts, followed, strict=True)])
    design = _design()
    batch = together([tally_of(patients, 5, width=14) for patients in many])
    found = _method(design).interval_probabilities(design, batch)
    alone = np.concatenate([_method(design).interval_probabilities(design, tally_of(patients, 5)) for patients in many])
    assert np.abs(found - alone).max() < 4e-4
    assert _method(design).moves(found).next.tolist() == _method(design).moves(alone).next.tolist()
    states = states_of(batch)
    moves = _method(design).decide(design, states)
    each = [_method(design).decide(design, states.take(np.array([row]))) for row in range(len(many))]
    assert moves.next.tolist() == [one.next[0] for one in each]
    assert moves.suspend is not None
    assert moves.suspend.any()
    assert moves.suspend.tolist() == [one.suspend is not None and bool(one.suspend[0]) for one in each]


def test_mixture_and_history() -> None:
    """A robust prior with historical data: half a window of follow-up lies between none and all of it, at every level."""
    known = ({"name": "other", "amounts": (20.0, 40.0), "patients": (12.0, 12.0), "dlts": (1.0, 2.0), "discount": 0.3},)
    design = _design(robust={"weight": 0.2}, historical=known)
    start: list[Patient] = [(1, 0, 1.0), (2, 1, 0.4)]
    found = [
        _method(design).estimate_doses(design, tally_of([*start, (3, 0, share), (3, 0, share)], 5))[0]
        for share in (0.0, 0.5, 1.0)
    ]
    assert (found[0] > found[1]).all()
    assert (found[1] > found[2]).all()
    states = states_of(tally_of([*start, (3, 0, 0.5)], 5))
    text = design.method.explain(design, states, design.method.decide(design, states))
    assert "Posterior weights of the components" in text
    assert text.endswith("Pending patients count by their follow-up, with weights 0.500 at level 3.")


def test_pymc_has_the_weights() -> None:
    """The model given to PyMC has the weighted likelihood: a difference of its log density is that of the formula."""
    design, patients = _design(), STATES[1]
    logp = _method(design).in_pymc(design, tally_of(patients, 5)).compile_logp()
    x = np.log(np.array(AMOUNTS) / 40)
    (s1, s2), r = SD, CORRELATION
    precision = np.linalg.inv(np.array([[s1 * s1, r * s1 * s2], [r * s1 * s2, s2 * s2]]))

    def formula(theta: list[float]) -> float:
        p = 1 / (1 + np.exp(-(theta[0] + np.exp(theta[1]) * x)))
        terms = [np.log(p[k - 1] if dlt else 1 - share * p[k - 1]) for k, dlt, share in patients]
        off = np.array(theta) - np.array(MEAN)
        return float(sum(terms) - off @ precision @ off / 2)

    one, two = [-1.0, 0.2], [0.4, -0.5]
    found = float(logp({"theta": np.array(one)}) - logp({"theta": np.array(two)}))
    assert found == pytest.approx(formula(one) - formula(two), abs=1e-9)


def test_starter_is_its_own_kind() -> None:
    """A new design file starts with this method, not with its parent."""
    assert type(TiteBlrm.starter()[0]) is TiteBlrm


def test_no_end_on_outcomes_that_are_not_known() -> None:
    """One DLT among three just treated: no dose is admissible, but one would be. Accrual waits, for that or for the end."""
    design = _design()
    treated: list[Patient] = [(1, 1, 0.1), (1, 0, 0.2), (1, 0, 0.2)]
    later: list[Patient] = [(1, 1, 0.1), (1, 0, 1.0), (1, 0, 0.9)]
    worse: list[Patient] = [(1, 1, 0.1), (1, 1, 0.3), (1, 0, 0.2)]
    waits, goes_on, ends = (decide(design, states_of(tally_of(patients, 5))) for patients in (treated, later, worse))
    assert (waits.waits[0] > 0, waits.next[0], waits.stops[0]) == (True, 0, 0)
    assert (goes_on.waits[0], goes_on.next[0]) == (0, 0)
    assert (ends.waits[0], ends.next[0], ends.stops[0] > 0) == (0, -1, True)
    states = states_of(tally_of(treated, 5))
    text = design.method.explain(design, states, design.method.decide(design, states))
    assert "no dose is admissible now, but one would be if no pending patient had a DLT." in text
    assert text.endswith("with weights 0.200 at level 1, 0.200 at level 1.")
    # The same where the belief is of draws: what could still be is asked of the nodes.
    drawn = _method(design).believing(_method(design).posterior(design, states.tally))
    assert drawn.decide(design, states).suspend is not None
