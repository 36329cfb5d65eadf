"""What pictures show, in words with their main numbers, for readers who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from escalate.report.truth import trials_each, true_mtd

if TYPE_CHECKING:
    from escalate.core.dated_patients import DatedTrial
    from escalate.study.atlas import Atlas
    from escalate.study.calibration_results import Calibration
    from escalate.study.compare import Comparison
    from escalate.study.path_nodes import PathNode
    from escalate.study.pathways import Pathways
    from escalate.study.prior import Prior
    from escalate.study.results import OperatingCharacteristics
    from escalate.study.trace import Story


def counted(n: int, noun: str) -> str:
    """Return a number, thousands apart, with its noun."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


METRICS = (("correct selection", "pcs"), ("share of patients overdosed", "overdose_allocated"))


def characteristics(found: OperatingCharacteristics, shown: range) -> str:
    """Say how often each design selects each level under each of the scenarios that are drawn, by their places."""
    scenarios = found.designs[0].scenarios
    how = "exact" if found.trials is None else trials_each(found.trials)
    parts = [
        f"Bars by scenario: how often each level is selected as the MTD, and the share of patients it gets ({how})."
    ]
    for v in shown:
        scenario = scenarios[v]
        mtd = true_mtd(found.designs[0].design, scenario)
        truth = "" if mtd is None else f", true MTD {', '.join(f'level {x}' for x in mtd) or 'none'}"
        designs = []
        for result in found.designs:
            oc = result.characteristics
            chosen = ", ".join(f"level {j + 1} {100 * x:.1f}%" for j, (x, _) in enumerate(oc.of(v, "selected")))
            none = oc.value(v, "selected_none")
            designs.append(f"{result.design.title} selects {chosen}, none {100 * float(none):.1f}%")
        parts.append(f"{scenario.name}{truth}: {'; '.join(designs)}.")
    return " ".join(parts)


def distributions(found: OperatingCharacteristics) -> str:
    """Say the mean of each design over the scenarios."""
    how = "exact" if found.trials is None else trials_each(found.trials)
    parts = [f"Boxes by design over {counted(len(found.designs[0].scenarios), 'scenario')} ({how})."]
    for result in found.designs:
        means = [(label, result.scalars[metric][0]) for label, metric in METRICS]
        said = ", ".join(
            f"mean {label} {float(values[np.isfinite(values)].mean()):.3f}"
            for label, values in means
            if np.isfinite(values).any()
        )
        parts.append(f"{result.design.title}: {said}.")
    return " ".join(parts)


def differences(found: Comparison) -> str:
    """Say the mean paired differences of each design to the first."""
    n = len(found.scenarios)
    parts = [f"Mean paired differences to {found.titles[0]} over {counted(n, 'scenario')}."]
    for k, title in enumerate(found.titles[1:], start=1):
        said = []
        for label, metric in METRICS:
            mean, error = found.families[0].difference(k, metric)
            if np.isfinite(mean):
                said.append(
                    f"{label} {mean:+.3f}" + (f" (error {error:.3f})" if np.isfinite(error) and error > 0 else "")
                )
        parts.append(f"{title}: {', '.join(said)}.")
    return " ".join(parts)


def pathways(found: Pathways, firsts: Sequence[PathNode] | None = None, *, chances: bool = True) -> str:
    """Say what each outcome of the next cohort leads to, or each of those that are drawn, with how likely it is."""
    from escalate.report.path_tables import follows, shown  # noqa: PLC0415 - rich is not needed otherwise

    if not found.next_cohort:
        return "There is no next cohort, so there are no paths."
    first, leaves = found.next_cohort[0], sum(not below for below in found.children)
    each = "; ".join(
        f"{shown(found.design, node)}{_chance(node) if chances else ''}: {follows(found.design, node)}"
        for node in (found.next_cohort if firsts is None else firsts)
    )
    depth = max(node.depth for node in found.nodes)
    ahead = "the next cohort" if depth == 1 else f"the next {depth} cohorts"
    return (
        f"Tree of {counted(leaves, 'path')} through {ahead}. Next: {counted(first.patients, 'patient')} at level {first.level}. "
        f"DLTs of patients: {each}."
    )


def _chance(node: PathNode) -> str:
    return f" ({100 * node.conditional_probability:.1f}%)"


def story(found: Story) -> str:
    """Say how a trial on a clock went."""
    end, dlts = max(bar.end for bar in found.bars), sum(bar.dlt for bar in found.bars)
    by_level = [
        f"{len(list(same))} at level {level}" for level, same in groupby(sorted(bar.level for bar in found.bars))
    ]
    moves = [event for event in found.events if event.action is not None]
    mtd = "no dose was selected" if found.mtd_level is None else f"level {found.mtd_level} was selected"
    return (
        f"A bar a patient of trial {found.trial} under the scenario {found.scenario.name}: {counted(len(found.bars), 'patient')} "
        f"({', '.join(by_level)}), {dlts} with a DLT, {counted(len(moves), 'decision')}; the last outcome is on day {end:.0f}, "
        f"and {mtd}."
    )


def patients(found: DatedTrial) -> str:
    """Say how many patients were treated at each level, and what is known of them on the day."""
    shares = [p.seen(found.as_of, found.window) for p in found.patients]
    dlts = [p.had_dlt(found.as_of, found.window) for p in found.patients]
    pending = sum(share is not None and share < 1 and not dlt for share, dlt in zip(shares, dlts, strict=True))
    lost = sum(share is None and not dlt for share, dlt in zip(shares, dlts, strict=True))
    by_level = [
        f"{len(list(same))} at level {dose + 1}" for dose, same in groupby(sorted(p.dose for p in found.patients))
    ]
    n = len(found.patients)
    return (
        f"A bar a patient up to {found.as_of}: {counted(n, 'patient')} ({', '.join(by_level)}), {sum(dlts)} with a DLT, "
        f"{pending} still within the window of {found.window} days, {lost} not evaluable."
    )


def priors(found: list[Prior]) -> str:
    """Say the prior median of the DLT probability at each level, design by design."""
    parts = []
    for one in found:
        medians = ", ".join(f"level {dose.level} {dose.quantiles[2]:.3f}" for dose in one.doses)
        parts.append(f"{one.design.title}: prior medians of the DLT probability {medians}.")
    return " ".join(parts)


def atlas(found: Atlas) -> str:
    """Say how many states were looked at, and how many are of each questionable kind."""
    kinds = "; ".join(
        f"{kind.letter}, {kind.text}: {counted(kind.n_states, 'state')}" for kind in found.kinds if kind.n_states
    )
    return (
        f"What follows a cohort at each level, by patients and DLTs, over {counted(found.n_states, 'reachable state')}. "
        f"{'Questionable: ' + kinds if kinds else 'No cell is questionable'}."
    )


def calibration(found: Calibration) -> str:
    """Say what was chosen, and with which loss."""
    from escalate.report.calibration_words import headline  # noqa: PLC0415 - not needed otherwise

    fields = ", ".join(axis.field for axis in found.axes)
    many = counted(len(found.judged), "candidate")
    return f"Loss by {fields}. {headline(found)} Its mean loss is {found.chosen.mean:.4f}, of {many}."
