"""Blocks of code as pages write them, set in by four spaces, made into fenced ones with their language."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"(?m)(?<=\n\n)(?: {4}[^\n]*\n|[ \t]*\n(?= {4}))+")
_FENCE = re.compile(r"(?ms)^(`{3,}|~{3,}).*?^\1[^\n]*$")


def language(block: str) -> str:
    """Return the language of a block of code.

    Examples
    --------
    >>> language("$ escalate methods")
    'console'
    >>> language("import escalate as esc")
    'python'
    """
    first = block.lstrip().split("\n", maxsplit=1)[0]
    if re.search(r"(?m)^\$ ", block):
        return "console"
    if first.startswith(">>> "):
        return "pycon"
    if re.match(r"(import|from|def|class|@)\b", first):
        return "python"
    if re.match(r"(escalate|python|bash|export|git|pytest|pip|\.) ", first):
        return "sh"
    if re.match(r"(schema|method|rules|prior|doses|backfill|clock|[a-z_]+): ?", first):
        return "yaml"
    return "text"


def fenced(text: str) -> str:
    """Return a page whose blocks set in by four spaces are fenced; those inside lists stay."""
    parts, at = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_fenced(text[at : fence.start()]), fence.group()]
        at = fence.end()
    return "".join([*parts, _fenced(text[at:])])


def _fenced(text: str) -> str:
    return _BLOCK.sub(lambda found: _one(found, text), text)


def _one(found: re.Match[str], text: str) -> str:
    before = text[: found.start()].rstrip("\n").rsplit("\n\n", 1)[-1]
    if not found.group().strip() or re.match(r" *([*+-]|\d+\.) ", before):
        return found.group()
    lines = [line[4:] for line in found.group().rstrip().split("\n")]
    block = "\n".join(lines)
    return f"```{language(block)}\n{block}\n```\n\n"
