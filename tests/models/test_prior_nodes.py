"""Posteriors of PyMC models on draws of the prior, held against integration over the parameters."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.errors import DesignError, EscalateError, NotConverged
from escalate.core.model_code import ModelCode, names_file, split
from escalate.core.tally import Tally
from escalate.models import prior_nodes, user_model
from escalate.models.importance import FEWEST
from escalate.models.prior_nodes import PriorNodes, PriorNodesBelief, nodes_of
from escalate.models.refined import POINTS, Refined

AMOUNTS = (10.0, 20.0, 40.0, 80.0)
LIMIT = 0.33


@cache
def weibull() -> PriorNodes:
    """Return the Weibull curve that comes with escalate."""
    return nodes_of("weibull", AMOUNTS, 1 << 15, 1)


def integrated(counts: IntArray) -> FloatArray:
    """Return E[p] and Pr(p > LIMIT) of the Weibull curve, shape (2, J), on a grid of both parameters."""
    u, v = np.meshgrid(np.linspace(-8, 8, 1601), np.linspace(-7, 7, 1401), indexing="ij")
    log_scale, log_shape = np.log(3 * AMOUNTS[-1]) + u, 0.2 + 0.4 * v
    with np.errstate(all="ignore"):
        hazard = np.exp(np.exp(log_shape)[..., None] * (np.log(AMOUNTS) - log_scale[..., None]))
        p = -np.expm1(-hazard)
        log_mass = -(u**2 + v**2) / 2 - hazard @ counts[:, 0]
        seen = counts[:, 1] > 0
        log_mass += np.log(np.maximum(p[..., seen], 1e-300)) @ counts[seen, 1]
    mass = np.exp(log_mass - log_mass.max())
    mass /= mass.sum()
    return np.stack([np.einsum("uv,uvj->j", mass, each) for each in (p, (p > LIMIT).astype(float))])


def reached(n: int) -> IntArray:
    """Return tallies of trials that are easy, or hard, on the prior, shape (n, J, 2)."""
    rng = np.random.default_rng(8)
    counts = np.zeros((n, len(AMOUNTS), 2), dtype=np.int64)
    for k in range(n):
        truth = np.sort(rng.uniform(0, 0.7, len(AMOUNTS)))
        given = rng.integers(0, 4, len(AMOUNTS)) * 3
        counts[k, :, 1] = rng.binomial(given, truth)
        counts[k, :, 0] = given - counts[k, :, 1]
    return counts


def functional(p: FloatArray) -> FloatArray:
    """Return p, and whether it is above LIMIT."""
    return np.concatenate([p, p > LIMIT], axis=1)


@pytest.mark.slow
def test_draws_of_the_prior_agree_with_integration() -> None:
    """Within 5 Monte-Carlo errors, wherever 400 effective draws are left: 240 numbers, a false alarm in 7,000 runs."""
    counts = reached(30)
    found = weibull().weigh(counts, functional(weibull().prior.p))
    assert not found.thin.all()
    for row in np.flatnonzero(~found.thin).tolist():
        mean, above = integrated(counts[row])
        error = np.sqrt(np.maximum(above * (1 - above), 1e-5) / found.effective[row])
        assert np.abs(found.means[row, 4:] - above).max() < (5 * error).max()
        assert (np.abs(found.means[row, :4] - mean) < 5 * 0.3 / np.sqrt(found.effective[row])).all()


def test_refined_draws_agree_with_integration() -> None:
    """Within 4 Monte-Carlo errors of so many independent draws; they are quasi-random, and better than that."""
    for counts in reached(30):
        found = weibull().refined(counts, keep=False)
        assert found.effective > 0.25 * POINTS
        mean, above = integrated(counts)
        means = found.weight @ functional(found.p)
        assert means[4:] == pytest.approx(above, abs=4 * 0.5 / np.sqrt(found.effective))
        assert means[:4] == pytest.approx(mean, abs=4 * 0.3 / np.sqrt(found.effective))


@pytest.mark.parametrize(
    ("free", "dlt"),
    [((0, 0, 0, 60), (20, 0, 0, 0)), ((0, 0, 0, 0), (30, 0, 0, 0)), ((300, 300, 300, 300), (0, 0, 0, 0))],
)
def test_data_that_contradict_the_prior(free: tuple[int, ...], dlt: tuple[int, ...]) -> None:
    """Far from the prior its draws are too few, which is seen, and the refined ones still agree with integration."""
    counts = np.stack([np.array(free), np.array(dlt)], axis=1)
    weighed = weibull().weigh(counts[None], weibull().prior.p)
    found = weibull().refined(counts, keep=False)
    assert weighed.thin[0] or weighed.effective[0] >= FEWEST
    mean, above = integrated(counts)
    means = found.weight @ functional(found.p)
    assert means == pytest.approx(np.concatenate([mean, above]), abs=0.02)


def test_a_state_gets_the_same_answer_in_any_company() -> None:
    """Alone, among others and twice: the same numbers, to rounding."""
    counts = reached(20)
    at = functional(weibull().prior.p)
    together = weibull().weigh(np.concatenate([counts, counts[::-1]]), at)
    for k in range(20):
        alone = weibull().weigh(counts[k : k + 1], at)
        assert together.means[k] == pytest.approx(alone.means[0], abs=1e-12)
        assert together.means[39 - k] == pytest.approx(alone.means[0], abs=1e-12)
        assert together.pareto_k[k] == pytest.approx(alone.pareto_k[0], abs=1e-6)


def test_belief_takes_refined_draws_where_told() -> None:
    """Row by row the weights on the prior or the refined draws; quantiles and tail probabilities fit together."""
    tally = Tally(reached(4))
    refine = np.array([False, True, False, True])
    belief = PriorNodesBelief(weibull(), tally, refine, np.ones(4))
    assert belief.mean()[1] == pytest.approx(
        weibull().refined(tally.counts[1], keep=False).weight @ weibull().refined(tally.counts[1], keep=False).p
    )
    assert belief.mean()[0] == pytest.approx(weibull().weigh(tally.counts[:1], weibull().prior.p).means[0])
    middle = belief.quantile(0.5)
    for row in range(4):
        for j in range(4):
            assert belief.prob_above(float(middle[row, j]))[row, j] == pytest.approx(0.5, abs=0.01)
    assert belief.variance() == pytest.approx(belief.expect(lambda p: p * p) - belief.mean() ** 2, abs=1e-12)


def test_refinement_that_fails_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never silently used: the message names the state and the diagnostics."""
    bad = Refined(np.zeros((2, 4)), np.full(2, 0.5), 31.4, 0.93)
    nodes = PriorNodes("weibull", AMOUNTS, 1 << 15, 1)
    monkeypatch.setattr(nodes, "_refine", lambda counts: bad)
    counts = np.zeros((4, 2), dtype=np.int64)
    counts[1] = [40, 3]
    with pytest.raises(NotConverged, match=r"after 3/43 DLTs at level 2: 31 effective draws and Pareto k-hat 0\.93"):
        nodes.refined(counts, keep=True)


def test_draws_are_kept_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Made once; the second time they come from the user's folder, the same; a damaged file is made anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = PriorNodes("weibull", AMOUNTS, 4096, 5)
    counts = reached(1)[0]
    made, refined = first.prior, first.refined(counts, keep=True)
    assert len(list((tmp_path / "escalate" / "models").glob("*.npz"))) == 2

    def fails(*_: object) -> None:
        raise AssertionError

    again = PriorNodes("weibull", AMOUNTS, 4096, 5)
    with monkeypatch.context() as patched:
        patched.setattr(user_model, "draw_prior", fails)
        patched.setattr(user_model, "evaluator", fails)
        assert (again.prior.p == made.p).all()
        assert (again.refined(counts, keep=True).p == refined.p).all()
    for file in (tmp_path / "escalate" / "models").glob("*.npz"):
        file.write_bytes(b"PK damaged")
    assert (PriorNodes("weibull", AMOUNTS, 4096, 5).prior.p == made.p).all()
    monkeypatch.setattr(prior_nodes, "folder", lambda: None)
    assert (PriorNodes("weibull", AMOUNTS, 4096, 5).prior.p == made.p).all()


def test_evaluator_is_the_model() -> None:
    """Density and rates at draws of the prior: the rates drawn, and the normal density of both parameters."""
    draws = weibull().prior
    log_prior, p = weibull().evaluate(draws.z[:50])
    assert p == pytest.approx(draws.p[:50], abs=1e-12)
    scale, shape = (draws.z[:50, 0] - np.log(240)), (draws.z[:50, 1] - 0.2) / 0.4
    assert log_prior == pytest.approx(-(scale**2 + shape**2) / 2 - np.log(2 * np.pi * 0.4), abs=1e-10)


def code(text: str, function: str = "build") -> ModelCode:
    """Return code as if read from a file."""
    return ModelCode("my_model.py", function, text)


HEAD = "import pymc as pm\nimport numpy as np\ndef build(doses):\n    with pm.Model() as model:\n"
GOOD = (
    HEAD
    + "        a = pm.Normal('a')\n        pm.Deterministic('p', pm.math.invlogit(a + doses / 40 - 2))\n    return model\n"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(doses:\n", r"^my_model\.py:1: is not Python"),
        ("x = 1\n", r"^my_model\.py: has no function 'build'; write 'def build\(doses\):'"),
        ("build = 3\n", r"^my_model\.py: 'build' is not a function"),
        ("import nowhere_at_all\n", r"^my_model\.py:1: build\(doses\) raised ModuleNotFoundError: No module named"),
        ("def build(doses):\n    return 1 / 0\n", r"^my_model\.py:2: build\(doses\) raised ZeroDivisionError: division by zero$"),
        ("def build():\n    pass\n", r"^my_model\.py: build\(doses\) raised TypeError: build\(\) takes 0"),
        ("def build(doses):\n    raise SystemExit(3)\n", r"^my_model\.py:2: build\(doses\) raised SystemExit: 3"),
        ("def build(doses):\n    pass\n", r"the model of build is not a pymc\.Model but NoneType; end with 'return model'"),
        (HEAD + "        pm.Normal('p')\n    return model\n", r"has no deterministic 'p'; add pm\.Deterministic"),
        (HEAD + "        a = pm.Beta('a', 1, 1)\n        pm.Deterministic('p', a)\n    return model\n",
         r"has a 'p' with 0 dimensions; it needs shape \(4,\), one probability a dose"),
        (HEAD + "        a = pm.Beta('a', 1, 1)\n        pm.Deterministic('p', a * np.ones(3))\n    return model\n",
         r"'p' has 3 entries for 4 dose levels"),
        (HEAD + "        a = pm.Normal('a')\n        pm.Deterministic('p', a * np.ones(4))\n    return model\n",
         r"'p' is -?[0-9.]+ at level 1 in [0-9]+ of 4096 prior draws; a probability lies in 0 to 1"),
        (HEAD + "        a = pm.Normal('a')\n        pm.Deterministic('p', pm.math.sqrt(a) * np.ones(4) / 9)\n    return model\n",
         r"'p' is nan at level 1 in"),
        (HEAD + "        a = pm.Normal('a')\n        pm.Normal('y', a, observed=[1.0])\n"
         "        pm.Deterministic('p', pm.math.invlogit(a) * np.ones(4))\n    return model\n",
         r"has observed data \('y'\); leave them out: escalate adds the trial's"),
        (HEAD + "        pm.Deterministic('p', pm.math.stack([0.2] * 4))\n    return model\n",
         r"has no parameter; it needs a prior"),
    ],
)  # fmt: skip
def test_code_that_is_no_model(text: str, said: str) -> None:
    """One sentence with the file, the line where there is one, and what would be right."""
    with pytest.raises(DesignError, match=said) as caught:
        user_model.draw_prior(code(text), AMOUNTS, 4096, 1)
    assert "\n" not in str(caught.value)


def test_model_that_prints_stays_off_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    """What the code prints, and what it warns of, does not get between the lines of an answer."""
    noisy = "import warnings\nprint('hello')\nwarnings.warn('careful')\n" + GOOD
    assert user_model.draw_prior(code(noisy), AMOUNTS, 4096, 1).p.shape == (4096, 4)
    assert capfd.readouterr() == ("", "")


def test_potentials_and_bounds_count() -> None:
    """A potential weights the draws of the prior, a bounded parameter is refined on the line: both posteriors agree."""
    text = HEAD + (
        "        a = pm.Uniform('a', 0, 1)\n        b = pm.HalfNormal('b', 1, shape=2)\n"
        "        pm.Potential('wish', -8 * (a - 0.2) ** 2)\n"
        "        pm.Deterministic('p', a * (1 - pm.math.exp(-b.sum() * doses / 40)))\n    return model\n"
    )
    nodes = PriorNodes(code(text), AMOUNTS, 1 << 14, 3)
    assert nodes.prior.z.shape == (1 << 14, 3)
    counts = reached(6)
    found = nodes.weigh(counts, functional(nodes.prior.p))
    for k in range(6):
        refined = nodes.refined(counts[k], keep=False)
        error = 5 * 0.5 * (found.effective[k] ** -0.5 + refined.effective**-0.5)
        assert found.means[k] == pytest.approx(refined.weight @ functional(refined.p), abs=error)


def test_discrete_parameter_cannot_be_refined() -> None:
    """Its prior draws are used where they are many enough; where they are too few, that is said."""
    text = HEAD + (
        "        k = pm.Bernoulli('k', 0.5)\n        a = pm.Normal('a')\n"
        "        pm.Deterministic('p', pm.math.invlogit(a + k + doses / 40 - 3))\n    return model\n"
    )
    nodes = PriorNodes(code(text), AMOUNTS, 4096, 1)
    assert nodes.weigh(reached(1), nodes.prior.p).means.shape == (1, 4)
    with pytest.raises(NotConverged, match=r"a model with a discrete parameter cannot be refined; raise method\.draws"):
        nodes.refined(reached(1)[0], keep=False)


def test_names_of_models(tmp_path: Path) -> None:
    """A plain word is a model of ours; a file and a function are read, and not run."""
    assert not names_file("emax")
    assert names_file("emax.py:build")
    assert split("a b/c.py:f_1") == ("a b/c.py", "f_1")
    for wrong in ("emax.py", "emax:build", "emax.py:", "emax.py:1a", "emax.txt:build"):
        with pytest.raises(EscalateError, match=r"write it like my_model\.py:build"):
            split(wrong)
    with pytest.raises(EscalateError, match="there is no such file; it is looked for beside the design file"):
        ModelCode.read("none.py:build", tmp_path)
    (tmp_path / "m.py").write_bytes(b"\xff\xfe")
    with pytest.raises(EscalateError, match="is not a text file in UTF-8"):
        ModelCode.read("m.py:build", tmp_path)
    (tmp_path / "d.py").mkdir()
    with pytest.raises(EscalateError, match="cannot be read"):
        ModelCode.read("d.py:build", tmp_path)
    (tmp_path / "m.py").write_text("raise SystemExit\n")
    assert ModelCode.read("m.py:build", tmp_path).function == "build"
