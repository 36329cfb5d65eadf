"""Averages over skeletons: weights, means, tails, quantiles and evidence, against each model alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.tally import Tally
from escalate.models.averaged import AveragedModel
from escalate.models.one_parameter import OneParameterBelief, OneParameterModel
from escalate.models.priors_1d import Gamma, Normal, Prior1d

SKELETONS = ((0.05, 0.12, 0.25, 0.40, 0.55), (0.10, 0.20, 0.30, 0.45, 0.60), (0.02, 0.06, 0.12, 0.20, 0.30))


def _model(prior: Prior1d, weights: tuple[float, ...] = (1 / 3,) * 3) -> AveragedModel:
    return AveragedModel(tuple(OneParameterModel("power", s, prior) for s in SKELETONS), weights)


@pytest.mark.parametrize(
    ("n", "y", "evidence", "weights", "means"),
    [
        (
            [3, 3, 3, 0, 0], [0, 0, 1, 0, 0], [-3.5582340, -3.7345051, -3.7300318], [0.3730592, 0.3127693, 0.3141716],
            [0.0580533, 0.1167507, 0.1997313, 0.3129901, 0.4423154],
        ),
        (
            [3, 6, 3, 0, 0], [0, 2, 2, 0, 0], [-8.0516212, -8.1150940, -8.3337467], [0.3713774, 0.3485376, 0.2800850],
            [0.2095030, 0.3204839, 0.4367577, 0.5596808, 0.6717625],
        ),
        (
            [3, 3, 3, 6, 0], [0, 0, 0, 1, 0], None, [0.3503622, 0.3139749, 0.3356629],
            [None, None, None, 0.1501080, 0.2621534],
        ),
    ],
)  # fmt: skip
def test_dossier_examples(
    n: list[int], y: list[int], evidence: list[float] | None, weights: list[float], means: list[float | None]
) -> None:
    """Source: dossier crm.md 4, by quadrature, seven decimals; prior variance 2, equal prior weights."""
    model, tally = _model(Normal(sd=2**0.5)), Tally.of([n], [y])
    belief = model.belief(tally, 30)
    assert belief.weights()[0] == pytest.approx(weights, abs=6e-8)
    for found, expected in zip(belief.mean()[0], means, strict=True):
        assert expected is None or found == pytest.approx(expected, abs=6e-8)
    if evidence is not None:
        each = [float(one.log_evidence(tally, 30)[0]) for one in model.models]
        assert each == pytest.approx(evidence, abs=6e-8)
        assert model.log_evidence(tally, 30)[0] == pytest.approx(np.log(np.mean(np.exp(evidence))), abs=1e-7)


@given(
    y=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    limit=st.floats(0.05, 0.9),
    prior=st.sampled_from([Normal(sd=1.2), Gamma(shape=1.0, scale=1.0)]),
)
def test_mixes_the_models_by_their_evidence(y: list[int], limit: float, prior: Prior1d) -> None:
    """Weights are prior x evidence; means and tails mix by them; the quantile has its probability below it."""
    model, tally = _model(prior, (0.5, 0.2, 0.3)), Tally.of([[3] * 5], [y])
    parts = [OneParameterBelief(one, tally, 30) for one in model.models]
    share = np.array([0.5, 0.2, 0.3]) * np.exp([one.log_evidence(tally, 30)[0] for one in model.models])
    share /= share.sum()
    belief = model.belief(tally, 30)
    assert belief.weights()[0] == pytest.approx(share, abs=1e-9)
    assert belief.mean()[0] == pytest.approx(share @ [part.mean()[0] for part in parts], abs=2e-8)
    second = share @ [part.variance()[0] + part.mean()[0] ** 2 for part in parts]
    assert belief.variance()[0] == pytest.approx(second - belief.mean()[0] ** 2, abs=1e-7)
    mixed = share @ [part.prob_above(limit)[0] for part in parts]
    assert belief.prob_above(limit)[0] == pytest.approx(mixed, abs=2e-6)
    for q in (0.025, 0.5, 0.975):
        at = belief.quantile(q)[0]
        below = [1 - belief.prob_above(float(p))[0, j] for j, p in enumerate(at) if 1e-12 < p < 1 - 1e-12]
        assert below == pytest.approx([q] * len(below), abs=1e-6)


def test_one_model_twice_is_that_model() -> None:
    """Averaging a model with itself changes nothing; both keep their prior weights."""
    one = OneParameterModel("logistic", SKELETONS[0], Normal(sd=1.1))
    tally = Tally.of([[3, 3, 6, 3, 0]], [[0, 1, 2, 2, 0]])
    twice, alone = AveragedModel((one, one), (0.25, 0.75)).belief(tally, 30), OneParameterBelief(one, tally, 30)
    assert twice.mean() == pytest.approx(alone.mean(), abs=1e-9)
    assert twice.quantile(0.9) == pytest.approx(alone.quantile(0.9), abs=1e-6)
    assert twice.weights()[0] == pytest.approx([0.25, 0.75], abs=1e-12)
