"""Two designs side by side: settings, tables, and where they part, against every outcome asked one by one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from escalate.core.design import Design
from escalate.core.files import load_design
from escalate.study.diff import diff
from escalate.study.recommend import Recommendation, recommend
from tests.helpers import ROOT

SMALL: dict[str, Any] = {
    "title": "small",
    "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)},
    "target": 0.3,
    "cohort_size": 3,
    "max_patients": 9,
    "method": {"kind": "boin"},
}


def design(**changes: Any) -> Design:
    """Return the small design with some settings changed."""
    return Design.from_dict({**SMALL, **changes})


PAIRS = {
    "targets": (design(), design(target=0.25)),
    "elimination": (design(), design(rules=[{"kind": "eliminate", "cutoff": 0.8, "min_patients": 3}])),
    "methods": (design(), design(method={"kind": "three_plus_three"}, rules=[])),
    "model": (
        design(),
        design(
            method={"kind": "crm", "skeleton": {"half_width": 0.06, "prior_mtd": 2}, "estimate": "plug_in"},
            rules=[{"kind": "no_skipping", "from": "last"}],
        ),
    ),
    "one by one": (design(cohort_size=1, max_patients=6), design(cohort_size=1, max_patients=6, target=0.2)),
    "stable": (design(), design(rules=[{"kind": "eliminate"}, {"kind": "stop_when_stable", "cohorts": 2}])),
    "bound": (design(), design(method={"kind": "boin", "bound_mtd": True})),
}


def answer(found: Recommendation) -> tuple[object, ...]:
    """Return what two designs must share: level, size, and the MTD of a trial that stops."""
    return found.next_level, found.next_cohort_size, found.mtd_level


def apart(first: Design, second: Design, said: str = "") -> list[str]:
    """Return every outcome string after which two designs part, by asking `recommend` for each."""
    one, other = recommend(first, said or None), recommend(second, said or None)
    if answer(one) != answer(other):
        return [said]
    if one.next_level is None:
        return []
    size = one.next_cohort_size or 0
    longer = (f"{said} {one.next_level}{'N' * (size - dlts)}{'T' * dlts}".strip() for dlts in range(size + 1))
    return [found for text in longer for found in apart(first, second, text)]


def patients(said: str) -> int:
    """Return how many patients an outcome string has."""
    return sum(said.count(letter) for letter in "NT")


@pytest.mark.parametrize("name", PAIRS)
def test_separating_outcomes_are_those_of_every_string(name: str) -> None:
    """The strings given are among those at which `recommend` first differs, as short as these get; none where none differs."""
    first, second = PAIRS[name]
    every = apart(first, second)
    found = diff(first, second, strings=1000)
    given = [separation.outcomes for separation in found.separations]
    assert set(given) <= set(every)
    assert bool(given) == bool(every)
    assert found.differing == len(given)
    if every:
        assert patients(given[0]) == min(map(patients, every))
    assert all(one.patients <= other.patients for one, other in pairwise(found.separations))
    # Strings with the same tally and last cohort may be merged, so that every length that occurs is there.
    assert {patients(said) for said in given} == {patients(said) for said in every}


@pytest.mark.parametrize("name", PAIRS)
def test_answers_are_those_of_recommend(name: str) -> None:
    """Each separation holds both designs' own recommendations, and names what differs."""
    for separation in diff(*PAIRS[name]).separations:
        one, other = separation.first, separation.second
        differs = {
            "next_level": one.next_level != other.next_level and None not in (one.next_level, other.next_level),
            "cohort_size": one.next_level == other.next_level and one.next_cohort_size != other.next_cohort_size,
            "stop": (one.next_level is None) != (other.next_level is None),
            "mtd": one.next_level is None and other.next_level is None and one.mtd_level != other.mtd_level,
        }
        assert differs[separation.what]


def test_a_design_is_the_same_as_itself() -> None:
    """No setting, row or decision of a design differs from its own, and swapping two designs swaps the answers."""
    found = diff(design(), design())
    assert (found.settings, found.rows, found.differing, found.same_decisions) == ((), (), 0, True)
    there, back = diff(*PAIRS["targets"]), diff(*reversed(PAIRS["targets"]))
    assert (there.compared, there.differing) == (back.compared, back.differing)
    assert [s.outcomes for s in there.separations] == [s.outcomes for s in back.separations]


def test_settings_are_named_as_in_a_file() -> None:
    """A setting goes by its place in a file, a rule by its kind wherever it stands, and an absent one is None."""
    eliminate, stop = {"kind": "eliminate"}, {"kind": "stop_at_patients_at_dose", "patients": 6}
    found = diff(design(rules=[eliminate, stop]), design(rules=[{**stop, "patients": 9}, eliminate], max_patients=12))
    named = {each.field: (each.first, each.second) for each in found.settings}
    assert named == {"max_patients": (9, 12), "rules.stop_at_patients_at_dose.patients": (6, 9)}
    found = diff(design(rules=[eliminate]), design(rules=[]))
    assert [(each.field, each.second) for each in found.settings] == [("rules.eliminate", None)]


def test_rows_of_the_table() -> None:
    """Keyboard and BOIN at target 30% share their tables up to 13 patients; the first row that differs is that of 14."""
    found = diff(*(load_design(ROOT / "designs" / f"{name}.yaml") for name in ("boin", "keyboard")))
    assert found.rows[0].patients == 14
    assert found.rows[0].first is not None
    assert found.rows[0].second is not None
    assert (found.rows[0].first.deescalate_if_dlts_at_least, found.rows[0].second.deescalate_if_dlts_at_least) == (6, 5)


def test_before_the_first_patient() -> None:
    """Another start level or first cohort separates designs before any patient."""
    for changed in (design(start_level=2), design(cohort_size=1)):
        (separation,) = diff(design(), changed).separations
        assert (separation.outcomes, separation.patients) == ("", 0)


def test_what_cannot_be_compared() -> None:
    """Other numbers of levels and other grades of outcomes are said; the settings are compared all the same."""
    fewer = design(doses={"unit": "mg", "levels": (10.0, 20.0)})
    found = diff(design(), fewer)
    assert found.not_compared is not None
    assert "3 and 2 dose levels" in found.not_compared
    assert not found.same_decisions
    graded = load_design(ROOT / "designs" / "gboin.yaml")
    same_levels = design(doses=graded.doses.model_dump())
    found = diff(same_levels, graded)
    assert found.not_compared is not None
    assert "grade outcomes differently" in found.not_compared


def test_a_comparison_that_is_cut_says_so() -> None:
    """Where there are more situations than the limit, it says up to how many patients it compared, and vouches for no more."""
    found = diff(design(max_patients=30), design(max_patients=30), limit=50)
    assert found.up_to is not None
    assert 0 < found.up_to < 30
    assert not found.same_decisions


def test_other_amounts_are_other_decisions() -> None:
    """Where a level is another amount, decisions by level may agree, and the designs do not do the same all the same."""
    found = diff(design(), design(doses={"unit": "mg", "levels": (12.0, 20.0, 40.0)}))
    assert (found.differing, found.same_doses, found.same_decisions) == (0, False, False)


def test_decisions_on_pending_outcomes_are_not_vouched_for() -> None:
    """Late-onset designs that agree on complete data and differ otherwise are not the same; a title makes no difference."""
    late = load_design(ROOT / "designs" / "late-onset" / "tite_boin.yaml")
    data = late.to_dict()
    other = Design.from_dict({**data, "dlt_window": 42})
    found = diff(late, other)
    assert (found.differing, found.pending_left_out, found.same_decisions) == (0, True, False)
    assert diff(late, Design.from_dict({**data, "title": "another"})).same_decisions
