"""gBOIN against the dossier's worked values, BOIN as its limit, and its data and scenario files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.outcome import burden_units, category_rates, mean_burden
from escalate.core.patients import Cohort, from_outcomes, read_patients
from escalate.methods.gboin import ETS, Gboin
from tests.helpers import ROOT, make

TARGET = 0.313333
"""0.47 / 1.5, as the dossier prints it."""
METHOD = {"kind": "gboin"}
THREE = {"kind": "gboin", "grades": [grade.model_dump() for grade in (ETS[0], ETS[1], ETS[3])]}


def test_cuts_of_the_quasi_binary_endpoint() -> None:
    """Source: dossier interval.md 7, verified there with TITEgBOIN: lambda_e .2470996, lambda_d .3745942."""
    design = make(METHOD, target=TARGET)
    cuts = esc.table(design).boundaries
    assert cuts["lambda_e"] == pytest.approx(0.2470996, abs=5.1e-7)
    assert cuts["lambda_d"] == pytest.approx(0.3745942, abs=5.1e-7)


@pytest.mark.parametrize(("outcomes", "level", "mean"), [("2NMT", 1, 0.444444), ("2NNM", 3, 0.111111)])
def test_normalised_scores(outcomes: str, level: int, mean: float) -> None:
    """Source: dossier interval.md 7: scores 0, .5, 1.5 of 1.5 have mean .444444 (de-escalate), 0, 0, .5 .111111 (escalate)."""
    found = esc.recommend(make(METHOD, target=TARGET), f"1NNN {outcomes}")
    assert found.next_level == level
    assert f"{mean:.4f} of a DLT's" in found.reasons[0].text


def test_the_reason_puts_the_compared_number_next_to_the_cut() -> None:
    """A third of a point is 0.2222 of a DLT's 1.5: that, not the score as written, is what lambda_e bounds."""
    found = esc.recommend(make(METHOD, target=TARGET), "1NNN 2NNM 2NNT")
    assert found.reasons[0].text == (
        "Mean score 0.3333 in 6 patients at level 2 is 0.2222 of a DLT's score, at most lambda_e = 0.2471: escalate."
    )


def test_where_a_dlt_scores_one_the_number_is_said_once() -> None:
    """A score that is its own part of a DLT's is not repeated."""
    found = esc.recommend(esc.load_design(ROOT / "designs" / "gboin.yaml"), "1NMT")
    assert found.reasons[0].text.startswith("Mean score 0.5000 in 3 patients at level 1 is at least lambda_d = ")


def test_texts_say_mean_score() -> None:
    """What is compared with the target is no DLT rate: in rules and in `check`; plain designs say DLT rate."""
    rules = ({"kind": "coherence"}, {"kind": "eliminate"}, {"kind": "extra_safe"})
    cap = {"kind": "overdose_cap", "cutoff": 0.9, "basis": "beta_binomial"}
    lowest = {"kind": "lowest_dose_too_toxic", "cutoff": 0.9, "basis": "beta_binomial"}
    for method, word, note in ((THREE, "mean score", True), ({"kind": "boin"}, "DLT rate", False)):
        said = [rule.describe(d) for d in [make(method, 3, rules=(*rules, cap, lowest))] for rule in d.rules]
        assert f"a cohort whose {word} is 0.3 or more" in said[0]
        assert all(text.endswith("Here p is the mean score, as a part of a DLT's.") == note for text in said[1:])
        plain = make(method, 3, max_patients=15, rules=())
        found = {finding.code: finding.text for finding in esc.check(plain).findings}
        assert f"whose {word} is at or above the target 0.3" in found["incoherent"]


def test_normal_endpoint() -> None:
    """Source: dossier interval.md 7 (UnifiedDoseFinding): target 1.47 has cuts 1.176 and 1.764; sum 6.9 in 3 goes down.

    Scores are entered on a grid that goes up to 3, so that the target is 0.49 of a DLT's.
    """
    grades = [("N", 0.0), ("A", 1.176), ("B", 1.764), ("C", 2.3), ("T", 3.0)]
    method = {
        "kind": "gboin",
        "endpoint": "normal",
        "grades": [{"letter": letter, "name": letter, "score": score} for letter, score in grades],
    }
    design = make(method, target=0.49)
    cuts = esc.table(design).boundaries
    assert [round(3 * cut, 12) for cut in cuts.values()] == [1.176, 1.764]
    assert esc.recommend(design, "1NNN 2CCC").next_level == 1
    # Both cuts are inclusive, exactly.
    assert esc.recommend(design, "1NNN 2AAA").next_level == 3
    assert esc.recommend(design, "1NNN 2BBB").next_level == 1
    assert esc.recommend(design, "1NNN 2AAB").next_level == 2


def test_elimination_counts_parts_of_a_dlt() -> None:
    """Source: scipy.stats.beta: Pr(p > target | Beta(1 + s, 1 + n - s)) with s the sum of normalised scores, strictly above .95."""
    from scipy.stats import beta

    design = make(METHOD, target=TARGET)
    for row in esc.table(design).rows:
        n, cut = row.patients, row.eliminate_if_dlts_at_least
        sums = np.arange(3 * n + 1) / 3
        over = beta.sf(TARGET, 1 + sums, 1 + n - sums) > 0.95
        expected = None if n < 3 or not over.any() else float(sums[np.argmax(over)] * 1.5)
        assert cut == (None if expected is None else pytest.approx(expected)), n


def test_without_middle_grades_it_is_boin() -> None:
    """Where the middle grade all but never occurs the selection is that of BOIN, exactly computed; 1e-9."""
    rates = (0.05, 0.15, 0.30, 0.45)
    scenario = esc.Scenario(name="a", dlt=rates, outcomes={"M": (1e-12,) * 4})
    graded = esc.simulate([make(THREE, 4, max_patients=15)], [scenario]).designs[0].characteristics
    plain = esc.simulate([make({"kind": "boin"}, 4, max_patients=15)], [scenario]).designs[0].characteristics
    for metric in ("selected", "selected_none", "patients", "dlts", "pcs", "pca", "mean_patients"):
        found, expected = ([value for value, _ in oc.of(0, metric)] for oc in (graded, plain))
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_mtd_of_a_scenario_is_by_score() -> None:
    """DLT rates alone would make level 3 the MTD; with moderate toxicity it is level 2."""
    design = make(THREE, 3, max_patients=12)
    scenario = esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3), outcomes={"M": (0.1, 0.3, 0.45)})
    rates = category_rates(scenario, design.outcomes)
    np.testing.assert_allclose(mean_burden(rates, design.outcomes), [0.1 + 0.1 / 3, 0.2 + 0.1, 0.3 + 0.15])
    oc = esc.simulate([design], [scenario]).designs[0].characteristics
    assert oc.value(0, "pcs") == oc.of(0, "selected")[1][0]


def test_weights_of_a_normal_score_are_patients() -> None:
    """By hand: means .5 of 3 and .25 of 9 pool to (1.5 + .05 + 2.25 + .05 weighted by patients) over level 1 and 2."""
    method = Gboin(endpoint="normal", grades=(ETS[0], ETS[1], ETS[3]))
    design = make(method.model_dump(mode="json"), 2, target=0.3)
    # Level 1: three M and one T of 4: (3/3 + 1) / 4; level 2: three M of 9: 1/9.
    found = esc.select(design, "1MMMT 2MMMNNNNNN")
    first, second = (2 + 0.05) / 4.1, (1 + 0.05) / 9.1
    pooled = (4 * first + 9 * second) / 13
    assert abs(pooled - 0.3) < abs(first - 0.3)
    # Both levels pool below the target, and the higher is taken.
    assert found.mtd_level == 2


def test_graded_outcomes_from_csv(tmp_path: Path) -> None:
    """Letters and names are read, in any case; `dlt` may stand beside them and must agree."""
    design = make(METHOD, 3, target=TARGET)
    path = tmp_path / "data.csv"
    path.write_text("patient,cohort,level,outcome,dlt\na,1,1,n,0\nb,1,1,Grade 2,0\nc,1,1,T,1\n")
    assert read_patients(path, design, design.outcomes).cohorts == (Cohort(0, (1, 1, 0, 1)),)
    path.write_text("patient,cohort,level,outcome,dlt\na,1,1,M,1\n")
    with pytest.raises(esc.DataError, match=r":2 dlt: 1 contradicts the outcome 'M'"):
        read_patients(path, design, design.outcomes)
    path.write_text("patient,cohort,level,outcome\na,1,1,X\n")
    with pytest.raises(
        esc.DataError, match=r"'X' is not an outcome; N is grade 0 or 1, M is grade 2, S is grade 3, T is DLT"
    ):
        read_patients(path, design, design.outcomes)
    path.write_text("patient,cohort,level,dlt\na,1,1,0\n")
    with pytest.raises(esc.DataError, match=r"column 'outcome' is missing"):
        read_patients(path, design, design.outcomes)
    path.write_text("patient,cohort,level,outcome,evaluable\na,1,1,T,0\n")
    with pytest.raises(esc.DataError, match=r"a DLT makes a patient evaluable"):
        read_patients(path, design, design.outcomes)


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3)), "needs 'outcomes: {M: "),
        (esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3), outcomes={"M": (0.1,)}), "needs 'outcomes: {M: "),
        (esc.Scenario(name="a", dlt=(0.1, 0.2, 0.6), outcomes={"M": (0.1, 0.2, 0.5)}), "at level 3 leave nothing"),
        (esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3), outcomes={"M": (0.1,)}), "one a level, .*; it gives 1$"),
        (
            esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3), outcomes={"X": (0.1, 0.1, 0.1)}),
            "'X' is no outcome of the design; its letters are N, M, T$",
        ),
        (
            esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3), family="paoletti"),
            "it is of the family 'paoletti': generators make no graded outcomes, so write scenarios out$",
        ),
        (
            esc.Scenario(name="a", dlt=(0.1, 0.2, 0.21), outcomes={"M": (0.1, 0.6, 0.3)}),
            "scenario 'a': the mean score falls from 0.4 at level 2 to 0.31 at level 3, with the scores of 'test'; it cannot",
        ),
    ],
)
def test_scenarios_that_do_not_fit(scenario: esc.Scenario, message: str) -> None:
    """A scenario must give every grade's probability, leave some for none, and have mean scores that do not fall."""
    with pytest.raises(esc.DesignError, match=message):
        esc.simulate([make(THREE, 3)], [scenario])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"grades": [g.model_dump() for g in (ETS[0], ETS[2], ETS[1], ETS[3])]},
            r"method.grades\[3\].score: 0.5 is not above",
        ),
        ({"grades": [g.model_dump() for g in (ETS[1], ETS[2], ETS[3])]}, r"method.grades\[1\].score: 0.5 is not 0"),
        ({"grades": [g.model_dump() for g in (ETS[0], ETS[3])]}, r"method.grades: has 2 entries; it needs at least 3"),
        ({"p_saf": 0.3}, r"method.p_saf: 0.3 is not below the target"),
        ({"p_tox": 0.31}, r"method.p_tox: 0.31 is not between"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, object], message: str) -> None:
    """Grades rise from zero; the cuts stand on both sides of the target."""
    with pytest.raises(esc.DesignError, match=message):
        make({**METHOD, **settings}, target=0.3)


@given(st.lists(st.sampled_from("NMST"), min_size=1, max_size=12), st.data())
def test_a_worse_grade_never_raises_the_dose(letters: list[str], data: st.DataObject) -> None:
    """Replace one outcome by a worse one: the next dose is not higher."""
    design = make(METHOD, target=TARGET)
    place = data.draw(st.integers(0, len(letters) - 1))
    worse = data.draw(st.sampled_from("NMST"["NMST".index(letters[place]) :]))
    before = esc.recommend(design, f"1NNN 2{''.join(letters)}")
    after = esc.recommend(design, f"1NNN 2{''.join([*letters[:place], worse, *letters[place + 1 :]])}")
    assert (after.next_level or 0) <= (before.next_level or 0)


@given(st.lists(st.sampled_from("NMST"), min_size=1, max_size=9))
def test_outcome_strings_count_grades(letters: list[str]) -> None:
    """The burden of a dose is the exact sum of its scores over that of a DLT."""
    design = make(METHOD, target=TARGET)
    trial = from_outcomes("3" + "".join(letters), design, design.outcomes)
    units, whole = burden_units(design.outcomes)
    burden = int(trial.last(5).tally.burden(units)[0, 2])
    scores = {"N": Fraction(0), "M": Fraction(1, 3), "S": Fraction(2, 3), "T": Fraction(1)}
    assert Fraction(burden, whole) == sum(scores[letter] for letter in letters)
