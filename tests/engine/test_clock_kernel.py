"""Compiled trials on a clock: the same trials as those decided by the design itself, and refusal of whatever is not compiled."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalate import Design, Scenario
from escalate.core.clock import Clock
from escalate.engine import clock_compiled
from escalate.engine.clock import ends_of, run_trials
from escalate.engine.clock_trials import ClockEnds
from tests.engine.plain_clock import run_trial
from tests.helpers import make

TRUTH = Scenario(name="MTD at level 3", dlt=(0.05, 0.12, 0.25, 0.40, 0.55))
TOXIC = Scenario(name="toxic", dlt=(0.35, 0.5, 0.65, 0.75, 0.85))
SKELETON = (0.05, 0.12, 0.25, 0.40, 0.55)
TITE_CRM = {"kind": "tite_crm", "skeleton": SKELETON, "estimate": "plug_in"}
WAITING: tuple[dict[str, Any], ...] = (
    {"kind": "eliminate"},
    {"kind": "suspend_when_pending", "share": 0.4},
    {"kind": "min_follow_up", "complete": 3, "share": 0.5},
)


def design(method: dict[str, Any], *rules: dict[str, Any], **more: Any) -> Design:
    given = {"target": 0.25, "max_patients": 30, "dlt_window": 90, **more}
    return make(method, rules=rules, **given) if rules else make(method, **given)


def clock(accrual: dict[str, Any] | None = None, **more: Any) -> Clock:
    return Clock.from_dict({"accrual": accrual or {"kind": "poisson", "mean_days": 15}, **more})


DESIGNS = {
    "boin": design({"kind": "boin"}),
    "keyboard": design({"kind": "keyboard"}),
    "crm": design({**TITE_CRM, "kind": "crm"}),
    "tite_boin": design({"kind": "tite_boin"}),
    "tite_boin, stops": design(
        {"kind": "tite_boin", "weights": "ess", "thirds": (0.1, 0.2, 0.7)},
        *WAITING,
        {"kind": "stop_at_patients_at_dose", "patients": 9, "only_if_staying": True},
        cohort_size=2,
    ),
    "tite_keyboard": design({"kind": "tite_keyboard"}, start_level=2, max_patients=20),
    "tite_mtpi2": design({"kind": "tite_mtpi2"}),
    "tite_crm": design(TITE_CRM),
    "tite_crm, logistic, rules": design(
        {**TITE_CRM, "model": "logistic"},
        *WAITING,
        {"kind": "no_skipping", "from": "last"},
        {"kind": "coherence"},
        {"kind": "stop_at_patients_at_dose", "patients": 12},
        cohort_size=1,
    ),
    "tite_crm, gamma prior": design(
        {**TITE_CRM, "prior": {"gamma": {"shape": 1.0, "scale": 1.0}}},
        {"kind": "stop_at_patients_at_dose", "patients": 9, "at": "next"},
        {"kind": "lowest_dose_too_toxic", "cutoff": 0.9, "basis": "beta_binomial"},
    ),
}
CLOCKS = {
    "turned away": clock(),
    "queue": clock(arrivals="queue"),
    "Weibull, drop-outs, stagger": clock(
        {"kind": "uniform", "mean_days": 12},
        dlt_times={"kind": "weibull", "late": 0.7},
        drop_out=0.15,
        stagger_days=7,
    ),
    "queue, piecewise, drop-outs, stagger": clock(
        {"kind": "fixed", "days": 10},
        dlt_times={"kind": "piecewise", "masses": (0.1, 0.2, 0.7, 0.0)},
        drop_out=0.2,
        arrivals="queue",
        stagger_days=14,
    ),
    "listed": clock({"kind": "listed", "days": (0, 0, 3, 10, 30, 45)}, drop_out=0.05),
}


def assert_same(found: ClockEnds, expected: ClockEnds) -> None:
    """Counts, ends, MTDs and patients are equal; days to 1e-9 of them."""
    for field in fields(ClockEnds):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if theirs is None:
            assert ours is None
        elif ours.dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=field.name)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)


def assert_same_trials(of: Design, on: Clock, truth: Scenario, seed: int, trials: int) -> None:
    assert clock_compiled.runnable(of, on)
    expected = ClockEnds.of(run_trials(of, truth, on, seed, 3, trials))
    assert_same(clock_compiled.ends_of(of, truth, on, seed, 3, trials), expected)


@pytest.mark.parametrize("on", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("of", DESIGNS.values(), ids=DESIGNS)
def test_same_trials_as_the_design_decides(of: Design, on: Clock) -> None:
    """The compiled trials are those in which the design is asked for every decision."""
    for truth, seed in ((TRUTH, 1), (TOXIC, 2)):
        assert_same_trials(of, on, truth, seed, 150)


@pytest.mark.slow
@pytest.mark.parametrize("on", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("of", DESIGNS.values(), ids=DESIGNS)
def test_same_20000_trials(of: Design, on: Clock) -> None:
    """So are 20,000 of them."""
    assert_same_trials(of, on, TRUTH, 3, 20_000)


@pytest.mark.parametrize("of", [DESIGNS["tite_boin, stops"], DESIGNS["tite_crm"]], ids=["table", "model"])
@pytest.mark.parametrize("on", CLOCKS.values(), ids=CLOCKS)
def test_same_trials_as_plain_python(of: Design, on: Clock) -> None:
    """They are those of plain Python, one patient after another."""
    found = clock_compiled.ends_of(of, TRUTH, on, 4, 0, 5)
    for t in range(5):
        plain = run_trial(of, TRUTH, on, 4, t)
        assert (found.stops[t], found.selected[t], found.turned_away[t]) == (
            plain.stops, plain.selected, plain.turned_away,
        )  # fmt: skip
        assert found.duration_days[t] == pytest.approx(max(p.end for p in plain.patients), abs=1e-9)
        assert found.waiting_days[t] == pytest.approx(plain.waiting, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(
    target=st.sampled_from([0.2, 0.25, 0.3]),
    cohort_size=st.integers(1, 4),
    max_patients=st.integers(1, 24),
    window=st.sampled_from([1, 28, 90]),
    mean=st.sampled_from([0.5, 5.0, 40.0]),
    drop_out=st.sampled_from([0.0, 0.3, 0.5]),
    stagger=st.sampled_from([0.0, 3.0]),
    arrivals=st.sampled_from(["queue", "turn_away"]),
    p=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=5, max_size=5).map(sorted),
    method=st.sampled_from([{"kind": "tite_boin"}, {"kind": "tite_keyboard"}, TITE_CRM]),
    waits=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_setting(
    target: float, cohort_size: int, max_patients: int, window: int, mean: float, drop_out: float, stagger: float,
    arrivals: str, p: list[float], method: dict[str, Any], waits: bool, seed: int,
) -> None:  # fmt: skip
    """Whatever the settings and DLT rates, both give the same trials."""
    rules = WAITING if waits else ({"kind": "eliminate"},)
    of = design(method, *rules, target=target, cohort_size=cohort_size, max_patients=max_patients, dlt_window=window)
    on = clock({"kind": "poisson", "mean_days": mean}, drop_out=drop_out, stagger_days=stagger, arrivals=arrivals)
    assert_same_trials(of, on, Scenario(name="any", dlt=tuple(p)), seed, 20)


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(1, 99), seed=st.integers(0, 2**63 - 1))
def test_chunks(cut: int, seed: int) -> None:
    """A trial is the same whichever trials it is run with."""
    of, on = DESIGNS["tite_boin, stops"], CLOCKS["Weibull, drop-outs, stagger"]
    whole = clock_compiled.run_some(of, TRUTH, on, seed, 2**33, 100)
    first = clock_compiled.run_some(of, TRUTH, on, seed, 2**33, cut)
    rest = clock_compiled.run_some(of, TRUTH, on, seed, 2**33 + cut, 100 - cut)
    for together, a, b in zip(whole, first, rest, strict=True):
        np.testing.assert_array_equal(together, np.concatenate([a, b]))


def test_what_is_not_compiled_is_not_run() -> None:
    """A design or rule that the kernel does not know is left to the engine that asks the design."""
    on = clock()
    refused = {
        "no window": design({"kind": "tite_boin"}, dlt_window=None),
        "other method": design({"kind": "tite_blrm", "reference_amount": 40.0,
                                "prior": {"mean": (-1.0, 0.0), "sd": (1.0, 1.0)}}),
        "backfill": design({"kind": "boin"}, backfill={"activity": "none"}),
        "titration": design({"kind": "boin", "titration": True}),
        "adaptive weights": design({**TITE_CRM, "weights": "adaptive"}),
        "posterior mean": design({**TITE_CRM, "estimate": "mean"}),
        "two parameters": design({"kind": "tite_crm", "model": "logistic2", "skeleton": SKELETON, "estimate": "mean",
                                  "two_parameter_prior": {"mean": (0.0, 0.0), "sd": (2.0, 1.0)}}),
        "other rule": design({"kind": "tite_boin"}, {"kind": "stop_at_patients", "patients": 20}),
        "decides when certain": design({"kind": "boin"}, {"kind": "decide_when_certain"}),
        "the same rule twice": design({"kind": "tite_boin"}, {"kind": "eliminate"}, {"kind": "eliminate", "cutoff": 0.9}),
        "rule by the model": design(TITE_CRM, {"kind": "lowest_dose_too_toxic", "cutoff": 0.9}),
        "many patients": design({"kind": "tite_boin"}, max_patients=clock_compiled.LARGEST + 1),
    }  # fmt: skip
    assert [name for name, of in refused.items() if clock_compiled.runnable(of, on)] == []


def test_the_engine_takes_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operating characteristics come from the compiled trials where there are such, and from the others elsewhere."""
    of, on = DESIGNS["tite_boin"], CLOCKS["queue"]
    compiled = ends_of(of, TRUTH, on, 5, 0, 50)
    monkeypatch.setattr(clock_compiled, "runnable", lambda design, clock: False)
    assert_same(compiled, ends_of(of, TRUTH, on, 5, 0, 50))
