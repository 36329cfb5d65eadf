"""The command `diff`."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def diff() -> None:
    """Not there yet."""
    raise EscalateError("not there yet")
