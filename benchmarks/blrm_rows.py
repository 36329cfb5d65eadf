"""The BLRM: one posterior, a design of eight doses and twelve cohorts, random trials, and a recorded peer beside them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import designs
from commands import ROOT
from escalate import Design, load_design, simulate
from escalate.core.tally import Tally
from escalate.engine import monte_carlo
from escalate.engine.automaton import compile_design
from escalate.methods import blrm
from escalate.methods.blrm import Blrm
from escalate.models.bivariate_normal import BivariateNormal
from escalate.models.two_parameter_grid import CLOSE, FINE, ROUGH
from measuring import Row, timed, timed_in_turn

PRIOR = BivariateNormal(mean=(-2.0, 0.0), sd=(2.0, 1.0))
"""As wide as the defaults in use: the states that a trial can reach are many."""
SAMPLE = 2000
TRIALS = 32_768
CRMPACK = 2.05
"""Seconds a trial of crmPack's `simulate` with 10,000 draws a decision, recorded in another run on a machine of this kind."""


def rows(repeat: int) -> Iterator[Row]:
    design = eight_doses()
    method = design.method
    assert isinstance(method, Blrm)
    automaton = compile_design(design)
    n_terminals, n_states = len(automaton.terminals), automaton.n_states
    sizes = f"{n_states:,} states + {n_terminals:,} terminals, 8 doses, 12 cohorts of 3"
    model, n_max = method.working_model(design), design.max_patients
    every = np.unique(automaton.terminals.tally.counts, axis=0)
    some = Tally(every[np.random.default_rng(1).choice(len(every), SAMPLE, replace=False)])
    exact = method.cells(model.belief(some, n_max, FINE))
    for name, level, goal in (("few nodes", ROUGH, 5e-4), ("more", CLOSE, 1e-5)):
        belief = model.belief(some, n_max, level)
        error = float(np.abs(method.cells(belief) - exact).max())
        yield Row("blrm", f"{name}: largest error of a probability", error, unit="error", goal=goal,
                  note=f"{belief.grid.nodes.size:,} nodes, {SAMPLE:,} reachable tallies against the fine grid")  # fmt: skip
    per_tally = 1e6 / len(every)
    posterior = timed(lambda: method.cells(model.belief(Tally(every), n_max, ROUGH)), repeat)
    yield posterior.row(
        "blrm", "a posterior with interval probabilities of 8 doses, few nodes", 5.0, scale=per_tally, unit="us"
    )
    decided = timed(lambda: method.interval_probabilities(_forgotten(design), Tally(every)), repeat)
    yield decided.row("blrm", "the same, to 1e-6 where the dose could change", scale=per_tally, unit="us")
    compiling = timed(lambda: compile_design(_forgotten(design)), repeat)
    yield compiling.row("blrm", "compile", 1.0, note=sizes)
    truths = designs.scenarios(designs.random_truths(1000, design.n_doses))
    again, thousand = timed_in_turn(
        [partial(compile_design, design), partial(simulate, [design], truths, workers=1)], repeat
    )
    yield Row("blrm", "1,000 scenarios, all metrics, less compiling", thousand.best - again.best,
              thousand.median - again.median, goal=0.5, note="difference, run by turns")  # fmt: skip
    going = timed(lambda: monte_carlo.decide_as_they_go(_forgotten(design), truths[0], TRIALS, 1), max(1, repeat // 2))
    yield Row("blrm", "trials decided as they go", TRIALS / going.best, TRIALS / going.median, "trials/s", 40_000.0, True,
              note=f"{TRIALS:,} trials of one truth")  # fmt: skip
    # 10,000 trials on the compiled automaton: what `simulate --trials 10000` does.
    ten = timed(
        lambda: simulate([_forgotten(design)], truths[:1], trials=10_000, seed=1, workers=1), max(1, repeat // 2)
    )
    yield ten.row("blrm", "10,000 trials of one truth, compiling included", note="simulate --trials 10000")
    yield Row("blrm", "crmPack simulate over ours, time a trial", CRMPACK / (ten.best / 10_000), unit="ratio",
              note="its figure is of another run: JSS design, 10,000 draws, 2.05 s a trial")  # fmt: skip


def eight_doses() -> Design:
    """Return the design of simulations/blrm-nuts with a wide prior and the published rules: it has many states."""
    design = load_design(ROOT / "simulations" / "blrm-nuts" / "design.yaml")
    method = design.method.model_copy(update={"prior": PRIOR})
    return design.model_copy(update={"method": method, "rules": method.published_rules()})


def _forgotten(design: Design) -> Design:
    """Return the design, and let its method forget what it has computed."""
    blrm._remembered.cache_clear()
    return design
