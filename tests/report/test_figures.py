"""Pictures of operating characteristics: what is shaded and named is true, and all text can be read."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import escalate as esc
from escalate.report import figures
from tests.helpers import ROOT, make
from tests.report.reading import check_readable

LONG = "A very long title of a design, with the number of its protocol XYZ-123-456 and of its seventh amendment"
LONG += ", and a few words more than anybody needs"
NAME = "a scenario with a name of more than eighty letters that says what a sponsor thinks of it"
METHODS = ("boin", "mtpi", "mtpi2", "tpi", "keyboard", "i3p3", "ccd", "three_plus_three")


def _scenario(*dlt: float, name: str = "a") -> esc.Scenario:
    return esc.Scenario(name=name, dlt=dlt)


def _simulated(designs: int, n_doses: int, title: str) -> Figure:
    made = [make({"kind": kind}, n_doses, max_patients=6, title=f"{kind} {title}") for kind in METHODS[:designs]]
    rates = [round(0.0456789 * (j + 1), 7) for j in range(n_doses)]
    return figures.simulation(
        esc.simulate(made, [_scenario(*rates, name=name) for name in (NAME, "short")], exact=True)
    )


def _shaded(ax: Axes) -> list[float]:
    """Return the levels that are shaded, 0 for 'none'."""
    return sorted(p.get_x() + 0.5 for p in ax.patches if isinstance(p, Rectangle) and p.get_zorder() == 0)


@pytest.mark.parametrize("title", ["short", LONG], ids=["short", "long"])
@pytest.mark.parametrize("n_doses", [3, 5, 10])
@pytest.mark.parametrize("designs", [1, 3, 8])
def test_simulation_can_be_read(designs: int, n_doses: int, title: str) -> None:
    """Nothing is cut and no text touches another, with one design or many, few doses or many, and long names."""
    check_readable(_simulated(designs, n_doses, title))


def test_designs_can_be_told_apart_in_grey() -> None:
    """Eight designs have eight hatches."""
    assert len({bars[0].get_hatch() for bars in _simulated(8, 3, "x").axes[0].containers}) == 8


@pytest.mark.parametrize(
    ("dlt", "levels"),
    [((0.1, 0.3, 0.5), [2]), ((0.1, 0.3, 0.3), [2, 3]), ((0.2, 0.4, 0.6), [1, 2]), ((0.5, 0.6, 0.7), [0])],
    ids=["one", "plateau", "equally near", "none"],
)
def test_every_mtd_is_shaded(dlt: tuple[float, ...], levels: list[int]) -> None:
    """All levels nearest to the target are shaded; where level 1 is toxic, 'none' is, and no level."""
    found = esc.simulate([make({"kind": "boin"}, 3, max_patients=6)], [_scenario(*dlt)], exact=True)
    selected, patients = figures.simulation(found).axes
    assert _shaded(selected) == levels
    assert _shaded(patients) == [level for level in levels if level]


def test_graded_outcomes_are_judged_by_their_score() -> None:
    """The MTD of a design with scores is the level whose mean score is nearest to the target; both truths are named."""
    design = esc.load_design(ROOT / "designs" / "gboin.yaml")
    scenarios = esc.load_scenarios(ROOT / "simulations" / "scenarios" / "five-doses-graded.yaml")
    axes = figures.simulation(esc.simulate([design], scenarios, exact=True)).axes
    assert [_shaded(ax) for ax in axes[::2]] == [[1], [3], [5], [0]]
    assert [label.get_text() for label in axes[2].get_xticklabels()][3] == "3\n0.18\n0.3"
    assert axes[2].get_xlabel() == "level, and below it the true DLT probability and mean score"
