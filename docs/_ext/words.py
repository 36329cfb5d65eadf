"""Markdown written by programs: tables, text that is not markup, files left alone where nothing changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in line) + " |" for line in lines)
        + "\n"
    )


def plain(text: str) -> str:
    """Return text on one line, its code kept as code and nothing else taken for markup."""
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """Return text, its code kept as code and nothing else taken for markup."""
    parts = re.split(r"(``?[^`]+``?)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\`*_<>\[\]])", r"\\\1", part) for part in parts)


def fenced(text: str, language: str = "text") -> str:
    """Return a block that is shown as it stands."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def write(path: Path, text: str) -> None:
    """Write a page, unless it holds that already: what has not changed is not read again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
