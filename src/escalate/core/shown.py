"""What a notebook shows of a noun: HTML that `report` makes of what the terminal prints."""

from __future__ import annotations

from importlib import import_module
from typing import Final

HOME: Final = "escalate.report.notebook"
"""The module that makes it, by name, as methods are found by theirs: nouns import nothing of what shows them."""


class Shown:
    """A noun that Jupyter and its like show as HTML, and Python on one short line."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(import_module(HOME).html(self))
