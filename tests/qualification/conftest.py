"""What the tests of the qualification share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.qualification.thinned import thinned


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a few of the vectors."""
    return thinned(tmp_path_factory.mktemp("few") / "conformance")
