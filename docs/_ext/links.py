"""Links of a page: what lies outside the documentation is found where the site has it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()(?!https?:|mailto:|#|<)([^)\s#]*)(#[^)\s]*)?(\))")
_FENCE = re.compile(r"(?ms)^(`{3,}|~{3,}).*?^\1|^(?: {4}|\t)[^\n]*$")


def rewritten(text: str, target: Callable[[str], str]) -> str:
    """Return the text of a page with each relative link replaced by what `target` gives for it; blocks of code stay."""
    parts, at = [], 0
    for block in _FENCE.finditer(text):
        parts += [_links(text[at : block.start()], target), block.group()]
        at = block.end()
    return "".join([*parts, _links(text[at:], target)])


def _links(text: str, target: Callable[[str], str]) -> str:
    return _LINK.sub(lambda found: found[1] + target(found[2]) + (found[3] or "") + found[4], text)


def resolver(root: Path, original: Path, page: Path, moved: dict[Path, Path]) -> Callable[[str], str]:
    """Return what a relative link of a page becomes.

    Parameters
    ----------
    root
        The repository.
    original
        The page as it stands in the repository: its links start there.
    page
        The page as the site has it.
    moved
        Where the site has what lies elsewhere in the repository.
    """

    def target(link: str) -> str:
        path = Path(os.path.normpath(original.parent / link))
        if not path.is_relative_to(root):
            return link
        return os.path.relpath(moved.get(path, path), page.parent)

    return target
