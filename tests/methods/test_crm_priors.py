"""The CRM under priors of theta, against bcrm and quadrature, and what `labels_at` and `plug_in` mean there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.tally import Tally
from escalate.methods.crm import Crm
from tests.helpers import cases, make, reference

S = [0.05, 0.12, 0.25, 0.40, 0.55]
CASES = [case for case in cases("bcrm_posterior") if case["inputs"]["kind"] == "one_parameter"]
MODELS = {"power": "power", "ht": "tanh", "logit1": "logistic"}
LIMITS_UNUSABLE = {"bcrm_posterior-0020"}
"""Its own quantiles are no reference (bcrm lost the far tail of a uniform prior); the independent ones are."""


def _prior(inputs: dict[str, Any]) -> dict[str, Any]:
    first, second = inputs["prior_par1"], inputs["prior_par2"]
    return {
        "gamma": {"gamma": {"shape": float(first), "scale": float(second)}},
        # The third element of bcrm's lognormal prior is a variance.
        "lognormal": {"lognormal": {"meanlog": float(first), "sdlog": second**0.5}},
        "uniform": {"uniform": {"low": float(first), "high": float(second)}},
    }[inputs["prior_type"]]


def _design(inputs: dict[str, Any], **settings: Any) -> esc.Design:
    method = {
        "kind": "crm",
        "model": MODELS[inputs["ff"]],
        "skeleton": inputs["p_tox0"],
        "prior": _prior(inputs),
        "labels_at": inputs["sdose_calculate"],
        **settings.pop("method", {}),
    }
    return make(method, len(inputs["p_tox0"]), target=inputs["target"], max_patients=60, **{"rules": (), **settings})


def _asked(design: esc.Design) -> Crm:
    assert isinstance(design.method, Crm)
    return design.method


def _tally(inputs: dict[str, Any]) -> Tally:
    dlt = np.array([inputs["tox"]])
    return Tally.of(dlt + np.array([inputs["notox"]]), dlt)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_posterior_against_quadrature(case: dict[str, Any]) -> None:
    """Source: independent quadrature of every bcrm case: E[theta], means, standard deviations and quantiles of p, to 1e-6."""
    inputs, check = case["inputs"], case["outputs"]["check_quadrature"]
    design, tally = _design(inputs, method={"estimate": "mean"}), _tally(inputs)
    model, belief = _asked(design).working_model(design), _asked(design).posterior(design, tally)
    assert model.theta_0 == pytest.approx(inputs["alpha_plug"], rel=1e-12)
    # The reference's midpoints of a uniform prior start at 1e-5 of its range: with DLTs only that is 1e-6 of E[theta].
    assert model.mean_theta(tally, 60)[0] == pytest.approx(check["alpha_mean"], abs=2e-6)
    assert belief.mean()[0] == pytest.approx(check["dose_mean"], abs=1e-6)
    assert np.sqrt(belief.variance()[0]) == pytest.approx(check["dose_sd"], abs=1e-6)
    for q, row in zip((0.025, 0.25, 0.5, 0.75, 0.975), check["dose_quantiles"], strict=True):
        assert belief.quantile(q)[0] == pytest.approx(row, abs=1e-5), q


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_posterior_against_bcrm(case: dict[str, Any]) -> None:
    """Source: bcrm 0.5.4, exact method: means and standard deviations to 1e-5 (its own tolerance), quantiles to 1e-3."""
    inputs, outputs = case["inputs"], case["outputs"]
    design, tally = _design(inputs, method={"estimate": "mean"}), _tally(inputs)
    belief = _asked(design).posterior(design, tally)
    assert belief.mean()[0] == pytest.approx(outputs["dose_mean"], abs=1e-5)
    assert np.sqrt(belief.variance()[0]) == pytest.approx(outputs["dose_sd"], abs=1e-5)
    if case["id"] not in LIMITS_UNUSABLE:
        for q, row in zip(outputs["dose_quantiles_p"], outputs["dose_quantiles"], strict=True):
            assert belief.quantile(q)[0] == pytest.approx(row, abs=1e-3), q


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_recommended_doses(case: dict[str, Any]) -> None:
    """Source: bcrm 0.5.4 `nextdose.exact`: plug-in and mean, free, at most one level up, and only below."""
    inputs, expected = case["inputs"], case["outputs"]["next_dose"]
    outcomes = " ".join(
        f"{level}{'T' * t}{'N' * n}"
        for level, (t, n) in enumerate(zip(inputs["tox"], inputs["notox"], strict=True), start=1)
        if t + n
    )
    estimates = {"plug_in": "plugin", "mean": "mean"}
    for estimate, name in estimates.items():
        free = _design(inputs, method={"estimate": estimate})
        below = _design(inputs, method={"estimate": estimate, "choose": "highest_below"})
        tally = _tally(inputs)
        if not outcomes:
            every = np.ones((1, free.n_doses), dtype=bool)
            method = _asked(free)
            found = method.chosen(method.estimate_doses(free, tally), free.target_rate, every)[0] + 1
            assert found == expected[f"{name}_unconstrained"]
            continue
        assert esc.recommend(free, outcomes).next_level == expected[f"{name}_unconstrained"], name
        rules = ({"kind": "no_skipping", "from": "highest"},)
        held = _design(inputs, method={"estimate": estimate}, rules=rules)
        # bcrm takes the nearest of the doses allowed, which is the wish or the highest below it: the estimates increase.
        assert esc.recommend(held, outcomes).next_level == expected[f"{name}_constrained"], name
        if f"{name}_only_below" in expected:
            # Without regard to how far the trial has come.
            assert esc.recommend(below, outcomes).next_level == expected[f"{name}_only_below"], name


@pytest.mark.parametrize(
    ("settings", "theta", "plug_in", "mean", "levels"),
    [
        (
            {"model": "power"},
            1.2512663,
            [0.0235540, 0.0704386, 0.1764666, 0.3177394, 0.4732870],
            [0.0545588, 0.1123729, 0.2201038, 0.3525369, 0.4959348],
            (4, 3),
        ),
        (
            {"model": "tanh"},
            1.2512663,
            [0.0235540, 0.0704386, 0.1764666, 0.3177394, 0.4732870],
            [0.0545588, 0.1123729, 0.2201038, 0.3525369, 0.4959348],
            (4, 3),
        ),
        (
            {"model": "logistic"},
            1.1318970,
            [0.0234652, 0.0659325, 0.1625730, 0.2984613, 0.4579614],
            [0.0518210, 0.1080519, 0.2078872, 0.3294747, 0.4673490],
            (4, 3),
        ),
    ],
)
def test_dossier_example(
    settings: dict[str, Any], theta: float, plug_in: list[float], mean: list[float], levels: tuple[int, int]
) -> None:
    """Source: dossier crm.md 1, example 3: gamma(1, 1), labels at its mean by default; seven decimals; the dose differs."""
    base = {"kind": "crm", "skeleton": S, "prior": {"gamma": {"shape": 1.0, "scale": 1.0}}, **settings}
    tally = Tally.of([[3, 3, 3, 0, 0]], [[0, 0, 1, 0, 0]])
    for estimate, expected, level in (("plug_in", plug_in, levels[0]), ("mean", mean, levels[1])):
        design = make({**base, "estimate": estimate}, target=0.25, rules=())
        assert _asked(design).working_model(design).mean_theta(tally, 30)[0] == pytest.approx(theta, abs=6e-8)
        assert _asked(design).estimate_doses(design, tally)[0] == pytest.approx(expected, abs=6e-8)
        assert esc.recommend(design, "1NNN 2NNN 3NNT").next_level == level


def test_published_table() -> None:
    """Source: Neuenschwander, Branson and Gsponer (2008), Table I, three decimals; and its check by quadrature to 1e-9."""
    case = next(c for c in reference("published_tables")["cases"] if c["id"] == "nbg2008_table1_original_skeleton")
    inputs, check = case["inputs"], case["our_check"]
    design = make({"kind": "crm", "skeleton": inputs["skeleton"], "prior_sd": 1.34, "estimate": "mean"}, 10, rules=())
    belief = _asked(design).posterior(design, Tally.of([inputs["n"]], [inputs["dlt"]]))
    assert belief.mean()[0] == pytest.approx(check["posterior_mean"], abs=1e-9)
    assert np.sqrt(belief.variance()[0]) == pytest.approx(check["posterior_sd"], abs=1e-9)
    # The paper sampled: its third decimal is off by up to 0.0027.
    assert belief.mean()[0] == pytest.approx(case["values"]["posterior_mean"], abs=0.003)
    assert np.sqrt(belief.variance()[0]) == pytest.approx(case["values"]["posterior_sd"], abs=0.003)


def test_lognormal_is_normal_but_for_the_plug_in() -> None:
    """The same prior written twice: equal means and probabilities; plug-in at E[theta] against exp(E[beta])."""
    tally = Tally.of([[3, 3, 3, 0, 0]], [[0, 0, 1, 0, 0]])
    designs = [
        make({"kind": "crm", "skeleton": S, "prior": prior, "estimate": "mean"}, target=0.25)
        for prior in ({"normal": {"sd": 1.2}}, {"lognormal": {"sdlog": 1.2}})
    ]
    beliefs = [_asked(design).posterior(design, tally) for design in designs]
    assert beliefs[0].mean() == pytest.approx(beliefs[1].mean(), abs=1e-9)
    assert beliefs[0].prob_above(0.25) == pytest.approx(beliefs[1].prob_above(0.25), abs=1e-7)
    assert (beliefs[1].plug_in() < beliefs[0].plug_in()).all()


def test_prior_sd_is_short_for_a_normal_prior() -> None:
    """Same decisions, same estimates; and what is written can be read again."""
    short = make({"kind": "crm", "skeleton": S, "prior_sd": 0.7, "estimate": "plug_in"})
    long = make({"kind": "crm", "skeleton": S, "prior": {"normal": {"sd": 0.7}}, "estimate": "plug_in"})
    found = [[dose.estimate for dose in esc.recommend(design, "1NNN 2NNT").doses] for design in (short, long)]
    assert found[0] == found[1]
    assert "prior_sd" not in long.to_dict()["method"]
    assert make(long.to_dict()["method"]).method == long.method


BASE = {"kind": "crm", "skeleton": S, "estimate": "mean"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prior": {"gamma": {"shape": 0.0, "scale": 1.0}}}, r"method\.prior\.gamma\.shape: 0.0 is not above 0"),
        ({"prior": {"gamma": {"shape": -1.0, "scale": 1.0}}}, r"method\.prior\.gamma\.shape: -1.0 is not above 0"),
        ({"prior": {"gamma": {"shape": 0.01, "scale": 1.0}}}, r"method\.prior\.gamma: shape 0.01 puts nearly all"),
        ({"prior": {"gamma": {"shape": 1.0, "scale": 0.0}}}, r"method\.prior\.gamma\.scale: 0.0 is not above 0"),
        (
            {"prior": {"gamma": {"shape": 1.0, "scale": 1.0, "rate": 1.0}}},
            r"method\.prior\.gamma\.rate: unknown setting",
        ),
        ({"prior": {"lognormal": {"sdlog": 0.0}}}, r"method\.prior\.lognormal\.sdlog: 0.0 is not above 0"),
        ({"prior": {"normal": {"sd": 0.0}}}, r"method\.prior\.normal\.sd: 0.0 is not above 0"),
        ({"prior": {"uniform": {"low": 2.0, "high": 1.0}}}, r"method\.prior\.uniform: high 1 is not above low 2"),
        ({"prior": {"uniform": {"low": -1.0, "high": 1.0}}}, r"method\.prior\.uniform\.low: -1.0 is not at least 0"),
        ({"prior": {}}, r"method\.prior: names nothing; name one of normal, lognormal, gamma, uniform"),
        (
            {"prior": {"uniform": {"high": 1.0}, "gamma": {"shape": 1.0, "scale": 1.0}}},
            r"method\.prior: names gamma and uniform; name one",
        ),
        ({"prior": {"beta": {}}}, r"method\.prior\.beta: unknown setting"),
        ({"prior": {"normal": {"sd": 1.0}}, "prior_sd": 1.0}, r"method\.prior: is given beside prior_sd"),
        ({"labels_at": "mode"}, r"method\.labels_at: 'mode' is not known; it can be 'median' or 'mean'"),
    ],
)
def test_bad_priors_are_refused(settings: dict[str, Any], said: str) -> None:
    """One sentence, naming the setting and what would be right."""
    with pytest.raises(esc.DesignError, match=said) as caught:
        make({**BASE, **settings})
    assert len(str(caught.value).splitlines()) == 1


def test_likelihood_crm_takes_no_prior() -> None:
    """A prior that would be ignored is refused."""
    with pytest.raises(esc.DesignError, match=r"method\.prior: is not used with inference: mle"):
        make({"kind": "crm", "skeleton": S, "inference": "mle", "prior": {"normal": {"sd": 1.0}}})
