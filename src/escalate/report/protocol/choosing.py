"""How the dose of the next cohort is chosen: the method, its model, and what the prior says of each level."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from escalate.core.method import ModelMethod
from escalate.core.wording import number
from escalate.report.documents.blocks import Block, Heading, Items, Paragraph, Reference, Table
from escalate.report.protocol import frame
from escalate.report.protocol.part import Part, amount

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.prior import Prior


def choosing(part: Part) -> Iterator[Block]:
    """Yield the section."""
    design, depth = part.design, part.level_of_headings
    yield Heading("Choosing the dose of the next cohort", depth)
    model = design.method.describe_model(design)
    if model:
        yield Heading("Model and prior", depth + 1)
        yield Items(model)
        yield from _prior(part)
        yield Heading("Choice of the level", depth + 1)
    known = frame.waiting(design) if not frame.has_pending(design) else ()
    yield Items((*known, *design.method.describe(design), *_backfill(design)))
    waiting = frame.waiting(design)
    if len(waiting) > 1:
        yield Heading("While outcomes are pending", depth + 1)
        yield Items(waiting)


def _backfill(design: Design) -> tuple[str, ...]:
    return () if design.backfill is None else (design.backfill.describe(design),)


def _prior(part: Part) -> Iterator[Block]:
    """Yield what the prior says of the DLT probability of each level, where there is one."""
    design, method = part.design, part.design.method
    if not isinstance(method, ModelMethod) or not method.has_posterior:
        return
    from escalate.study.prior import prior  # noqa: PLC0415 - methods without a model do not need it

    key = part.key("prior")
    yield Paragraph(
        ("What the prior says of the DLT probability of each level, before any patient, is in ", Reference(key), ".")
    )
    yield _prior_table(part, prior(design))


def _prior_table(part: Part, found: Prior) -> Table:
    design = part.design
    limits = found.interval_limits
    above = () if design.target is None else (f"Pr(p > {number(design.target)})",)
    heads = [*above]
    if limits is not None:
        ends = [number(limit) for limit in limits]
        heads += [f"Pr(p <= {ends[0]})"]
        heads += [f"Pr({low} < p <= {high})" for low, high in pairwise(ends)]
        heads += [f"Pr(p > {ends[-1]})"]
    rows = []
    for dose in found.doses:
        numbers = [dose.mean, dose.quantiles[2]]
        more = [] if dose.prob_above_target is None or not above else [dose.prob_above_target]
        more += dose.intervals or ()
        low, high = dose.quantiles[0], dose.quantiles[-1]
        rows.append(
            (
                str(dose.level),
                amount(design, dose.level - 1),
                *(f"{x:.3f}" for x in numbers),
                f"{low:.3f} to {high:.3f}",
                *(f"{x:.3f}" for x in more),
            )
        )
    return Table(
        part.key("prior"),
        "DLT probability p of each level under the prior",
        ("Level", "Dose", "Mean", "Median", "95% interval", *heads),
        tuple(rows),
        align="ll" + "r" * (3 + len(heads)),
        notes=("The 95% interval is from the 2.5% to the 97.5% quantile.",),
    )
