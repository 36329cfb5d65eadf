"""Python code of a user's own, read and never run: what a design means by `my_model.py:build`.

Reading a design must not run code that somebody else wrote. The bytes are read and hashed with the design; whether they may be
run is decided once, by the person at the keyboard.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from escalate.core.errors import EscalateError, harmless

FLAG = "--run-model-code"
LARGEST = 1_000_000
"""Bytes of a file of code; a model has a few hundred."""
_allowed: ContextVar[bool] = ContextVar("escalate_run_model_code", default=False)


@dataclass(frozen=True)
class ModelCode:
    """The text of a file of Python code, and the function in it that builds a model.

    A design file cannot write one down: it comes from `read`, or from Python.
    """

    path: str
    function: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the file's bytes, what `sha256sum` prints."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def read(cls, model: str, folder: str | Path = ".") -> ModelCode:
        """Read `file.py:function`, the file being relative to a folder. Nothing of it is run.

        Raises
        ------
        EscalateError
            Where the name is not of that form, or there is no such file of text.
        """
        name, function = split(model)
        path = Path(folder) / name
        shown = harmless(str(path))
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST + 1)
        except FileNotFoundError:
            raise EscalateError(f"{shown}: there is no such file; it is looked for beside the design file") from None
        except (OSError, ValueError) as fault:
            raise EscalateError(f"{shown}: cannot be read ({getattr(fault, 'strerror', None) or fault})") from None
        if len(raw) > LARGEST:
            raise EscalateError(f"{shown}: has more than {LARGEST:,} bytes; this is no model")
        try:
            return cls(str(path), function, raw.decode())
        except UnicodeDecodeError:
            raise EscalateError(f"{shown}: is not a text file in UTF-8") from None


def split(model: str) -> tuple[str, str]:
    """Return file and function of `my_model.py:build`.

    Raises
    ------
    EscalateError
        Where it is not of that form.

    Examples
    --------
    >>> split("models/emax.py:build")
    ('models/emax.py', 'build')
    """
    found = re.fullmatch(r"(.+\.py):([A-Za-z_]\w*)", model)
    if found is None:
        raise EscalateError(
            f"'{harmless(model[:80])}' names no file and function; write it like my_model.py:build, the file beside the design"
        )
    return found[1], found[2]


def names_file(model: str) -> bool:
    """Return whether this means a file, and not a model that comes with escalate."""
    return not re.fullmatch(r"[A-Za-z_]\w*", model)


@contextmanager
def running_model_code(allowed: bool = True) -> Iterator[None]:
    """Allow, inside the block, to read designs whose method runs Python code of the user's own."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def may_run() -> bool:
    """Return whether designs that run code may be read here."""
    return _allowed.get()
