"""What entries of a trial say, one model a kind; an entry that is none of these is refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from escalate.conduct.body_faults import in_words
from escalate.conduct.errors import RecordError

ROLES = ("viewer", "site", "statistician", "chair", "admin")
"""What a person can be in a trial; a person can have several roles."""

CHOICES = ("accept", "lower", "higher", "hold", "expand", "stop")
"""What can be decided."""


def _plain(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError("is empty")
    if any(not (letter.isprintable() or letter in "\n\r\t" or category(letter) == "Zs") for letter in text):
        raise ValueError("holds control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a letter") from None
    return text


def _no_formula(text: str) -> str:
    # It stands in data.csv as it is, because that is what is hashed and computed from.
    if text[0] in "=+-@|%":
        raise ValueError("begins as a formula does in a spreadsheet; begin with a letter or digit")
    return text


def _study_number(text: str) -> str:
    if not any(letter.isdigit() for letter in text):
        raise ValueError("is no study number: it needs a digit, and never a name or initials alone")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError("is no study number: a letter or digit stands between one / and the next")
    if _DATE.fullmatch(text):
        raise ValueError("is no study number: it looks like a date, and a date of birth is never recorded")
    return text


_DATE = re.compile(r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[./-][0-9]{1,2}[./-][0-9]{1,2}")
Text = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_plain)]
Short = Annotated[str, Field(max_length=40), AfterValidator(_plain), AfterValidator(_no_formula)]
StudyNumber = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$", max_length=40), AfterValidator(_study_number)
]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Level = Annotated[int, Field(ge=1, le=1000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Body(BaseModel):
    """What an entry says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    kind: ClassVar[str]


class PatientRow(Body):
    """One patient as known now: the columns of the CSV that every command reads; None where nothing is known yet."""

    kind: ClassVar[str] = "patient"

    patient: StudyNumber
    cohort: Annotated[int, Field(ge=1, le=999999)] | None = None
    level: Level
    dlt: bool | None = None
    outcome: Short | None = None
    evaluable: bool = True
    reason: Short | None = None
    treated: Day | None = None
    dlt_date: Day | None = None
    last_follow_up: Day | None = None
    backfill: bool = False
    response: bool | None = None


class LockedDesign(Body):
    """A design file as it was when it was locked, byte for byte, with a file that its method reads beside it."""

    kind: ClassVar[str] = "design"

    name: Name
    text: str
    attached_name: Name | None = None
    attached: str | None = None
    sha256: Digest


class Opened(Body):
    """The trial begins, under this design."""

    kind: ClassVar[str] = "opened"

    title: Name
    synthetic: bool = False
    design: LockedDesign
    version: str


class Entered(Body):
    """Patients of a cohort, as first known; `deviation` says why where no decision in force allows it."""

    kind: ClassVar[str] = "entered"

    patients: Annotated[tuple[PatientRow, ...], Field(min_length=1, max_length=1000)]
    deviation: Text | None = None


class Amended(Body):
    """What is known of a patient now, and was not or otherwise before.

    Parameters
    ----------
    changes
        By field, what stood there and what does now.
    first_report
        Whether every change fills in what was not known yet; any other change needs a reason.
    """

    kind: ClassVar[str] = "amended"

    patient: StudyNumber
    changes: dict[str, tuple[Any, Any]]
    first_report: bool
    reason: Text | None = None


class Withdrawn(Body):
    """A patient entered in error: out of the data from now on, never out of the record."""

    kind: ClassVar[str] = "withdrawn"

    patient: StudyNumber
    reason: Text


class Analysed(Body):
    """What the design said of the data: the data themselves, the whole answer, and what is needed to obtain it again.

    Parameters
    ----------
    as_of
        The day looked at, where patients have dates.
    data
        The CSV of patients; its hash is that which every command prints.
    recommendation
        The answer of `escalate recommend --json`.
    """

    kind: ClassVar[str] = "analysed"

    as_of: Day | None
    data: str
    data_sha256: Digest
    design_sha256: Digest
    version: str
    recommendation: dict[str, Any]
    recommendation_sha256: Digest


class Decided(Body):
    """What is done next, on which analysis, and why where that departs from the recommendation.

    Parameters
    ----------
    analysis
        Hash of the entry of the analysis.
    level
        Level of the next patients; None where nobody is treated.
    patients
        How many may be treated there.
    departs, upward
        Whether it is not what was recommended, and whether a higher dose, or more patients, than recommended.
    """

    kind: ClassVar[str] = "decided"

    analysis: Digest
    choice: Literal["accept", "lower", "higher", "hold", "expand", "stop"]
    level: Level | None
    patients: Annotated[int, Field(ge=1, le=1000)] | None
    departs: bool
    upward: bool
    reason: Text | None = None


class Approved(Body):
    """What a second person says of a decision, or of a closing, that needs one."""

    kind: ClassVar[str] = "approved"

    subject: Digest
    agrees: bool
    reason: Text | None = None


class Signed(Body):
    """A person's signature, given with the password.

    Parameters
    ----------
    subject
        Hash of the entry signed: a decision, an approval, a closing, a design amendment.
    record_sha256
        Hash of what it covers: design, data, version, recommendation, and the entry signed.
    name
        The person's name as printed.
    """

    kind: ClassVar[str] = "signed"

    subject: Digest
    meaning: Literal["authorship", "review", "approval"]
    record_sha256: Digest
    name: Name


class DesignAmended(Body):
    """A new version of the design, why, and what it says of the data beside what the old one said."""

    kind: ClassVar[str] = "design_amended"

    design: LockedDesign
    reason: Text
    version: str
    as_of: Day | None
    data_sha256: Digest
    before: dict[str, Any]
    after: dict[str, Any]
    differences: tuple[str, ...]


class Closed(Body):
    """The end of the trial: the MTD declared, beside the one that the design selects from the final data."""

    kind: ClassVar[str] = "closed"

    mtd_level: Level | None
    selected_level: Level | None
    selection: dict[str, Any]
    data: str
    data_sha256: Digest
    departs: bool
    upward: bool
    reason: Text | None = None


class RolesGiven(Body):
    """The roles of a person in the trial from now on; none takes them all away."""

    kind: ClassVar[str] = "roles"

    person: Annotated[str, Field(min_length=1, max_length=150), AfterValidator(_plain)]
    roles: tuple[Literal["viewer", "site", "statistician", "chair", "admin"], ...]


class Imported(Body):
    """The trial came here from an archive; roles given before are void here."""

    kind: ClassVar[str] = "imported"

    archive_sha256: Digest
    head: Digest


BODIES: dict[str, type[Body]] = {
    body.kind: body
    for body in (
        Opened,
        Entered,
        Amended,
        Withdrawn,
        Analysed,
        Decided,
        Approved,
        Signed,
        DesignAmended,
        Closed,
        RolesGiven,
        Imported,
    )
}  # fmt: skip


def read_body(kind: str, content: Any, where: str) -> Body:
    """Return the body of an entry.

    Raises
    ------
    RecordError
        Where there is no such kind, or the content is not of it.
    """
    if kind not in BODIES:
        raise RecordError(f"{where}: is of a kind that this version of escalate does not know ('{kind[:40]}')")
    try:
        return BODIES[kind].model_validate(_as_written(content), strict=False)
    except ValidationError as error:
        raise RecordError(f"{where}: {in_words(error)}") from None


def _as_written(content: Any) -> Any:
    return content if isinstance(content, dict) else {}
