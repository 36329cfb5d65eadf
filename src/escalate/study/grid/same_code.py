"""What the bytes of a result depend on, its study aside: the same on every machine that works on it."""

from __future__ import annotations

from functools import cache
from typing import Final

from escalate import __version__
from escalate.engine.automaton_cache import code_sha256

LIBRARIES: Final = ("numpy", "scipy", "numba", "pyarrow")
"""What figures are computed and written with."""


@cache
def code() -> tuple[str, str, str]:
    """Return all that the bytes of a part depend on, its study aside."""
    from importlib.metadata import version  # noqa: PLC0415

    return __version__, code_sha256(), ", ".join(f"{name} {version(name)}" for name in LIBRARIES)


def other_than_here(found: tuple[str, ...] | None) -> str | None:
    """Return what a worker has that is other than here; None where it is the same."""
    here = code()
    if found is None:
        return f"has no escalate; install version {here[0]} there"
    if found[0] != here[0]:
        return f"has escalate {found[0]}, and this is {here[0]}; install the same version everywhere"
    if found[1:2] != here[1:2]:
        return f"has an escalate {here[0]} of other code than this one; install the same everywhere"
    return None if found == here else f"has {found[2]}, and here there is {here[2]}; install the same everywhere"
