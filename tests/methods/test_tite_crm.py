"""The TITE-CRM against quadrature, dfcrm and worked numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.decision import decide
from escalate.core.errors import DataError
from escalate.core.files import load_design
from escalate.core.follow_up import FollowUp
from escalate.core.tally import States, Tally
from escalate.methods.crm import Crm
from escalate.methods.tite_crm import TiteCrm
from escalate.models.weighted_tally import WeightedTally
from tests.helpers import ROOT, cases, make
from tests.methods.pending_patients import Patient, estimates, histories, states_of, tally_of, together

S = [0.05, 0.12, 0.25, 0.40, 0.55]
FORMS = {"empiric": "power", "logistic": "logistic"}
FITS = [case for case in cases("titecrm_fit") if "error" not in case["outputs"]]


def _design(weights: str = "linear", kind: str = "tite_crm", **settings: Any) -> esc.Design:
    method = {"kind": kind, "skeleton": S, "estimate": "plug_in", **settings}
    if kind == "tite_crm":
        method["weights"] = weights
    return make(method, target=0.25, rules=())


def _fit(inputs: dict[str, Any]) -> tuple[esc.Design, list[Patient]]:
    """Return the design and the patients of a reference case; weights that were given are follow-up."""
    method = {
        "kind": "tite_crm",
        "model": FORMS[inputs["model"]],
        "skeleton": inputs["prior"],
        "prior_sd": inputs["scale"],
        "intercept": float(inputs["intcpt"]),
        "inference": inputs["method"],
        "estimate": "plug_in",
        "weights": inputs["scheme"],
        "mtd_among": "all",
    }
    design = make(method, len(inputs["prior"]), target=inputs["target"], rules=(), max_patients=100)
    if inputs["weights"] is not None:
        shares = inputs["weights"]
    elif inputs["followup"] is not None:
        shares = [days / inputs["obswin"] for days in inputs["followup"]]
    else:
        pairs = zip(inputs["entry"], inputs["exit"], strict=True)
        shares = [(out - into) / inputs["obswin"] for into, out in pairs]
    return design, list(zip(inputs["level"], inputs["tox"], shares, strict=True))


@pytest.mark.parametrize("case", FITS, ids=lambda case: case["id"])
def test_fit(case: dict[str, Any]) -> None:
    """Source: dfcrm 0.2-2.1 to 1e-4, independent quadrature (or maximisation) to 1e-6; its weights, and its dose."""
    outputs, (design, patients) = case["outputs"], _fit(case["inputs"])
    method, tally = design.method, tally_of(patients, design.n_doses)
    assert isinstance(method, TiteCrm)
    data = method.evidence(tally)
    expected = [w for w, (_, dlt, share) in zip(outputs["weights"], patients, strict=True) if not dlt and share < 1]
    if expected:
        assert isinstance(data, WeightedTally)
        assert data.placed()[1][0] == pytest.approx(expected, abs=1e-12)
    model, found = method.working_model(design), method.estimate_doses(design, tally)[0]
    if case["inputs"]["method"] == "bayes":
        check = outputs["check_quadrature"]
        assert model.mean_beta(data, 100)[0] == pytest.approx(check["estimate"], abs=1e-6)
        assert found == pytest.approx(check["ptox"], abs=1e-6)
    else:
        assert model.mle(data)[0] == pytest.approx(outputs["check_mle"]["estimate"], abs=1e-6)
    assert found == pytest.approx(outputs["ptox"], abs=1e-4)
    assert decide(design, states_of(tally)).next[0] + 1 == outputs["mtd"]
    assert method.select(design, tally, np.ones((1, design.n_doses), dtype=bool))[0] + 1 == outputs["mtd"]


GIVES_UP = {case["inputs"]["tag"]: case["inputs"] for case in cases("titecrm_fit") if "error" in case["outputs"]}


def test_no_follow_up_at_all() -> None:
    """Where dfcrm stops with 'roundoff error': all weights 0 are no data, and the estimates are the prior's, the skeleton."""
    design, patients = _fit(GIVES_UP["zero_weights"])
    assert estimates(design, patients) == pytest.approx(GIVES_UP["zero_weights"]["prior"], abs=1e-9)


def test_a_dlt_on_the_last_day_of_the_window() -> None:
    """Where dfcrm stops: the adaptive weight of half the window is then 0.5 / 2, the limit of earlier DLTs."""
    design, patients = _fit(GIVES_UP["adaptive_tox_at_end_of_window"])
    assert isinstance(design.method, TiteCrm)
    data = design.method.evidence(tally_of(patients, design.n_doses))
    assert isinstance(data, WeightedTally)
    assert data.placed()[1].tolist() == [[0.25]]
    earlier = [(level, dlt, share - 1e-9 if dlt else share) for level, dlt, share in patients]
    assert estimates(design, patients) == pytest.approx(estimates(design, earlier), abs=1e-7)


LINEAR = [(1, 0, 1.0), (1, 0, 1.0), (2, 0, 1.0), (2, 0, 20 / 28), (2, 1, 10 / 28), (2, 0, 5 / 28)]
ADAPTIVE = [(1, 0, 1.0), (1, 0, 1.0), (2, 1, 7 / 28), (2, 0, 20 / 28), (2, 1, 10 / 28), (2, 0, 5 / 28)]


@pytest.mark.parametrize(
    ("weights", "patients", "expected", "beta", "level"),
    [
        ("linear", LINEAR, [0.1286226, 0.2342120, 0.3871068], -0.3789233, 2),
        ("adaptive", ADAPTIVE, [0.2742643, 0.4002745], -0.8397108, 1),
    ],
)
def test_worked_example(weights: str, patients: list[Patient], expected: list[float], beta: float, level: int) -> None:
    """Six patients at levels 1, 1, 2, 2, 2, 2 with a window of 28 days; source: dfcrm."""
    design = _design(weights)
    assert isinstance(design.method, TiteCrm)
    assert estimates(design, patients)[: len(expected)] == pytest.approx(expected, abs=5e-8)
    tally = tally_of(patients, 5)
    model = design.method.working_model(design)
    assert model.mean_beta(design.method.evidence(tally), 30)[0] == pytest.approx(beta, abs=5e-8)
    assert decide(design, states_of(tally)).next[0] + 1 == level


def test_explanation_gives_the_weights() -> None:
    """What a person reads names the weight of each pending patient; without any it is what the CRM says."""
    design, complete = _design(), [(1, 0, 1.0), (2, 1, 0.4)]
    states = states_of(tally_of(LINEAR, 5))
    text = design.method.explain(design, states, design.method.decide(design, states))
    assert text.endswith("Pending patients count by their follow-up, with weights 0.179 at level 2, 0.714 at level 2.")
    states = states_of(tally_of(complete, 5))
    parent = _design(kind="crm").method
    moves = design.method.decide(design, states)
    assert design.method.explain(design, states, moves) == parent.explain(design, states, moves)


# --- other quantities, by quadrature ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["power", "logistic"])
def test_tail_probabilities_limits_and_variance(model: str) -> None:
    """Source: SciPy's quadrature of the weighted likelihood: mean, Pr(p > 0.25), 95% limits and evidence to 1e-6."""
    from scipy import integrate

    patients = [(1, 0, 1.0), (2, 0, 0.9), (2, 1, 0.4), (3, 0, 0.55), (3, 0, 0.1), (3, 0, 0.0)]
    design, tally = _design(model=model, estimate="mean"), tally_of(patients, 5)
    assert isinstance(design.method, TiteCrm)
    curve = design.method.working_model(design)

    def integral(f: Any, upper: float = 12.0) -> float:
        def density(beta: float) -> float:
            p = curve.rates(np.array([beta]))[0]
            terms = [p[k - 1] if dlt else 1 - share * p[k - 1] for k, dlt, share in patients]
            return float(np.prod(terms) * np.exp(-(beta**2) / (2 * 1.34)) * f(p))

        return float(integrate.quad(density, -12, upper, epsabs=1e-12, limit=400)[0])

    total = integral(lambda p: 1.0)
    belief = design.method.belief(design, tally)
    assert belief.mean()[0] == pytest.approx([integral(lambda p, j=j: p[j]) / total for j in range(5)], abs=1e-6)
    square = integral(lambda p: p[2] ** 2) / total
    assert belief.variance()[0, 2] == pytest.approx(square - belief.mean()[0, 2] ** 2, abs=1e-6)
    at = curve.beta_at(0.25)
    above = [integral(lambda p: 1.0, float(beta)) / total for beta in at]
    assert belief.prob_above(0.25)[0] == pytest.approx(above, abs=2e-6)
    for q in (0.025, 0.975):
        limit = belief.quantile(q)[0, 2]
        share = integral(lambda p: 1.0, float(curve.beta_at(float(limit))[2])) / total
        assert 1 - share == pytest.approx(q, abs=2e-6)
    evidence = design.method.log_evidence(design, tally)[0]
    assert evidence == pytest.approx(np.log(total / np.sqrt(2 * np.pi * 1.34)), abs=1e-6)


def test_nodes_pymc_and_weights_agree() -> None:
    """The model given to PyMC has the weighted likelihood: differences of its log density are those of the formula."""
    for settings in ({"model": "power"}, {"model": "logistic"}):
        design, tally = _design(**settings), tally_of(LINEAR, 5)
        assert isinstance(design.method, TiteCrm)
        curve = design.method.working_model(design)
        logp = design.method.in_pymc(design, tally).compile_logp()
        found, expected = [], []
        for beta in (-0.5, 0.3):
            p = curve.rates(np.array([beta]))[0]
            terms = [np.log(p[k - 1] if dlt else 1 - share * p[k - 1]) for k, dlt, share in LINEAR]
            found.append(float(logp({"beta": np.array(beta)})))
            expected.append(sum(terms) - beta**2 / (2 * 1.34))
        assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], abs=1e-9)


def test_maximum_likelihood_needs_information_of_both_kinds() -> None:
    """DLTs beside patients of whom nothing is known yet: no estimate, said so; a day of follow-up makes one."""
    design = make({"kind": "tite_crm", "skeleton": S, "inference": "mle"}, target=0.25, rules=())
    for share, exists in ((0.0, False), (1 / 28, True)):
        states = states_of(tally_of([(1, 1, 0.5), (1, 0, share)], 5))
        text = design.method.explain(design, states, design.method.decide(design, states))
        assert ("does not exist" in text) is not exists
        assert np.isnan(design.method.summarise(design, states.tally).lower).all() == (not exists)


def test_adaptive_weights_need_the_times() -> None:
    """A DLT without its day would be weighed as if it had not happened: refused. Linear weights do not ask."""
    tally = tally_of(LINEAR, 5)
    assert tally.pending is not None
    bare = Tally(tally.counts, FollowUp(tally.pending.dose, tally.pending.share, np.full((1, 1), np.nan)))
    message = r"^adaptive weights need the day of every DLT: there are 1 DLTs and 0 days; give the days$"
    with pytest.raises(DataError, match=message):
        _design("adaptive").method.decide(_design("adaptive"), states_of(bare))
    assert _design().method.decide(_design(), states_of(bare)).next[0] == 1


# --- properties -------------------------------------------------------------------------------------------------------

SETTINGS: list[dict[str, Any]] = [
    {},
    {"model": "logistic", "estimate": "mean"},
    {"weights": "adaptive"},
    {"inference": "mle"},
    {"skeleton": None, "skeletons": [tuple(S), (0.1, 0.2, 0.3, 0.4, 0.5)], "estimate": "mean"},
]
by_settings = pytest.mark.parametrize("settings", SETTINGS, ids=str)


def _parent(design: esc.Design) -> tuple[esc.Design, Crm]:
    said = design.method.model_dump(mode="json", exclude_none=True, exclude={"kind", "weights"})
    parent = make({"kind": "crm", **said, **_tuples(said)}, target=0.25, rules=())
    assert isinstance(parent.method, Crm)
    return parent, parent.method


def _tuples(said: dict[str, Any]) -> dict[str, Any]:
    return {"skeletons": tuple(tuple(s) for s in said["skeletons"])} if "skeletons" in said else {}


@by_settings
@given(patients=histories(5, st.just(1.0)), pending=st.booleans())
def test_complete_data_are_the_crm(settings: dict[str, Any], patients: list[Patient], pending: bool) -> None:
    """With every outcome known, whoever says so: estimates and dose of `crm`, bit for bit."""
    design = _design(**settings)
    assert isinstance(design.method, TiteCrm)
    parent, method = _parent(design)
    tally = tally_of(patients, 5, width=2)
    same = tally if pending else Tally(tally.counts)
    states = states_of(same)
    assert (design.method.estimate_doses(design, same) == method.estimate_doses(parent, Tally(tally.counts))).all()
    assert decide(design, states).next.tolist() == decide(parent, states.as_complete()).next.tolist()


@by_settings
@given(patients=histories(5), level=st.integers(1, 5), number=st.integers(1, 4))
def test_patients_just_treated_tell_nothing(
    settings: dict[str, Any], patients: list[Patient], level: int, number: int
) -> None:
    """Pending patients without any follow-up leave the estimates where they were."""
    design = _design(**settings)
    some = [patient for patient in patients if patient[1] or patient[2] == 1.0] or [(1, 0, 1.0)]
    if settings.get("inference") == "mle":
        some = [*some, (1, 0, 1.0), (2, 1, 0.5)]
    with_new = [*some, *[(level, 0, 0.0)] * number]
    assert estimates(design, with_new) == pytest.approx(estimates(design, some), abs=2e-6)


@pytest.mark.parametrize("settings", SETTINGS[:2], ids=str)
@given(patients=histories(5), data=st.data())
def test_more_follow_up_never_lowers_the_dose(
    settings: dict[str, Any], patients: list[Patient], data: st.DataObject
) -> None:
    """Linear weights: a pending patient followed longer without a DLT lowers every estimate, and the dose does not fall."""
    design = _design(**settings)
    who = data.draw(st.integers(0, len(patients) - 1))
    level, _, share = patients[who]
    longer = data.draw(st.floats(share, 1.0))
    before, after = ([*patients[:who], (level, 0, each), *patients[who + 1 :]] for each in (share, longer))
    assert (estimates(design, after) <= estimates(design, before) + 1e-8).all()
    assert _next(design, after) >= _next(design, before)


@pytest.mark.parametrize("settings", SETTINGS[:2], ids=str)
@given(patients=histories(5), data=st.data())
def test_more_dlts_never_raise_the_dose(settings: dict[str, Any], patients: list[Patient], data: st.DataObject) -> None:
    """A DLT in place of none, of a pending patient or of a complete one: no estimate falls, and the dose does not rise."""
    design = _design(**settings)
    who = data.draw(st.integers(0, len(patients) - 1))
    level, _, share = patients[who]
    better, worse = ([*patients[:who], (level, dlt, share), *patients[who + 1 :]] for dlt in (0, 1))
    assert (estimates(design, worse) >= estimates(design, better) - 1e-8).all()
    assert _next(design, worse) <= _next(design, better)


def _next(design: esc.Design, patients: list[Patient]) -> int:
    return int(decide(design, states_of(tally_of(patients, 5))).next[0])


@given(many=st.lists(histories(5), min_size=1, max_size=8))
def test_batches_are_single_states(many: list[list[Patient]]) -> None:
    """Complete and incomplete states side by side, padded: each has the answer it has alone."""
    for settings in ({}, {"weights": "adaptive"}):
        design = _design(**settings)
        assert isinstance(design.method, TiteCrm)
        batch = together([tally_of(patients, 5, width=15) for patients in many])
        alone = np.stack([estimates(design, patients) for patients in many])
        assert design.method.estimate_doses(design, batch) == pytest.approx(alone, abs=1e-12)
        states = states_of(batch)
        moves = design.method.decide(design, States(batch, states.dose, states.cohort))
        assert moves.next.tolist() == [_next(design, patients) for patients in many]


def test_initial_sequence_counts_patients_treated() -> None:
    """The two-stage start goes by patients treated, pending or not, until a DLT is seen."""
    design = _design(initial_levels=[1, 1, 2, 2, 3])
    assert _next(design, [(1, 0, 1.0), (1, 0, 0.1)]) == 1
    assert _next(design, [(1, 0, 1.0), (1, 0, 0.1), (2, 0, 0.0), (2, 0, 0.0)]) == 2
    assert _next(design, [(1, 0, 1.0), (1, 1, 0.1)]) == 0


def test_a_design_that_never_waits_is_questioned() -> None:
    """Where days count and no rule suspends accrual, `check` says what that can lead to."""
    method = {"kind": "tite_crm", "skeleton": S, "estimate": "plug_in"}
    design = make(method, target=0.25, dlt_window=28, rules=())
    doubts = list(design.method.doubts(design))
    assert any(doubt.startswith("no rule waits for pending outcomes") for doubt in doubts)
    assert not list(make(method, target=0.25).method.doubts(make(method, target=0.25)))


PAGE = [(1, 0, 1.0)] * 3 + [(2, 0, 20 / 28), (2, 1, 10 / 28), (2, 0, 5 / 28)]


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("tite_crm", {}, [0.138, 0.246, 0.400, 0.546, 0.673]),
        ("tite_crm", {"weights": "adaptive"}, [0.133, 0.240, 0.394, 0.540, 0.669]),
        ("fractional_crm", {}, [0.126, 0.231, 0.383, 0.530, 0.661]),
    ],
)
def test_pages(kind: str, settings: dict[str, Any], expected: list[float]) -> None:
    """The worked examples of docs/methods: the estimates that they print for the design files."""
    design = load_design(ROOT / "designs" / "late-onset" / f"{kind}.yaml")
    method = design.method.model_copy(update=settings)
    found = estimates(design.model_copy(update={"method": method}), PAGE)
    assert found == pytest.approx(expected, abs=5e-4)
    page = (ROOT / "docs" / "methods" / f"{kind}.md").read_text()
    assert ", ".join(f"{p:.3f}" for p in expected[:3]) in " ".join(page.split())
