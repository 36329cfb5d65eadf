"""Tables of summaries over scenarios, and of designs beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from escalate.report.tables import _p
from escalate.report.whole_numbers import table as _table

if TYPE_CHECKING:
    from escalate.study.compare import Comparison, FamilyComparison
    from escalate.study.results import DesignResult
    from escalate.study.summary import Summary

SUMMARISED = (
    ("correct selection", "pcs"),
    ("benchmark", "benchmark_pcs"),
    ("efficiency", "efficiency"),
    ("overdose selected", "overdose_selected"),
    ("patients at the MTD", "pca"),
    ("patients overdosed", "overdose_allocated"),
    ("risk 60% overdosed", "risk_overdose_60"),
    ("accuracy index", "accuracy_index"),
    ("mean patients", "mean_patients"),
)
COMPARED = tuple((label, metric) for label, metric in SUMMARISED if metric not in {"benchmark_pcs", "accuracy_index"})
DIGITS = {"mean_patients": 2}


def _number(x: float, metric: str) -> str:
    return _p(x, DIGITS.get(metric, 4))


def _signed(x: float, metric: str) -> str:
    digits = DIGITS.get(metric, 4)
    # Rounded first: a difference of nothing has no minus sign.
    return "-" if isnan(x) else f"{round(x, digits) + 0.0:+.{digits}f}"


def summaries(result: DesignResult) -> Iterator[RenderableType]:
    """Yield one table for each family of scenarios, and one for all where there are several families."""
    for found in _several(result.summary):
        yield _summary(found)
    if any(found.drawn for found in result.summary):
        yield Text("  error: of the mean, as an estimate of that of the law from which the scenarios were drawn.")


def _several(families: tuple[Summary, ...]) -> tuple[Summary, ...]:
    return families[1:] if len(families) == 2 else families


def _summary(found: Summary) -> RenderableType:
    columns = ("mean", "error", "sd", "min", "5%", "25%", "median", "75%", "95%", "max")
    made = _table("metric", *columns, title=_heading(found.family, found.scenarios, drawn=found.drawn))
    for label, metric in SUMMARISED:
        stats = found.metrics[metric]
        numbers = (stats.mean, stats.se, stats.sd, *stats.quantiles.values())
        made.add_row(label, *(_number(x, metric) for x in numbers))
    return made


def _heading(family: str | None, scenarios: int, *, drawn: bool) -> str:
    how = "drawn at random" if drawn else "chosen"
    return f"{family or 'all'}: {scenarios:,} scenario{'s' * (scenarios != 1)}, {how}"


def comparison(found: Comparison) -> Iterator[RenderableType]:
    """Yield the designs beside each other: means, paired differences to the first, ranks."""
    yield Text("\nComparison, on the same patients" if found.trials else "\nComparison", style="bold")
    for k, title in enumerate(found.titles):
        yield Text(f"  {letter(k)}  {title}")
    for note in found.notes:
        yield Text(f"  Note: {note}", style="yellow")
    families = found.families[1:] if len(found.families) == 2 else found.families
    for family in families:
        yield _family(family, len(found.titles))
    yield Text(
        "  Ranks: a design is placed below another only where their difference exceeds twice its error; those not separable "
        "from the best share rank 1. Fewer patients rank higher."
    )
    if found.trials is None and not all(family.drawn for family in families):
        yield Text("  Differences over chosen scenarios are averages of exact differences: they have no error.")


def letter(design: int) -> str:
    """Return a short name of a design: A, B, ..., Z, then 27, 28, ..."""
    return chr(ord("A") + design) if design < 26 else str(design + 1)


def _family(found: FamilyComparison, n_designs: int) -> RenderableType:
    heading = _heading(found.family, found.scenarios, drawn=found.drawn)
    made = _table("design", *(label for label, _ in COMPARED), title=heading)
    for d in range(n_designs):
        made.add_row(letter(d), *(_number(found.mean(d, metric), metric) for _, metric in COMPARED))
        if d > 0:
            pairs = [(*found.difference(d, metric), metric) for _, metric in COMPARED]
            made.add_row("  minus A", *(_signed(gap, metric) for gap, _, metric in pairs))
            if any(error > 0 for _, error, _ in pairs):
                made.add_row("  error", *(_number(error, metric) for _, error, metric in pairs))
        ranks = [found.rank(d, metric) for _, metric in COMPARED]
        made.add_row("  rank", *(str(rank) if rank else "-" for rank in ranks), end_section=d < n_designs - 1)
    return made
