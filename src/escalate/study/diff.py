"""What two designs say differently: settings, decision tables, and the shortest outcomes after which they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from escalate.core.design import Design
from escalate.core.method import TableMethod
from escalate.core.shown import Shown
from escalate.study.parting import MAX_SITUATIONS, Parting, part
from escalate.study.recommend import Recommendation, recommend
from escalate.study.table import TableRow, table


@dataclass(frozen=True)
class SettingDifference:
    """A setting that two designs do not share; None where one does not have it.

    Parameters
    ----------
    field
        As a design file would name it; rules go by their kind: `rules.eliminate.cutoff`.
    """

    field: str
    first: Any
    second: Any


@dataclass(frozen=True)
class RowDifference:
    """A row of the decision table whose cut-offs differ; None where one of the tables ends before it."""

    patients: int
    level: int | None
    first: TableRow | None
    second: TableRow | None


@dataclass(frozen=True)
class Separation:
    """Outcomes that both designs can reach together, and the different answers that they then give.

    Parameters
    ----------
    outcomes
        An outcome string; empty before the first patient.
    patients
        How many patients it has.
    what
        `next_level`, `cohort_size`, `stop` (one stops) or `mtd` (both stop).
    """

    outcomes: str
    patients: int
    what: str
    first: Recommendation
    second: Recommendation


@dataclass(frozen=True)
class Difference(Shown):
    """Two designs side by side.

    Parameters
    ----------
    settings
        Settings that differ, in the order of a design file.
    rows
        Rows of the decision table that differ, where both methods have a table of the same kind.
    compared, differing
        How many situations were compared, and in how many of them the answers differ.
    up_to
        Patients up to which every situation was compared; None where that is the end of both trials.
    separations
        The shortest outcomes that separate them, fewest patients first.
    not_compared
        Why decisions could not be compared; None where they were.
    """

    designs: tuple[Design, Design]
    settings: tuple[SettingDifference, ...]
    rows: tuple[RowDifference, ...]
    compared: int
    differing: int
    up_to: int | None
    separations: tuple[Separation, ...]
    not_compared: str | None = None

    def __repr__(self) -> str:
        first, second = (design.title for design in self.designs)
        decisions = "unknown" if self.not_compared is not None else f"{self.differing:,} of {self.compared:,}"
        return f"Difference({first!r}, {second!r}: settings {len(self.settings)}, decisions {decisions})"

    @property
    def same_doses(self) -> bool:
        """Whether each level is the same amount in both."""
        first, second = (design.doses for design in self.designs)
        return (first.unit, first.levels) == (second.unit, second.levels)

    @property
    def pending_left_out(self) -> bool:
        """Whether decisions while outcomes are pending may differ: they are not compared, and what they rest on is not the same."""
        first, second = self.designs
        if first.dlt_window is None and second.dlt_window is None:
            return False
        return any(
            getattr(first, name) != getattr(second, name) for name in ("method", "rules", "dlt_window", "backfill")
        )

    @property
    def same_decisions(self) -> bool:
        """Whether every decision that was compared is the same, by level and by amount, and none was left out."""
        compared = self.not_compared is None and self.up_to is None and not self.pending_left_out
        return compared and self.differing == 0 and self.same_doses


def diff(first: Design, second: Design, *, strings: int = 5, limit: int = MAX_SITUATIONS) -> Difference:
    """Compare two designs: what they say, and what they do.

    Every situation is compared that both can reach together, that is by outcomes on which they agreed until then. Where they
    part, what follows is not compared further: a trial follows one of them.

    Parameters
    ----------
    strings
        How many separating outcomes to give at most.
    limit
        Situations after which the comparison ends, with the number of patients it got to.

    Examples
    --------
    >>> import escalate as esc
    >>> settings = {"title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...             "max_patients": 12, "method": {"kind": "boin"}}
    >>> one, other = (esc.Design.from_dict({**settings, "target": target}) for target in (0.3, 0.25))
    >>> found = diff(one, other)
    >>> found.settings[0].field, found.separations[0].outcomes
    ('target', '1NNN 2NNT')
    """
    settings = tuple(_settings(first.to_dict(), second.to_dict()))
    why = _not_comparable(first, second)
    if why is not None:
        return Difference((first, second), settings, (), 0, 0, None, (), why)
    found = part(first, second, strings=strings, limit=limit)
    separations = tuple(_separation(first, second, parting) for parting in found.partings)
    return Difference(
        (first, second),
        settings,
        tuple(_rows(first, second)),
        found.compared,
        found.differing,
        found.up_to,
        separations,
    )


def _not_comparable(first: Design, second: Design) -> str | None:
    if first.n_doses != second.n_doses:
        return (
            f"the designs have {first.n_doses} and {second.n_doses} dose levels; decisions are compared level by level"
        )
    letters = ["".join(outcome.letter for outcome in design.outcomes) for design in (first, second)]
    if letters[0] != letters[1]:
        return f"the designs grade outcomes differently ({letters[0]} and {letters[1]}); no outcomes fit both"
    return None


def _settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[SettingDifference]:
    pair = [{**settings, "rules": _by_kind(settings["rules"])} for settings in (first, second)]
    yield from _walk(pair[0], pair[1], "")


def _by_kind(rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rules by kind, so that their order does not matter; a second one of a kind is `kind (2)`."""
    seen: Counter[str] = Counter()
    named = {}
    for rule in rules:
        seen[rule["kind"]] += 1
        count = seen[rule["kind"]]
        named[rule["kind"] if count == 1 else f"{rule['kind']} ({count})"] = rule
    return named


def _walk(first: Any, second: Any, field: str) -> Iterator[SettingDifference]:
    if isinstance(first, Mapping) and isinstance(second, Mapping) and first.get("kind") == second.get("kind"):
        for key in dict.fromkeys((*first, *second)):
            yield from _walk(first.get(key), second.get(key), f"{field}.{key}" if field else str(key))
    elif first != second:
        yield SettingDifference(field, first, second)


def _rows(first: Design, second: Design) -> Iterator[RowDifference]:
    if not all(isinstance(design.method, TableMethod) for design in (first, second)):
        return
    tables = [table(design) for design in (first, second)]
    if (tables[0].by_level, tables[0].graded) != (tables[1].by_level, tables[1].graded):
        return
    rows = [{(row.level or 0, row.patients): row for row in found.rows} for found in tables]
    for key in sorted({*rows[0], *rows[1]}):
        one, other = rows[0].get(key), rows[1].get(key)
        if one != other:
            yield RowDifference(key[1], key[0] or None, one, other)


def _separation(first: Design, second: Design, parting: Parting) -> Separation:
    one, other = (recommend(design, parting.outcomes or None) for design in (first, second))
    return Separation(parting.outcomes, parting.patients, parting.what, one, other)
