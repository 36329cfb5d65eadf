"""Figures of documents, drawn for their pages: no wider than the text, and several where one is longer than a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from escalate.report import picture_words
from escalate.report.by_matplotlib import Plotted
from escalate.report.documents.blocks import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from escalate.core.dated_patients import DatedTrial
    from escalate.study.compare import Comparison
    from escalate.study.pathways import Pathways
    from escalate.study.results import OperatingCharacteristics


def characteristics(key: str, caption: str, found: OperatingCharacteristics) -> Iterator[Figure]:
    """Yield selection and allocation by scenario; of many scenarios, how designs are spread over them."""
    from escalate.report import comparison_figures, figures, paper_figures  # noqa: PLC0415 - slow to import

    scenarios = found.designs[0].scenarios
    if len(scenarios) > figures.MAX_PANELS:
        notes = (comparison_figures.key(found.comparison, scenarios),)
        said = picture_words.distributions(found)
        yield from _numbered(
            key, caption, ((each, said) for each in comparison_figures.distributions_on_paper(found)), notes
        )
        return
    drawn = (
        (each, picture_words.characteristics(found, shown)) for each, shown in paper_figures.characteristics(found)
    )
    yield from _numbered(key, caption, drawn, paper_figures.notes(found))


def differences(key: str, caption: str, found: Comparison) -> Iterator[Figure]:
    """Yield paired differences of each design to the first."""
    from escalate.report import comparison_figures  # noqa: PLC0415 - slow to import

    said = picture_words.differences(found)
    drawn = ((each, said) for each in comparison_figures.differences_on_paper(found))
    yield from _numbered(key, caption, drawn, (comparison_figures.key(found, found.scenarios),))


def pathway_tree(key: str, caption: str, found: Pathways, *, chances: bool = True) -> Iterator[Figure]:
    """Yield every outcome of the next cohorts and what it leads to, with how likely each is where that is asked.

    Raises
    ------
    EscalateError
        Where a page cannot hold it.
    """
    from escalate.report import path_figures  # noqa: PLC0415 - slow to import

    drawn = (
        (each, picture_words.pathways(found, firsts, chances=chances))
        for each, firsts in path_figures.pathways_on_paper(found, chances=chances)
    )
    yield from _numbered(key, caption, drawn, (path_figures.notes(found, chances=chances),))


def patients(key: str, caption: str, found: DatedTrial) -> Iterator[Figure]:
    """Yield the patients of a trial with dates, a bar each; nothing where there are none."""
    from escalate.report import patients_plot  # noqa: PLC0415 - slow to import

    said = picture_words.patients(found)
    yield from _numbered(key, caption, ((each, said) for each in patients_plot.patients_on_paper(found)), ())


def _numbered(key: str, caption: str, drawn: Iterable[tuple[Drawing, str]], notes: tuple[str, ...]) -> Iterator[Figure]:
    """Yield a figure under its key, and each that continues it under its own; the notes stand below the first."""
    for k, (drawing, said) in enumerate(drawn):
        name = key if k == 0 else f"{key}-{k + 1}"
        yield Figure(name, caption if k == 0 else f"{caption} (continued)", Plotted(name, drawing, said).picture,
                     notes if k == 0 else ())  # fmt: skip
