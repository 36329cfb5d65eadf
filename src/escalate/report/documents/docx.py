"""A document as a Word file: real styles, captions and references that Word can renumber, headings in its outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Document


def check_installed() -> None:
    """Refuse where python-docx cannot be loaded.

    Raises
    ------
    EscalateError
        Naming the package.
    """
    try:
        import docx  # noqa: F401, PLC0415 - seldom needed
        import resvg_py  # noqa: F401, PLC0415
    except ImportError as fault:
        package = "resvg-py" if "resvg" in str(fault) else "python-docx"
        raise EscalateError(
            f"Word documents need the Python package {package}, which cannot be loaded; install it, or write .html or .md"
        ) from None


def written(document: Document) -> bytes:
    """Return a document, cleaned before, as a Word file; the same bytes each time.

    Raises
    ------
    EscalateError
        Where python-docx cannot be loaded.
    """
    check_installed()
    from escalate.report.documents.docx_writer import Writer  # noqa: PLC0415 - needs python-docx

    return Writer(document).content()
