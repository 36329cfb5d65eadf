"""Databases of the tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web import client


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a database that the tests of a module share: they look, and do not mind what others did."""
    path = tmp_path_factory.mktemp("web") / "record.db"
    with client.closing():
        client.set_up(path)
        yield path


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """Return a database of one test alone."""
    path = tmp_path / "record.db"
    with client.closing():
        client.set_up(path)
        yield path
