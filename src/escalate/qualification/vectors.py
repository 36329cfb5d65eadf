"""The conformance vectors: found beside the package or in the source tree, held against their hashes, and read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from escalate.core.errors import EscalateError

SCHEMA: Final = "escalate/conformance/1"
SUMS: Final = "SHA256SUMS"


class VectorError(EscalateError):
    """A file of vectors that is not there, is not the one that was released, or cannot be read."""


@dataclass(frozen=True)
class Vector:
    """One question and its answer from elsewhere; conformance/README.md says what is in it.

    Parameters
    ----------
    question
        What is asked, in the words of a design file.
    expect
        Field of the answer, and its value: a number, a text, None, or a list of them.
    tolerance
        By how much a number of a field may differ, one for all of a list or one each; exactly equal where a field has none.
    disputed
        Why the value is known not to be followed; such a vector is not run.
    """

    id: str
    requirement: str
    question: Mapping[str, Any]
    expect: Mapping[str, Any]
    source: Mapping[str, Any]
    topic: str
    tolerance: Mapping[str, Any] = field(default_factory=dict)
    disputed: str | None = None
    note: str | None = None

    @property
    def kind(self) -> str:
        """What is asked: `table`, `recommend`, `select` ..."""
        return str(self.question["kind"])


def folder() -> Path:
    """Return where the vectors are: installed with the package, or in the source tree.

    Raises
    ------
    VectorError
        Where they are in neither.
    """
    here = Path(__file__).resolve()
    for place in (here.parents[1] / "conformance", here.parents[3] / "conformance"):
        if (place / SUMS).is_file():
            return place
    raise VectorError("the conformance vectors are not installed with the package; install it again from its wheel")


def load(place: Path | None = None) -> tuple[tuple[Vector, ...], tuple[str, ...]]:
    """Return the vectors of every file that is the one released, and a sentence for each file that is not.

    Raises
    ------
    VectorError
        Where there are none at all.
    """
    root = place or folder()
    found: list[Vector] = []
    faults: list[str] = []
    for name, digest in _sums(root):
        try:
            found += _read(root, name, digest)
        except VectorError as fault:
            faults.append(str(fault))
    doubled = sorted(name for name, times in Counter(vector.id for vector in found).items() if times > 1)
    faults += [f"two conformance vectors are called '{name}'" for name in doubled]
    return tuple(found), tuple(faults)


def _sums(root: Path) -> Iterator[tuple[str, str]]:
    for line in (root / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        yield name, digest


def _read(root: Path, name: str, digest: str) -> list[Vector]:
    where = f"conformance/{name}"
    try:
        raw = (root / name).read_bytes()
    except OSError as fault:
        raise VectorError(f"{where}: cannot be read ({fault.strerror}); install the package again") from None
    if hashlib.sha256(raw).hexdigest() != digest:
        raise VectorError(
            f"{where}: is not the file that was released (its SHA-256 differs); install the package again"
        )
    try:
        content = json.loads(raw)
        if content["schema"] != SCHEMA:
            raise VectorError(f"{where}: schema {content['schema']!r} is not {SCHEMA!r}")
        return [Vector(topic=content["topic"], **each) for each in content["vectors"]]
    except (ValueError, KeyError, TypeError) as fault:
        raise VectorError(f"{where}: cannot be read as conformance vectors ({type(fault).__name__}: {fault})") from None
