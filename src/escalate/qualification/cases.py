"""What a run of the qualification gives: cases, what they came to, and the requirements they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from escalate.qualification.requirements import Requirement

Status = Literal["passed", "failed", "not run", "test suite"]
Result = Literal["passed", "failed", "not done"]


def short(text: str, letters: int = 160) -> str:
    """Return a text cut to so many letters."""
    return text if len(text) <= letters else text[: letters - 1].rstrip(" ,;") + "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Case:
    """One question and what became of it.

    Parameters
    ----------
    asked
        What was asked, in a few words.
    expected, obtained
        In full, as a report prints them; of a case that failed, where the answer is another than expected.
    tolerance
        By how much numbers may differ, in words; `exact` where not at all.
    source
        Where the expected answer is from.
    values
        Expected and obtained as numbers, where there are values: keys `expect` and `answer`.
    done
        False where there was nothing to check it against: neither passed nor failed.
    """

    id: str
    asked: str
    expected: str
    obtained: str
    tolerance: str
    source: str
    passed: bool
    seconds: float = 0.0
    values: Mapping[str, Any] = field(default_factory=dict)
    done: bool = True

    def __post_init__(self) -> None:
        """Refuse a case that passed without being done."""
        if self.passed and not self.done:
            raise ValueError(f"{self.id}: a check that was not done cannot pass")

    @property
    def result(self) -> Result:
        """What became of it."""
        if not self.done:
            return "not done"
        return "passed" if self.passed else "failed"


@dataclass(frozen=True)
class Outcome:
    """A requirement and its cases."""

    requirement: Requirement
    cases: tuple[Case, ...]
    incomplete: bool = False
    """Whether conformance vectors could not be read, which may have been those of this requirement."""

    @property
    def failed(self) -> tuple[Case, ...]:
        """The cases that failed."""
        return tuple(case for case in self.cases if case.result == "failed")

    @property
    def status(self) -> Status:
        """`test suite` where there is no case: the test suite holds it, and it is not run again here."""
        if self.cases:
            return "failed" if self.failed else "passed"
        return "not run" if self.incomplete else "test suite"

    @property
    def seconds(self) -> float:
        """How long its cases took."""
        return sum(case.seconds for case in self.cases)


@dataclass(frozen=True)
class Installation:
    """What is installed and where it runs: facts by group, and what was checked of it."""

    facts: tuple[tuple[str, str, str], ...]
    """Group, name and value."""
    files: tuple[tuple[str, str], ...]
    """Path and SHA-256 of every file of the package."""
    cases: tuple[Case, ...]

    @property
    def failed(self) -> tuple[Case, ...]:
        """The checks that failed."""
        return tuple(case for case in self.cases if case.result == "failed")

    @property
    def not_done(self) -> tuple[Case, ...]:
        """The checks that could not be done."""
        return tuple(case for case in self.cases if case.result == "not done")


@dataclass(frozen=True)
class Qualification:
    """All that `escalate verify` found.

    Parameters
    ----------
    only
        The requirements asked for; empty where all were.
    disputed
        Identifiers of vectors that were not run, and why.
    """

    version: str
    started: datetime
    seconds: float
    installation: Installation
    outcomes: tuple[Outcome, ...]
    only: tuple[str, ...] = ()
    disputed: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.installation.failed and not any(outcome.failed for outcome in self.outcomes)

    @property
    def n_cases(self) -> int:
        """How many cases were run, those of the installation not counted."""
        return sum(len(outcome.cases) for outcome in self.outcomes)

    def faults(self) -> tuple[str, ...]:
        """Return one sentence for each failed case, starting with the id and name of its requirement."""
        installed = [
            f"IQ Installation: {case.id}: expected {short(case.expected)}, obtained {short(case.obtained)}"
            for case in self.installation.failed
        ]
        found = [
            f"{outcome.requirement.title}: {case.id}: expected {short(case.expected)}, obtained {short(case.obtained)}"
            for outcome in self.outcomes
            for case in outcome.failed
        ]
        return (*installed, *found)
