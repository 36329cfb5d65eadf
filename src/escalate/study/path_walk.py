"""Walk every outcome of the next cohorts, all states of one depth at once, and say how likely each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.decision import Decisions, cohort_size, decide, decide_along, lasting
from escalate.core.design import Design
from escalate.core.errors import TooLargeError
from escalate.core.method import ModelMethod
from escalate.core.outcome import category_rates
from escalate.core.patients import TrialData
from escalate.core.scenario import Scenario
from escalate.core.tally import States, Tally
from escalate.engine.outcomes import outcomes
from escalate.models import dirichlet

Basis: TypeAlias = Literal["scenario", "model", "uniform"]


@dataclass(frozen=True, eq=False)
class Layer:
    """All states after the same number of cohorts.

    Parameters
    ----------
    states
        What has been observed; `dose` is NONE before the first patient.
    decisions
        What follows; None at the root, which `recommend` decides.
    following
        Dose of the next cohort, or NONE where the trial stops; shape (S,).
    size
        Patients in that cohort, 0 where the trial stops; shape (S,).
    barred
        What permanent rules have forbidden so far; shape (R, S, J).
    parent
        Row of the layer before; shape (S,).
    ways
        In how many ways the outcome of the cohort can come about, each patient a trial of its own; shape (S,).
    """

    states: States
    decisions: Decisions | None
    following: IntArray
    size: IntArray
    barred: Mask
    parent: IntArray
    ways: FloatArray

    def __len__(self) -> int:
        return len(self.following)


def walk(design: Design, root: Layer, cohorts: int, sizes: Sequence[int], limit: int) -> list[Layer]:
    """Return the layers of the tree, the root's first; paths end where the trial stops.

    Raises
    ------
    TooLargeError
        Before a layer is made that would take the tree over the limit.
    """
    layers, n_nodes = [root], 1
    for depth in range(1, cohorts + 1):
        layer = layers[-1]
        going = layer.following != NONE
        if not going.any():
            break
        wider = int(_n_outcomes(layer.size[going], len(design.outcomes)).sum())
        if n_nodes + wider > limit:
            raise TooLargeError(_too_large(design, layer, (depth, cohorts), (n_nodes, wider), sizes, limit))
        layers.append(_grow(design, layer, sizes[depth:]))
        n_nodes += wider
    return layers


def root_of(design: Design, trial: TrialData, following: int, sizes: Sequence[int]) -> Layer:
    """Return the layer of the present alone: the data so far, with the dose to be given next, or NONE."""
    if trial.cohorts:
        history = trial.prefixes(design.n_doses)
        last = np.array([-1])
        states, barred = history.take(last), lasting(design, decide_along(design, history).forbidden[:, last])
    else:
        counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
        states = States(Tally(counts), np.array([NONE]), counts[:, 0], np.zeros(1, dtype=np.int64))
        barred = np.zeros((len(design.rules), 1, design.n_doses), dtype=bool)
    given = np.array([following])
    size = _sizes(design, states.tally, given, sizes)
    return Layer(states, None, given, size, barred, np.array([NONE]), np.ones(1))


def _grow(design: Design, layer: Layer, sizes: Sequence[int]) -> Layer:
    """Return what every outcome of the next cohort of each state leads to; `sizes` are those of the cohorts after it."""
    going = np.flatnonzero(layer.following != NONE)
    shown = [outcomes(m, len(design.outcomes)) for m in layer.size[going].tolist()]
    cohort, ways = np.concatenate([table for table, _ in shown]), np.concatenate([number for _, number in shown])
    parent = np.repeat(going, [len(table) for table, _ in shown])
    before, dose = layer.states, layer.following[parent]
    counts = before.tally.counts[parent]
    counts[np.arange(len(parent)), dose] += cohort
    assert before.in_a_row is not None
    in_a_row = np.where(dose == before.dose[parent], before.in_a_row[parent], 0) + 1
    states = States(Tally(counts), dose, cohort, in_a_row)
    decisions = decide(design, states, layer.barred[:, parent])
    size = _sizes(design, states.tally, decisions.next, sizes)
    return Layer(states, decisions, decisions.next, size, lasting(design, decisions.forbidden), parent, ways)


def _sizes(design: Design, tally: Tally, following: IntArray, sizes: Sequence[int]) -> IntArray:
    """Return the size of the next cohort: the first of `sizes`, or the design's own, within the maximum of the trial."""
    size = np.zeros(len(following), dtype=np.int64)
    going = np.flatnonzero(following != NONE)
    if len(going):
        here = Tally(tally.counts[going])
        own = cohort_size(design, here, following[going])
        size[going] = np.minimum(sizes[0], design.max_patients - here.n_total) if sizes else own
    return size


def log_evidence(design: Design, scenario: Scenario | None) -> tuple[Basis, Callable[[Tally], FloatArray]]:
    """Return what outcomes are predicted from, and the log probability of all outcomes of S tallies, patient by patient."""
    method = design.method
    if scenario is not None:
        log_rates = np.log(category_rates(scenario, design.outcomes))
        return "scenario", lambda tally: (tally.counts * log_rates).sum(axis=(1, 2))
    if isinstance(method, ModelMethod) and method.has_posterior:
        return "model", lambda tally: method.log_evidence(design, tally)
    return "uniform", dirichlet.log_evidence


def conditional_probabilities(layers: Sequence[Layer], evidence: Callable[[Tally], FloatArray]) -> list[FloatArray]:
    """Return the probability of each node given its parent, layer by layer; 1 at the root."""
    # All at once: a model lays out its nodes for the most patients it is asked about, and siblings must share them.
    log_all = evidence(Tally(np.concatenate([layer.states.tally.counts for layer in layers])))
    split = np.split(log_all, np.cumsum([len(layer) for layer in layers])[:-1])
    found = [np.ones(1)]
    for before, after, layer in zip(split[:-1], split[1:], layers[1:], strict=True):
        found.append(layer.ways * np.exp(after - before[layer.parent]))
    return found


def _n_outcomes(size: IntArray, n_categories: int) -> IntArray:
    return np.array([comb(m + n_categories - 1, n_categories - 1) for m in size.tolist()], dtype=np.int64)


def _too_large(
    design: Design, layer: Layer, depths: tuple[int, int], nodes: tuple[int, int], sizes: Sequence[int], limit: int
) -> str:
    depth, cohorts = depths
    n_nodes, widest = nodes
    each = int(_n_outcomes(layer.size, len(design.outcomes)).max())
    total = n_nodes + widest
    for k in range(depth, cohorts):
        widest *= int(_n_outcomes(np.array([sizes[k]]), len(design.outcomes))[0]) if k < len(sizes) else each
        total += widest
    many = f"up to {total:,}" if total < 10**12 else "more than 10^12"
    ahead = f"{cohorts} cohort{'s' * (cohorts > 1)} ahead give{'s' * (cohorts == 1)} {many} nodes"
    fewer = (
        f"look fewer cohorts ahead ({depth - 1} give{'s' * (depth == 2)} {n_nodes:,} nodes), or " if depth > 1 else ""
    )
    return f"{ahead}, and the limit is {limit:,}; {fewer}ask for smaller cohorts"
