"""A few of the conformance vectors, in a folder of their own, for tests that run them many times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers import ROOT

CONFORMANCE = ROOT / "conformance"
WHOLE = {"exact", "refusals", "paths", "late-onset", "graded", "safety"}


def keeps(topic: str, k: int, every: int) -> bool:
    """Return whether the k-th vector of a topic is one of the few."""
    return topic in WHOLE or k % (every * (4 if topic == "blrm" else 1)) == 0


def thinned(folder: Path, every: int = 6, change: Callable[[str, list[dict[str, Any]]], None] | None = None) -> Path:
    """Write every so many-th vector, and their hashes; `change` may alter the vectors of a topic."""
    (folder / "vectors").mkdir(parents=True)
    sums = ""
    for path in sorted((CONFORMANCE / "vectors").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        few = [each for k, each in enumerate(content["vectors"]) if keeps(content["topic"], k, every)]
        if change is not None:
            change(content["topic"], few)
        raw = json.dumps({**content, "vectors": few}).encode()
        (folder / "vectors" / path.name).write_bytes(raw)
        sums += f"{hashlib.sha256(raw).hexdigest()}  vectors/{path.name}\n"
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
    return folder
