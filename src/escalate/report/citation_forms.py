"""References as a list, as BibTeX, as RIS, and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from escalate import __version__
from escalate.report.references import SOFTWARE, Citation

if TYPE_CHECKING:
    from escalate.core.design import Design

FORMATS: Final = ("text", "bibtex", "ris")
_SPECIAL: Final = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"} | {"~": r"\~{}", "^": r"\^{}", "\\": r"\textbackslash{}"}
)


def form(design: Design, sha256: str, found: tuple[Citation, ...]) -> dict[str, Any]:
    """Return the references of a design as JSON."""
    return {
        "schema": "escalate/citations/1",
        "design": design.title,
        "sha256": sha256,
        "software": SOFTWARE,
        "references": [{"text": str(each), **asdict(each)} for each in found],
    }


def as_text(found: tuple[Citation, ...]) -> str:
    """Return a numbered list, the software last."""
    return "\n".join(f"{k}. {text}" for k, text in enumerate([*map(str, found), SOFTWARE], start=1))


def as_bibtex(found: tuple[Citation, ...]) -> str:
    """Return entries of BibTeX."""
    return "\n\n".join(
        [*(_bibtex(each, key) for each, key in zip(found, _keys(found), strict=True)), _bibtex_software()]
    )


def as_ris(found: tuple[Citation, ...]) -> str:
    """Return records of RIS, which reference managers read."""
    software = [
        "TY  - COMP",
        "AU  - The escalate authors",
        "TI  - escalate: dose-escalation trials",
        f"ET  - {__version__}",
    ]
    return "\n\n".join(["\n".join(lines) for lines in (*map(_ris, found), [*software, "ER  -"])])


def _keys(found: tuple[Citation, ...]) -> list[str]:
    """Return a name for each that no other has: `Liu2015`, `Liu2015b`."""
    seen: Counter[str] = Counter()
    keys = []
    for each in found:
        seen[each.key] += 1
        keys.append(each.key + ("" if seen[each.key] == 1 else chr(ord("a") + seen[each.key] - 1)))
    return keys


def _bibtex(each: Citation, key: str) -> str:
    authors = " and ".join(f"{family}, {'. '.join(initials)}." for family, initials in each.names)
    fields = {
        "author": authors + (" and others" if each.more_authors else ""),
        "year": str(each.year),
        "title": f"{{{each.title.translate(_SPECIAL)}}}",
        "journal" if each.volume else "publisher": each.journal.translate(_SPECIAL),
        "volume": each.volume,
        "number": each.number,
        "pages": each.pages.replace("-", "--") if each.pages else None,
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@{'article' if each.volume else 'book'}{{{key},\n{lines}\n}}"


def _bibtex_software() -> str:
    return (
        "@software{escalate,\n  author = {{The escalate authors}},\n"
        f"  title = {{{{escalate: dose-escalation trials}}}},\n  version = {{{__version__}}}\n}}"
    )


def _ris(each: Citation) -> list[str]:
    first, _, last = (each.pages or "").partition("-")
    fields = [
        ("TY", "JOUR" if each.volume else "BOOK"),
        *(("AU", f"{family}, {'. '.join(initials)}.") for family, initials in each.names),
        ("PY", str(each.year)),
        ("TI", each.title),
        ("JO" if each.volume else "PB", each.journal),
        ("VL", each.volume),
        ("IS", each.number),
        ("SP", first),
        ("EP", last),
    ]
    return [*(f"{tag}  - {value}" for tag, value in fields if value), "ER  -"]
