"""Trials that departed from their design, and data that could be misread: never a higher dose for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.patients import read_patients
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.2, 0.3, 0.4], "estimate": "plug_in", "mtd_among": "all"}


@pytest.mark.parametrize(
    ("outcomes", "action", "level"),
    [
        ("1NNN 2NTT 3NNN", "de-escalate", 1),
        ("1NTT 2NNN", "stop", None),
        ("1NNN 2NNN 3NTT 2NTT 3NTT", "de-escalate", 1),
    ],
)
def test_three_plus_three_never_passes_a_toxic_dose(outcomes: str, action: str, level: int | None) -> None:
    """Two DLTs at any dose at or below the current one are too many, whoever went on above it."""
    found = esc.recommend(make({"kind": "three_plus_three"}, 5), outcomes)
    assert (found.action, found.next_level) == (action, level)


def test_barred_dose_is_no_mtd_even_untried() -> None:
    """With `mtd_among: all` and a start above level 1, a safety rule bars the untried level 1 too."""
    rules = ({"kind": "lowest_dose_too_toxic", "cutoff": 0.6},)
    found = esc.recommend(make(CRM, 3, start_level=2, rules=rules), "2TTT")
    assert (found.action, found.mtd_level) == ("stop", None)


def test_a_prior_alone_stops_no_trial() -> None:
    """The beta-binomial rule waits for a patient at level 1."""
    rules = ({"kind": "lowest_dose_too_toxic", "cutoff": 0.6, "basis": "beta_binomial"},)
    assert esc.recommend(make({"kind": "boin"}, 3, start_level=2, rules=rules), "2NNN").next_level == 3


def _csv(folder: Path, text: str, levels: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)) -> Any:
    (folder / "p.csv").write_text(text)
    design = make({"kind": "boin"}, doses={"unit": "mg", "levels": levels})
    return read_patients(folder / "p.csv", design)


def test_a_dlt_makes_a_patient_evaluable(tmp_path: Path) -> None:
    """A DLT marked as not evaluable is refused, not dropped."""
    with pytest.raises(esc.DataError, match=r"p\.csv:2 evaluable: patient 'a' had a DLT"):
        _csv(tmp_path, "patient,cohort,level,dlt,evaluable\na,1,1,1,0\n")


def test_a_thousands_comma_is_refused(tmp_path: Path) -> None:
    """1,000 mg could be 1 or 1000: two doses of this design."""
    with pytest.raises(esc.DataError, match="can be read in two ways"):
        _csv(tmp_path, 'patient,cohort,dose,dlt\na,1,"1,000",0\n')
    assert _csv(tmp_path, "patient;cohort;dose;dlt\na;1;2,5;0\n", (1.0, 2.5)).cohorts[0].dose == 1


def test_model_that_cannot_be_resolved_is_refused() -> None:
    """Never a recommendation from nodes that did not settle."""
    method = {
        "kind": "crm",
        "model": "logistic",
        "skeleton": [1e-6, 0.2, 0.9],
        "prior_sd": 30.0,
        "intercept": 20.0,
        "estimate": "mean",
    }
    design = make(method, 3, max_patients=1000)
    with pytest.raises(esc.NotConverged, match=r"method\.prior_sd"):
        esc.recommend(design, "1NNN")


def test_labels_near_zero() -> None:
    """A skeleton that almost reaches 1: 0/30 DLTs at the top level lower its estimate, as a wider grid confirms."""
    method = {"kind": "crm", "skeleton": [0.4, 0.999999], "estimate": "mean", "prior_sd": 1.0}
    design = make(method, 2, max_patients=500)
    found = esc.recommend(design, f"2{'N' * 499}T")
    assert found.doses[1].estimate == pytest.approx(0.0087, abs=0.0005)


def test_memory_is_bounded_before_it_is_taken() -> None:
    """Twenty doses in cohorts of twenty: refused at once, not by the operating system."""
    design = make({"kind": "boin"}, 20, cohort_size=20, max_patients=1000)
    with pytest.raises(esc.TooLargeError, match="reachable states"):
        esc.simulate([design], [esc.Scenario(name="a", dlt=tuple(k / 25 for k in range(1, 21)))], exact=True)
