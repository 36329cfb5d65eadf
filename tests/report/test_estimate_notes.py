"""What the numbers of a dose are, said where they are shown."""

from __future__ import annotations

import inspect

import pytest

from escalate import load_design
from escalate.report.estimate_notes import is_isotonic, overdose_words, probability_words, smoothing_words
from tests.helpers import ROOT, make

DESIGNS = ROOT / "designs"
NAMES = sorted(path.stem for path in DESIGNS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_smoothed_estimates_are_said_to_be(name: str) -> None:
    """The note stands under the estimates of every method that smooths rates, and of no other."""
    design = load_design(DESIGNS / f"{name}.yaml")
    smooths = "isotonic estimates" in (inspect.getdoc(type(design.method).summarise) or "")
    assert is_isotonic(design) == smooths
    assert ("isotonic regression" in smoothing_words(design)) == smooths


def test_two_probabilities_are_told_apart() -> None:
    """That of the table goes with the estimates, that of a rule is of one dose under its own prior; the model's is one alone."""
    said = probability_words(make({"kind": "boin"}))
    assert "Pr(overdose) goes with the estimates." in said
    assert "quote for the rule eliminate is another" in said
    assert "under a Beta(1, 1) prior" in said
    skeleton = {"half_width": 0.05, "prior_mtd": 3}
    model = make({"kind": "crm", "model": "power", "skeleton": skeleton, "estimate": "plug_in"}, rules=())
    assert probability_words(model) == ""
    assert smoothing_words(model) == ""


def test_an_overdose_of_scores_is_a_score() -> None:
    """Where outcomes are scored, an overdose is a mean score; else a DLT probability."""
    assert overdose_words(load_design(DESIGNS / "gboin.yaml")).startswith(
        "Overdose is a mean score, as a part of a DLT's, above 0.3"
    )
    assert overdose_words(make({"kind": "boin"})) == "Overdose is a DLT probability above 0.3."
