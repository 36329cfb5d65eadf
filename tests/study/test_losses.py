"""Losses and limits: what is read, what is refused, and what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.errors import EscalateError
from escalate.study.losses import DERIVED, METRICS, WORDS, check_loss, distances, parse, parse_limit
from escalate.study.metrics import BETTER, PER_TRIAL

VALUES = {name: np.array([k, 10.0 * k + 1]) for k, name in enumerate(METRICS)}


def test_every_metric_has_words() -> None:
    """Whatever a loss may name can be said in words."""
    assert set(WORDS) == set(METRICS)
    assert set(PER_TRIAL) | set(DERIVED) <= set(METRICS)


@pytest.mark.parametrize(
    ("text", "constant", "weights"),
    [
        ("incorrect_selection", 0, {"incorrect_selection": 1}),
        ("1 - pcs", 1, {"pcs": -1}),
        ("-pcs+0.5*overdose_selected", 0, {"pcs": -1, "overdose_selected": 0.5}),
        (" 1-pcs*2 + .002*mean_patients ", 1, {"pcs": -2, "mean_patients": 0.002}),
        ("1e-1*pcs - pcs", 0, {"pcs": -0.9}),
        ("2*3 + 1 + pca", 7, {"pca": 1}),
        ("distance_below + 2*distance_above", 0, {"distance_below": 1, "distance_above": 2}),
        ("pcs - pcs + pas", 0, {"pas": 1}),
    ],
)
def test_parse(text: str, constant: float, weights: dict[str, float]) -> None:
    """Signs, numbers before and after a name, and repeated names are read as they stand."""
    found = parse(text)
    assert found.constant == pytest.approx(constant)
    assert found.weights == pytest.approx(weights)


@given(
    st.lists(st.tuples(st.sampled_from(METRICS), st.floats(-9, 9).map(lambda x: round(x, 3))), min_size=1, max_size=8)
)
def test_value_is_the_sum(terms: list[tuple[str, float]]) -> None:
    """The value of an expression is the sum of its terms, whatever they are."""
    text = " ".join(f"{'-' if weight < 0 else '+'} {abs(weight)}*{name}" for name, weight in terms)
    direct = sum(weight * VALUES[name] for name, weight in terms)
    if all(abs(sum(w for n, w in terms if n == name)) < 1e-12 for name, _ in terms):
        return
    np.testing.assert_allclose(parse(text).of(VALUES), direct, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pcz", "'pcz' is not a metric; did you mean 'pcs'?"),
        ("3", "names no metric"),
        ("", "names no metric"),
        ("0*pcs", "names no metric"),
        ("pcs pas", "there is no sign before 'pas'"),
        ("pcs*pas", "write a sum"),
        ("1 - pcs +", "write a sum"),
        ("- - pcs", "write a sum"),
        ("* pcs", "write a sum"),
        ("__import__('os')", "cannot stand there"),
        ("pcs; pas", "'; pas' cannot stand there"),
        ("1e999*pcs", "a number is too large"),
        ("(1 - pcs)", "cannot stand there"),
    ],
)
def test_refused(text: str, says: str) -> None:
    """What is no sum of metrics is refused, and nothing is ever run."""
    with pytest.raises(EscalateError) as refused:
        parse(text)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", sorted({*BETTER, *DERIVED} & set(METRICS) - {"mean_patients"}))
def test_a_loss_grows_with_what_is_bad(name: str) -> None:
    """A loss that the worst design would minimise is refused; the other sign passes."""
    good, bad = ("-", "") if BETTER.get(name, -1) > 0 else ("", "-")
    assert check_loss(parse(f"{good}{name}"))
    with pytest.raises(EscalateError, match="is minimised, but"):
        check_loss(parse(f"{bad}{name}"))


def test_either_sign_of_mean_patients() -> None:
    """Neither to want fewer patients nor to want more is a mistake."""
    for sign in "+-":
        assert check_loss(parse(f"{sign}mean_patients"))


@pytest.mark.parametrize(
    ("text", "value", "kept"),
    [
        ("overdose_selected <= 100", VALUES["overdose_selected"].mean(), True),
        ("mean:overdose_selected<=1", VALUES["overdose_selected"].mean(), False),
        ("max: overdose_selected <= 1", VALUES["overdose_selected"].max(), False),
        ("min : pcs >= 1e9", VALUES["pcs"].min(), False),
        ("max: 1 - pcs >= -1000", (1 - VALUES["pcs"]).max(), True),
    ],
)
def test_limits(text: str, value: float, kept: bool) -> None:
    """A limit is on the mean, the largest or the smallest over scenarios."""
    limit = parse_limit(text)
    assert limit.of(VALUES) == pytest.approx(value)
    assert limit.kept(limit.of(VALUES)) is kept


@pytest.mark.parametrize(
    "text", ["pcs < 1", "pcs", "avg: pcs <= 1", "pcs <= 1.2.3", "pcs <= x", "<= 1", "a <= 1 <= 2", "pcz <= 1"]
)
def test_no_limit(text: str) -> None:
    """What is no limit is refused."""
    with pytest.raises(EscalateError, match="limit '"):
        parse_limit(text)


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(*[st.lists(st.floats(0.01, 0.99), min_size=n, max_size=n)] * 2)),
    st.booleans(),
)
def test_distances(pair: tuple[list[float], list[float]], no_mtd: bool) -> None:
    """Distances are means over what is selected; selecting none is a level without DLTs, unless it is right."""
    rates = np.sort(np.array(pair[0]))
    weights = np.append(pair[1], 0.5)
    weights = weights / weights.sum()
    below, above = distances(weights[None, :-1], weights[-1:], rates[None], 0.3, np.array([no_mtd]))
    values = [*rates, 0.3 if no_mtd else 0.0]
    assert below[0] == pytest.approx(sum(w * max(0.3 - p, 0) for w, p in zip(weights, values, strict=True)))
    assert above[0] == pytest.approx(sum(w * max(p - 0.3, 0) for w, p in zip(weights, values, strict=True)))
