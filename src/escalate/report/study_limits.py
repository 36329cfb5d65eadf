"""Limits that designs of a study must keep to be shown: the mean of a metric over all scenarios or those of a family."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from escalate.core.errors import EscalateError, did_you_mean

_LIMIT: Final = re.compile(r"\s*(\w+)(?:\s+of\s+(.+?))?\s*(<=|>=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


@dataclass(frozen=True)
class Limit:
    """A mean that must not be above, or below, a number.

    Parameters
    ----------
    family
        Of scenarios; None for those that are shown.
    """

    metric: str
    family: str | None
    at_most: bool
    bound: float

    def families(self, shown: Sequence[str]) -> Sequence[str]:
        """Return the families that the mean is over, where those are shown."""
        return shown if self.family is None else (self.family,)

    def keeps(self, mean: float | None) -> bool:
        """Whether a mean is within the limit; one that is not known is not."""
        return mean is not None and (mean <= self.bound if self.at_most else mean >= self.bound)

    def __str__(self) -> str:
        family = "" if self.family is None else f" of {self.family}"
        return f"{self.metric}{family} {'<=' if self.at_most else '>='} {self.bound:g}"


def parse_where(text: str) -> Limit:
    """Read a limit such as `overdose_allocated <= 0.4` or `selected_none of too toxic >= 0.5`.

    Raises
    ------
    EscalateError
        Where it is none.

    Examples
    --------
    >>> print(parse_where("selected_none of too toxic>=.5"))
    selected_none of too toxic >= 0.5
    """
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise EscalateError(
            f"--where '{text}': is no limit; write METRIC <= NUMBER or METRIC >= NUMBER, or METRIC of FAMILY <= NUMBER"
        )
    return Limit(found[1], found[2], found[3] == "<=", float(found[4]))


def check_family(option: str, family: str, known: Sequence[str]) -> None:
    """Refuse a family that no scenario has.

    Raises
    ------
    EscalateError
        Naming those there are.
    """
    if family in known:
        return
    if not known:
        raise EscalateError(f"{option}: no scenario of this study has a family")
    raise EscalateError(f"{option}: no scenario is of the family '{family}'; {did_you_mean(family, tuple(known))}")
