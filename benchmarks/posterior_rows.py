"""How exact the posterior of the CRM is, over every state that a trial can reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import designs
from escalate.core.arrays import FloatArray, IntArray
from escalate.core.tally import Tally
from escalate.engine.automaton import Automaton, compile_design
from escalate.methods.crm import Crm, nearest
from escalate.models.one_parameter import OneParameterModel
from measuring import Row, timed

POINTS = 4001
REACH_SD = 12.0
BLOCK = 512


def rows(repeat: int) -> Iterator[Row]:
    design = designs.crm(3)
    assert isinstance(design.method, Crm)
    model, n_max = design.method.working_model(design), design.max_patients
    tally = every_tally(compile_design(design))
    estimate, reference = model.mean_beta(tally, n_max), trapezoid(model, design.method.prior_sd, tally)
    plug_in, plug_in_reference = model.rates(estimate), model.rates(reference)
    yield Row("posterior", "CRM: nodes", float(len(model.table(n_max).beta)), unit="count")
    against = f"{len(tally):,} states against {POINTS:,} points on +-{REACH_SD:g} sd"
    yield _worst("CRM: largest error of E[beta | data]", np.abs(estimate - reference), against)
    yield _worst("CRM: largest error of a plug-in estimate of p", np.abs(plug_in - plug_in_reference), "same")
    every = np.ones(plug_in.shape, dtype=bool)
    doses = [nearest(p, design.target_rate, every) for p in (plug_in, plug_in_reference)]
    yield Row(
        "posterior", "CRM: states whose dose differs", float((doses[0] != doses[1]).sum()), unit="count", goal=0.0
    )
    distance = np.sort(np.abs(plug_in_reference - design.target_rate), axis=1)
    closest = float((distance[:, 1] - distance[:, 0]).min())
    yield Row(
        "posterior", "CRM: closest call between two doses", closest, unit="in p", note="to be well above the errors"
    )
    yield timed(lambda: model.mean_beta(tally, n_max), repeat).row(
        "posterior", "CRM: E[beta | data], a state", scale=1e9 / len(tally), unit="ns"
    )


def _worst(what: str, errors: FloatArray, note: str) -> Row:
    return Row("posterior", what, float(errors.max()), float(np.median(errors)), unit="error", goal=1e-8, note=note)


def every_tally(automaton: Automaton) -> Tally:
    """Return the tallies of all states and terminals, each found by going back along its path to the start."""
    node: IntArray = np.arange(len(automaton.parent), dtype=np.int64)
    n_doses = automaton.terminals.tally.n_doses
    n, dlt = (np.zeros((len(node), n_doses), dtype=np.int64) for _ in range(2))
    row = np.arange(len(node))
    while (node > 0).any():
        row = row[node[row] > 0]
        here = node[row]
        parent = automaton.parent[here].astype(np.int64)
        n[row, automaton.dose[parent]] += automaton.size[parent]
        dlt[row, automaton.dose[parent]] += automaton.outcome[here]
        node[row] = parent
    return Tally.of(n, dlt)


def trapezoid(model: OneParameterModel, sd: float, tally: Tally) -> FloatArray:
    """Return E[beta | data] of the power model by the trapezoid rule, written without the package's own."""
    beta = np.linspace(-REACH_SD, REACH_SD, POINTS) * sd
    log_p = np.exp(beta)[:, None] * np.log(np.array(model.skeleton))
    log_q = np.log(-np.expm1(log_p))
    prior = -0.5 * (beta / sd) ** 2
    found = []
    for start in range(0, len(tally), BLOCK):
        n, dlt = tally.n[start : start + BLOCK], tally.dlt[start : start + BLOCK]
        log_mass = prior + dlt @ log_p.T + (n - dlt) @ log_q.T
        mass = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
        found.append((mass @ beta) / mass.sum(axis=1))
    return np.concatenate(found)
