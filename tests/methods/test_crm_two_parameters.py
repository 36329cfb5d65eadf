"""The CRM with a two-parameter logistic curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.errors import DesignError
from escalate.core.tally import Tally
from escalate.methods.crm import Crm
from escalate.models.bivariate_normal import Component
from escalate.models.two_parameter import TwoParameterModel
from tests.helpers import cases, make

TWO = [case for case in cases("bcrm_posterior") if case["inputs"]["kind"] == "two_parameter_logistic"]
SKELETON = (0.05, 0.12, 0.25, 0.40, 0.55)


def design(**method: Any) -> esc.Design:
    """Build a design with two parameters."""
    prior = {"mean": (-1.0, 0.0), "sd": (2.0, 1.0)}
    return make(
        {
            "kind": "crm",
            "model": "logistic2",
            "skeleton": SKELETON,
            "two_parameter_prior": prior,
            "estimate": "mean",
            **method,
        }
    )


@pytest.mark.parametrize("case", TWO, ids=lambda case: str(case["id"]))
def test_posterior_of_bcrm(case: dict[str, Any]) -> None:
    """Bcrm's logit2: its own values where it has any, and the quadrature beside them."""
    given = case["inputs"]
    sd = np.sqrt(np.diag(given["Sigma"]))
    r = float(given["Sigma"][0][1] / sd.prod())
    prior = Component(weight=1.0, mean=tuple(given["mu"]), sd=(float(sd[0]), float(sd[1])), correlation=r)
    model = TwoParameterModel(tuple(given["sdose"]), (prior,))
    tally = Tally.of([np.array(given["tox"]) + np.array(given["notox"])], [given["tox"]])
    belief = model.belief(tally, 40)
    checked = case["outputs"]["check_quadrature"]
    assert np.allclose(belief.mean()[0], checked["dose_mean"], atol=1e-6)
    assert np.allclose(np.sqrt(belief.variance()[0]), checked["dose_sd"], atol=1e-5)
    if "dose_mean" in case["outputs"]:
        assert np.allclose(belief.mean()[0], case["outputs"]["dose_mean"], atol=5e-5)


def test_prior_means_give_the_skeleton() -> None:
    """At the prior means of a and b."""
    trial = design(estimate="plug_in")
    assert isinstance(trial.method, Crm)
    nothing = Tally.of([[0] * 5], [[0] * 5])
    assert trial.method.estimate_doses(trial, nothing)[0] == pytest.approx(SKELETON, abs=1e-9)


def test_same_curve_as_a_blrm() -> None:
    """Labels that are log doses: the estimates of a BLRM."""
    x = np.log(np.array([1.0, 2.0, 4.0, 8.0, 16.0]) / 4)
    skeleton = tuple((1 / (1 + np.exp(-(x - 1.0)))).tolist())
    levels = {"unit": "mg", "levels": (1.0, 2.0, 4.0, 8.0, 16.0)}
    prior = {"mean": (-1.0, 0.0), "sd": (2.0, 1.0)}
    blrm = make({"kind": "blrm", "reference_amount": 4.0, "prior": prior}, doses=levels)
    ours = [row.estimate for row in esc.recommend(design(skeleton=skeleton), "1NNN 2NNT").doses]
    assert ours == pytest.approx([row.estimate for row in esc.recommend(blrm, "1NNN 2NNT").doses], abs=1e-9)


def test_it_runs_everywhere_and_reads_again() -> None:
    """Exact characteristics, and the file it would be written as."""
    trial = design(estimate="plug_in")
    again = esc.Design.from_dict(trial.to_dict())
    assert again.sha256 == trial.sha256
    small = design().model_copy(update={"max_patients": 12})
    oc = esc.simulate([small], [esc.Scenario(name="x", dlt=(0.05, 0.1, 0.3, 0.5, 0.6))], exact=True)
    frame = oc.to_frame()
    shares = frame[frame.metric.isin(["selected", "selected_none"])].value
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"two_parameter_prior": None}, "two_parameter_prior: is missing"),
        ({"prior_sd": 1.0}, "prior_sd: is not used"),
        ({"inference": "mle", "estimate": "plug_in"}, "inference: mle is for models of one parameter"),
        ({"skeleton": {"half_width": 0.05, "prior_mtd": 3}}, "skeleton: half_width makes"),
        ({"model": "power"}, "two_parameter_prior: is not used"),
        (
            {"two_parameter_prior": {"mean": (0.0, 0.0), "sd": (1.0, -1.0)}},
            "two_parameter_prior.sd[2]: -1.0 is not above 0",
        ),
    ],
)
def test_bad_settings_are_one_sentence(change: dict[str, Any], said: str) -> None:
    """Every fault names the setting."""
    with pytest.raises(DesignError) as fault:
        design(**change)
    assert said in str(fault.value)
