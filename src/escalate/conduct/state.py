"""A trial as its entries leave it: read them in order, and what they say together is the trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from escalate.conduct.bodies import Analysed, Approved, Closed, Decided, DesignAmended, LockedDesign, PatientRow, Signed
from escalate.conduct.chain import Entry
from escalate.conduct.design_lock import design_of
from escalate.core.design import Design


class Standing(StrEnum):
    """What a decision or a closing is worth now."""

    IN_FORCE = "in force"
    AWAITS_SECOND = "awaits a second person"
    REFUSED = "refused by the second person"
    VOID = "void"
    ACTED_ON = "acted on"
    SUPERSEDED = "superseded"

    @property
    def in_words(self) -> str:
        """What it is, as the end of a sentence."""
        return self.value if self is Standing.AWAITS_SECOND else f"is {self.value}"


@dataclass(frozen=True)
class Patient:
    """A patient as known now, the entry that brought the patient, and those that changed what was known."""

    row: PatientRow
    entered: int
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class DesignVersion:
    """A version of the design, from 1, and the entry that brought it."""

    number: int
    kept: LockedDesign
    entry: int
    at: str
    by: str
    reason: str | None = None

    @property
    def design(self) -> Design:
        """The design."""
        return design_of(self.kept)


@dataclass(frozen=True)
class Analysis:
    """An analysis on record."""

    entry: Entry
    body: Analysed


@dataclass(frozen=True)
class Approval:
    """What a second person said."""

    entry: Entry
    body: Approved


@dataclass(frozen=True)
class Signature:
    """A signature; `void_by` is the entry that changed what it covers."""

    entry: Entry
    body: Signed
    void_by: int | None = None


@dataclass(frozen=True)
class Decision:
    """A decision on record.

    Parameters
    ----------
    approval
        What the second person said, where one was asked.
    void_by
        The entry that changed what it rests on, before anybody was treated on it or by correcting data it rested on.
    treated
        Patients entered on it so far.
    superseded_by
        The decision that took its place.
    """

    entry: Entry
    body: Decided
    analysis: Analysis
    approval: Approval | None = None
    void_by: int | None = None
    treated: int = 0
    superseded_by: int | None = None

    @property
    def standing(self) -> Standing:
        """What it is worth now."""
        if self.void_by is not None:
            return Standing.VOID
        if self.body.upward and self.approval is None:
            return Standing.SUPERSEDED if self.superseded_by else Standing.AWAITS_SECOND
        if self.approval is not None and not self.approval.body.agrees:
            return Standing.REFUSED
        if self.superseded_by is not None:
            return Standing.ACTED_ON if self.treated else Standing.SUPERSEDED
        return Standing.ACTED_ON if self.treated else Standing.IN_FORCE

    @property
    def remaining(self) -> int:
        """Patients who may still be treated on it."""
        allowed = self.standing in (Standing.IN_FORCE, Standing.ACTED_ON) and self.superseded_by is None
        return max((self.body.patients or 0) - self.treated, 0) if allowed else 0


@dataclass(frozen=True)
class Closing:
    """The declaration of the MTD; `void_by` as for a decision."""

    entry: Entry
    body: Closed
    approval: Approval | None = None
    void_by: int | None = None

    @property
    def standing(self) -> Standing:
        """What it is worth now."""
        if self.void_by is not None:
            return Standing.VOID
        if self.body.upward and self.approval is None:
            return Standing.AWAITS_SECOND
        if self.approval is not None and not self.approval.body.agrees:
            return Standing.REFUSED
        return Standing.IN_FORCE


@dataclass(frozen=True)
class TrialState:
    """A trial after its last entry.

    Parameters
    ----------
    trial
        Its name, as in addresses and commands.
    last
        The last entry; its hash is the head of the chain.
    designs
        Versions of the design, the present one last.
    patients
        By study number, in the order in which they were entered.
    members
        Roles by person.
    withdrawn
        Patients entered in error, as they were known, each with the entry that says so.
    """

    trial: str
    title: str
    synthetic: bool
    opened: Entry
    last: Entry
    designs: tuple[DesignVersion, ...]
    patients: Mapping[str, Patient] = field(default_factory=dict)
    analyses: tuple[Analysis, ...] = ()
    decisions: tuple[Decision, ...] = ()
    design_amendments: tuple[tuple[Entry, DesignAmended], ...] = ()
    signatures: tuple[Signature, ...] = ()
    closings: tuple[Closing, ...] = ()
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    withdrawn: tuple[tuple[PatientRow, Entry], ...] = ()

    @property
    def head(self) -> str:
        """Hash of the last entry."""
        return self.last.hash

    @property
    def version(self) -> DesignVersion:
        """The present version of the design."""
        return self.designs[-1]

    @property
    def design(self) -> Design:
        """The present design."""
        return self.version.design

    @property
    def dated(self) -> bool:
        """Whether patients have dates: the design has a DLT window, and outcomes are DLTs alone."""
        design = self.design
        return design.dlt_window is not None and len(design.outcomes) == 2

    @property
    def closing(self) -> Closing | None:
        """The closing that holds, or awaits its second person; None while the trial goes on."""
        last = self.closings[-1] if self.closings else None
        return None if last is None or last.standing is Standing.REFUSED else last

    @property
    def is_open(self) -> bool:
        """Whether patients can be entered."""
        return self.closing is None

    @property
    def decision(self) -> Decision | None:
        """The last decision."""
        return self.decisions[-1] if self.decisions else None

    def roles_of(self, person: str) -> frozenset[str]:
        """Return the roles of a person."""
        return self.members.get(person, frozenset())

    def cohort_numbers(self) -> tuple[int, ...]:
        """Return the numbers of the cohorts, in order."""
        return tuple(sorted({p.row.cohort for p in self.patients.values() if p.row.cohort is not None}))

    def signatures_on(self, entry: str) -> tuple[Signature, ...]:
        """Return the signatures on an entry, by its hash."""
        return tuple(s for s in self.signatures if s.body.subject == entry)
