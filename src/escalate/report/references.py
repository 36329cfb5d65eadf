"""What a design rests on in the literature, read from where the code says it: the References of its method and rules.

A reference in a docstring ends with `[field: value]` or `[field]` where it holds only with that setting.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from escalate import __version__
from escalate.core.method import Method
from escalate.core.rule import Rule
from escalate.core.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from escalate.core.design import Design

SOFTWARE: Final = f"The escalate authors. escalate: dose-escalation trials, version {__version__}. Apache-2.0 licence."
"""How to name this software in a list of references."""

_SECTION: Final = re.compile(r"^References\n-+\n(.*?)(?=\n\n[A-Z][A-Za-z ]*\n-+|\Z)", re.DOTALL | re.MULTILINE)
_START: Final = re.compile(r"(?:^|(?<=[.\])]) )(?=[A-Z][^().\[\]]*(?:et al\. )?\((?:19|20)\d\d\)\. )")
_PARTS: Final = re.compile(
    r"^(?P<authors>[^(]+?) \((?P<year>\d{4})\)\. (?P<title>.+)\. (?P<journal>[^.]+?)"
    r"(?: \([^)]*\))?\.(?: \([^)]*\)\.?)?(?: \[(?P<only>[^\]]+)\])?$"
)
_PLACE: Final = re.compile(r"^(?P<name>.+?) (?P<volume>\d+)(?:\((?P<number>[^)]+)\))?:(?P<pages>[\w-]+)$")


@dataclass(frozen=True)
class Citation:
    """One work.

    Parameters
    ----------
    authors
        As printed: family name and initials, separated by commas; `et al.` where more are not listed.
    journal
        Of an article its journal; of a book its publisher.
    volume, number, pages
        Of an article; None where it has none.
    """

    authors: str
    year: int
    title: str
    journal: str
    volume: str | None = None
    number: str | None = None
    pages: str | None = None

    def __str__(self) -> str:
        """Return it as a list of references prints it."""
        number = f"({self.number})" if self.number else ""
        place = f" {self.volume}{number}:{self.pages}" if self.volume else ""
        return f"{self.authors} ({self.year}). {self.title}. {self.journal}{place}."

    @property
    def key(self) -> str:
        """A short name for lists: first author and year, letters and digits alone."""
        first = re.sub(r"[^A-Za-z]", "", self.names[0][0])
        return f"{first}{self.year}"

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Family name and initials of each author listed."""
        listed = re.sub(r",? (et al\.|and others)$", "", self.authors).split(", ")
        return tuple((name.rpartition(" ")[0] or name, name.rpartition(" ")[2]) for name in listed)

    @property
    def short(self) -> str:
        """Authors and year as a text cites them.

        Examples
        --------
        >>> each = Citation("Liu S, Yuan Y", 2015, "Bayesian optimal interval designs", "J R Stat Soc Ser C Appl Stat")
        >>> each.short
        'Liu and Yuan 2015'
        """
        families = [family for family, _ in self.names]
        if len(families) > 2 or self.more_authors:
            return f"{families[0]} et al. {self.year}"
        return f"{' and '.join(families)} {self.year}"

    @property
    def more_authors(self) -> bool:
        """Whether there are authors that are not listed."""
        return self.authors.endswith(("et al.", "and others"))


def references(design: Design) -> tuple[Citation, ...]:
    """Return the works that a design rests on: its method's, its rules', its backfilling's; in order of authors and year."""
    found: dict[str, Citation] = {}
    parts: list[Any] = [design.method, *_within(design.rules)]
    if design.backfill is not None:
        parts.append(design.backfill)
    for part in parts:
        for citation, only in _all(type(part)):
            if only is None or _holds(part, only):
                found.setdefault(str(citation), citation)
    return tuple(sorted(found.values(), key=lambda each: (each.authors, each.year, each.title)))


def _all(cls: type) -> Iterator[tuple[Citation, str | None]]:
    """Yield the works of a class, and of the groups of settings it is made of; not of the method it departs from."""
    for part in cls.__mro__:
        if part is cls or (issubclass(part, Setting) and not issubclass(part, Method | Rule)):
            yield from citations(part)


def citations(cls: type) -> tuple[tuple[Citation, str | None], ...]:
    """Return the works in a class's docstring, each with the setting it holds for, or None.

    Raises
    ------
    ValueError
        Where a reference is not written as `Authors (Year). Title. Journal volume:pages.`
    """
    section = _SECTION.search(inspect.cleandoc(cls.__doc__ or ""))
    return () if section is None else tuple(_parsed(text) for text in _split(section.group(1)))


def _split(text: str) -> list[str]:
    joined = " ".join(text.split())
    return [part.strip() for part in _START.split(joined) if part.strip()]


def _parsed(text: str) -> tuple[Citation, str | None]:
    parts = _PARTS.match(text)
    if parts is None:
        raise ValueError(f"not written as a reference: {text}")
    place = _PLACE.match(parts["journal"])
    year, title = int(parts["year"]), parts["title"]
    if place is None:
        return Citation(parts["authors"], year, title, parts["journal"]), parts["only"]
    number = (place["volume"], place["number"], place["pages"])
    return Citation(parts["authors"], year, title, place["name"], *number), parts["only"]


def _holds(part: Any, only: str) -> bool:
    """Return whether a setting, `field: value` or only `field`, is what a part of a design says."""
    field, _, wanted = only.partition(": ")
    value = part
    for name in field.split("."):
        value = getattr(value, name, None)
    return str(value) == wanted if wanted else value not in (None, False)


def _within(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """Yield rules and the rules inside them."""
    for rule in rules:
        yield rule
        inner = [part for name in type(rule).model_fields for part in _listed(getattr(rule, name))]
        yield from _within(tuple(part for part in inner if isinstance(part, Rule)))


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
