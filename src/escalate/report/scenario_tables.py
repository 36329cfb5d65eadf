"""Scenarios on the terminal: each with its MTD, and each family in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from escalate.core.scenario import Scenario
from escalate.core.scenario_files import ScenarioSet
from escalate.report.tables import _p
from escalate.report.whole_numbers import table as _table
from escalate.study.metrics import TOXIC, Truths

SHOWN = 20
FIXED = "fixed"
"""What scenarios without a family are called together."""


@dataclass(frozen=True)
class FamilyRow:
    """What the scenarios of one family have in common.

    Parameters
    ----------
    family
        Its name.
    number
        Of scenarios.
    mtd
        Share of scenarios with the MTD at each level; where several levels are equally near, each has its part.
    no_mtd
        Share of scenarios without MTD.
    mean_gap
        Mean difference in DLT probability between the level nearest to the target and its neighbours.
    mean_p
        Mean DLT probability of the level nearest to the target, where that is the MTD.
    """

    family: str
    number: int
    mtd: tuple[float, ...]
    no_mtd: float
    mean_gap: float
    mean_p: float


def mtd_levels(scenario: Scenario, target: float) -> list[int]:
    """Return the levels nearest to a target, or none where all are toxic: level 1 above 1.4 times the target.

    Examples
    --------
    >>> mtd_levels(Scenario(name="a", dlt=(0.1, 0.3, 0.5)), 0.3)
    [2]
    """
    truth = Truths.of(np.array([scenario.dlt]), target)
    return [] if truth.no_mtd[0] else [int(dose) + 1 for dose in np.flatnonzero(truth.mtd[0])]


def by_family(scenarios: Sequence[Scenario], target: float) -> list[FamilyRow]:
    """Return one row a family, in the order of the scenarios."""
    families: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        families.setdefault(scenario.family or FIXED, []).append(scenario)
    return [_row(family, members, target) for family, members in families.items()]


def _row(family: str, members: list[Scenario], target: float) -> FamilyRow:
    shares = np.zeros(max(len(scenario.dlt) for scenario in members))
    gaps: list[float] = []
    rates: list[float] = []
    for scenario in members:
        found = mtd_levels(scenario, target)
        if found:
            mtd = found[0] - 1
            shares[[level - 1 for level in found]] += 1 / len(found)
            rates.append(scenario.dlt[mtd])
            gaps += [
                float(abs(x - scenario.dlt[mtd]))
                for x in (*scenario.dlt[max(mtd - 1, 0) : mtd], *scenario.dlt[mtd + 1 : mtd + 2])
            ]
    shares /= len(members)
    return FamilyRow(
        family=family,
        number=len(members),
        mtd=tuple(shares.tolist()),
        no_mtd=1 - len(rates) / len(members),
        mean_gap=float(np.mean(gaps)) if gaps else nan,
        mean_p=float(np.mean(rates)) if rates else nan,
    )


def scenarios(found: ScenarioSet, target: float | None) -> RenderableType:
    """Return the first scenarios, how many more there are, and the families."""
    widest = max(len(scenario.dlt) for scenario in found.scenarios)
    levels = [str(level) for level in range(1, widest + 1)]
    made = _table("scenario", "family", *levels, *([f"MTD at {target:g}"] if target is not None else []))
    made.columns[1].justify = "left"
    for scenario in found.scenarios[:SHOWN]:
        rates = [_p(p) for p in scenario.dlt] + [""] * (widest - len(scenario.dlt))
        mtd = [_mtd(scenario, target)] if target is not None else []
        made.add_row(scenario.name, scenario.family or FIXED, *rates, *mtd)
    more = len(found.scenarios) - SHOWN
    parts: list[RenderableType] = [Text(found.title or "Scenarios: DLT probability by level", style="bold"), made]
    if more > 0:
        parts.append(Text(f"... and {more:,} more"))
    if target is None:
        parts.append(Text("The MTD is not shown, as there is no one target; give it with --target."))
    else:
        parts += [_families(by_family(found.scenarios, target), levels, target)]
    return Group(*parts)


def _mtd(scenario: Scenario, target: float) -> str:
    return ", ".join(map(str, mtd_levels(scenario, target))) or "none"


def _families(rows: list[FamilyRow], levels: list[str], target: float) -> RenderableType:
    head = [*(f"MTD at {level}" for level in levels), "no MTD", "mean gap", "mean p at MTD"]
    made = _table("family", "scenarios", *head)
    for row in rows:
        shares = [_p(share) for share in row.mtd] + [""] * (len(levels) - len(row.mtd))
        made.add_row(row.family, f"{row.number:,}", *shares, _p(row.no_mtd), _p(row.mean_gap, 4), _p(row.mean_p, 4))
    note = (
        f"The MTD is the level nearest to {target:g}; there is none where level 1 is above {TOXIC:g} times that. The gap is the "
        "difference between the MTD and its neighbours."
    )
    return Group(made, Text(note))
