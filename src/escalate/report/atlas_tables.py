"""The safety atlas on the terminal: how many states of each kind, how likely a trial is to meet one, and trials that do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, log10
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.core.outcome import BINARY
from escalate.report.whole_numbers import table as _table

if TYPE_CHECKING:
    from rich.table import Table

    from escalate.core.scenario import Scenario
    from escalate.study.atlas import Atlas, Example

SHOWN = 3
SCENARIOS = 20
MOST_DIGITS = 7
"""Decimals of a column; where its smallest number needs more, powers of ten are written."""
NONE = Text("No safety atlas: the design cannot be run.")


def atlas(found: Atlas) -> RenderableType:
    """Return the kinds in a table, then each in words with trials that show it."""
    parts: list[RenderableType] = [
        Text(f"\nSafety atlas of {found.n_states:,} reachable states", style="bold"),
        _kinds(found),
        *_notes(found),
    ]
    for kind in found.kinds:
        parts.append(Text(f"\n{kind.letter} {kind.code}", style="bold"))
        parts.append(Text(f"  {kind.text}"))
        parts += [Text(f"    {_example(example, found.scenarios)}") for example in kind.examples[:SHOWN]]
        if not kind.n_states:
            parts.append(Text("    no reachable state"))
    return Group(*parts, *_scenarios(found))


def _kinds(found: Atlas) -> Table:
    made = _table("kind", "states", "P(at least one)", "mean number", "where that is likeliest")
    made.columns[4].justify = "left"
    kinds = [(kind, kind.worst) for kind in found.kinds]
    chance = alike([None if v is None else kind.probability[v] for kind, v in kinds])
    number = alike([None if v is None else kind.expected[v] for kind, v in kinds])
    for (kind, v), p, mean in zip(kinds, chance, number, strict=True):
        where = found.scenarios[v].name if v is not None else "-" if found.scenarios and not kind.n_states else ""
        made.add_row(f"{kind.letter} {kind.code}", f"{kind.n_states:,}", p, mean, where)
    return made


def alike(values: Sequence[float | None]) -> list[str]:
    """Return the numbers of a column in one notation that shows two digits of the smallest.

    Examples
    --------
    >>> alike([0.34601, 0.0123, None]), alike([0.34601, 1.545e-05, 0.0]), alike([0.34601, 1.5e-12])
    (['0.3460', '0.0123', '-'], ['0.346010', '0.000015', '0'], ['3.5e-01', '1.5e-12'])
    """
    smallest = min((x for x in values if x), default=1.0)
    digits = max(4, 1 - floor(log10(smallest)))
    form = f".{digits}f" if digits <= MOST_DIGITS else ".1e"
    return ["-" if x is None else "0" if x == 0 else f"{x:{form}}" for x in values]


def probability(p: float) -> str:
    """Return a probability as people read it, however small.

    Examples
    --------
    >>> probability(0.34601), probability(1.545e-05), probability(0.0)
    ('0.3460', '1.5e-05', '0')
    """
    return "0" if p == 0 else f"{p:.4f}" if p >= 0.0005 else f"{p:.1e}"


def _example(example: Example, scenarios: tuple[Scenario, ...]) -> str:
    if not example.probability:
        return example.outcomes
    best = max(range(len(scenarios)), key=lambda v: example.probability[v])
    return f"{example.outcomes}   {probability(example.probability[best])} under {scenarios[best].name}"


def _notes(found: Atlas) -> Iterator[Text]:
    if found.scenarios:
        yield Text(
            "P(at least one): the exact probability that a trial meets such a state, under the scenario that makes it "
            "likeliest. Trials below: the shortest, the likeliest and the next; each with the probability of just these cohorts."
        )
    elif found.design.target is None:
        yield Text("No probabilities: without a target there are no built-in scenarios; give --scenarios FILE.")
    else:
        assert found.design.outcomes != BINARY
        yield Text("No probabilities: the design grades outcomes, so no scenarios are built in; give --scenarios FILE.")
    if found.without:
        yield Text(f"Left out, because the design has no target: {', '.join(found.without)}.")


def _scenarios(found: Atlas) -> Iterator[RenderableType]:
    if not found.scenarios:
        return
    how = (
        "Scenarios (built in: the MTD at each level in turn, the odds of a DLT doubling from level to level):"
        if found.built_in
        else "Scenarios (DLT probability by level):"
    )
    yield Text(f"\n{how}")
    for scenario in found.scenarios[:SCENARIOS]:
        yield Text(f"  {scenario.name}: {', '.join(f'{p:.3g}' for p in scenario.dlt)}")
    if len(found.scenarios) > SCENARIOS:
        yield Text(f"  and {len(found.scenarios) - SCENARIOS:,} more")
