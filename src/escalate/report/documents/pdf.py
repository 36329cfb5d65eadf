"""A document as PDF: the HTML document on pages, tagged for a screen reader, with fonts that come along."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from escalate.core.errors import EscalateError, harmless
from escalate.report.documents.html import sheet
from escalate.report.documents.html import written as html
from escalate.report.documents.inline_svg import size_in_text, standing_alone

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Document, Figure

SERIF, SANS, MONO = "Document Serif", "Document Sans", "Document Mono"
_FACES: Final = (
    (SERIF, "STIXGeneral.ttf", "normal", "normal"),
    (SERIF, "STIXGeneralItalic.ttf", "normal", "italic"),
    (SERIF, "STIXGeneralBol.ttf", "bold", "normal"),
    (SERIF, "STIXGeneralBolIta.ttf", "bold", "italic"),
    (SANS, "DejaVuSans.ttf", "normal", "normal"),
    (SANS, "DejaVuSans-Oblique.ttf", "normal", "italic"),
    (SANS, "DejaVuSans-Bold.ttf", "bold", "normal"),
    (SANS, "DejaVuSans-BoldOblique.ttf", "bold", "italic"),
    (MONO, "DejaVuSansMono.ttf", "normal", "normal"),
    (MONO, "DejaVuSansMono-Bold.ttf", "bold", "normal"),
)
"""Fonts that come with Matplotlib, so that every machine gives the same pages."""
_MOST: Final = (470.0, 600.0)
"""Points that a figure may take of a page."""
_SHOWN: Final = 10
_ADDRESS: Final = "escalate:"
"""Starts the addresses of what the pages are made of; nothing else is read."""


def check_installed() -> Any:
    """Return WeasyPrint, or refuse where it, the library it draws letters with, or a font cannot be loaded.

    Raises
    ------
    EscalateError
        Naming the package.
    """
    try:
        import weasyprint  # noqa: PLC0415 - slow to import
    except ImportError:
        raise EscalateError(
            "PDF needs the Python package weasyprint, which cannot be loaded; install it, or write .html or .docx"
        ) from None
    except OSError:
        raise EscalateError(
            "PDF needs the system library Pango; install the packages libpango-1.0-0 and libpangoft2-1.0-0 (Debian, Ubuntu), "
            "or write .html or .docx"
        ) from None
    _fonts()
    return weasyprint


def written(document: Document) -> bytes:
    """Return a document, cleaned before, as PDF; the same bytes each time.

    Raises
    ------
    EscalateError
        Where WeasyPrint or Pango is missing, or no font has a letter of the document.
    """
    weasyprint = check_installed()
    parts = _fonts()
    rules = "".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {slant}; src: url("{_ADDRESS}{file}"); }}\n'
        for family, file, weight, slant in _FACES
    )

    def drawn(figure: Figure, here: str) -> str:
        address = f"{_ADDRESS}{here}.svg"
        parts[address] = standing_alone(figure.picture.svg, SANS).encode()
        width, _ = size_in_text(figure.picture, _MOST)
        return f'<img src="{address}" alt="{escape(figure.picture.description)}" style="width: {width:g}pt">'

    text = html(document, style=rules + sheet("pdf.css"), drawn=drawn)
    page = weasyprint.HTML(string=text, base_url=_ADDRESS, url_fetcher=fetcher(parts), media_type="print")
    missing: set[str] = set()

    def notice(made: Any, _: object) -> None:
        missing.update(chr(code) for font in made.fonts.values() for code in getattr(font, "missing", ()))

    content = bytes(page.write_pdf(pdf_tags=True, finisher=notice))
    _refuse_boxes(missing)
    return content


def _refuse_boxes(missing: set[str]) -> None:
    """Refuse a document in which letters would be empty boxes."""
    if not missing:
        return
    shown = " ".join(map(harmless, sorted(missing)[:_SHOWN]))
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    raise EscalateError(
        f"PDF: no font here has {shown}{more}; install one that has, such as those of the packages fonts-noto-core and "
        "fonts-noto-cjk (Debian, Ubuntu), or write .html or .docx"
    )


def fetcher(parts: Mapping[str, bytes]) -> Any:
    """Return what gives WeasyPrint the fonts and drawings of a document, and nothing else."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # noqa: PLC0415 - slow to import

    class Fetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        def fetch(self, url: str, headers: object = None) -> Any:
            if url not in parts:
                raise ValueError(f"a document loads nothing: {url}")
            kind = "image/svg+xml" if url.endswith(".svg") else "font/ttf"
            return URLFetcherResponse(url, parts[url], {"Content-Type": kind})

    return Fetcher()


def _fonts() -> dict[str, bytes]:
    """Return the fonts by their address.

    Raises
    ------
    EscalateError
        Where there are none.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    try:
        return {f"{_ADDRESS}{file}": (folder / file).read_bytes() for _, file, _, _ in _FACES}
    except OSError as fault:
        raise EscalateError(
            f"PDF needs the fonts that come with Matplotlib, and {fault.filename} cannot be read; install Matplotlib anew, "
            "or write .html or .docx"
        ) from None
