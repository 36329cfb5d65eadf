"""What a trial can come to at a level."""

from __future__ import annotations

import pytest

from escalate.core.files import load_design
from escalate.study.reached import reached, visits
from escalate.study.reached_by_table import _alone, first_seen, spots, walked
from tests.helpers import ROOT, make

CRM = {"kind": "crm", "skeleton": [0.1, 0.3, 0.5], "estimate": "plug_in"}


def test_visits_follow_the_trial_without_a_dlt() -> None:
    """From the start level on; a level that needs two cohorts has both counted before the next."""
    assert [(visit.level, visit.before) for visit in visits(make(CRM, 3, start_level=2))] == [(2, {}), (3, {2: 3})]
    blrm = load_design(ROOT / "designs" / "blrm.yaml")
    assert visits(blrm)[3].before == {1: 3, 2: 3, 3: 9}


def test_a_level_is_followed_as_long_as_it_stays() -> None:
    """No cohort follows DLTs after which the level is left."""
    design = make(CRM, 3, target=0.3)
    seen = {(each.patients, each.dlts): each for each in reached(design, visits(design)[0], 2)}
    stays = {dlts for (n, dlts), each in seen.items() if n == 3 and "stay" in each.fates}
    assert {dlts for n, dlts in seen if n == 6} == {first + more for first in stays for more in range(4)}


@pytest.mark.parametrize("name", ["tvec-liver-boin", "tvec-liver-3plus3", "decision_table", "rolling_six", "mtpi"])
def test_a_level_by_itself_misses_nothing(name: str) -> None:
    """Where a trial has too many states to walk, each level by itself has all spots that the walk finds."""
    design = load_design(ROOT / "designs" / f"{name}.yaml")
    found = walked(design)
    assert found is not None
    assert set().union(*found.values()) <= set().union(*(_alone(design, dose) for dose in range(design.n_doses)))


def test_too_many_states() -> None:
    """A walk has a limit, and what is beyond it is still answered."""
    design = make({"kind": "boin"}, 5, max_patients=60, cohort_size=1)
    assert walked(design, 100) is None
    assert {n for n, _ in spots(design)[0]} >= {1, 2, 3}
    assert first_seen(design, 0) == {(1, 0), (1, 1)}
