"""Compiled automata kept on disk by design: found again by another process, never trusted unread.

A file is named by the hash of the design and of the code that compiles it, starts with the hash of its content, and is put in
place whole. One that is damaged is made anew; the oldest go where there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias
from uuid import uuid4

import numpy as np

from escalate.core.design import Design
from escalate.core.rule import Rule
from escalate.core.tally import Tally
from escalate.engine.automaton import Automaton, Terminals, compile_design

Compile: TypeAlias = Callable[[Design, int], Automaton]
"""What makes the automaton of a design within a number of states."""
WORTH_KEEPING: Final = 0.1
"""Seconds that an automaton must take to compile before it is kept: what is quicker is quicker made than read."""
LIMIT: Final = 1_000_000_000
"""Bytes that a folder of automata may take, unless ESCALATE_CACHE_MB says otherwise."""
SWEEP_EVERY: Final = 20
_ARRAYS: Final = ("dose", "size", "paths", "child", "parent", "outcome")
_LAYERS: Final = ("core", "models", "rules", "methods", "engine", "study")


def cache_of(folder: str | None) -> Compile | None:
    """Return a compiler that keeps what it made in a folder; None where there is no folder."""
    return None if folder is None else _cache(folder).compiled


@cache
def _cache(folder: str) -> AutomatonCache:
    limit = os.environ.get("ESCALATE_CACHE_MB", "")
    return AutomatonCache(Path(folder), int(limit) * 1_000_000 if limit.isdigit() else LIMIT)


def default_folder() -> Path:
    """Return where automata are kept: ESCALATE_CACHE, or else `escalate` in the user's folder of caches."""
    told = os.environ.get("ESCALATE_CACHE")
    if told:
        return Path(told)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "escalate" / "automata"


@dataclass
class AutomatonCache:
    """A folder of compiled automata.

    Parameters
    ----------
    limit
        Bytes it may take; what was used longest ago goes first.
    worth
        Seconds from which on a compilation is kept.
    """

    folder: Path
    limit: int = LIMIT
    worth: float = WORTH_KEEPING
    _written: int = field(default=0, init=False)

    def compiled(self, design: Design, max_states: int) -> Automaton:
        """Return the automaton of a design, read or made.

        Raises
        ------
        TooLargeError
            Where there are more than `max_states`.
        """
        key = key_of(design)
        path = None if key is None else self.folder / f"{key}.automaton"
        found = None if path is None else self._read(path)
        if found is not None and found.n_states + len(found.terminals) <= max_states:
            return found
        start = time.perf_counter()
        made = compile_design(design, max_states)
        if path is not None and time.perf_counter() - start >= self.worth:
            # A cache that cannot be written is none; the answer is there all the same.
            with contextlib.suppress(OSError):
                self._write(path, made)
        return made

    def _read(self, path: Path) -> Automaton | None:
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        # When it was last used; a folder that cannot be written is read all the same.
        with contextlib.suppress(OSError):
            os.utime(path)
        if len(raw) < 32 or hashlib.sha256(raw[32:]).digest() != raw[:32]:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return unpacked(raw[32:])

    def _write(self, path: Path, automaton: Automaton) -> None:
        content = packed(automaton)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Of its own for each writer: whoever is last puts the same content in place.
        temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
        try:
            temporary.write_bytes(hashlib.sha256(content).digest() + content)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if self._written % SWEEP_EVERY == 0:
            self.sweep()
        self._written += 1

    def sweep(self) -> None:
        """Take away what was used longest ago until the rest is within the limit, and what writers that died left behind."""
        entries = []
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                if path.suffix == ".automaton":
                    entries.append((stat.st_mtime, stat.st_size, path))
                elif path.suffix == ".tmp" and time.time() - stat.st_mtime > 3600:
                    path.unlink()
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def packed(automaton: Automaton) -> bytes:
    """Return an automaton as bytes."""
    ends = automaton.terminals
    arrays = {name: getattr(automaton, name) for name in _ARRAYS}
    # A thousand patients at most: the counts fit.
    arrays["counts"] = ends.tally.counts.astype(np.int16)
    arrays |= {f"end_{name}": getattr(ends, name) for name in ("paths", "selected", "stops")}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes) -> Automaton:
    """Return the automaton of `packed`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        tally = Tally(arrays["counts"].astype(np.int64))
        ends = Terminals(tally, arrays["end_paths"], arrays["end_selected"], arrays["end_stops"])
        return Automaton(**{name: arrays[name] for name in _ARRAYS}, terminals=ends)


def key_of(design: Design) -> str | None:
    """Return the name of a design's automaton: equal where design and code are; None where that cannot be told."""
    if design.method.unwritten or any(not type(part).__module__.startswith("escalate.") for part in _parts(design)):
        return None
    return hashlib.sha256(f"{design.sha256} {code_sha256()} {np.__version__}".encode()).hexdigest()[:32]


def _parts(design: Design) -> Iterator[object]:
    """Yield the method, the rules, and the rules inside rules."""
    yield design.method
    waiting = list(design.rules)
    while waiting:
        rule = waiting.pop()
        yield rule
        values = [getattr(rule, name) for name in type(rule).model_fields]
        waiting += [part for value in values if isinstance(value, tuple) for part in value if isinstance(part, Rule)]


@cache
def code_sha256() -> str:
    """Return the hash of the code that figures depend on, compiled automata among them."""
    root, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for layer in _LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
