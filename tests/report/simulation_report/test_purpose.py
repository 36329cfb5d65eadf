"""The summary never calls a design better by less than one percentage point or twice the error of the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from escalate.core.files import load_design, load_scenarios, read_design
from escalate.core.scenario import Scenario
from escalate.core.scenario_files import generate
from escalate.methods.constant import Constant
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


def two(first: dict[str, Any], second: dict[str, Any], truths: tuple[Scenario, ...]) -> Subject:
    """Return an exact study of two BOIN designs with other settings."""
    base = read_design(ROOT / PATHS[0])
    made = [
        base.design.model_copy(update={"title": title, **each}) for title, each in (("one", first), ("other", second))
    ]
    return Subject(simulate(made, truths), (base, base))


def test_designs_of_other_targets_are_not_ranked() -> None:
    """No design is right more often where what is right differs; why is said, and each design keeps its own numbers."""
    truths = tuple(load_scenarios(ROOT / TRUTHS)[:3])
    text = said(two({"target": 0.2}, {"target": 0.3}, truths))
    assert "The designs are not ranked: their targets differ (one 20% and other 30%), so that a level" in text
    assert not any(words in text for words in ("most often", "more often", "ahead of"))
    assert "one selects correctly in" in text
    assert "not ranked" not in said(two({}, {"start_level": 2}, truths))


def test_nor_on_average() -> None:
    """The same over many scenarios."""
    drawn = generate("paoletti", target=0.3, doses=5, gap=0.1, count=30)
    text = said(two({"target": 0.2}, {"target": 0.3}, tuple(drawn)))
    assert "The designs are not ranked: their targets differ" in text
    assert "most often" not in text


def test_alike_is_by_level_too() -> None:
    """Two designs at different levels, equally toxic, have the same totals; they are not alike, for they select other levels."""
    truth = (Scenario(name="two alike", dlt=(0.1, 0.1, 0.3, 0.4, 0.5)),)
    base, files = load_design(ROOT / PATHS[0]), (read_design(ROOT / PATHS[0]),) * 2
    one, other, again = (
        base.model_copy(update={"title": title, "start_level": level, "rules": (), "method": Constant(level=level)})
        for title, level in (("one", 1), ("other", 2), ("again", 1))
    )
    found = simulate([one, other], truth)
    first, second = (result.scalars for result in found.designs)
    assert all(np.array_equal(first[metric][0], second[metric][0], equal_nan=True) for metric in first)
    assert "behave alike" not in said(Subject(found, files))
    assert "one and again behave alike" in said(Subject(simulate([one, again], truth), files))
