"""The study of nodes against NUTS: what it found, and that its page says so."""

from __future__ import annotations

import json
from math import sqrt

import pytest

import escalate as esc
from tests.helpers import ROOT

HERE = ROOT / "simulations" / "blrm-nuts"
FOUND = json.loads((HERE / "result.json").read_text())


def test_exact_shares_are_those_of_today() -> None:
    """The characteristics in the file are what the design gives."""
    design = esc.load_design(HERE / "design.yaml")
    scenarios = esc.load_scenarios(HERE / "scenario.yaml", [design])
    frame = esc.simulate([design], scenarios, exact=True).to_frame()
    for metric in ("selected", "patients"):
        rows = frame[(frame.metric == metric) & frame.level.notna()]
        assert rows.value.tolist() == pytest.approx(FOUND[f"exact_{metric}"], abs=1e-6)


def test_trials_by_nuts_end_as_the_design_says() -> None:
    """200 trials decided by NUTS: each share within 4 Monte-Carlo errors of the exact one."""
    assert FOUND["trials"] == 200
    for share, exact in zip(FOUND["selected"], FOUND["exact_selected"], strict=True):
        assert abs(share - exact) <= 4 * sqrt(max(exact * (1 - exact), 1 / 200) / 200)


def test_where_they_part_the_decision_is_close_and_more_draws_agree() -> None:
    """Each parting is within what 2,000 draws can miss; with 12,000 draws all but those closer than 0.002 agree."""
    for one in FOUND["apart"]:
        assert one["margin"] < 0.04
        assert one["by_long_nuts"] == one["by_nodes"] or one["margin"] < 0.002


def test_page_says_what_was_found() -> None:
    """Numbers of the README."""
    page = (HERE / "README.md").read_text()
    apart = FOUND["apart"]
    agreed = sum(one["by_long_nuts"] == one["by_nodes"] for one in apart)
    assert f"{FOUND['decisions']:,}, of {FOUND['different_tallies']} different tallies" in page
    assert f"In {len(apart)} of the {FOUND['decisions']:,} decisions" in page
    assert f"in {agreed} of the {len(apart)} it then" in " ".join(page.split())
    assert f"at most {max(one['margin'] for one in apart):.3f} in a probability" in page
