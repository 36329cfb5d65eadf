"""Purpose and summary: what was asked, and what the results say, in sentences made from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.wording import counted, listed
from escalate.report.documents.blocks import Block, Heading, Items, Paragraph
from escalate.report.simulation_report.cells import number, percent
from escalate.report.simulation_report.subject import Subject
from escalate.study.compare import SEPARABLE
from escalate.study.results import DesignResult

CLEAR: Final = 0.01
"""A difference in correct selection that is no larger than this is not called one."""


def purpose(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    yield Heading("Purpose and summary")
    yield Paragraph(_asked(subject))
    if subject.named_otherwise:
        yield Items(
            tuple(f"{name}: {design.title}" for name, design in zip(subject.names, subject.designs, strict=True))
        )
    if not subject.many and _with_target(subject):
        if unlike := _not_ranked(subject):
            yield Paragraph(unlike, look="note")
        elif len(subject.designs) > 1:
            yield Paragraph("Which design selects correctly most often, scenario by scenario:")
            yield Items(tuple(_best(subject, v) for v in range(len(subject.scenarios))))
            yield Paragraph(_caution(subject), look="note")
        yield from _alike(subject)
        yield Paragraph("Over all scenarios:")
        yield Items(tuple(_range(subject, d) for d in range(len(subject.designs))))
    elif subject.many and _with_target(subject):
        yield Paragraph("On average over the scenarios:")
        yield Items(tuple(_average(subject, d) for d in range(len(subject.designs))))
        if unlike := _not_ranked(subject):
            yield Paragraph(unlike, look="note")
        elif len(subject.designs) > 1:
            yield Paragraph(_ranking(subject))
            yield Paragraph(_caution(subject), look="note")


def _asked(subject: Subject) -> str:
    n, v = len(subject.designs), len(subject.scenarios)
    what = "one dose-escalation design" if n == 1 else f"{n} dose-escalation designs"
    targets = sorted({design.target for design in subject.designs if design.target is not None})
    target = f", for a target of {listed([f'{100 * t:g}%' for t in targets])}" if targets else ""
    how = (
        "exactly, by following every reachable state of the trial with its probability"
        if subject.error_free
        else f"over {counted_trials(subject.found.trials)} of each design and scenario"
    )
    return (
        f"This report says how {what} would behave{target}, if the truth were one of {counted_large(v, 'scenario')}. The operating "
        f"characteristics are computed {how}."
    )


def counted_trials(trials: int | None) -> str:
    """Return a number of random trials with its noun."""
    return counted_large(trials or 0, "random trial")


def counted_large(n: int, noun: str) -> str:
    """Return a number, thousands apart, with its noun.

    Examples
    --------
    >>> counted_large(5000, "scenario"), counted_large(1, "scenario")
    ('5,000 scenarios', '1 scenario')
    """
    return counted(n, noun).replace(str(n), f"{n:,}", 1)


def _with_target(subject: Subject) -> bool:
    return all(design.target is not None for design in subject.designs)


def _not_ranked(subject: Subject) -> str:
    """Return why no design can be called right more often than another; empty where one can."""
    targets = {design.target for design in subject.designs}
    if len(targets) == 1 and subject.one_truth:
        return ""
    if len(targets) == 1:
        why = "the level that is correct under a scenario differs between them"
    else:
        each = (
            f"{name} {100 * (design.target or 0):g}%"
            for name, design in zip(subject.names, subject.designs, strict=True)
        )
        why = f"their targets differ ({listed(list(each))}), so that a level that is correct for one may be wrong for another"
    return (
        f"The designs are not ranked: {why}. Correct, below, is what is correct for each design by itself, and shares of correct "
        "selection are not to be compared."
    )


def _pcs(subject: Subject, v: int) -> list[float]:
    return [float(result.scalars["pcs"][0][v]) for result in subject.found.designs]


def tied_with_best(subject: Subject, v: int) -> tuple[int, list[int]]:
    """Return the design that is right most often under a scenario, and all that it is not clearly better than, itself included.

    Better is what exceeds one percentage point and twice the Monte-Carlo error of the paired difference.
    """
    comparison = subject.found.comparison
    assert comparison is not None
    pcs = _pcs(subject, v)
    best = int(np.nanargmax(pcs))
    m = comparison.metrics.index("pcs")
    tied = []
    for d in range(len(pcs)):
        gaps, errors = comparison.differences(best, d)
        if d == best or gaps[m, v] <= max(CLEAR, SEPARABLE * errors[m, v]):
            tied.append(d)
    return best, tied


def _best(subject: Subject, v: int) -> str:
    pcs, names, said = _pcs(subject, v), subject.names, f"Under '{subject.scenarios[v].name}'"
    _, tied = tied_with_best(subject, v)
    tied = sorted(tied, key=lambda d: -pcs[d])
    others = sorted((d for d in range(len(pcs)) if d not in tied), key=lambda d: -pcs[d])
    each = _shares(names, pcs, others)
    if not others:
        return f"{said} no design is clearly right more often than the others: {_shares(names, pcs, tied)}."
    if len(tied) == 1:
        return (
            f"{said} {names[tied[0]]} is right most often, in {percent(pcs[tied[0]])}% of the trials, ahead of {each}."
        )
    return f"{said} {_shares(names, pcs, tied)} are right most often and not clearly apart, ahead of {each}."


def _shares(names: Sequence[str], pcs: Sequence[float], which: Sequence[int]) -> str:
    return listed([f"{names[d]} ({percent(pcs[d])}%)" for d in which])


def _alike(subject: Subject) -> Iterator[Block]:
    """Yield which designs cannot be told apart by anything that is reported."""
    results = subject.found.designs
    for b in range(1, len(results)):
        for a in range(b):
            if _same(results[a], results[b]):
                names = f"{_capital(subject.names[a])} and {subject.names[b]}"
                yield Paragraph(
                    f"{names} behave alike: every number of selection, patients and DLTs is the same under every scenario."
                )
                break


def _same(first: DesignResult, other: DesignResult) -> bool:
    """Return whether every number of two designs is the same, also level by level."""
    a, b = first.characteristics, other.characteristics
    alone = all(
        np.array_equal(first.scalars[metric][0], other.scalars[metric][0], equal_nan=True) for metric in first.scalars
    )
    return alone and all(
        a.of(v, metric) == b.of(v, metric)
        for metric in ("selected", "patients", "dlts")
        for v in range(len(first.scenarios))
    )


def _caution(subject: Subject) -> str:
    sampled = subject.many and any(scenario.drawn for scenario in subject.scenarios)
    error = " and twice its error" if sampled or not subject.error_free else ""
    return (
        "Right means that an MTD is selected, or no level where there is no MTD. A design is called right more often only where "
        f"the difference exceeds one percentage point{error}."
    )


def _range(subject: Subject, d: int) -> str:
    scalars, scenarios = subject.found.designs[d].scalars, subject.scenarios

    def at(metric: str, v: int) -> float:
        return float(scalars[metric][0][v])

    pcs, over = scalars["pcs"][0], scalars["overdose_selected"][0]
    low, high, often = int(np.nanargmin(pcs)), int(np.nanargmax(pcs)), int(np.nanargmax(over))
    correct = f"selects correctly in {percent(at('pcs', low))}%"
    if len(scenarios) > 1:
        correct += f" ('{scenarios[low].name}') to {percent(at('pcs', high))}% ('{scenarios[high].name}')"
    patients, dlts = _between(scalars["mean_patients"][0]), _between(scalars["mean_dlts"][0])
    return (
        f"{_capital(subject.names[d])} {correct} of the trials, with {patients} patients and {dlts} DLTs on average. It selects a "
        f"level above the target in at most {percent(at('overdose_selected', often))}% of the trials{_where(subject, often)}"
        f"{_treated(subject, d)}."
    )


def _treated(subject: Subject, d: int) -> str:
    """Return how many patients are overdosed at most, where there is an MTD: where all levels are toxic nobody can be elsewhere."""
    share = subject.found.designs[d].scalars["overdose_allocated"][0]
    some = [v for v in range(len(subject.scenarios)) if subject.mtd(d, v)]
    if not some:
        return ""
    most = max(some, key=lambda v: float(share[v]))
    treated = percent(float(share[most]))
    return (
        f"; where there is an MTD, it treats at most {treated}% of its patients above the target{_where(subject, most)}"
    )


def _where(subject: Subject, v: int) -> str:
    return f" ('{subject.scenarios[v].name}')" if len(subject.scenarios) > 1 else ""


def _capital(text: str) -> str:
    # The name of a method is written as the design file has it.
    return f"T{text[1:]}" if text.startswith("the ") else text


def _between(values: FloatArray) -> str:
    low, high = number(float(min(values))), number(float(max(values)))
    return low if low == high else f"{low} to {high}"


def _average(subject: Subject, d: int) -> str:
    found = subject.found.designs[d].summary[0].metrics
    pcs, over, patients, dlts = (found[m] for m in ("pcs", "overdose_allocated", "mean_patients", "mean_dlts"))
    return (
        f"{_capital(subject.names[d])} selects correctly in {percent(pcs.mean)}% of the trials (5% to 95% of the scenarios: "
        f"{percent(pcs.quantiles['q05'])}% to {percent(pcs.quantiles['q95'])}%), treats {percent(over.mean)}% of its patients "
        f"above the target, and needs {number(patients.mean)} patients with {number(dlts.mean)} DLTs."
    )


def tied_on_average(subject: Subject) -> list[int]:
    """Return the design that is right most often on average, first, and all that it is not clearly better than."""
    comparison = subject.found.comparison
    assert comparison is not None
    overall = comparison.families[0]
    order = overall.ranking("pcs")
    gaps = {d: overall.difference(order[0], "pcs", d) for d in order}
    return [d for d in order if d == order[0] or gaps[d][0] <= max(CLEAR, SEPARABLE * gaps[d][1])]


def _ranking(subject: Subject) -> str:
    top = tied_on_average(subject)
    who = listed([subject.names[d] for d in top])
    if len(top) == len(subject.designs):
        return "On average no design is clearly right more often than the others."
    if len(top) > 1:
        return f"On average {who} are right most often, and not clearly apart."
    return f"On average {who} is right most often."
