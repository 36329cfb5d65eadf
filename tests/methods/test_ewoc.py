"""Escalation with overdose control: its decisions, schedules, ways to round, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.errors import DesignError, EscalateError
from escalate.core.files import load_design
from escalate.core.tally import States, Tally
from escalate.methods.ewoc import Ewoc
from escalate.methods.families.feasibility import Schedule, Tolerance
from tests.helpers import ROOT, make

EWOC = load_design(ROOT / "designs" / "ewoc.yaml")
TVEC = load_design(ROOT / "designs" / "tvec-liver-ewoc.yaml")


def design(n_doses: int = 5, settings: dict[str, Any] | None = None, **frame: Any) -> esc.Design:
    """Build a design with amounts 1..J mg and an MTD up to J + 3."""
    return make({"kind": "ewoc", "mtd_up_to": n_doses + 3.0, **(settings or {})}, n_doses, **frame)


def state(n: list[int], dlt: list[int], dose: int, cohort: tuple[int, int]) -> States:
    """Build a single state; the cohort is (no DLT, DLT)."""
    return States(Tally.of([n], [dlt]), np.array([dose]), np.array([cohort]))


def method_of(trial: esc.Design) -> Ewoc:
    """Return the method of the design."""
    assert isinstance(trial.method, Ewoc)
    return trial.method


def test_published_example_rounded_down() -> None:
    """Standardised doses 0, 0.25, 0.30, 1 and target 0.33: the 0.25 quantile is 0.2395 after a DLT at 0.30, 0.3590 before."""
    # Amounts 1 + 100 x.
    frame = {"doses": {"unit": "mg", "levels": (1.0, 26.0, 31.0, 101.0)}, "target": 0.33, "cohort_size": 1, "rules": ()}
    trial = make({"kind": "ewoc"}, 4, **frame)
    assert method_of(trial).mtd_amount(trial, Tally.of([[1, 1, 1, 0]], [[0, 0, 1, 0]]), 0.25)[0] == pytest.approx(
        24.95474, abs=1e-4
    )
    assert esc.recommend(trial, "1N").next_level == 2
    assert esc.recommend(trial, "1N 2N").next_level == 3
    assert esc.recommend(trial, "1N 2N 3T").next_level == 1


def test_dlts_at_the_lowest_dose_tell_nothing_of_the_mtd() -> None:
    """The wish is the same after 0/3 and after 3/3 at level 1, and both rules that answer for it apply."""
    trial = design()
    wish = [method_of(trial)._wanted(trial, Tally.of([[3, 0, 0, 0, 0]], [[dlt, 0, 0, 0, 0]]))[0] for dlt in range(4)]
    assert len(set(wish)) == 1
    assert esc.recommend(trial, "1NNN").next_level == 2
    assert esc.recommend(trial, "1NNT").next_level == 1
    assert esc.recommend(trial, "1TTT").action == "stop"
    assert esc.recommend(trial, "1TTT").mtd_level is None


def test_a_worse_cohort_keeps_the_dose_of_a_better_one() -> None:
    """More DLTs at level 1 flatten the curve and raise the MTD in the model: the move does not follow it."""
    bad = state([6, 3, 0, 0, 0], [3, 2, 0, 0, 0], 0, (0, 3))
    good = state([6, 3, 0, 0, 0], [0, 2, 0, 0, 0], 0, (3, 0))
    method = method_of(EWOC)
    assert method._wanted(EWOC, bad.tally)[0] > method._wanted(EWOC, good.tally)[0]
    moves = method.decide(EWOC, bad)
    assert moves.next[0] == method.decide(EWOC, good).next[0]
    assert "fewer DLTs in this cohort" in method.explain(EWOC, bad, moves)


@given(data=st.data())
def test_more_dlts_never_raise_the_wish(data: st.DataObject) -> None:
    """Any tally, schedule and size of cohort, without any rule: the next dose falls or stays as the cohort's DLTs rise."""
    per = data.draw(st.sampled_from(["cohort", "patient"]))
    only_after = data.draw(st.sampled_from(["none", "no_dlt"]))
    trial = design(settings={"schedule": {"per": per, "only_after": only_after}}, rules=())
    n = data.draw(st.lists(st.integers(0, 6), min_size=5, max_size=5))
    dlt = [data.draw(st.integers(0, k)) for k in n]
    dose, size = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 6))
    at = np.eye(5, dtype=np.int64)[dose]
    after = Tally.of(np.array([n + size * at] * (size + 1)), np.array([dlt + k * at for k in range(size + 1)]))
    cohort = np.array([[size - k, k] for k in range(size + 1)])
    found = trial.method.decide(trial, States(after, np.full(size + 1, dose), cohort)).next
    assert (np.diff(found) <= 0).all()


def test_bound_of_the_schedules() -> None:
    """0.05 for each cohort or patient after the first `hold`, up to 0.5, counted in patients without a DLT where asked."""
    data = Tally.of([[0, 0], [3, 0], [3, 1], [3, 3], [3, 9], [3, 60]], [[0, 0], [1, 0], [1, 0], [1, 0], [1, 2], [1, 2]])
    cohort = Schedule().bound(0.25, data, 3)
    assert cohort.tolist() == [0.25, 0.25, 0.30, 0.30, 0.40, 0.50]
    assert Schedule(hold=0).bound(0.25, data, 3).tolist() == [0.25, 0.30, 0.35, 0.35, 0.45, 0.50]
    assert Schedule(per="patient").bound(0.25, data, 3).tolist() == [0.25, 0.35, 0.40, 0.50, 0.50, 0.50]
    safe = Schedule(only_after="no_dlt").bound(0.25, data, 3)
    assert safe.tolist() == [0.25, 0.25, 0.25, 0.25, 0.35, 0.50]
    assert (safe <= cohort).all()


@pytest.mark.parametrize("final", ["median", "mean", "quantile"])
@pytest.mark.parametrize(
    "rounding", [{}, {"rounding": "nearest"}, {"tolerance": Tolerance(amount=0.4, probability=0.1)}]
)
def test_mtd_is_the_estimate_rounded(final: str, rounding: dict[str, Any]) -> None:
    """Median, mean or quantile of the MTD as an amount, then the rounding written out, over 40 states at once and one by one."""
    trial = design(settings={"final": final}, rules=())
    method = method_of(trial).model_copy(update=rounding)
    rng = np.random.default_rng(3)
    n = rng.integers(0, 7, size=(40, 5))
    data = Tally.of(n, rng.binomial(n, [0.05, 0.1, 0.2, 0.3, 0.4]))
    share = {"median": 0.5, "quantile": 0.25}.get(final)
    amount = (
        1 + 4 * method.posterior(trial, data).mtd_mean() if share is None else method.mtd_amount(trial, data, share)
    )
    over = method.posterior(trial, data).prob_above(0.3)
    levels = np.arange(1.0, 6.0)
    if rounding.get("rounding") == "nearest":
        expected = np.array([np.argmin(np.abs(levels - q)) for q in amount])
    elif "tolerance" in rounding:
        extra = (over <= share + 0.1) if share is not None else np.ones(over.shape, dtype=bool)
        within = (levels - 0.4 <= amount[:, None]) & extra
        expected = 4 - np.argmax(within[:, ::-1], axis=1)
    else:
        expected = 4 - np.argmax((levels <= amount[:, None])[:, ::-1], axis=1)
    method = method.model_copy(update={"mtd_among": "all"})
    every = np.ones(over.shape, dtype=bool)
    assert (method.select(trial, data, every) == expected).all()
    assert [method.select(trial, Tally(data.counts[k : k + 1]), every[:1])[0] for k in range(12)] == expected[
        :12
    ].tolist()


def test_only_given_doses_are_the_mtd_unless_all_may_be() -> None:
    """And none where every dose is barred."""
    trial, data = design(), Tally.of([[3, 3, 0, 0, 0]], [[0, 0, 0, 0, 0]])
    every = np.ones((1, 5), dtype=bool)
    assert method_of(trial).select(trial, data, every)[0] == 1
    assert method_of(trial).model_copy(update={"mtd_among": "all"}).select(trial, data, every)[0] > 1
    assert method_of(trial).select(trial, data, ~every)[0] == NONE


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"feasibility": 1.5}, "method.feasibility: 1.5 is not below 1"),
        ({"feasibility": 0.0}, "method.feasibility: 0.0 is not above 0"),
        ({"schedule": {"step": -0.05}}, "method.schedule.step: -0.05 must be above 0"),
        ({"feasibility": 0.3, "schedule": {"max": 0.2}}, "method.schedule.max: 0.2 is below feasibility 0.3"),
        ({"mtd_up_to": 4.0}, "method.mtd_up_to: 4 is below the highest dose 5"),
        ({"tolerance": {"amount": 1.0}}, "method.tolerance.amount: 1 is not below the smallest step"),
        ({"rounding": "nearest", "tolerance": {"amount": 0.1}}, "method.tolerance: goes with rounding: down"),
        ({"feasibility": 0.6, "tolerance": {"probability": 0.4}}, "method.tolerance.probability: 0.4 and the bound"),
        ({"rounding": "up"}, "method.rounding: 'up' is not known"),
        ({"prior": {"mtd": (0.2, 1.0)}}, "method.prior.mtd[1]: 0.2 is not at least 1"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], text: str) -> None:
    """In one sentence, with the field."""
    with pytest.raises(DesignError) as found:
        design(settings=settings)
    assert text in str(found.value)


def test_a_single_dose_is_refused() -> None:
    """There is no curve between one dose and itself."""
    with pytest.raises(DesignError, match="the design has one"):
        make({"kind": "ewoc"}, 1)


def test_doubts() -> None:
    """A trial that cannot leave level 1, no safety rule, one that cannot fire, no coherence, a bound above one half."""
    stuck = make({"kind": "ewoc"}, 3, rules=({"kind": "no_skipping"},))
    text = " ".join(stuck.method.doubts(stuck))
    assert "stays at level 1" in text
    assert "never leaves it" in text
    assert "no safety rule" in text
    assert "without the rule coherence" in text
    idle = design(rules=({"kind": "lowest_dose_too_toxic", "cutoff": 0.9},), settings={"feasibility": 0.6})
    text = " ".join(idle.method.doubts(idle))
    assert "never stops the trial" in text
    assert "reaches 0.6" in text
    assert not list(EWOC.method.doubts(EWOC))
    assert not list(TVEC.method.doubts(TVEC))


def test_draws_decide_only_what_they_can() -> None:
    """The dose rounded down follows from Pr(p > target); other roundings are refused."""
    trial = design()
    method, data = method_of(trial), Tally.of([[3, 3, 0, 0, 0]], [[0, 1, 0, 0, 0]])
    belief = method.posterior(trial, data)
    assert method.believing(belief)._wanted(trial, data) == method._wanted(trial, data)
    other = method.model_copy(update={"rounding": "nearest"}).believing(belief)
    with pytest.raises(EscalateError, match="leave out --sampler nuts"):
        other._wanted(trial, data)


@pytest.mark.slow
def test_nodes_agree_with_pymc() -> None:
    """Means and Pr(p > target) of every dose within four Monte-Carlo errors of NUTS (ArviZ), after 15 patients."""
    import arviz as az
    import pymc as pm

    data = Tally.of([[3, 6, 6, 0, 0]], [[0, 1, 2, 0, 0]])
    with method_of(EWOC).in_pymc(EWOC, data):
        drawn = pm.sample(1500, tune=1500, chains=4, cores=2, random_seed=5, progressbar=False, target_accept=0.95)
    belief = method_of(EWOC).posterior(EWOC, data)
    p = drawn.posterior["p"]
    over = (p > 0.3).astype(float)
    for values, expected in ((p, belief.mean()[0]), (over, belief.prob_above(0.3)[0])):
        # Level 1 is never above target: its share has no Monte-Carlo error.
        for j in range(1, 5):
            error = float(az.mcse(values[..., j].to_dataset(name="x"))["x"])  # type: ignore[no-untyped-call]
            assert float(values[..., j].mean()) == pytest.approx(expected[j], abs=4 * error + 1e-4)


def test_doses_beyond_the_bound_are_not_allowed() -> None:
    """What a person reads names them; the dose that is recommended is never one of them."""
    design = esc.load_design(ROOT / "designs" / "ewoc.yaml")
    found = esc.recommend(design, "1NNN 2NNT")
    beyond = [row.level for row in found.doses if "feasibility_bound" in (row.why_not or "")]
    assert beyond
    assert beyond == list(range(beyond[0], design.n_doses + 1))
    assert found.next_level is not None
    assert found.next_level < beyond[0]
