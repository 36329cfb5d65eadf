"""What requests say, one model an operation; what is not in it is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from escalate.conduct.bodies import Day, Digest, Level, PatientRow

Prose = Annotated[str, Field(max_length=4000)]
Role = Literal["viewer", "site", "statistician", "chair", "admin"]
_PASSWORD = "correct horse battery staple"


def _example(**content: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [content]})


class Asked(BaseModel):
    """What a request says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Seen(Asked):
    """A request that writes to a trial."""

    seen: Digest | None = Field(
        None,
        description="Head that you saw, as `GET /trials/{trial}` gives it; where the record went on since, nothing is written "
        "and the answer is 409. The header If-Match says the same.",
    )


class Signature(Asked):
    """A signature: the password of the token's owner, asked for again, and what it means."""

    model_config = _example(password=_PASSWORD, meaning="authorship")

    password: Annotated[str, Field(min_length=1, max_length=4096)]
    meaning: Literal["authorship", "review", "approval"]


class _Design(Asked):
    design: Annotated[str, Field(min_length=1, max_length=500_000)] = Field(
        description="The design file, byte for byte; it is locked with its hash."
    )
    design_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")] = "design.yaml"
    attached: Annotated[str, Field(max_length=1_000_000)] | None = Field(
        None, description="Text of the file that the method reads, where it reads one."
    )
    attached_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,99}$")] | None = None


class OpenTrial(_Design):
    """Begin a trial under a design."""

    model_config = _example(
        trial="tvec-liver", design="schema: escalate/design/1\ntitle: ...\n", design_name="tvec.yaml", synthetic=True
    )

    trial: Annotated[str, Field(max_length=60)] = Field(
        description="Its name in addresses: small letters, digits and -, at most 40."
    )
    title: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="That of the design where none is given."
    )
    synthetic: bool = Field(False, description="Whether its outcomes are made up, which every page then says.")


class EnterPatients(Seen):
    """Patients as first known; outcomes can come later."""

    model_config = _example(
        patients=[
            {"patient": "101-01", "cohort": 1, "level": 1, "dlt": False},
            {"patient": "101-02", "cohort": 1, "level": 1, "dlt": None},
        ]
    )

    patients: Annotated[list[PatientRow], Field(min_length=1, max_length=1000)]
    deviation: Prose | None = Field(None, description="Why they were treated although no decision in force allows it.")
    as_of: Day | None = Field(None, description="Day after which no date can be; today where none is given.")


class PatientChanges(Asked):
    """Fields of a patient that change, as they are from now on; null where it is not known after all."""

    cohort: int | None = None
    level: Level | None = None
    dlt: bool | None = None
    outcome: Annotated[str, Field(max_length=40)] | None = None
    evaluable: bool | None = None
    reason: Annotated[str, Field(max_length=40)] | None = None
    treated: Day | None = None
    dlt_date: Day | None = None
    last_follow_up: Day | None = None
    backfill: bool | None = None
    response: bool | None = None


class AmendPatient(Seen):
    """What is known of a patient now: a first report, or a correction with its reason."""

    model_config = _example(changes={"dlt": True}, reason="Grade 3 after central review")

    changes: PatientChanges
    reason: Prose | None = Field(None, description="Needed where something that was on record already changes.")
    as_of: Day | None = None


class WithdrawPatient(Seen):
    """Why a patient is none."""

    model_config = _example(reason="The study number was mistyped; the patient is 102-01")

    reason: Prose = Field(description="Why the patient was entered in error.")


class Analyse(Seen):
    """Record what the design says of the data as known now."""

    model_config = _example(as_of=None)

    as_of: Day | None = Field(
        None, description="The day looked at, where patients have dates; today where none is given."
    )


class Decide(Seen):
    """Decide what is done next."""

    model_config = _example(
        choice="lower",
        level=1,
        patients=3,
        reason="A DLT outside of the window",
        signature={"password": _PASSWORD, "meaning": "authorship"},
    )

    choice: Literal["accept", "lower", "higher", "hold", "expand", "stop"]
    level: Level | None = Field(
        None, description="Level of the next patients; left out where nobody is treated, or to accept."
    )
    patients: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="How many may be treated there.")
    reason: Prose | None = Field(None, description="Needed where the decision departs from the recommendation.")
    analysis: Digest | None = Field(
        None, description="Hash of the analysis decided on; a new one is recorded where none is given."
    )
    as_of: Day | None = None
    signature: Signature | None = None


class Approve(Seen):
    """What a second person says of the decision, or the closing, that awaits one."""

    model_config = _example(agrees=True, subject="0" * 64, signature={"password": _PASSWORD, "meaning": "approval"})

    agrees: bool
    reason: Prose | None = Field(None, description="Needed where the person does not agree.")
    subject: Digest = Field(description="Hash of the decision or closing agreed with, so that nothing else is.")
    signature: Signature | None = None


class Sign(Seen):
    """Sign a decision, an approval, a closing or a design amendment on record."""

    model_config = _example(subject="5f" * 32, password=_PASSWORD, meaning="review")

    subject: Digest = Field(description="Hash of the entry signed.")
    password: Annotated[str, Field(min_length=1, max_length=4096)]
    meaning: Literal["authorship", "review", "approval"]


class AmendDesign(_Design, Seen):
    """A new version of the design."""

    model_config = _example(design="schema: escalate/design/1\ntitle: ...\n", reason="Protocol amendment 2")

    reason: Prose
    as_of: Day | None = None
    signature: Signature | None = None


class Close(Seen):
    """Declare the MTD, or that there is none, and end the trial."""

    model_config = _example(mtd_level=2)

    mtd_level: Level | None = Field(description="The MTD; null where there is none.")
    reason: Prose | None = Field(None, description="Needed where it is not what the design selects.")
    as_of: Day | None = None
    signature: Signature | None = None


class GiveRoles(Seen):
    """The roles of a person from now on; none takes them all away."""

    model_config = _example(roles=["site", "viewer"])

    roles: Annotated[list[Role], Field(max_length=20)]
