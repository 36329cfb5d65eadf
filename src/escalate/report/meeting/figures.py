"""Figures of the pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.dated_patients import DatedTrial
from escalate.report.documents.blocks import Figure

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Block
    from escalate.report.meeting.subject import Subject
    from escalate.study.pathways import Pathways

MOST_PATHS = 40
"""More outcomes of the next cohort than this are in the table alone."""
MOST_BARS = 60
"""More patients than this are in the listing alone."""


def trial_so_far(subject: Subject) -> Iterator[Block]:
    """Yield the dose ladder with its patients, and of a trial with dates a bar for each; nothing before the first patient."""
    from escalate.report import on_paper, pictures  # noqa: PLC0415 - slow to import

    data = subject.data
    if data is None or not data.cohorts:
        return
    yield Figure("ladder", "The trial so far", pictures.trial_so_far(subject.design, data, subject.asked))
    if isinstance(data, DatedTrial) and len(data.patients) <= MOST_BARS:
        yield from on_paper.patients("days", f"Follow-up of each patient up to {data.as_of}", data)


def dose_toxicity(subject: Subject) -> Iterator[Block]:
    """Yield the estimates as a drawing."""
    from escalate.report import pictures  # noqa: PLC0415 - slow to import

    if subject.found is not None:
        yield Figure("dose-toxicity", "Estimates by dose level", pictures.dose_toxicity(subject.found))


def next_cohort(tree: Pathways) -> Iterator[Block]:
    """Yield the paths of the next cohort as a drawing; nothing where there are too many to be read."""
    from escalate.report import on_paper  # noqa: PLC0415 - slow to import

    if 0 < len(tree.next_cohort) <= MOST_PATHS:
        yield from on_paper.pathway_tree("paths", "The next cohort: every outcome, and where it leads", tree)
