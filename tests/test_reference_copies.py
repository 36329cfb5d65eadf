"""The reference values are those that were handed over, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.helpers import REFERENCE, ROOT

SHARED = ROOT.parent / "shared" / "reference"


@pytest.mark.parametrize("path", sorted(REFERENCE.iterdir()), ids=lambda path: path.name)
def test_copy_is_unchanged(path: Path) -> None:
    """Equal to the file it was copied from where that is at hand; a known file where it is not."""
    if not SHARED.is_dir():
        assert path.stat().st_size > 0
        return
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256((SHARED / path.name).read_bytes()).digest()
