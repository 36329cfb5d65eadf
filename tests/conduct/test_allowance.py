"""Who may be treated now: what was decided, as far as what became known since leaves it standing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from escalate.conduct import deciding, entering, opening, store
from escalate.conduct.allowance import allowance
from escalate.conduct.bodies import PatientRow
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import RecordError
from tests.conduct.acting import ana
from tests.helpers import ROOT

LATE = str(ROOT / "designs" / "late-onset" / "tvec-liver-tite-boin.yaml")


def dated(number: int, cohort: int, level: int, days_ago: int, **more: object) -> PatientRow:
    """Return a patient treated so many days ago."""
    treated = (date.today() - timedelta(days=days_ago)).isoformat()
    return PatientRow.model_validate(
        {"patient": f"{number:03d}", "cohort": cohort, "level": level, "treated": treated, **more}
    )


def ago(days: int) -> str:
    """Return the day so many days ago."""
    return (date.today() - timedelta(days=days)).isoformat()


def test_a_dlt_in_mid_cohort_ends_what_was_decided(record: str) -> None:
    """Where the design asks for less by now, nobody more is treated on the decision; where it does not, the cohort goes on."""
    opening.open_trial("t", lock(LATE), ana)
    entering.enter("t", [dated(k, 1, 1, 90, last_follow_up=ago(1)) for k in (1, 2, 3)], ana)
    deciding.decide("t", "accept", ana)
    entering.enter("t", [dated(4, 2, 2, 20), dated(5, 2, 2, 20)], ana)
    assert (allowance(store.load("t")).level, allowance(store.load("t")).patients) == (2, 1)
    entering.amend("t", "004", {"dlt_date": ago(3)}, ana)
    entering.amend("t", "005", {"dlt_date": ago(2)}, ana)
    found = allowance(store.load("t"))
    assert (found.level, found.patients) == (None, 0)
    assert "is overtaken: the design recommends level 1 by now; decide again" in str(found.why_none)
    with pytest.raises(RecordError, match="is overtaken"):
        entering.enter("t", [dated(6, 2, 2, 1)], ana)


def test_cohorts_keep_their_order(record: str) -> None:
    """A correction cannot make another cohort the last one, on which the design decides."""
    opening.open_trial("t", lock(str(ROOT / "designs" / "tvec-liver-boin.yaml")), ana)
    rows = [PatientRow(patient=f"{k:03d}", cohort=1, level=1, dlt=False) for k in (1, 2, 3)]
    entering.enter("t", rows, ana)
    deciding.decide("t", "accept", ana)
    entering.enter("t", [PatientRow(patient="004", cohort=2, level=2, dlt=True)], ana)
    with pytest.raises(RecordError, match="cohorts keep their order"):
        entering.amend("t", "001", {"cohort": 9}, ana, reason="moved")
    assert store.load("t").patients["001"].row.cohort == 1
