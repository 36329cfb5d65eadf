"""The page of a method: installed with the package, or in the source tree."""

from __future__ import annotations

import inspect
from importlib.resources import files
from pathlib import Path

from escalate.core.method import Method


def page(cls: type[Method]) -> str:
    """Return the page of a method, or its docstring where it has none (a method of another package)."""
    kind = cls.model_fields["kind"].default
    installed = files("escalate").joinpath("pages", f"{kind}.md")
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    source = Path(__file__).resolve().parents[3] / "docs" / "methods" / f"{kind}.md"
    if source.is_file():
        return source.read_text(encoding="utf-8")
    return inspect.cleandoc(cls.__doc__ or "")
