"""The ordinal CRM: crmPack's rule values, its limits and choices, what it refuses, and PyMC as a second way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.files import load_design
from escalate.core.outcome import rate_word
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design
from escalate.engine.outcomes import worsenings
from escalate.methods.families.milder_outcomes import no_worse
from escalate.methods.ordinal_crm import OrdinalCrm
from escalate.models.ordinal_levels import posterior
from tests.helpers import ROOT, cases, make

CASES = [case for case in cases("ordinal") if case["kind"] == "ordinal_crm" and case["inputs"]["history"]]
PRIOR = {"mean": (-0.5, -2.0), "sd": (1.5, 1.5), "log_slope": {"mean": 0.0, "sd": 0.7}}
METHOD = {"kind": "ordinal_crm", "reference_amount": 3.0, "prior": PRIOR}


def design_of(case: dict[str, Any], **settings: Any) -> esc.Design:
    """Return a reference case as a design: crmPack's likelihood, target 0.20 to 0.35, Pr(p > 0.35) at most 0.25."""
    inputs = case["inputs"]
    sd = [variance**0.5 for variance in inputs["variances"]]
    mean = [float(value) for value in inputs["mean"]]
    method = {
        "kind": "ordinal_crm",
        "likelihood": "bernoulli_products",
        "reference_amount": float(inputs["ref_dose"]),
        "prior": {
            "mean": tuple(mean[:-1]),
            "sd": tuple(sd[:-1]),
            "log_slope": {"mean": mean[-1], "sd": sd[-1]},
        },
        "intervals": (0.2, 0.35),
        "overdose_cutoff": 0.25,
        "coherent_grades": False,
    }
    levels = tuple(float(dose) for dose in inputs["dose_grid"])
    return make({**method, **settings}, 10, doses={"unit": "mg", "levels": levels}, rules=())


def string_of(case: dict[str, Any]) -> str:
    """Return its patients as an outcome string."""
    grid = case["inputs"]["dose_grid"]
    return " ".join(
        f"{grid.index(cohort['dose']) + 1}{''.join('NMT'[grade] for grade in cohort['y'])}"
        for cohort in case["inputs"]["history"]
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_next_dose_of_crmpack(case: dict[str, Any]) -> None:
    """Source: crmPack's N-CRM rule on the DLT under its dose limit of 1.5 times the last dose: the same next dose."""
    peer = case["peers"]["crmPack"]["grades"][1]
    rule = {"kind": "cap_increment", "relative": 0.5}
    design = design_of(case).model_copy()
    capped = esc.Design.from_dict({**_tuples(design.to_dict()), "rules": (rule,)})
    found = esc.recommend(capped, string_of(case))
    assert found.next_level is not None
    assert case["inputs"]["dose_grid"][found.next_level - 1] == peer["next_dose"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_next_dose_of_crmpack_for_the_milder_grade(case: dict[str, Any]) -> None:
    """Source: crmPack's N-CRM rule on grade 1: the same interval probabilities choose the same dose, or none."""
    peer = case["peers"]["crmPack"]["grades"][0]
    design = design_of(case)
    method = design.method
    assert isinstance(method, OrdinalCrm)
    counts = np.zeros((1, 10, 3), dtype=np.int64)
    for cohort in case["inputs"]["history"]:
        for grade in cohort["y"]:
            counts[0, case["inputs"]["dose_grid"].index(cohort["dose"]), grade] += 1
    cells = method.cells(posterior(method.working_model(design), Tally(counts)).of(0))
    liked = method.moves(cells)
    limit = np.array(case["inputs"]["dose_grid"]) <= peer["doselimit"]
    assert liked.preference is not None
    allowed = np.where(limit, liked.preference[0], -np.inf)
    dose = case["inputs"]["dose_grid"][int(np.argmax(allowed))] if np.isfinite(allowed).any() else None
    assert dose == peer["next_dose"]


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list | tuple) else value


def test_dlts_are_the_target() -> None:
    """Milder grades carry no burden: target, rules and texts speak of DLT rates."""
    design = make(METHOD)
    assert rate_word(design.outcomes) == "DLT rate"
    assert [float(outcome.burden) for outcome in design.outcomes] == [0.0, 0.0, 1.0]


def test_choices_follow_their_definitions() -> None:
    """After 1NNN 2NMT: target, highest, loss and nearest recomputed from the posterior by hand."""
    for choose in ("target", "highest", "loss", "nearest"):
        design = make({**METHOD, "choose": choose}, target=0.25, rules=())
        found = esc.recommend(design, "1NNN 2NMN 3NMT")
        method = design.method
        assert isinstance(method, OrdinalCrm)
        counts = np.array([[[3, 0, 0], [2, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]])
        belief = posterior(method.working_model(design), Tally(counts))
        low, high = belief.probs_above((0.16, 0.33))[:, 0]
        figure = {
            "target": low - high,
            "highest": np.arange(5),
            "loss": -(1 - low + high),
            "nearest": -np.abs(belief.mean()[0] - 0.25),
        }[choose]
        assert found.next_level == int(np.argmax(np.where(high <= 0.25, figure, -np.inf))) + 1
        assert found.doses[2].estimate == pytest.approx(belief.mean()[0, 2])
        assert found.doses[2].prob_overdose == pytest.approx(high[2])


def test_a_grade_limit_bars_doses() -> None:
    """Moderate toxicity in nearly everybody: without the limit the trial goes up, with it the level is barred, and said so."""
    limit = {"letter": "M", "above": 0.5, "cutoff": 0.5}
    free = esc.recommend(make({**METHOD, "choose": "highest"}), "1MMM 2MMM")
    barred = esc.recommend(make({**METHOD, "choose": "highest", "grade_limits": (limit,)}), "1MMM 2MMM")
    assert (free.next_level, barred.action, barred.next_level) == (3, "stop", None)
    assert "Pr(moderate or worse in more than 0.5) is" in barred.reasons[-1].text
    assert barred.reasons[-1].text.endswith("no dose is admissible, and the trial stops.")
    instead = make({**METHOD, "if_none_admissible": "lowest", "grade_limits": (limit,)})
    assert esc.recommend(instead, "1MMM 2MMM").next_level == 1


@pytest.mark.slow
def test_the_model_alone_can_go_higher_after_a_worse_grade() -> None:
    """Why `coherent_grades` is the default: somewhere M in the place of N raises the dose, and never with it."""
    tally_of = {True: 0, False: 0}
    for coherent in tally_of:
        design = make({**METHOD, "coherent_grades": coherent}, max_patients=15)
        automaton = compile_design(design)
        following = np.where(automaton.child > 0, automaton.dose[np.maximum(automaton.child, 0)], NONE)
        for better, worse in worsenings(3, 3):
            higher = (following[:, worse] > following[:, better]) & (following[:, better] != NONE)
            tally_of[coherent] += int(higher.sum())
    assert tally_of[False] > 0
    assert tally_of[True] == 0


def test_no_worse_outcomes() -> None:
    """All ways in which the tails of a cohort's outcome are no heavier, enumerated by hand for two patients."""
    assert set(no_worse((0, 1, 1))) == {(0, 1, 1), (0, 2, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)}


def test_many_states_get_the_dose_of_each_alone() -> None:
    """The rough nodes of a large batch and the fine nodes of a single state choose alike: 300 random states."""
    rng = np.random.default_rng(11)
    for settings_ in ({}, {"choose": "nearest", "overdose_cutoff": 0.4}, {"likelihood": "bernoulli_products"}):
        design = make({**METHOD, **settings_}, 5)
        counts = rng.multinomial(3, [0.5, 0.3, 0.2], size=(300, 5)) * (rng.random((300, 5, 1)) < 0.6)
        dose = rng.integers(0, 5, 300)
        cohort = rng.multinomial(3, [0.4, 0.3, 0.3], size=300)
        counts[np.arange(300), dose] += cohort
        states = States(Tally(counts.astype(np.int64)), dose, cohort.astype(np.int64))
        method = design.method
        together = method.decide(design, states)
        alone = [method.decide(design, states.take(np.array([k]))) for k in range(0, 300, 6)]
        assert (together.next[::6] == [one.next[0] for one in alone]).all()


cohorts = st.lists(st.tuples(st.integers(1, 3), st.text("NMT", min_size=3, max_size=3)), min_size=0, max_size=4)


@settings(max_examples=25)
@given(cohorts, st.integers(1, 3), st.text("NMT", min_size=3, max_size=3), st.integers(0, 2))
def test_a_worse_grade_never_raises_the_dose(
    history: list[tuple[int, str]], level: int, letters: str, place: int
) -> None:
    """A DLT in the place of a milder grade, or M in the place of N, in the last cohort."""
    before = " ".join(f"{k}{text}" for k, text in history)
    worse = letters[:place] + {"N": "M", "M": "T", "T": "T"}[letters[place]] + letters[place + 1 :]
    design = make(METHOD, 4)
    one, other = (esc.recommend(design, f"{before} {level}{text}").next_level or 0 for text in (letters, worse))
    assert other <= one or one == 0


@settings(max_examples=15)
@given(st.permutations(range(6)), st.text("NMT", min_size=6, max_size=6))
def test_order_within_a_dose_does_not_matter(order: list[int], letters: str) -> None:
    """Estimates depend on counts alone."""
    design = make(METHOD, 4)
    shuffled = "".join(letters[k] for k in order)
    one, other = (esc.recommend(design, f"2{text}").doses for text in (letters, shuffled))
    assert [dose.estimate for dose in one] == [dose.estimate for dose in other]


def test_letters_and_units_are_names_only() -> None:
    """Other letters, and amounts and reference in another unit: the same estimates to rounding."""
    design = make(METHOD, 3)
    grades = tuple({"letter": letter, "name": letter} for letter in "ABC")
    other = make(
        {**METHOD, "grades": grades, "reference_amount": 3000.0},
        3,
        doses={"unit": "ug", "levels": (1000.0, 2000.0, 3000.0)},
    )
    one, same = esc.recommend(design, "1NMN 2NMT"), esc.recommend(other, "1ABA 2ABC")
    assert one.next_level == same.next_level
    for first, second in zip(one.doses, same.doses, strict=True):
        assert first.estimate == pytest.approx(second.estimate, abs=1e-12)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"prior": {**PRIOR, "sd": (1.5, 0.0)}}, r"method\.prior\.sd"),
        ({"prior": {**PRIOR, "sd": (1.5, -1.0)}}, r"method\.prior\.sd"),
        ({"prior": {**PRIOR, "log_slope": {"mean": 0.0, "sd": 0.0}}}, r"method\.prior\.log_slope\.sd"),
        ({"prior": {**PRIOR, "mean": (0.0, 0.0, 0.0)}}, r"method\.prior\.mean: has 3 entries for 2 grades that count"),
        ({"prior": {**PRIOR, "mean": (0.0,)}}, r"method\.prior\.mean: has 1 entr.*; it needs at least 2"),
        ({"grades": ({"letter": "T", "name": "DLT"},)}, r"method\.grades: has 1 entr.*; it needs at least 3"),
        (
            {"grades": tuple({"letter": letter, "name": "x"} for letter in "NNT")},
            r"method\.grades\[2\]\.letter: 'N' was given already",
        ),
        (
            {"grade_limits": ({"letter": "T", "above": 0.5, "cutoff": 0.5},)},
            r"method\.grade_limits\[1\]\.letter: 'T' is no grade between none and the DLT; choose from M",
        ),
        ({"intervals": (0.33, 0.16)}, r"method\.intervals: overlap"),
        ({"reference_amount": 0.0}, r"method\.reference_amount"),
        ({"likelihood": "multinomial"}, r"method\.likelihood"),
        ({"choose": "lowest"}, r"method\.choose"),
    ],
)
def test_settings_that_are_refused(settings_: dict[str, Any], message: str) -> None:
    """One sentence that names the field."""
    with pytest.raises(esc.DesignError, match=message) as caught:
        make({**METHOD, **settings_})
    assert "[type=" not in str(caught.value)


def test_nearest_needs_a_target() -> None:
    """The other choices need intervals alone."""
    with pytest.raises(esc.DesignError, match=r"method\.choose: nearest needs a target"):
        make({**METHOD, "choose": "nearest"}, target=None)
    assert esc.recommend(make(METHOD, target=None), "1NNN").next_level == 2


def test_too_many_outcomes_to_compare_are_refused() -> None:
    """Nine grades in cohorts of six: 3,003 outcomes."""
    grades = tuple({"letter": letter, "name": letter} for letter in "ABCDEFGHI")
    prior = {**PRIOR, "mean": (0.0,) * 8, "sd": (1.5,) * 8}
    with pytest.raises(esc.DesignError, match=r"method\.coherent_grades: compares too many outcomes of 6 patients"):
        make({**METHOD, "grades": grades, "prior": prior}, cohort_size=6)


def test_doubts() -> None:
    """A start over the cut-off, a far reference, and the likelihood that counts twice are said by `check`."""
    toxic = {"mean": (3.0, 2.0), "sd": (1.0, 1.0)}
    method = {**METHOD, "prior": toxic, "reference_amount": 100.0, "likelihood": "bernoulli_products"}
    design = make({**METHOD, "prior": toxic}, 3, max_patients=6)
    assert any("is not admissible before any patient" in text for text in design.method.doubts(design))
    design = make(method, 3, max_patients=6)
    said = " ".join(design.method.doubts(design))
    assert "lies far outside the doses" in said
    assert "counts each patient 2 times" in said


def test_tvec_design_runs() -> None:
    """The T-VEC illustration: mild effects in two of three at level 1 do not hold it back, DLTs do."""
    design = load_design(ROOT / "designs" / "tvec-liver-ordinal.yaml")
    assert esc.recommend(design, "1NMM").next_level == 2
    assert (esc.recommend(design, "1NMM 2MTT").next_level or 0) < 2


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["cumulative", "bernoulli_products"])
def test_posterior_agrees_with_pymc(likelihood: str) -> None:
    """NUTS in PyMC: posterior means of p within 5 Monte-Carlo errors."""
    import arviz as az
    import pymc as pm

    design = make({**METHOD, "likelihood": likelihood})
    method = design.method
    assert isinstance(method, OrdinalCrm)
    tally = Tally(np.array([[[2, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 2], [0, 0, 0]]]))
    with method.in_pymc(design, tally):
        trace = pm.sample(1500, chains=2, cores=1, random_seed=5, progressbar=False, target_accept=0.97)
    found = az.summary(trace, var_names=["p"], round_to="none")
    exact = posterior(replace(method.working_model(design)), tally).mean()[0]
    assert (np.abs(found["mean"].to_numpy() - exact) < 5 * found["mcse_mean"].to_numpy() + 1e-4).all()


def test_inadmissible_doses_are_not_allowed() -> None:
    """What a person reads names the doses that the method itself would not give."""
    design = esc.load_design(ROOT / "designs" / "ordinal_crm.yaml")
    rows = esc.recommend(design, "1NNN 2NMT").doses
    for row in rows:
        assert row.prob_overdose is not None
        assert row.allowed or row.why_not
        assert ("overdose_cutoff" in (row.why_not or "")) == (row.prob_overdose > 0.25)
    assert not rows[-1].allowed
