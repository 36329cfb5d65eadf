"""What a meeting looks at: a design, the data so far, what the design says of them, and the record where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escalate.report.meeting.patients import lines_of
from escalate.study.recommend import recommend

if TYPE_CHECKING:
    from escalate.conduct.chain import Entry
    from escalate.conduct.state import TrialState
    from escalate.core.design import Design
    from escalate.core.patients import TrialData
    from escalate.report.meeting.patients import PatientLine
    from escalate.study.recommend import Recommendation


@dataclass(frozen=True)
class Subject:
    """What a meeting looks at.

    Parameters
    ----------
    data
        None before the first patient, or where outcomes that the design waits for are not known.
    patients
        By study number; empty where the data have none.
    found
        What the design recommends; None where it says nothing yet, and `why_none` says why.
    sources
        Names of the design file and of the data file, where there are any.
    record, deviations
        The trial on record, and its entries of patients who were treated otherwise than decided.
    """

    design: Design
    data: TrialData | None
    patients: tuple[PatientLine, ...]
    found: Recommendation | None
    why_none: str = ""
    sources: tuple[str | None, str | None] = (None, None)
    record: TrialState | None = None
    deviations: tuple[Entry, ...] = ()

    @property
    def asked(self) -> Recommendation | None:
        """The recommendation that a decision is due on; None where there is none, or the trial is closed."""
        return None if self.record is not None and not self.record.is_open else self.found


def from_data(
    design: Design,
    data: TrialData | None,
    *,
    design_sha256: str | None = None,
    text: str | None = None,
    sources: tuple[str | None, str | None] = (None, None),
) -> Subject:
    """Return what a meeting looks at where design and data are files.

    Parameters
    ----------
    text
        The CSV of the data, for the study numbers; a trial with dates holds them itself.

    Raises
    ------
    EscalateError
        As `recommend`.
    """
    found = recommend(design, data, design_sha256=design_sha256)
    return Subject(design, data, lines_of(design, data, text), found, sources=sources)
