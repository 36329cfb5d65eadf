"""The safety atlas on the terminal: how many states of each kind, how likely a trial is to meet one, and trials that do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.core.outcome import BINARY
from escalate.report.tables import _table

if TYPE_CHECKING:
    from rich.table import Table

    from escalate.core.scenario import Scenario
    from escalate.study.atlas import Atlas, Example, Kind

SHOWN = 3
SCENARIOS = 20
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
    for kind in found.kinds:
        made.add_row(f"{kind.letter} {kind.code}", f"{kind.n_states:,}", *_highest(kind, found.scenarios))
    return made


def _highest(kind: Kind, scenarios: tuple[Scenario, ...]) -> tuple[str, str, str]:
    if kind.worst is None:
        return "-", "-", "-" if scenarios and not kind.n_states else ""
    return probability(kind.probability[kind.worst]), f"{kind.expected[kind.worst]:.3g}", scenarios[kind.worst].name


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
