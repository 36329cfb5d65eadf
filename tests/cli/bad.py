"""What a bad input is, and what the message about it must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.run import DESIGN

RECOMMEND = ("recommend", "d.yaml", "p.csv")
SIMULATE = ("simulate", "d.yaml", "--scenarios", "s.yaml")


@dataclass(frozen=True)
class Bad:
    """A bad input: what the message must say and must not, the command line, and the files."""

    name: str
    words: tuple[str, ...]
    arguments: tuple[str, ...]
    files: dict[str, str | bytes]
    stdin: str | bytes = b""
    never: tuple[str, ...] = ()


def bad(name: str, *words: str, fault: str | None = None, **more: Any) -> Any:
    """Return a case for pytest; `fault` says what is wrong with the message today."""
    marks = [pytest.mark.xfail(strict=True, reason=fault)] if fault else []
    return pytest.param(Bad(name, words, **more), id=name, marks=marks)


def edited(old: str, new: str) -> str:
    """Return the good design with one part replaced."""
    assert old in DESIGN
    return DESIGN.replace(old, new)
