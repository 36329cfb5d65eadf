"""The read-me file and every other page: every command that they show runs, and prints what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import pages


@pytest.mark.parametrize(
    ("page", "whole"), pages.cases("", but=("docs/methods/", "docs/how-to/", "simulations/", "docs/tutorial"))
)
def test_page(page: Path, whole: bool, tmp_path: Path) -> None:
    """Every block of the page runs, in order, and prints what the page shows."""
    pages.run(page, tmp_path, whole=whole)
