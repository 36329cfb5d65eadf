"""Settings of methods that model graded outcomes: the grades, limits on them, and priors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from escalate.core.setting import Probability, Setting, Words

Letter = Annotated[str, Field(pattern=r"^[A-Z]$")]
Mean = Annotated[float, Field(ge=-20, le=20)]
Sd = Annotated[float, Field(ge=0.1, le=10)]


class Grade(Setting):
    """One category of outcome: how an outcome string writes it, and what it is."""

    letter: Letter
    name: Words


class GradeLimit(Setting):
    """A dose is not admissible where Pr(Pr(this grade or worse) > `above` | data) exceeds `cutoff`."""

    letter: Letter
    above: Probability
    cutoff: Probability


class LogSlope(Setting):
    """Normal prior of the log of the slope that all grades share."""

    mean: Mean = 0.0
    sd: Annotated[float, Field(ge=0.1, le=3)] = 1.0


class OrdinalPrior(Setting):
    """Priors of the intercepts, one for each grade that counts, mildest first, and of the log slope."""

    mean: Annotated[tuple[Mean, ...], Field(min_length=2, max_length=8)]
    sd: Annotated[tuple[Sd, ...], Field(min_length=2, max_length=8)]
    log_slope: LogSlope = LogSlope()


THREE = (
    Grade(letter="N", name="none or mild"),
    Grade(letter="M", name="moderate"),
    Grade(letter="T", name="DLT"),
)
