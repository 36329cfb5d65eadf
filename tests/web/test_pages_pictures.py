"""The pictures of a trial on their own page: paths ahead, and patients day by day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from tests.helpers import ROOT
from tests.web import client
from tests.web.pages_story import T, cohort, enter, first_cohort, words


def _drawings(address: str) -> list[str]:
    response = client.browser("vera").get(address)
    assert response.status_code == 200
    return re.findall(r"<svg.*?</svg>", response.content.decode(), flags=re.DOTALL)


def test_the_paths_ahead(fresh: Path) -> None:
    """Whoever may see the trial finds the tree of the next cohorts, linked from its page, in words beside it."""
    first_cohort()
    page = client.browser("vera").get(T)
    assert f'href="{T}pictures"' in page.content.decode()
    (drawing,) = _drawings(f"{T}pictures")
    assert "style=" not in drawing
    assert 'id="paths-' in drawing
    assert "Next: 3 patients at level 2. DLTs of patients: 0/3 (" in words(client.browser("vera").get(f"{T}pictures"))


def test_a_cohort_that_waits(fresh: Path) -> None:
    """While an outcome is missing nothing is drawn, and the page says what is missing."""
    enter("sofi", cohort(1, 1, [("01", "0"), ("02", "0"), ("03", "")]))
    assert _drawings(f"{T}pictures") == []
    assert "No pictures" in words(client.browser("vera").get(f"{T}pictures"))


def test_patients_day_by_day(fresh: Path) -> None:
    """In a trial with dates each patient has a bar up to the day looked at, and paths are not drawn."""
    from escalate.conduct import opening
    from escalate.conduct.actor import Actor
    from escalate.conduct.design_lock import lock

    lead = Actor("lead", "tests", everywhere=True)
    path = ROOT / "designs" / "late-onset" / "tvec-liver-tite-boin.yaml"
    opening.open_trial("dated", lock(str(path)), lead)
    opening.give_roles("dated", "sofi", ("site",), lead)
    opening.give_roles("dated", "vera", ("viewer",), lead)
    fields = cohort(1, 1, [("01", "0"), ("02", "0"), ("03", "0")])
    treated = (date.today() - timedelta(days=3)).isoformat()
    fields |= {f"p{k}-treated": treated for k in (1, 2, 3)}
    client.send(client.browser("sofi"), "/trials/dated/enter", fields)
    (drawing,) = _drawings("/trials/dated/pictures")
    assert 'id="patients-' in drawing
    said = words(client.browser("vera").get("/trials/dated/pictures"))
    assert "3 patients (3 at level 1), 0 with a DLT, 3 still within the window" in said
    assert "outcomes come with time" in said
