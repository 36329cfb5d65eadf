"""What the pages explain: heads on paper, how numbers come about, and days that can be looked at."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from tests.helpers import ROOT
from tests.web import client
from tests.web.pages_story import T, first_cohort, state, words

pytestmark = pytest.mark.usefixtures("fresh")


def page(who: str, address: str = T) -> str:
    response = client.browser(who).get(address)
    assert response.status_code == 200
    return words(response)


def entry() -> int:
    return int(state().last.number)


def test_every_page_of_the_pack_has_its_name() -> None:
    """Trial, head of the record and time stand in a head that repeats on paper."""
    first_cohort()
    content = client.browser("vera").get(f"{T}pack").content.decode()
    head = re.search(r'<table class="paged" role="presentation">\s*<thead[^>]*>(.*?)</thead>', content, re.DOTALL)
    assert head is not None
    for part in (client.TRIAL, state().title, f"entry {entry()}", state().head[:16], "printed"):
        assert part in head[1]


def test_estimates_and_probabilities_are_explained() -> None:
    """The table says how its estimates come about, and which probability the rule goes by."""
    first_cohort()
    seen = page("vera")
    assert "isotonic regression" in seen
    assert "quote for the rule eliminate is another" in seen


def test_an_overdose_of_graded_outcomes_is_a_score() -> None:
    """Of a design with scores the dose table speaks of the mean score."""
    _open("graded", "gboin.yaml")
    fields: dict[str, Any] = {"cohort": "1", "level": "1", "rows": "3"}
    for k, letter in enumerate("NMN", start=1):
        fields |= {f"p{k}-patient": f"0{k}", f"p{k}-outcome": letter, f"p{k}-evaluable": "1"}
    assert client.send(client.browser("sofi"), "/trials/graded/enter", fields).status_code == 303
    seen = page("sofi", "/trials/graded/")
    assert "Overdose is a mean score, as a part of a DLT's, above 0.3" in seen
    assert "Overdose is a DLT probability" not in seen


def test_an_earlier_day_that_cannot_be_looked_at_says_so() -> None:
    """Where the record holds later follow-up, the page names the first day that can be looked at, and looks at today."""
    _open("dated", "late-onset/tvec-liver-tite-boin.yaml")
    today = date.today()
    fields: dict[str, Any] = {"cohort": "1", "level": "1", "rows": "3"}
    for k in range(1, 4):
        fields |= {f"p{k}-patient": f"0{k}", f"p{k}-treated": str(today - timedelta(40 - k)), f"p{k}-evaluable": "1"}
        fields |= {f"p{k}-last_follow_up": str(today - timedelta(days=30))}
    assert client.send(client.browser("sofi"), "/trials/dated/enter", fields).status_code == 303
    first = today - timedelta(days=30)
    early = today - timedelta(days=35)
    seen = page("sofi", f"/trials/dated/?as_of={early}")
    assert f"{first} is the first day that can be looked at" in seen
    assert "Nobody is pending" not in seen
    assert "--as-of" not in seen
    assert "can be looked at; today is" not in page("sofi", f"/trials/dated/?as_of={first}")
    assert f"From {first} on" in page("sofi", "/trials/dated/")


def _open(name: str, design: str) -> None:
    from escalate.conduct import opening
    from escalate.conduct.actor import Actor
    from escalate.conduct.design_lock import lock

    leader = Actor("lead", "tests", everywhere=True)
    opening.open_trial(name, lock(str(ROOT / "designs" / design)), leader)
    opening.give_roles(name, "sofi", ("site", "statistician", "chair"), leader)
