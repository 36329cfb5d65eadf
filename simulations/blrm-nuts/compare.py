"""Run 200 trials whose every decision is made by NUTS, and hold each decision, and how the trials end, against the nodes.

`python simulations/blrm-nuts/compare.py` takes about an hour on a busy machine and writes `result.json`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from escalate import load_design, load_scenarios, simulate
from escalate.core.arrays import NONE, FloatArray
from escalate.core.belief import Belief
from escalate.core.decision import cohort_size, decide, select_at_stop
from escalate.core.design import Design
from escalate.core.tally import States, Tally
from escalate.engine.random_numbers import scenario_word, thresholds, words
from escalate.methods.blrm import Blrm

HERE = Path(__file__).parent
TRIALS, SEED, CHAINS, DRAWS = 200, 2026, 2, 1000


@dataclass(frozen=True, eq=False)
class Draws(Belief):
    """Draws of p from one posterior, chain by chain, shape (chains, draws, J)."""

    p: FloatArray

    def mean(self) -> FloatArray:
        """Return the mean."""
        return self.p.mean(axis=(0, 1))[None]

    def prob_above(self, limit: float) -> FloatArray:
        """Return the share of draws above a limit."""
        return (self.p > limit).mean(axis=(0, 1))[None]

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of the draws."""
        found: FloatArray = np.quantile(self.p, probability, axis=(0, 1))[None]
        return found


@dataclass
class Sampler:
    """One compiled model for every state: the data are swapped, not the model."""

    design: Design
    chains: int = CHAINS
    draws: int = DRAWS
    fits: int = 0
    seconds: float = 0.0
    known: dict[bytes, Draws] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import pymc as pm  # noqa: PLC0415

        method = self.design.method
        assert isinstance(method, Blrm)
        labels = np.array(method.working_model(self.design).labels)
        (part,) = method.working_model(self.design).prior
        s1, s2 = part.sd
        off = part.correlation * s1 * s2
        with pm.Model() as self.model:
            n = pm.Data("n", np.ones(len(labels), dtype=np.int64))
            dlt = pm.Data("y", np.zeros(len(labels), dtype=np.int64))
            theta = pm.MvNormal("theta", mu=np.array(part.mean), cov=np.array([[s1**2, off], [off, s2**2]]))
            eta = theta[0] + pm.math.exp(theta[1]) * labels
            pm.Deterministic("p", pm.math.invlogit(eta))
            pm.Binomial("dlt", n=n, logit_p=eta, observed=dlt)

    def __call__(self, tally: Tally) -> Draws:
        """Return draws of the posterior of a tally, fitted once."""
        import pymc as pm  # noqa: PLC0415

        key = tally.counts.tobytes()
        if key not in self.known:
            begun = time.perf_counter()
            with self.model:
                pm.set_data({"n": tally.n[0], "y": tally.dlt[0]})
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = pm.sample(
                        self.draws, tune=500, chains=self.chains, cores=1, random_seed=SEED + self.fits, progressbar=False,
                        compute_convergence_checks=False, target_accept=0.9,
                    )  # fmt: skip
            self.known[key] = Draws(found.posterior["p"].to_numpy())
            self.fits += 1
            self.seconds += time.perf_counter() - begun
        return self.known[key]


def run(design: Design, truth: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Yield, after every ten trials, what they gave, and every decision where NUTS and the nodes part."""
    sampler = Sampler(design)
    latent = words(SEED, scenario_word(tuple(truth)), 0, TRIALS, design.max_patients).astype(np.uint64)
    below = thresholds(truth)
    method = design.method
    assert isinstance(method, Blrm)
    selected, patients, decisions, apart = [], np.zeros(design.n_doses), 0, []
    for trial in range(TRIALS):
        counts = np.zeros((1, design.n_doses, 2), dtype=np.int64)
        dose = design.start_dose
        while True:
            size = int(cohort_size(design, Tally(counts), np.array([dose]))[0])
            first = int(counts.sum())
            dlts = int((latent[first : first + size, trial] < below[dose]).sum())
            cohort = np.array([size - dlts, dlts])
            counts = counts.copy()
            counts[0, dose] += cohort
            states = States(Tally(counts), np.array([dose]), cohort[None])
            drawn = sampler(states.tally)
            sampled = design.model_copy(update={"method": method.believing(drawn)})
            by_nuts, by_nodes = decide(sampled, states), decide(design, states)
            decisions += 1
            if by_nuts.next[0] != by_nodes.next[0]:
                apart.append(_apart(method, design, states, int(by_nuts.next[0]), int(by_nodes.next[0])))
            if by_nuts.next[0] == NONE:
                selected.append(int(select_at_stop(sampled, states.tally, by_nuts)[0]))
                patients += counts[0].sum(axis=1)
                break
            dose = int(by_nuts.next[0])
        if trial % 10 == 9:
            done = trial + 1
            print(f"{done} trials, {sampler.fits} fits, {sampler.seconds:.0f} s, {len(apart)} apart", file=sys.stderr)
            yield {
                "trials": done,
                "seed": SEED,
                "decisions": decisions,
                "different_tallies": sampler.fits,
                "seconds_per_fit": round(sampler.seconds / sampler.fits, 2),
                "selected": [selected.count(j) / done for j in range(design.n_doses)],
                "selected_none": selected.count(NONE) / done,
                "patients": (patients / done).tolist(),
                "apart": apart,
            }


def _apart(method: Blrm, design: Design, states: States, nuts: int, nodes: int) -> dict[str, object]:
    """Return a state where the two part, and by how much a probability would have to be wrong for that."""
    cells = method.interval_probabilities(design, states.tally)[0]
    over, target = cells[:, 2:].sum(axis=1), cells[:, 1]
    higher = max(nuts, nodes, 0)
    margin = abs(over[higher] - method.overdose_cutoff)
    if min(nuts, nodes) != NONE:
        margin = min(margin, abs(target[nuts] - target[nodes]))
    return {
        "tally": states.tally.counts[0].tolist(),
        "level": int(states.dose[0]) + 1,
        "cohort": states.cohort[0].tolist(),
        "by_nuts": None if nuts == NONE else nuts + 1,
        "by_nodes": None if nodes == NONE else nodes + 1,
        "margin": float(margin),
    }


def recheck(design: Design, apart: list[dict[str, Any]]) -> None:
    """Ask NUTS again, with six times the draws, wherever the two parted; the answer is added to each state."""
    sampler = Sampler(design, chains=4, draws=3000)
    method = design.method
    assert isinstance(method, Blrm)
    for one in apart:
        counts = np.array([one["tally"]])
        states = States(Tally(counts), np.array([one["level"] - 1]), np.array([one["cohort"]]))
        again = decide(design.model_copy(update={"method": method.believing(sampler(states.tally))}), states)
        one["by_long_nuts"] = None if again.next[0] == NONE else int(again.next[0]) + 1
        print(one, file=sys.stderr)


def main() -> None:
    """Write result.json beside this file."""
    logging.getLogger("pymc").setLevel(logging.ERROR)
    design = load_design(HERE / "design.yaml")
    (scenario,) = load_scenarios(HERE / "scenario.yaml", [design])
    begun = time.process_time()
    exact = simulate([design], [scenario], exact=True).to_frame()
    seconds_exact = time.process_time() - begun
    begun = time.process_time()
    simulate([design], [scenario], trials=10_000, seed=SEED)
    seconds_trials = round(time.process_time() - begun, 2)
    about: dict[str, object] = {"seconds_exact": round(seconds_exact, 2), "seconds_10000_trials": seconds_trials}
    for metric in ("selected", "patients"):
        rows = exact[(exact.metric == metric) & exact.level.notna()]
        about[f"exact_{metric}"] = rows.value.tolist()
    found: dict[str, Any] = {}
    for found in run(design, scenario.dlt):
        _write(found | about)
    recheck(design, found["apart"])
    _write(found | about)


def _write(found: dict[str, Any]) -> None:
    (HERE / "result.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
