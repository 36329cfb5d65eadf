"""Write a document as the kind of file that its name ends in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from escalate.core.errors import EscalateError
from escalate.core.files import write_new

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Document

ENDINGS: Final = ("html", "docx", "pdf", "md")


def check_document(path: str, *, force: bool) -> None:
    """Refuse a document that could not be written, before the work is done for it.

    Raises
    ------
    EscalateError
        Where its ending is none of `ENDINGS`, it is a directory or in none, it exists and may not be replaced, or what writes
        it is not installed.
    """
    ending = _ending(path)
    target = Path(path)
    if target.is_dir():
        raise EscalateError(f"{path}: is a directory; name a file in it")
    if target.exists() and not force:
        raise EscalateError(f"{path}: exists already; use --force to replace it")
    if not target.resolve().parent.is_dir():
        raise EscalateError(f"{path}: there is no directory {target.resolve().parent}")
    if ending == "docx":
        from escalate.report.documents.docx import check_installed as check_docx  # noqa: PLC0415 - seldom needed

        check_docx()
    if ending == "pdf":
        from escalate.report.documents.pdf import check_installed as check_pdf  # noqa: PLC0415 - slow to import

        check_pdf()


def write(document: Document, path: str | Path, *, force: bool = False) -> None:
    """Write a document whole or not at all; Markdown with its figures as SVG files beside it.

    Raises
    ------
    EscalateError
        Where a file exists and `force` is not set, cannot be written, or what writes it is not installed.
    """
    if _ending(path) == "md":
        _write_markdown(document, Path(path), force=force)
    else:
        write_new(path, as_bytes(document, _ending(path)), force=force)


def as_bytes(document: Document, ending: str) -> bytes:
    """Return a document as the content of a file of this kind; the same bytes each time.

    Raises
    ------
    EscalateError
        Where the ending is none of `ENDINGS`, or what writes it is not installed.
    """
    from escalate.report.documents.cleaning import cleaned  # noqa: PLC0415 - with the writers, when one is needed

    if ending not in ENDINGS:
        raise EscalateError(f"no document ends in .{ending}; it ends in {_choice()}")
    document = cleaned(document)
    if ending == "docx":
        from escalate.report.documents.docx import written as docx  # noqa: PLC0415

        return docx(document)
    if ending == "pdf":
        from escalate.report.documents.pdf import written as pdf  # noqa: PLC0415

        return pdf(document)
    if ending == "md":
        from escalate.report.documents.markdown import written as markdown  # noqa: PLC0415

        return markdown(document).encode()
    from escalate.report.documents.html import written as html  # noqa: PLC0415

    return html(document).encode()


def _choice() -> str:
    *most, last = (f".{ending}" for ending in ENDINGS)
    return f"{', '.join(most)} or {last}"


def _ending(path: str | Path) -> str:
    ending = Path(path).suffix.lower().lstrip(".")
    if ending not in ENDINGS:
        raise EscalateError(f"{path}: the name of a document ends in {_choice()}")
    return ending


def _write_markdown(document: Document, path: Path, *, force: bool) -> None:
    """Write the text and its figures; where one cannot be written, those written before it are taken away again."""
    from escalate.report.documents.cleaning import cleaned  # noqa: PLC0415
    from escalate.report.documents.markdown import written  # noqa: PLC0415

    document = cleaned(document)
    figures = {key: (path.with_name(f"{path.stem}-{name}.svg"), svg) for key, name, svg in _figures(document)}
    text = written(document, {key: file.name for key, (file, _) in figures.items()})
    contents = [*figures.values(), (path, text)]
    if not force:
        for file, _ in contents:
            if file.exists():
                raise EscalateError(f"{file}: exists already; use --force to replace it")
    made: list[Path] = []
    try:
        for file, content in contents:
            new = not file.exists()
            write_new(file, content, force=force)
            made += [file] if new else []
    except EscalateError:
        for file in made:
            file.unlink(missing_ok=True)
        raise


def _figures(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield key, name of its own and SVG of each figure."""
    from escalate.report.documents.blocks import Figure  # noqa: PLC0415

    taken: set[str] = set()
    for block in document.blocks:
        if isinstance(block, Figure):
            name = re.sub("[^A-Za-z0-9-]+", "-", block.picture.name).strip("-") or "figure"
            own = name
            while own.lower() in taken:
                own = f"{name}-{len(taken) + 1}"
            taken.add(own.lower())
            yield block.key, own, block.picture.svg
