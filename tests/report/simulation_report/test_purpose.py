"""The summary never calls a design better by less than one percentage point or twice the error of the difference."""

from __future__ import annotations

import pytest

from escalate.core.files import load_scenarios, read_design
from escalate.core.scenario_files import generate
from escalate.report.documents.blocks import Document
from escalate.report.simulation_report import Subject
from escalate.report.simulation_report.purpose import CLEAR, purpose, tied_on_average, tied_with_best
from escalate.study.simulate import simulate
from tests.helpers import ROOT

PATHS = tuple(f"designs/{name}.yaml" for name in ("boin", "keyboard", "ccd", "three_plus_three"))
TRUTHS = "simulations/scenarios/five-doses.yaml"


def study(trials: int | None, paths: tuple[str, ...] = PATHS) -> Subject:
    """Return a study of several designs."""
    files = tuple(read_design(ROOT / path) for path in paths)
    designs = [file.design for file in files]
    return Subject(simulate(designs, load_scenarios(ROOT / TRUTHS, designs), trials=trials), files)


def said(subject: Subject) -> str:
    """Return the text of the section."""
    return "\n".join(Document("simulation", "", "", tuple(purpose(subject))).texts())


@pytest.mark.parametrize("trials", [50, 2000, None])
def test_better_only_where_separable(trials: int | None) -> None:
    """A design left out of the best is worse by more than both limits; one among them is not."""
    subject = study(trials)
    comparison = subject.found.comparison
    assert comparison is not None
    m = comparison.metrics.index("pcs")
    for v in range(len(subject.scenarios)):
        best, tied = tied_with_best(subject, v)
        for d in range(len(subject.designs)):
            gaps, errors = comparison.differences(best, d)
            clear = gaps[m, v] > CLEAR and gaps[m, v] > 2 * errors[m, v]
            assert (d not in tied) == bool(clear)
            assert gaps[m, v] >= 0


def test_designs_that_behave_alike() -> None:
    """Designs with the same results are said to be alike, and neither is called better."""
    text = said(study(None))
    assert "boin and keyboard behave alike: every number" in text
    alone = said(study(None, PATHS[:2]))
    assert "most often, in" not in alone
    assert alone.count("no design is clearly right more often") == 7


def test_clear_differences_are_said() -> None:
    """Where a design is clearly right most often it is named, with its share of the trials."""
    subject = study(None, (PATHS[0], PATHS[3]))
    text = said(subject)
    pcs = [100 * float(result.scalars["pcs"][0][2]) for result in subject.found.designs]
    name = subject.names[0]
    assert f"Under 'MTD at level 3' {name} is right most often, in {pcs[0]:.1f}% of the trials, ahead of" in text
    assert f"({pcs[1]:.1f}%)" in text


def test_on_average_too() -> None:
    """Over many scenarios the best on average is called so only where it exceeds both limits."""
    files = tuple(read_design(ROOT / path) for path in PATHS)
    designs = [file.design for file in files]
    drawn = generate("paoletti", target=0.3, doses=5, gap=0.1, count=30)
    subject = Subject(simulate(designs, drawn), files)
    comparison = subject.found.comparison
    assert comparison is not None
    top = tied_on_average(subject)
    for d in range(len(designs)):
        gap, error = comparison.families[0].difference(top[0], "pcs", d)
        assert (d not in top) == (gap > CLEAR and gap > 2 * error)
    assert subject.names[3] not in said(subject).rpartition("On average")[2]


def test_one_design_has_no_best() -> None:
    """The summary of one design compares it with nothing."""
    text = said(study(200, PATHS[:1]))
    assert "most often" not in text
    assert "200 random trials" in text
