"""What was analysed, decided, agreed with, signed and closed, as answers hold it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from escalate.conduct.analysis import is_current
from escalate.conduct.signatures import MEANINGS
from escalate.conduct.state import Analysis, Approval, Closing, Decision, Signature, TrialState
from escalate.web.api.answers_entries import EntryRef


class ApprovalLine(BaseModel):
    """What a second person said."""

    entry: EntryRef
    agrees: bool
    reason: str | None

    @classmethod
    def of(cls, approval: Approval | None) -> Self | None:
        """Return an approval, where there is one."""
        if approval is None:
            return None
        return cls(entry=EntryRef.of(approval.entry), agrees=approval.body.agrees, reason=approval.body.reason)


class SignatureLine(BaseModel):
    """A signature."""

    entry: EntryRef
    subject: str = Field(description="Hash of the entry signed.")
    meaning: str
    meaning_text: str
    name: str = Field(description="The person's name as printed.")
    record_sha256: str = Field(
        description="Hash of what it covers: design, data, version, recommendation and the entry signed."
    )
    void_by: int | None = Field(description="The entry that changed what it covers; null while it holds.")

    @classmethod
    def of(cls, signature: Signature) -> Self:
        """Return a signature."""
        body = signature.body
        return cls(
            entry=EntryRef.of(signature.entry),
            subject=body.subject,
            meaning=body.meaning,
            meaning_text=MEANINGS[body.meaning],
            name=body.name,
            record_sha256=body.record_sha256,
            void_by=signature.void_by,
        )


class Signatures(BaseModel):
    """All signatures of a trial."""

    head: str
    signatures: list[SignatureLine]


class DecisionLine(BaseModel):
    """A decision and what it is worth now."""

    entry: EntryRef
    analysis: str = Field(description="Hash of the analysis that it rests on.")
    choice: str
    level: int | None
    patients: int | None
    departs: bool
    upward: bool
    reason: str | None
    standing: str = Field(
        description="in force, awaits a second person, refused by the second person, void, acted on, or superseded"
    )
    treated: int = Field(description="Patients entered on it so far.")
    remaining: int = Field(description="Patients who may still be treated on it.")
    void_by: int | None
    superseded_by: int | None
    approval: ApprovalLine | None
    signatures: list[SignatureLine]

    @classmethod
    def of(cls, state: TrialState, decision: Decision) -> Self:
        """Return a decision."""
        body = decision.body
        return cls(
            entry=EntryRef.of(decision.entry),
            analysis=body.analysis,
            choice=body.choice,
            level=body.level,
            patients=body.patients,
            departs=body.departs,
            upward=body.upward,
            reason=body.reason,
            standing=str(decision.standing),
            treated=decision.treated,
            remaining=decision.remaining,
            void_by=decision.void_by,
            superseded_by=decision.superseded_by,
            approval=ApprovalLine.of(decision.approval),
            signatures=_signatures(state, decision),
        )


class Decisions(BaseModel):
    """All decisions of a trial, the last one last."""

    head: str
    decisions: list[DecisionLine]


class ClosingLine(BaseModel):
    """A declaration of the MTD and what it is worth now."""

    entry: EntryRef
    mtd_level: int | None
    selected_level: int | None = Field(description="What the design selects from the final data.")
    departs: bool
    upward: bool
    reason: str | None
    standing: str
    void_by: int | None
    approval: ApprovalLine | None
    signatures: list[SignatureLine]

    @classmethod
    def of(cls, state: TrialState, closing: Closing) -> Self:
        """Return a closing."""
        body = closing.body
        return cls(
            entry=EntryRef.of(closing.entry),
            mtd_level=body.mtd_level,
            selected_level=body.selected_level,
            departs=body.departs,
            upward=body.upward,
            reason=body.reason,
            standing=str(closing.standing),
            void_by=closing.void_by,
            approval=ApprovalLine.of(closing.approval),
            signatures=_signatures(state, closing),
        )


class Closings(BaseModel):
    """All declarations of the MTD, the last one last."""

    head: str
    closings: list[ClosingLine]


def _signatures(state: TrialState, subject: Decision | Closing) -> list[SignatureLine]:
    on = [subject.entry.hash] + ([subject.approval.entry.hash] if subject.approval else [])
    return [SignatureLine.of(s) for s in state.signatures if s.body.subject in on]


class Recommendation(BaseModel):
    """The answer of `escalate recommend --json`, key by key; docs/reference/json.md says what is in it."""

    model_config = ConfigDict(extra="allow")

    design: str
    action: str
    next_level: int | None
    next_amount: float | None
    unit: str
    next_cohort_size: int | None
    mtd_level: int | None
    reasons: list[dict[str, str]]
    notes: list[str]
    doses: list[dict[str, Any]]
    margin: float | None
    margin_text: str | None
    trace: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    provenance: dict[str, str | None]


class AnalysisLine(BaseModel):
    """An analysis on record."""

    entry: EntryRef
    current: bool = Field(description="Whether it looked at the data and the design as they are now.")
    as_of: str | None
    action: str
    next_level: int | None
    next_cohort_size: int | None
    mtd_level: int | None
    data_sha256: str
    design_sha256: str
    recommendation_sha256: str
    version: str

    @classmethod
    def of(cls, state: TrialState, analysis: Analysis, **more: Any) -> Self:
        """Return an analysis."""
        body = analysis.body
        return cls(
            entry=EntryRef.of(analysis.entry),
            current=is_current(state, analysis),
            as_of=body.as_of,
            **{key: body.recommendation[key] for key in ("action", "next_level", "next_cohort_size", "mtd_level")},
            data_sha256=body.data_sha256,
            design_sha256=body.design_sha256,
            recommendation_sha256=body.recommendation_sha256,
            version=body.version,
            **more,
        )


class AnalysisWhole(AnalysisLine):
    """An analysis on record with the data that it looked at and the whole answer."""

    data: str = Field(description="The CSV of patients.")
    recommendation: Recommendation


class Analyses(BaseModel):
    """All analyses of a trial, the last one last."""

    head: str
    analyses: list[AnalysisLine]


class Selection(BaseModel):
    """The answer of `escalate select --json`."""

    model_config = ConfigDict(extra="allow")

    design: str
    mtd_level: int | None
    mtd_amount: float | None
    unit: str
    reasons: list[dict[str, str]]
    notes: list[str]
    doses: list[dict[str, Any]]
    provenance: dict[str, str | None]
