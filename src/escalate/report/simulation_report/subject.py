"""What a simulation report is about: the results, the files they came from, and how designs are called in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Final

from escalate.core.design import Design
from escalate.core.files import DesignFile
from escalate.core.scenario import Scenario
from escalate.report.comparison_tables import letter
from escalate.report.truth import true_mtd
from escalate.study.compare import distinct
from escalate.study.results import OperatingCharacteristics

MANY: Final = 12
"""More scenarios than this are reported by family, not one by one."""
LONGEST: Final = 28
"""A name in tables has no more letters than this."""


@dataclass(frozen=True)
class Subject:
    """What is reported.

    Parameters
    ----------
    found
        The results.
    files
        The design file of each design of the results, in their order.
    results_file, results_sha256
        The file of results that the report is made from; None where they were computed for it.
    scenario_file, clock_file
        Names of the files that they were computed from; None where the results were read.
    """

    found: OperatingCharacteristics
    files: tuple[DesignFile, ...]
    results_file: str | None = None
    results_sha256: str | None = None
    scenario_file: str | None = None
    clock_file: str | None = None

    @property
    def designs(self) -> tuple[Design, ...]:
        """The designs, in the order of the results."""
        return tuple(result.design for result in self.found.designs)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios."""
        return self.found.designs[0].scenarios

    @property
    def many(self) -> bool:
        """Whether the scenarios are too many to be reported one by one."""
        return len(self.scenarios) > MANY

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each design is called in sentences and tables: by its title, or else its method, or else a letter."""
        titles = [design.title for design in self.designs]
        found, kinds = short_names(titles), tuple(design.method.kind for design in self.designs)
        lettered = len(titles) > 1 and found == tuple(letter(k) for k in range(len(titles)))
        return kinds if lettered and len(set(kinds)) == len(kinds) else found

    def named(self, design: int) -> tuple[str, ...]:
        """Return the cell of a table that names a design; none where there is only one."""
        return (self.names[design],) if len(self.designs) > 1 else ()

    @property
    def named_head(self) -> tuple[str, ...]:
        """The head of the column of such cells."""
        return ("Design",) if len(self.designs) > 1 else ()

    @property
    def named_otherwise(self) -> bool:
        """Whether designs are called by what their titles do not say, so that it has to be explained."""
        named = zip(self.names, self.designs, strict=True)
        return len(self.names) > 1 and any(name not in design.title for name, design in named)

    @cached_property
    def heading(self) -> str:
        """What the titles of the designs have in common, and what tells them apart; or the title of the only one."""
        titles = [design.title for design in self.designs]
        head, tail = _common(titles)
        start, end = titles[0][:head].rstrip(" ,:;-"), titles[0][len(titles[0]) - tail :].strip()
        names = ", ".join(self.names)
        if len(titles) == 1:
            return titles[0]
        if self.named_otherwise or not (start or end):
            return f"{len(titles)} designs compared"
        return f"{start} {end}: {names}".replace(" :", ":") if start else f"{names}: {end}"

    @cached_property
    def by_name(self) -> OperatingCharacteristics:
        """The results with the designs called by their names, for figures."""
        if len(self.designs) == 1:
            return self.found
        results = (
            replace(result, design=result.design.model_copy(update={"title": name}))
            for result, name in zip(self.found.designs, self.names, strict=True)
        )
        return replace(self.found, designs=tuple(results))

    @property
    def error_free(self) -> bool:
        """Whether the figures are exact."""
        return self.found.exact

    def mtd(self, design: int, scenario: int) -> list[int] | None:
        """Return the levels that count as the MTD, none of them where all are toxic; None for a design without target."""
        return true_mtd(self.designs[design], self.scenarios[scenario])

    @cached_property
    def one_truth(self) -> bool:
        """Whether every design sees the same MTD in every scenario."""
        return all(
            self.mtd(d, v) == self.mtd(0, v) for d in range(1, len(self.designs)) for v in range(len(self.scenarios))
        )

    def mtd_words(self, scenario: int) -> str:
        """Return the MTD of a scenario as tables have it; by design where they see it differently."""
        each = [_mtd_words(self.mtd(d, scenario)) for d in range(len(self.designs))]
        if len(set(each)) == 1:
            return each[0]
        return "; ".join(f"{name}: {words}" for name, words in zip(self.names, each, strict=True))


def _mtd_words(levels: list[int] | None) -> str:
    if levels is None:
        return "no target"
    return " and ".join(f"level {level}" for level in levels) or "none"


def short_names(titles: Sequence[str]) -> tuple[str, ...]:
    """Return what tells titles apart, or a letter each where that is nothing short.

    Examples
    --------
    >>> short_names(["Liver, 3+3 (synthetic)", "Liver, BOIN (synthetic)"])
    ('3+3', 'BOIN')
    >>> short_names(["BOIN", "BOIN"])
    ('A', 'B')
    """
    if len(titles) == 1:
        return (titles[0] if len(titles[0]) <= LONGEST else "the design",)
    head, tail = _common(titles)
    names = [title[head : len(title) - tail].strip(" ,:;") for title in titles]
    if all(name and len(name) <= LONGEST for name in names) and len(set(names)) == len(names):
        return tuple(names)
    if len(set(titles)) == len(titles) and max(map(len, titles)) <= LONGEST:
        return distinct(titles)
    return tuple(letter(k) for k in range(len(titles)))


def _common(titles: Sequence[str]) -> tuple[int, int]:
    """Return how many letters all titles begin with, and end with, whole words alone; they do not overlap."""
    head = _same_start(titles)
    head = head[: max(head.rfind(" "), -1) + 1]
    rest = [title[len(head) :] for title in titles]
    tail = _same_start([text[::-1] for text in rest])[::-1]
    # A closing bracket belongs to the opening one.
    start = tail.find(" ")
    return len(head), len(tail) - start if start >= 0 else 0


def _same_start(texts: Sequence[str]) -> str:
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in same)
