"""Accelerated titration against the dossier's examples, and a recursion over three outcomes in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import pytest

import escalate as esc
from escalate.engine.automaton import compile_design
from escalate.methods.accelerated_titration import AcceleratedTitration
from escalate.study.characteristics import Characteristics
from escalate.study.simulate import simulate
from tests.helpers import ROOT, make

KIND: dict[str, Any] = {"kind": "accelerated_titration"}
DLT, MODERATE = (0.05, 0.15, 0.3, 0.45), (0.1, 0.2, 0.3, 0.3)


def _design(n_doses: int = 5, **method: Any) -> esc.Design:
    return make({**KIND, **method}, n_doses, max_patients=6 * n_doses)


def _next(design: esc.Design, outcomes: str) -> tuple[int | None, int | None, str]:
    found = esc.recommend(design, outcomes)
    return found.next_level, found.next_cohort_size, found.reasons[-1].code


@pytest.mark.parametrize(
    ("outcomes", "level", "size", "code"),
    [
        ("1N", 2, 1, "titrate"),
        ("1N 2M", 3, 1, "titrate"),
        # Dossier: (none), (grade 2), (grade 2): the trigger fires at level 3, two more there.
        ("1N 2M 3M", 3, 2, "complete_cohort"),
        ("1N 2M 3M 3NN", 4, 3, "escalate"),
        # Dossier: levels 1 and 2 clean, a DLT at level 3: two more there; 1/3, then 3+3 adds 3.
        ("1N 2N 3T", 3, 2, "complete_cohort"),
        ("1N 2N 3T 3NN", 3, 3, "stay"),
        ("1N 2N 3T 3NT", 2, 2, "de_escalate"),
        ("1N 2N 3T 3NT 2NN", 2, 3, "stay"),
        ("1N 2N 3T 3NT 2NN 2NNN", None, None, "mtd_established"),
        # The top level is reached without a trigger: its cohort is completed.
        ("1N 2N 3N 4N 5N", 5, 2, "complete_cohort"),
        ("1M 2N 3N 4N 5N 5MN", None, None, "mtd_established"),
        ("1T", 1, 2, "complete_cohort"),
        # One of the two was not evaluable: the 3+3 design completes the cohort.
        ("1N 2T 2N", 2, 1, "stay"),
    ],
)
def test_path(outcomes: str, level: int | None, size: int | None, code: str) -> None:
    """Source: dossier rule_based.md 4, examples and implementation."""
    assert _next(_design(), outcomes) == (level, size, code)


def test_step_and_cap() -> None:
    """Steps of two levels stop at the last one; above a cap whole cohorts begin, also where the first is cut short."""
    design = _design(6, step=2)
    assert [_next(design, text)[:2] for text in ("1N", "1N 3N", "1N 3N 5N")] == [(3, 1), (5, 1), (6, 1)]
    assert _next(design, "1N 3T") == (3, 2, "complete_cohort")
    assert _next(design, "1N 3T 3NN 3NNN") == (4, 3, "escalate")
    assert _next(design, "1N 3T 3NT") == (2, 3, "de_escalate")
    capped = _design(cap=2)
    assert _next(capped, "1N 2M") == (3, 3, "start_full_cohorts")
    assert _next(capped, "1N 2M 3N") == (3, 2, "complete_cohort")
    assert _next(capped, "1N 2M 3MMM") == (4, 3, "escalate")
    assert _next(capped, "1M 2M") == (2, 2, "complete_cohort")
    assert _next(_design(4, cap=3, step=2), "1N 3N") == (4, 3, "start_full_cohorts")


def test_moderate_to_stop() -> None:
    """One, two or three patients with moderate toxicity; a DLT always."""
    for needed in (1, 2, 3):
        design = _design(moderate_to_stop=needed)
        text = ["1M", "2M", "3M"][:needed]
        assert _next(design, " ".join(text)) == (needed, 2, "complete_cohort")
        if needed > 1:
            assert _next(design, " ".join(text[:-1])) == (needed, 1, "titrate")


@pytest.mark.parametrize(
    ("ratio", "amounts"),
    [
        (Fraction(7, 5), (100, 140, 196, 274.4, 384.16, 537.824)),
        (Fraction(2), (100, 200, 400, 800, 1600)),
    ],
)
def test_ladders(ratio: Fraction, amounts: tuple[float, ...]) -> None:
    """Source: dossier rule_based.md 4: 100 mg, steps of 40% and of 100%; two 40% steps are 96%, what step 2 stands for."""
    assert [float(100 * ratio**k) for k in range(len(amounts))] == list(amounts)
    design = make(KIND, max_patients=36, doses={"unit": "mg", "levels": tuple(map(float, amounts))})
    found = esc.recommend(design, " ".join(f"{level}N" for level in range(1, len(amounts))))
    assert found.next_amount == amounts[-1]
    assert Fraction(7, 5) ** 2 - 1 == Fraction(96, 100)


def test_example_design_is_on_the_ladder() -> None:
    """The example design is design 2: steps of 40%."""
    levels = esc.load_design(ROOT / "designs" / "accelerated_titration.yaml").doses.levels
    assert levels == pytest.approx([100 * 1.4**k for k in range(len(levels))], abs=1e-9)


def test_as_boin_completes_its_titration() -> None:
    """Source: BOIN's titration (dossier): where only a DLT ends it, the same levels and the same two patients more."""
    ours, boin = _design(moderate_to_stop=21), make({"kind": "boin", "titration": True}, max_patients=30)
    for outcomes in ("1N", "1N 2N", "1T", "1N 2N 3T", "1N 2N 3N 4N 5N"):
        assert _next(ours, outcomes)[:2] == _next(boin, outcomes)[:2]


Cohort = tuple[int, int, tuple[int, ...], tuple[int, ...]]


class _ByHand:
    """The design by recursion in fractions: titration, then the dossier's 3+3 table, variant B or C."""

    def __init__(self, dlt: tuple[Fraction, ...], moderate: tuple[Fraction, ...], **settings: Any) -> None:
        self.dlt, self.moderate, self.top = dlt, moderate, len(dlt) - 1
        self.step, self.needed = settings.get("step", 1), settings.get("moderate_to_stop", 2)
        self.six = settings.get("six_at_mtd", False)
        self.last = settings.get("cap", len(dlt)) - 1
        self.mtd = [Fraction(0)] * (len(dlt) + 1)
        self.patients = [Fraction(0)] * len(dlt)
        self.todo: dict[Cohort, Fraction] = {}

    def run(self) -> None:
        nothing = (0,) * len(self.dlt)
        self.titrate(0, nothing, nothing, 0, Fraction(1))
        while self.todo:
            cohort = min(self.todo, key=lambda each: sum(each[2]))
            self.treat(*cohort, self.todo.pop(cohort))

    def titrate(self, dose: int, n: tuple[int, ...], y: tuple[int, ...], moderate: int, mass: Fraction) -> None:
        self.patients[dose] += mass
        n = tuple(c + (j == dose) for j, c in enumerate(n))
        t, m = self.dlt[dose], self.moderate[dose]
        self.cohort(dose, 2, n, tuple(int(j == dose) for j in range(len(n))), mass * t)
        for worse, p in ((0, 1 - t - m), (1, m)):
            if moderate + worse >= self.needed:
                self.cohort(dose, 2, n, y, mass * p)
            elif dose < self.last:
                self.titrate(min(dose + self.step, self.last), n, y, moderate + worse, mass * p)
            elif dose == self.top:
                self.cohort(dose, 2, n, y, mass * p)
            else:
                self.cohort(dose + 1, 3, n, y, mass * p)

    def cohort(self, dose: int, m: int, n: tuple[int, ...], y: tuple[int, ...], mass: Fraction) -> None:
        key = (dose, m, n, y)
        self.todo[key] = self.todo.get(key, Fraction(0)) + mass

    def treat(self, dose: int, m: int, n: tuple[int, ...], y: tuple[int, ...], mass: Fraction) -> None:
        self.patients[dose] += m * mass
        for k in range(m + 1):
            p = self.dlt[dose]
            now_n = tuple(c + m * (j == dose) for j, c in enumerate(n))
            now_y = tuple(c + k * (j == dose) for j, c in enumerate(y))
            self.settle(dose, now_n, now_y, mass * comb(m, k) * p**k * (1 - p) ** (m - k))

    def settle(self, dose: int, n: tuple[int, ...], y: tuple[int, ...], mass: Fraction) -> None:
        above = dose < self.top and y[dose + 1] >= 2
        if y[dose] >= 2:
            if dose == 0 or n[dose - 1] == 6:
                self.mtd[dose] += mass
            else:
                self.cohort(dose - 1, 3 - n[dose - 1] % 3, n, y, mass)
        elif n[dose] == 3 and (y[dose] == 1 or above or (self.six and dose == self.top)):
            self.cohort(dose, 3, n, y, mass)
        elif dose == self.top or above:
            self.mtd[dose + 1] += mass
        else:
            self.cohort(dose + 1, 3, n, y, mass)


def _exact(design: esc.Design) -> Characteristics:
    n = design.n_doses
    scenario = esc.Scenario(name="truth", dlt=DLT[:n], outcomes={"M": MODERATE[:n]})
    return simulate([design], [scenario], exact=True).designs[0].characteristics


@pytest.mark.parametrize(
    "settings",
    [{}, {"step": 2}, {"cap": 2}, {"six_at_mtd": True}, {"moderate_to_stop": 1}, {"cap": 1, "six_at_mtd": True},
     {"step": 2, "cap": 3, "moderate_to_stop": 3}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("n_doses", [3, 4])
def test_exact_characteristics(settings: dict[str, Any], n_doses: int) -> None:
    """Source: a recursion over three outcomes in fractions; to 1e-13."""
    hand = _ByHand(
        tuple(Fraction(str(p)) for p in DLT[:n_doses]), tuple(Fraction(str(p)) for p in MODERATE[:n_doses]), **settings
    )
    hand.run()
    found = _exact(_design(n_doses, **settings))
    assert sum(hand.mtd) == 1
    selected = [found.value(0, "selected_none"), *(x for x, _ in found.of(0, "selected"))]
    assert selected == pytest.approx([float(p) for p in hand.mtd], abs=1e-13)
    assert [x for x, _ in found.of(0, "patients")] == pytest.approx([float(x) for x in hand.patients], abs=1e-13)


def test_a_level_that_one_patient_had_is_never_declared() -> None:
    """Over every reachable state the MTD has three patients at least; below a toxic level it has six."""
    end = compile_design(_design(3)).terminals
    for n, y, mtd in zip(end.tally.n, end.tally.dlt, end.selected, strict=True):
        if mtd >= 0:
            assert n[mtd] == (6 if (y >= 2).any() else n[mtd]) >= 3


def test_csv_takes_the_outcome(tmp_path: Any) -> None:
    """Patients are entered by letter or by name."""
    file = tmp_path / "p.csv"
    file.write_text("patient,cohort,level,outcome\na,1,1,N\nb,2,2,moderate toxicity\nc,3,3,m\n")
    design = _design()
    assert esc.recommend(design, esc.read_patients(file, design, design.outcomes)).next_cohort_size == 2


@pytest.mark.parametrize(
    ("method", "frame", "said"),
    [
        ({"deescalate": False}, {}, r"method\.deescalate: false would declare a level that a single patient had"),
        ({"cap": 6}, {}, r"method\.cap: level 6 does not exist"),
        ({"cap": 1}, {"start_level": 2}, r"method\.cap: level 1 is below start_level 2"),
        ({}, {"cohort_size": 2}, r"method\.kind: accelerated_titration goes over to cohorts of 3; cohort_size is 2"),
        ({"step": 0}, {}, r"method\.step"),
    ],
)
def test_what_cannot_be_is_refused(method: dict[str, Any], frame: dict[str, Any], said: str) -> None:
    """Each with its field."""
    with pytest.raises(esc.DesignError, match=said):
        make({**KIND, **method}, **{"max_patients": 30, **frame})


def test_doubts() -> None:
    """A short trial, and a step that a rule takes back."""
    design = make({**KIND, "step": 2}, 3, max_patients=15, rules=({"kind": "no_skipping"},))
    found = [finding.text for finding in esc.check(design).findings if finding.warning]
    assert any("below six a dose" in text for text in found)
    assert any(text.startswith("step: 2 skips levels") for text in found)
    assert esc.recommend(design, "1N").next_level == 2


def test_explanations() -> None:
    """What ended the titration, or why it goes on."""
    design = _design(cap=4)
    said = {text: esc.recommend(design, text).reasons[-1].text for text in ("1N 2M", "1N 2T", "1M 2M", "1N 2N 3N 4N")}
    assert said["1N 2M"] == (
        "Single patients up to level 2: no DLT and 1 patient with moderate toxicity so far, 2 patients would end it; "
        "titration goes on to level 3."
    )
    assert said["1N 2T"] == "Titration ended at level 2 (a DLT): its cohort is completed to 3 patients."
    assert said["1M 2M"].startswith("Titration ended at level 2 (2 patients with moderate toxicity)")
    assert said["1N 2N 3N 4N"].endswith("whole cohorts start at level 5.")
    assert AcceleratedTitration().default_max_patients(3) == 18
