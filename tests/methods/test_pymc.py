"""PyMC models as a method: decisions on draws of the prior, against NUTS and against themselves from other draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import escalate as esc
from escalate.core.arrays import NONE, FloatArray, IntArray
from escalate.core.errors import DesignError
from escalate.core.model_code import ModelCode, running_model_code
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design
from escalate.methods.pymc import Pymc
from escalate.models.drawn import DrawnBelief
from escalate.models.nuts import Sampling, sample
from tests.helpers import ROOT, make

OWN = ROOT / "designs" / "own-model"


def own(name: str) -> esc.Design:
    """Return a design of the repository with a model of its own."""
    return esc.load_design(OWN / f"{name}.yaml", run_model_code=True)


def pymc(design: esc.Design) -> Pymc:
    """Return the method of a design."""
    assert isinstance(design.method, Pymc)
    return design.method


def some_states(design: esc.Design, n: int, seed: int) -> Tally:
    """Return tallies that random trials of a design pass through."""
    rng = np.random.default_rng(seed)
    found: list[IntArray] = []
    while len(found) < n:
        truth = np.sort(rng.uniform(0, 0.6, design.n_doses))
        counts = np.zeros((1, design.n_doses, 2), dtype=np.int64)
        dose, cohorts = 0, int(rng.integers(1, 10))
        for _ in range(cohorts):
            dlt = int(rng.binomial(3, truth[dose]))
            counts[0, dose] += (3 - dlt, dlt)
            states = States(Tally(counts.copy()), np.array([dose]), np.array([[3 - dlt, dlt]]))
            following = int(design.method.decide(design, states).next[0])
            if following == NONE:
                break
            dose = min(following, dose + 1)
        found.append(counts[0])
    return Tally(np.stack(found))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["emax", "weibull"])
def test_nodes_agree_with_nuts(name: str) -> None:
    """At random states of a trial, means and Pr(overdosing) agree within 5 joint Monte-Carlo errors (400 numbers)."""
    design = own(name)
    method = pymc(design)
    for counts in some_states(design, 10, seed=len(name)).counts:
        tally = Tally(counts[None])
        draws = sample(method.in_pymc(design, tally), Sampling(seed=3)).checked()
        belief = method.posterior(design, tally)
        for functional, found in ((draws.p, belief.mean()), ((draws.p > 0.33).astype(float), belief.prob_above(0.33))):
            own_error = np.sqrt(np.maximum(found[0] * (1 - found[0]), 1e-4) / belief.effective[0])
            error = np.hypot(draws.error(functional), own_error)
            assert (np.abs(functional.mean(axis=(0, 1)) - found[0]) < 5 * error).all()


def _ranks(design: esc.Design, n: int, seed: int, posterior: Any) -> FloatArray:
    """Return the rank of the true rate of one dose among its posterior, for rates and data drawn from the model; shape (n,)."""
    method = pymc(design)
    rng = np.random.default_rng(seed)
    truths = method.nodes(design).prior.p[rng.integers(0, method.draws, n)]
    ranks = np.empty(n)
    for k, truth in enumerate(truths):
        given = rng.integers(1, 4, design.n_doses) * 3
        dlt = rng.binomial(given, truth)
        tally = Tally(np.stack([given - dlt, dlt], axis=1)[None])
        j = k % design.n_doses
        ranks[k] = posterior(method, design, tally, float(truth[j]), j)
    return ranks


@pytest.mark.slow
@pytest.mark.parametrize("name", ["emax", "weibull"])
def test_simulation_based_calibration(name: str) -> None:
    """Where parameters come from the prior, and data from them, the true rate is uniform in its posterior.

    Talts S and others (2018). Validating Bayesian inference algorithms with simulation-based calibration. arXiv:1804.06788. 2,000
    trials in 20 bins, each count within exact binomial bounds: a false alarm in 10,000 runs.
    """

    def rank(method: Pymc, design: esc.Design, tally: Tally, truth: float, j: int) -> float:
        return 1 - float(method.posterior(design, tally).prob_above(truth)[0, j])

    ranks = _ranks(own(name), 2000, 11, rank)
    counts = np.histogram(ranks, bins=20, range=(0, 1))[0]
    low, high = stats.binom.ppf([1e-4 / 40, 1 - 1e-4 / 40], 2000, 1 / 20)
    assert low <= counts.min()
    assert counts.max() <= high


@pytest.mark.slow
def test_calibration_sees_a_wrong_posterior() -> None:
    """The same test, of a posterior that counts each patient twice, fails."""

    def rank(method: Pymc, design: esc.Design, tally: Tally, truth: float, j: int) -> float:
        return 1 - float(method.posterior(design, Tally(tally.counts * 2)).prob_above(truth)[0, j])

    counts = np.histogram(_ranks(own("weibull"), 2000, 11, rank), bins=20, range=(0, 1))[0]
    assert counts.max() > stats.binom.ppf(1 - 1e-4 / 40, 2000, 1 / 20)


@pytest.mark.slow
def test_calibration_of_nuts() -> None:
    """PyMC's own posterior is calibrated too: 60 trials in 4 bins, a false alarm in 10,000 runs."""

    def rank(method: Pymc, design: esc.Design, tally: Tally, truth: float, j: int) -> float:
        draws = sample(method.in_pymc(design, tally), Sampling(draws=500, tune=500, chains=2, seed=5))
        return float((draws.flat[:, j] < truth).mean())

    counts = np.histogram(_ranks(own("weibull"), 60, 12, rank), bins=4, range=(0, 1))[0]
    low, high = stats.binom.ppf([1e-4 / 8, 1 - 1e-4 / 8], 60, 1 / 4)
    assert low <= counts.min()
    assert counts.max() <= high


def _decisions(design: esc.Design, tally: Tally) -> IntArray:
    dose = np.argmax(np.cumsum(tally.n, axis=1), axis=1)
    states = States(tally, dose, tally.counts[np.arange(len(tally)), dose])
    return design.method.decide(design, states).next


@pytest.mark.parametrize("choose", ["target", "highest", "loss", "nearest"])
def test_other_draws_give_the_same_doses(choose: str) -> None:
    """Decisions within 3 Monte-Carlo errors of another are made on draws around the posterior: few hang on the seed."""
    tally = some_states(make({"kind": "pymc", "model": "emax"}, 4), 150, seed=2)
    found = [
        _decisions(make({"kind": "pymc", "model": "emax", "choose": choose, "seed": seed}, 4), tally) for seed in (1, 2)
    ]
    assert (found[0] != found[1]).mean() <= 0.04


def test_decisions_are_the_same_in_any_company() -> None:
    """State by state and all at once, the same doses."""
    design = make({"kind": "pymc", "model": "weibull"}, 4)
    tally = some_states(design, 40, seed=5)
    alone = [int(_decisions(design, Tally(counts[None]))[0]) for counts in tally.counts]
    assert _decisions(make({"kind": "pymc", "model": "weibull"}, 4), tally).tolist() == alone


def test_nearest_takes_the_admissible_mean_nearest_to_the_target() -> None:
    """Given draws by hand: the dose whose mean is nearest, unless it is likely to be an overdose."""
    method = Pymc(model="emax", choose="nearest")
    draws = np.tile([[0.1, 0.28, 0.5]], (100, 1))
    design = make({"kind": "pymc", "model": "emax", "choose": "nearest"}, 3)
    states = States(Tally.of([[3, 3, 0]], [[0, 1, 0]]), np.array([1]), np.array([[2, 1]]))
    believing = method.believing(DrawnBelief(draws))
    assert believing.decide(design, states).next.tolist() == [1]
    draws[:30, 1] = 0.4
    believing = method.believing(DrawnBelief(draws))
    assert believing.decide(design, states).next.tolist() == [0]
    text = believing.explain(design, states, believing.decide(design, states))
    assert (
        "level 1 is the highest admissible; the posterior mean of level 1, 0.1000, is nearest to the target 0.3."
        in text
    )


def test_evidence_is_predictive() -> None:
    """The probability of no DLT in the first patient is one minus the prior mean; that of both outcomes sums to one."""
    design = make({"kind": "pymc", "model": "emax"}, 4)
    method = pymc(design)
    tally = Tally.of([[0] * 4, [1, 0, 0, 0], [1, 0, 0, 0]], [[0] * 4, [0] * 4, [1, 0, 0, 0]])
    found = method.log_evidence(design, tally)
    assert found[0] == pytest.approx(0.0, abs=1e-12)
    assert np.exp(found[1:]).sum() == pytest.approx(1.0)
    assert np.exp(found[2]) == pytest.approx(method.posterior(design, Tally(tally.counts[:1])).mean()[0, 0], abs=0.005)


def test_monte_carlo_error_is_told() -> None:
    """What a person reads names the error, and from what draws the numbers come."""
    text = esc.recommend(esc.load_design(ROOT / "designs" / "pymc.yaml"), "1NNN 2NNT").trace[0].text
    assert "Monte-Carlo error: up to 0.00" in text
    assert "effective draws" in text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "emx"}, r"method\.model: 'emx' does not come with escalate; did you mean 'emax'\?"),
        ({"model": "m.py:build"}, r"method\.model: m\.py:build is not read yet; add 'code': ModelCode\.read\('m\.py:build'\)"),
        ({"model": "m.py"}, r"method\.model: 'm\.py' names no file and function; write it like my_model\.py:build"),
        ({"model": "emax", "code_sha256": "0" * 64}, r"method\.code_sha256: is for a file of your own"),
        ({"model": "emax", "draws": 100}, r"method\.draws: 100 is not at least 4096"),
        ({"model": "emax", "losses": (1.0, 0.0, 1.0)}, r"method\.losses: are not used with choose: target"),
        ({"model": "emax", "code": "import os"}, r"method\.code: "),
    ],
)  # fmt: skip
def test_settings_that_are_refused(settings: dict[str, Any], said: str) -> None:
    """Each with its field and what would be right."""
    with pytest.raises(DesignError, match=said):
        make({"kind": "pymc", **settings}, 4)


def test_nearest_needs_a_target() -> None:
    """Without one, that is said."""
    with pytest.raises(DesignError, match=r"method\.choose: nearest needs the target DLT rate"):
        make({"kind": "pymc", "model": "emax", "choose": "nearest"}, 4, target=None)


def test_code_is_part_of_the_design(tmp_path: Path) -> None:
    """Another comment in the code is another design; a hash written into the design holds the code to it."""
    for name in ("emax.py", "emax.yaml"):
        (tmp_path / name).write_text((OWN / name).read_text())
    path = tmp_path / "emax.yaml"
    with pytest.raises(DesignError, match=r"emax\.yaml:\d+ method\.model: .*emax\.py is Python code, which is not run"):
        esc.load_design(path)
    design = esc.load_design(path, run_model_code=True)
    with running_model_code():
        assert esc.load_design(path) == design
    assert pymc(design).code_sha256 == ModelCode.read("emax.py:build", tmp_path).sha256
    assert "code" not in design.to_dict()["method"]
    (tmp_path / "emax.py").write_text((OWN / "emax.py").read_text() + "# more\n")
    other = esc.load_design(path, run_model_code=True)
    assert other.sha256 != design.sha256
    written = (
        (OWN / "emax.yaml").read_text().replace("  choose:", f"  code_sha256: {pymc(design).code_sha256}\n  choose:")
    )
    path.write_text(written)
    with pytest.raises(DesignError, match=r"method\.code_sha256: .*emax\.py has another sha256"):
        esc.load_design(path, run_model_code=True)
    path.write_text(written.replace("  choose:", "  code: import os\n  choose:"))
    with pytest.raises(DesignError, match=r"method\.code: unknown setting"):
        esc.load_design(path, run_model_code=True)


def test_model_from_python() -> None:
    """Code that Python itself read may be run, and a small design of it is walked exactly."""
    code = ModelCode.read("weibull.py:build", OWN)
    design = make({"kind": "pymc", "model": "weibull.py:build", "code": code}, 3, max_patients=9)
    assert pymc(design).code_sha256 == code.sha256
    automaton = compile_design(design)
    assert automaton.n_states > 10
    assert esc.simulate([design], [esc.Scenario(name="a", dlt=(0.1, 0.3, 0.5))], exact=True).designs
