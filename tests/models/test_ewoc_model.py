"""The EWOC model against published quantiles and against adaptive quadrature written independently."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad, quad

from escalate.core.tally import Tally
from escalate.models.ewoc_grid import legendre
from escalate.models.ewoc_model import EwocBelief, EwocModel

MODEL = EwocModel(0.33, (0.0, 0.25, 0.30, 1.0))
EVEN = EwocModel(0.3, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


def tally(*doses: tuple[int, int]) -> Tally:
    """Build one state from (patients, DLTs) of each dose."""
    return Tally.of([[n for n, _ in doses]], [[dlt for _, dlt in doses]])


def expit(eta: float) -> float:
    """Return 1 / (1 + exp(-eta)), without overflow."""
    return 1 / (1 + exp(-eta)) if eta > -700 else 0.0


def integral(
    model: EwocModel, data: Tally, function: Callable[[float, float], float], limits: tuple[float, float] | None = None
) -> float:
    """Return E[function(rho, gamma); gamma within limits] times the evidence, by scipy's nested adaptive quadrature."""
    n, dlt = data.n[0].tolist(), data.dlt[0].tolist()
    top = log(model.target / (1 - model.target))
    (a0, b0), (a1, b1) = model.rate_prior, model.mtd_prior

    def integrand(rho: float, gamma: float) -> float:
        low = log(rho / (1 - rho))
        value = (rho / model.target) ** (a0 - 1) * (1 - rho / model.target) ** (b0 - 1)
        value *= (gamma / model.reach) ** (a1 - 1) * (1 - gamma / model.reach) ** (b1 - 1)
        for x, patients, events in zip(model.positions, n, dlt, strict=True):
            p = expit(low + (top - low) * x / gamma)
            value *= p**events * (1 - p) ** (patients - events)
        return value * function(rho, gamma)

    low, high = limits or (0.0, model.reach)
    edges = sorted({low, high, *(x for x in model.positions if low < x < high)})
    parts = pairwise(edges)
    return sum(dblquad(integrand, a, b, 0, model.target, epsabs=1e-12, epsrel=1e-9)[0] for a, b in parts)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (tally((1, 0), (0, 0), (0, 0), (0, 0)), (0.25, 0.30, 0.35, 0.50)),
        (tally((1, 1), (0, 0), (0, 0), (0, 0)), (0.25, 0.30, 0.35, 0.50)),
        (tally((1, 0), (1, 0), (0, 0), (0, 0)), (0.3590038, 0.4041607, 0.4485351, 0.5788033)),
        (tally((1, 0), (1, 0), (1, 1), (0, 0)), (0.2395474, 0.2741123, 0.3114303, 0.4412995)),
    ],
)
def test_quantiles_of_the_mtd(data: Tally, expected: tuple[float, ...]) -> None:
    """Target 0.33, uniform priors: values of a second program (double programming), to all digits given."""
    belief = MODEL.belief(data, 36)
    for probability, value in zip((0.25, 0.30, 0.35, 0.50), expected, strict=True):
        assert belief.mtd_quantile(probability)[0] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (MODEL, tally((3, 0), (3, 1), (3, 1), (0, 0))),
        (EwocModel(0.3, (0.0, 0.3, 1.0), 1.6, (1.0, 2.0), (2.0, 1.5)), tally((3, 0), (6, 2), (3, 1))),
    ],
)
def test_posterior_is_that_of_adaptive_quadrature(model: EwocModel, data: Tally) -> None:
    """Evidence, Pr(MTD < dose), E[MTD], and mean and Pr(p > limit) of the highest dose, to 1e-6."""
    belief, nothing = model.belief(data, 36), tally(*[(0, 0)] * len(model.positions))
    evidence = integral(model, data, lambda _r, _g: 1.0)
    prior = integral(model, nothing, lambda _r, _g: 1.0)
    assert belief.log_evidence()[0] == pytest.approx(log(evidence / prior), abs=1e-6)
    breaks = np.array(model.positions[1:2])
    below = integral(model, data, lambda _r, _g: 1.0, (0.0, model.positions[1])) / evidence
    assert belief.prob_mtd_below(breaks)[0, 0] == pytest.approx(below, abs=1e-6)
    assert belief.prob_above(model.target)[0, 1] == pytest.approx(below, abs=1e-6)
    assert belief.mtd_mean()[0] == pytest.approx(integral(model, data, lambda _r, g: g) / evidence, abs=1e-6)
    top = log(model.target / (1 - model.target))

    def p_second(rho: float, gamma: float) -> float:
        low = log(rho / (1 - rho))
        return expit(low + (top - low) * model.positions[1] / gamma)

    assert belief.mean()[0, 1] == pytest.approx(integral(model, data, p_second) / evidence, abs=1e-6)


@pytest.mark.parametrize("limit", [0.1, 0.28, 0.35, 0.6])
def test_interval_probability_is_an_integral_over_the_cut(limit: float) -> None:
    """Pr(p_2 > limit): for each rho, gamma up to the cut that the limit implies, integrated by `quad`."""
    data, model = tally((3, 0), (3, 1), (0, 0), (0, 0)), MODEL
    top, cut_at = log(0.33 / 0.67), log(limit / (1 - limit))

    def mass(rho: float, *, cut: bool) -> float:
        low = log(rho / (1 - rho))
        high = 1.0
        if cut and rho < limit:
            high = min(1.0, 0.25 * (top - low) / (cut_at - low))

        def likelihood(gamma: float) -> float:
            p = expit(low + (top - low) * 0.25 / gamma)
            return (1 - rho) ** 3 * p * (1 - p) ** 2

        points = sorted({0.0, min(0.25, high), high})
        return sum(quad(likelihood, a, b, epsabs=1e-12)[0] for a, b in pairwise(points))

    # The cut reaches the largest MTD at this rho, where the integrand has a corner.
    corner = expit((cut_at - 0.25 * top) / 0.75)
    edges = sorted({0.0, 0.33, *(r for r in (corner, limit) if 0 < r < 0.33)})
    parts = list(pairwise(edges))
    above = sum(quad(lambda r: mass(r, cut=True), a, b, epsabs=1e-11)[0] for a, b in parts)
    total = sum(quad(lambda r: mass(r, cut=False), a, b, epsabs=1e-11)[0] for a, b in parts)
    assert model.belief(data, 36).prob_above(limit)[0, 1] == pytest.approx(above / total, abs=1e-6)


def test_rate_of_the_lowest_dose_is_below_target_for_certain() -> None:
    """Whatever the data there: a model-based rule above target cannot stop the trial."""
    belief = EVEN.belief(tally((12, 12), *[(0, 0)] * 5), 36)
    assert belief.prob_above(0.3)[0, 0] == 0
    assert belief.prob_above(0.35)[0, 0] == 0
    # rho ~ truncated Beta(13, 1): Pr(rho > 0.2) = 1 - (2/3)^13.
    assert belief.prob_above(0.2)[0, 0] == pytest.approx(1 - (2 / 3) ** 13, abs=1e-6)


def test_quantiles_of_rates_invert_their_probabilities() -> None:
    """Pr(p_j > quantile at q) = 1 - q, within 1e-4 for data that a trial may have."""
    belief = EVEN.belief(tally((3, 0), (3, 0), (6, 1), (3, 2), (0, 0), (0, 0)), 36)
    for probability in (0.025, 0.5, 0.975):
        found = belief.quantile(probability)[0]
        assert (np.diff(found) > 0).all()
        for dose in range(6):
            assert belief.prob_above(float(found[dose]))[0, dose] == pytest.approx(1 - probability, abs=1e-4)


@given(data=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=6, max_size=6))
def test_nodes_are_enough(data: list[tuple[int, int]]) -> None:
    """Twice as many nodes change no probability of the MTD and no mean by 1e-6."""
    state = tally(*[(max(pair), min(pair)) for pair in data])
    few, many = EVEN.belief(state, 36), EwocBelief(EVEN, state, EVEN.grid((160, 48)))
    assert np.abs(few.prob_above(0.3) - many.prob_above(0.3)).max() < 1e-6
    assert np.abs(few.mean() - many.mean()).max() < 1e-6
    assert np.abs(few.mtd_quantile(0.25) - many.mtd_quantile(0.25)).max() < 1e-5


def test_indefinite_integrals_are_exact_for_polynomials() -> None:
    """The integral of t^3 over (-1, z) is (z^4 - 1) / 4."""
    rule, z = legendre(6), np.array([-1.0, -0.3, 0.4, 1.0])
    weights = rule.integrals(z) @ rule.transform
    assert weights @ (rule.weight * rule.t**3) == pytest.approx((z**4 - 1) / 4, abs=1e-14)
