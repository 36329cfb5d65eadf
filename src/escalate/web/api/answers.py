"""A trial, its designs, patients and members, as answers hold them."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, Field

from escalate.conduct.actor import Actor
from escalate.conduct.bodies import PatientRow
from escalate.conduct.deciding import awaiting
from escalate.conduct.permissions import Act, may
from escalate.conduct.snapshot import columns, waiting_for
from escalate.conduct.state import DesignVersion, TrialState
from escalate.web.api.answers_acts import ClosingLine, DecisionLine
from escalate.web.api.answers_entries import EntryRef


class Me(BaseModel):
    """The owner of the token."""

    name: str
    full_name: str
    admin: bool = Field(description="Whether the person administers the server.")
    version: str = Field(description="Version of escalate on the server.")


class TrialLine(BaseModel):
    """A trial in the list."""

    trial: str
    title: str
    synthetic: bool
    open: bool
    patients: int
    entries: int
    head: str
    roles: list[str] = Field(description="Your roles in it.")

    @classmethod
    def of(cls, state: TrialState, actor: Actor) -> Self:
        """Return a trial as a person sees it."""
        return cls(
            trial=state.trial,
            title=state.title,
            synthetic=state.synthetic,
            open=state.is_open,
            patients=len(state.patients),
            entries=state.last.number,
            head=state.head,
            roles=sorted(state.roles_of(actor.name)),
        )


class Trials(BaseModel):
    """The trials in which you have a role."""

    trials: list[TrialLine]
    damaged: list[str] = Field(
        description="Trials whose record was changed, so that nothing is said of them; told to the administrator of the server."
    )


class DesignLine(BaseModel):
    """A version of the design, and the entry that brought it."""

    version: int
    name: str
    title: str
    sha256: str
    entry: int
    at: str
    by: str
    reason: str | None = Field(description="Why the design was amended; null for the first version.")

    @classmethod
    def of(cls, version: DesignVersion, **more: Any) -> Self:
        """Return a version of the design."""
        return cls(
            version=version.number,
            name=version.kept.name,
            title=version.design.title,
            sha256=version.kept.sha256,
            entry=version.entry,
            at=version.at,
            by=version.by,
            reason=version.reason,
            **more,
        )


class DesignText(DesignLine):
    """A version of the design with its text, byte for byte."""

    text: str
    attached_name: str | None
    attached: str | None


class Designs(BaseModel):
    """The versions of the design, the present one last."""

    head: str
    designs: list[DesignText]


class Dose(BaseModel):
    """A level of the present design, and who was treated there."""

    level: int
    amount: float
    patients: int = Field(description="Patients on record at this level, evaluable or not.")


class Trial(TrialLine):
    """A trial as it stands."""

    opened: EntryRef
    last: EntryRef
    design: DesignLine
    unit: str
    doses: list[Dose]
    start_level: int
    max_patients: int
    dated: bool = Field(description="Whether patients have dates: `as_of` can then be given.")
    columns: list[str] = Field(description="The fields that patients of this design have.")
    waiting_for: list[str] = Field(
        description="Study numbers of patients whose outcome must be known before anything is recommended."
    )
    decision: DecisionLine | None = Field(description="The last decision.")
    awaits_second: EntryRef | None = Field(description="The decision or closing that awaits a second person.")
    closing: ClosingLine | None = Field(
        description="The closing that holds or awaits a second person; null while the trial goes on."
    )
    may: list[str] = Field(description="What you may do in it.")

    @classmethod
    def seen_by(cls, state: TrialState, actor: Actor) -> Self:
        """Return a trial as a person sees it."""
        design, waiting = state.design, awaiting(state)
        levels = [p.row.level for p in state.patients.values()]
        return cls(
            **TrialLine.of(state, actor).model_dump(),
            opened=EntryRef.of(state.opened),
            last=EntryRef.of(state.last),
            design=DesignLine.of(state.version),
            unit=design.doses.unit,
            doses=[
                Dose(level=level, amount=amount, patients=levels.count(level))
                for level, amount in enumerate(design.doses.levels, start=1)
            ],
            start_level=design.start_level,
            max_patients=design.max_patients,
            dated=state.dated,
            columns=list(columns(design)),
            waiting_for=list(waiting_for(state)),
            decision=DecisionLine.of(state, state.decision) if state.decision else None,
            awaits_second=EntryRef.of(waiting.entry) if waiting else None,
            closing=ClosingLine.of(state, state.closing) if state.closing else None,
            may=[act.name.lower() for act in Act if may(state, actor, act)],
        )


class PatientOnRecord(PatientRow):
    """A patient as known now."""

    entered: int = Field(description="The entry that brought the patient.")
    changed: list[int] = Field(description="The entries that changed what was known.")


class Patients(BaseModel):
    """All patients as known now, in the order in which they were entered."""

    head: str
    columns: list[str]
    patients: list[PatientOnRecord]


def patient_of(state: TrialState, name: str) -> PatientOnRecord:
    """Return a patient on record."""
    patient = state.patients[name]
    return PatientOnRecord(**patient.row.model_dump(), entered=patient.entered, changed=list(patient.changed))


class Members(BaseModel):
    """Who has which role."""

    head: str
    members: dict[str, list[str]]
