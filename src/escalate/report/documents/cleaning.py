"""Texts that any kind of file can hold: no control characters, no line breaks where a line is meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from escalate.report.documents.blocks import (
    Block,
    Cell,
    Document,
    Figure,
    Heading,
    Items,
    PageBreak,
    Paragraph,
    Preformatted,
    Reference,
    Run,
    Table,
    Words,
)

# What XML cannot hold, and the signs that make a line read in another order than it is written.
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]|[\u202a-\u202e\u2066-\u2069]"
)
_BREAK: Final = re.compile("[ ]*[\t\n\r\x85\u2028\u2029]+[ \t\n\r\x85\u2028\u2029]*")
_POWER: Final = re.compile(r"\b10\^(-?\d+)")
_TIMES: Final = re.compile(r"(?<=\d) x (?=\d)")
_SIGNS: Final = {" <= ": " \N{LESS-THAN OR EQUAL TO} ", " >= ": " \N{GREATER-THAN OR EQUAL TO} "}
_LAMBDA: Final = re.compile(r"\blambda_(?=[ed]\b)")
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def line(text: str) -> str:
    """Return a text on one line, without characters that no file can hold.

    Examples
    --------
    >>> line("a" + chr(0) + "b" + chr(10) + "  c")
    'ab c'
    """
    return _BREAK.sub(" ", _FORBIDDEN.sub("", text))


def lines(text: str) -> str:
    """Return a text with its lines, tabs as spaces, without characters that no file can hold."""
    return "\n".join(_FORBIDDEN.sub("", each).expandtabs(4).rstrip() for each in text.splitlines())


def typeset(text: str) -> str:
    """Return a line with its powers of ten raised, and the signs of a printed formula.

    Examples
    --------
    >>> typeset("4 x 10^8 PFU/mL"), typeset("Pr(p <= 0.3) is at most lambda_e")
    ('4 \N{MULTIPLICATION SIGN} 10⁸ PFU/mL', 'Pr(p ≤ 0.3) is at most λ_e')
    """
    said = _POWER.sub(lambda found: f"10{found[1].translate(_RAISED)}", line(text))
    for plain, sign in _SIGNS.items():
        said = said.replace(plain, sign)
    return _LAMBDA.sub("\N{GREEK SMALL LETTER LAMDA}_", _TIMES.sub(" \N{MULTIPLICATION SIGN} ", said))


def cleaned(document: Document, say: Callable[[str], str] = typeset) -> Document:
    """Return a document whose every text can be written in any kind of file.

    Parameters
    ----------
    say
        What becomes of each text but code: `typeset`, or `line` for a program that reads it.
    """
    return replace(
        document,
        title=say(document.title),
        subtitle=say(document.subtitle),
        footer=say(document.footer),
        facts=tuple((say(name), say(value)) for name, value in document.facts),
        blocks=tuple(_block(block, say) for block in document.blocks),
    )


def _words(words: Words, say: Callable[[str], str]) -> Words:
    if isinstance(words, str):
        return say(words)
    return tuple(_piece(part, say) for part in words)


def _piece(part: str | Run | Reference, say: Callable[[str], str]) -> str | Run | Reference:
    if isinstance(part, Reference):
        return part
    if isinstance(part, str):
        return say(part)
    return replace(part, text=line(part.text) if part.look == "code" else say(part.text))


def _cell(cell: Words | Cell, say: Callable[[str], str]) -> Words | Cell:
    return replace(cell, words=_words(cell.words, say)) if isinstance(cell, Cell) else _words(cell, say)


def _block(block: Block, say: Callable[[str], str]) -> Block:
    match block:
        case Heading():
            return replace(block, text=say(block.text))
        case Paragraph():
            return replace(block, words=_words(block.words, say))
        case Items():
            return replace(block, items=tuple(_words(item, say) for item in block.items))
        case Table():
            return replace(
                block,
                caption=say(block.caption),
                header=tuple(map(say, block.header)),
                rows=tuple(tuple(_cell(cell, say) for cell in row) for row in block.rows),
                notes=tuple(map(say, block.notes)),
            )
        case Figure():
            picture = replace(block.picture, name=line(block.picture.name), description=say(block.picture.description))
            return replace(block, caption=say(block.caption), picture=picture, notes=tuple(map(say, block.notes)))
        case Preformatted():
            return replace(block, text=lines(block.text))
        case PageBreak():
            return block
