"""What rules make of pending outcomes, and which are about safety: sentences and numbers against the verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.arrays import NONE
from escalate.core.method import ModelMethod
from escalate.core.rule import Rule, StopRule
from escalate.core.tally import States, Tally
from escalate.report.protocol import frame
from tests.helpers import make
from tests.methods.pending_patients import states_of, tally_of

BLRM: dict[str, Any] = {"kind": "tite_blrm", "reference_amount": 40.0,
                        "prior": {"mean": [-0.85, 0.0], "sd": [2.0, 1.0], "correlation": 0.0}}  # fmt: skip
SKELETON = [0.05, 0.12, 0.25, 0.4, 0.55]
METHODS: list[dict[str, Any]] = [
    BLRM,
    {"kind": "tite_crm", "skeleton": SKELETON, "estimate": "mean"},
    {"kind": "fractional_crm", "skeleton": SKELETON, "estimate": "mean"},
]
LEVELS = {"unit": "mg", "levels": (10.0, 20.0, 40.0, 80.0, 160.0)}
PATIENTS = [(1, 0, 1.0)] * 3 + [(2, 0, 1.0)] * 2 + [(2, 1, 0.4)] + [(3, 0, 0.3), (3, 0, 0.5), (3, 1, 0.6)]
STATE = States(tally_of(PATIENTS, 5), np.array([2]), np.array([[2, 1]]), np.array([1]))


def _designs() -> Iterator[Any]:
    for method in METHODS:
        for kind in registry.rules().kinds():
            for k, rule in enumerate(registry.rules().get(kind).examples()):
                try:
                    design = make(method, rules=(rule.model_dump(),), doses=LEVELS, dlt_window=28)
                except esc.EscalateError:
                    # A rule that this method does not serve.
                    continue
                yield pytest.param(design, id=f"{method['kind']}-{kind}-{k}")


DESIGNS = list(_designs())


def test_there_are_rules_on_each_method() -> None:
    """The tests below run over most rules."""
    assert len(DESIGNS) > 60


def _verdict(design: esc.Design, rule: Rule, state: States) -> None:
    rule.forbids(design, state)
    rule.stops(design, state, np.array([2]))
    rule.holds(design, state, np.array([2]))
    rule.suspends(design, state, np.array([2]))


@pytest.mark.parametrize("design", DESIGNS)
def test_the_reason_rests_on_the_data_of_the_verdict(design: esc.Design, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule asks the model of the same data for its verdict and for its reason: with the weights of pending patients or not."""
    rule, asked = design.rules[0], list[bool]()
    for name in ("belief", "prob_above", "prob_above_at", "interval_probabilities"):
        found = getattr(type(design.method), name, None)
        if found is None:
            continue

        def spy(self: Any, plan: Any, tally: Tally, *more: Any, _found: Any = found, **named: Any) -> Any:
            asked.append(tally.pending is not None)
            return _found(self, plan, tally, *more, **named)

        monkeypatch.setattr(type(design.method), name, spy)
    _verdict(design, rule, STATE)
    verdict = set(asked)
    asked.clear()
    rule.explain(design, STATE, 2)
    if not isinstance(design.method, ModelMethod) or rule.decides_pending or not asked:
        return
    assert set(asked) == verdict
    assert set(asked) == {rule.weighs_follow_up(design)}


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("cut", np.linspace(0.05, 0.95, 19).round(2).tolist())
def test_numbers_of_a_stop_agree_with_it(level: int, cut: float) -> None:
    """With outcomes pending, the number in the reason is on the side of the cut-off that the stop is on."""
    at_least: list[dict[str, Any]] = [
        {"kind": "stop_when_target_likely", "probability": cut, "interval": (0.16, 0.33)},
        {"kind": "stop_when_mtd_above", "probability": cut, "factor": 0.5, "target": 0.3},
    ]
    for settings in at_least:
        design = make(BLRM, rules=(settings,), doses=LEVELS, dlt_window=28)
        (rule,) = design.rules
        (value,) = re.findall(r"is (0\.\d{4}); the rule asks for", rule.explain(design, STATE, level))
        if abs(float(value) - cut) > 1e-4:
            assert bool(rule.stops(design, STATE, np.array([level]))[0]) is (float(value) > cut), settings


@pytest.mark.parametrize("cv", [0.2, 0.4, 0.6, 0.8, 1.0, 1.4])
def test_certainty_of_the_mtd_agrees_with_its_stop(cv: float) -> None:
    """The coefficient of variation in the reason is that of the verdict."""
    design = make(
        BLRM, rules=({"kind": "stop_when_mtd_certain", "cv": cv, "target": 0.3},), doses=LEVELS, dlt_window=28
    )
    (rule,) = design.rules
    (value,) = re.findall(r"variation ([\d.]+);", rule.explain(design, STATE, 2))
    assert bool(rule.stops(design, STATE, np.array([2]))[0]) is (float(value) <= cv)


@pytest.mark.parametrize("design", DESIGNS)
def test_only_what_is_from_the_model_is_weighed(design: esc.Design) -> None:
    """The protocol says that follow-up is weighed exactly where a rule's verdict weighs it, and its sentence says so."""
    (rule,) = design.rules
    weighs = rule.weighs_follow_up(design)
    assert ('only in what a rule takes "from the model" is' in " ".join(frame.waiting(design))) is weighs
    assert ("from the model" in rule.describe(design)) is weighs
    if weighs or rule.decides_pending:
        return
    complete = STATE.as_complete()
    for following in range(5):
        asked = np.array([following])
        assert rule.stops(design, STATE, asked).tolist() == rule.stops(design, complete, asked).tolist()
        assert rule.holds(design, STATE, asked).tolist() == rule.holds(design, complete, asked).tolist()
        assert rule.forbids(design, STATE).tolist() == rule.forbids(design, complete).tolist()


def test_weights_decide_where_they_are_said_to() -> None:
    """A cap between what the model says with weights and without forbids by the weighed number."""
    for method in METHODS:
        design = make(method, rules=({"kind": "overdose_cap", "cutoff": 0.5},), doses=LEVELS, dlt_window=28)
        assert isinstance(design.method, ModelMethod)
        state = states_of(tally_of([*PATIENTS[:5], (3, 0, 0.1), (3, 0, 0.2), (3, 1, 0.9)], 5))
        weighed = design.method.prob_above(design, state.tally, 0.3)[0, 2]
        plain = design.method.prob_above(design, state.tally.as_complete(), 0.3)[0, 2]
        assert weighed > plain + 0.001
        cap = make(
            method,
            rules=({"kind": "overdose_cap", "cutoff": float((weighed + plain) / 2)},),
            doses=LEVELS,
            dlt_window=28,
        )
        assert cap.rules[0].forbids(cap, state)[0, 2]


MAX = {"kind": "max_dlts", "dlts": 4}
SIZE = {"kind": "stop_at_patients", "patients": 12}


@pytest.mark.parametrize(
    ("rule", "note"),
    [
        (MAX, "It is a safety rule."),
        ({"kind": "eliminate"}, "It is a safety rule."),
        (SIZE, ""),
        ({"kind": "stick_on_dlts", "patients": 3, "dlts": 1, "then": "de_escalate"}, ""),
        (
            {"kind": "any_of", "rules": (MAX, SIZE)},
            "It is a safety rule when 4 or more DLTs have been seen in the whole trial.",
        ),
        ({"kind": "any_of", "rules": (MAX,)}, "It is a safety rule."),
        ({"kind": "all_of", "rules": (MAX, SIZE)}, ""),
    ],
)
def test_safety_rules_are_marked(rule: dict[str, Any], note: str) -> None:
    """A rule is marked exactly where nothing holds its stop back, and the protocol says what the mark means."""
    design = make({"kind": "boin"}, rules=(rule, {"kind": "min_patients_before_stop", "patients": 30}))
    first = design.rules[0]
    assert first.safety_note(design) == note
    assert frame.rule_said(design, first) == f"{first.describe(design)} {note}".rstrip()
    assert any(text.startswith("Safety rules: a level") for text in frame.safety_and_vetoes(design)) is bool(note)
    if isinstance(first, StopRule):
        outcomes = "1NNN 1NNN 2NNN 2TTN 2TTN"
        found = esc.recommend(design, outcomes)
        assert (found.action == "stop") is bool(note)


def test_a_safety_rule_bars_the_mtd_and_sticking_does_not() -> None:
    """1/3 at level 2: left by `stick_on_dlts`, level 2 can still be the MTD, as its sentence says; eliminated, it cannot."""
    stick = make({"kind": "boin"}, rules=({"kind": "stick_on_dlts", "patients": 6, "dlts": 2, "then": "de_escalate"},))
    assert stick.rules[0].describe(stick).endswith("except level 1; the level can still be the MTD.")
    final = "1NNN 2NNT 2NNT"
    assert esc.recommend(stick, final).doses[1].why_not == "stick_on_dlts"
    assert esc.select(stick, final).mtd_level == 2
    barred = make({"kind": "boin"}, rules=({"kind": "overdose_cap", "cutoff": 0.5, "basis": "beta_binomial"},))
    assert esc.recommend(barred, "1NNN 2NTT").doses[1].why_not == "overdose_cap"
    assert esc.select(barred, "1NNN 2NTT").mtd_level == 1


def test_following_nothing_is_said_with_pending_outcomes() -> None:
    """Where no dose follows, the stops on the model say so, whatever is pending."""
    rule = {"kind": "stop_when_target_likely", "interval": (0.16, 0.33)}
    design = make(BLRM, rules=(rule,), doses=LEVELS, dlt_window=28)
    assert design.rules[0].explain(design, STATE, NONE) == "No dose follows, so that none is likely to be on target."
