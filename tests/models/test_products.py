"""Masses as products, against the plain posterior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalate.core.tally import Tally
from escalate.models import products
from escalate.models.nodes import NodeTable


def table(n_nodes: int, n_doses: int, n_categories: int, seed: int) -> NodeTable:
    """Return a table of made-up nodes."""
    rng = np.random.default_rng(seed)
    rates = rng.dirichlet(np.ones(n_categories), (n_nodes, n_doses))
    return NodeTable(rng.normal(size=n_nodes), np.log(rates))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(2, 3), st.integers(1, 40), st.integers(0, 1000))
def test_expectations_are_those_of_the_plain_posterior(
    n_doses: int, n_categories: int, n_states: int, seed: int
) -> None:
    """Repeated and shuffled tallies, with and without patients, give what each gives alone."""
    rng = np.random.default_rng(seed)
    nodes = table(300, n_doses, n_categories, seed)
    tally = Tally(rng.integers(0, 4, (n_states, n_doses, n_categories)) * rng.integers(0, 2, (n_states, n_doses, 1)))
    functionals = rng.normal(size=(300, 2))
    expected = nodes.posterior(tally) @ functionals
    assert np.allclose(nodes.expect(tally, functionals), expected, rtol=0, atol=1e-12)


def test_compiled_loop_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop in Numba multiplies in the order of the one in NumPy."""
    rng = np.random.default_rng(1)
    nodes = table(512, 4, 2, 1)
    counts = rng.integers(0, 5, (3000, 4, 2)) * rng.integers(0, 2, (3000, 4, 1))
    counts = counts[products.distinct(counts)[0]]
    plain = np.concatenate(list(products.masses(nodes.log_prior, nodes.log_outcome, counts[:1000])))
    monkeypatch.setattr(products, "LARGE", 0)
    compiled = np.concatenate(list(products.masses(nodes.log_prior, nodes.log_outcome, counts[:1000])))
    assert np.array_equal(plain, compiled)
    monkeypatch.setattr(products, "FACTORS", 512 * 8)
    divided = np.concatenate(list(products.masses(nodes.log_prior, nodes.log_outcome, counts[:1000])))
    assert np.allclose(
        divided / divided.sum(axis=1, keepdims=True), plain / plain.sum(axis=1, keepdims=True), atol=1e-14
    )


def test_distinct_names_one_of_each() -> None:
    """Every tally is found again at its place."""
    counts = np.random.default_rng(2).integers(0, 3, (500, 2, 2))
    rows, place = products.distinct(counts)
    assert len(rows) == len(np.unique(counts.reshape(500, -1), axis=0))
    assert np.array_equal(counts[rows][place], counts)


def test_hopeless_data_are_summed_in_logs() -> None:
    """Where every node calls the data all but impossible, the posterior still stands."""
    at = np.log(np.array([1e-30, 1e-31]))
    nodes = NodeTable(
        np.zeros(300), np.stack([np.repeat(np.log1p(-np.exp(at)), 150), np.repeat(at, 150)], axis=-1)[:, None, :]
    )
    conflicting = NodeTable(nodes.log_prior, np.concatenate([nodes.log_outcome, nodes.log_outcome[::-1]], axis=1))
    tally = Tally.of([[20, 20]], [[20, 20]])
    mean = conflicting.expect(tally, np.arange(300.0)[:, None])
    assert mean[0, 0] == pytest.approx(149.5)
