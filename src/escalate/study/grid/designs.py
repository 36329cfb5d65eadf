"""The designs of a study: files, and grids of settings over a file, made one at a time when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from escalate.core.design import Design
from escalate.study.calibration_axes import Axis, named, short_names
from escalate.study.calibration_grid import Workshop


@dataclass(frozen=True)
class Member:
    """One design of a study.

    Parameters
    ----------
    number
        From 1, in the order of the study file; the last setting is varied fastest.
    choices
        Field and value of each setting that is varied.
    """

    number: int
    design: Design
    choices: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Source:
    """A design, or the grid of its variations.

    Parameters
    ----------
    axes
        Settings that are varied; empty for the design alone.

    Raises
    ------
    EscalateError
        Where a setting is varied twice.
    """

    design: Design
    axes: tuple[Axis, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be varied."""
        if self.axes:
            Workshop(self.design, self.axes)

    @property
    def size(self) -> int:
        """How many designs it stands for."""
        return prod(len(axis.values) for axis in self.axes)

    @cached_property
    def _workshop(self) -> Workshop:
        return Workshop(self.design, self.axes)

    @cached_property
    def _names(self) -> tuple[Axis, ...]:
        return tuple(Axis(name, axis.values) for name, axis in zip(short_names(self.axes), self.axes, strict=True))

    def build(self, k: int) -> tuple[Design, tuple[tuple[str, Any], ...]]:
        """Return the k-th design, from 0, and what was chosen for it.

        Raises
        ------
        DesignError
            Where the combination is no valid design.
        """
        if not self.axes:
            return self.design, ()
        choices: list[Any] = []
        for axis in reversed(self.axes):
            k, at = divmod(k, len(axis.values))
            choices.insert(0, axis.values[at])
        settings, design = self._workshop.build(tuple(choices))
        title = f"{design.title} [{named(self._names, settings)}]"
        fields = tuple((axis.field, value) for axis, value in zip(self.axes, settings, strict=True))
        return design.model_copy(update={"title": title[:200]}), fields


@dataclass(frozen=True, eq=False)
class DesignGrid:
    """All designs of a study. None is made before it is asked for."""

    sources: tuple[Source, ...]

    def __len__(self) -> int:
        return sum(source.size for source in self.sources)

    def __getitem__(self, k: int) -> Member:
        """Return the k-th design, from 0."""
        number = k + 1
        for source in self.sources:
            if k < source.size:
                return Member(number, *source.build(k))
            k -= source.size
        raise IndexError(number)

    def __iter__(self) -> Iterator[Member]:
        """Yield every design in order."""
        return (self[k] for k in range(len(self)))
