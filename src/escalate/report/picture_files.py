"""Files of pictures: PNG, SVG and PDF, whole or not at all, the same bytes each time."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from escalate.core.errors import EscalateError
from escalate.core.files import write_new
from escalate.report.by_matplotlib import Plotted
from escalate.report.picture import Picture

FORMATS: Final = ("png", "svg", "pdf")
PIXELS: Final = 150 / 72
"""To a point."""


def check_name(path: str | Path) -> None:
    """Raise where the ending of a picture's name is not one we can write.

    Raises
    ------
    EscalateError
        Naming the endings.
    """
    if Path(path).suffix.lower().lstrip(".") not in FORMATS:
        raise EscalateError(f"{path}: a picture's name ends in {', '.join('.' + name for name in FORMATS)}")


def save(drawn: Picture | Plotted, path: str | Path, *, force: bool = False) -> None:
    """Write a picture whole or not at all, the same bytes each time.

    Raises
    ------
    EscalateError
        Where the ending is another, the file exists, or a library that is needed is missing.
    """
    check_name(path)
    write_new(path, _bytes(drawn, Path(path).suffix.lower().lstrip(".")), force=force)


def _bytes(drawn: Picture | Plotted, kind: str) -> bytes:
    if kind == "pdf":
        # Matplotlib's own is a tenth as large as that made from its SVG.
        return drawn.pdf() if isinstance(drawn, Plotted) else picture_pdf(drawn)
    picture = drawn.picture if isinstance(drawn, Plotted) else drawn
    if kind == "svg":
        return f'<?xml version="1.0" encoding="utf-8"?>\n{picture.svg}\n'.encode()
    return picture.png(PIXELS)


def picture_pdf(picture: Picture) -> bytes:
    """Return a picture as a PDF of one page of its size, the same bytes each time.

    Raises
    ------
    EscalateError
        Where WeasyPrint or a library that it needs is missing.
    """
    try:
        import weasyprint  # noqa: PLC0415 - slow to import, seldom needed
    except ImportError:
        raise EscalateError(
            "PDF needs the Python package weasyprint, which cannot be loaded; install it, or write .png or .svg"
        ) from None
    except OSError:
        raise EscalateError(
            "PDF needs the system library Pango; install the packages libpango-1.0-0 and libpangoft2-1.0-0 (Debian, Ubuntu), "
            "or write .png or .svg"
        ) from None
    from escalate.report.documents.inline_svg import standing_alone  # noqa: PLC0415
    from escalate.report.documents.pdf import fetcher  # noqa: PLC0415

    faces = {"escalate:DejaVuSans.ttf": "normal", "escalate:DejaVuSans-Bold.ttf": "bold"}
    rules = "".join(
        f'@font-face {{ font-family: "Picture"; font-weight: {weight}; src: url("{address}") }}'
        for address, weight in faces.items()
    )
    rules += f"@page {{ size: {picture.width:g}pt {picture.height:g}pt; margin: 0 }} body {{ margin: 0 }}"
    rules += f"img {{ display: block; width: {picture.width:g}pt }}"
    image = f'<img src="escalate:picture.svg" alt="{escape(picture.description)}">'
    page = (
        f'<html lang="en"><head><title>{picture.name}</title><style>{rules}</style></head><body>{image}</body></html>'
    )
    parts = {address: font(address.removeprefix("escalate:")) for address in faces}
    parts["escalate:picture.svg"] = standing_alone(picture.svg, "Picture").encode()
    return bytes(weasyprint.HTML(string=page, base_url="escalate:", url_fetcher=fetcher(parts)).write_pdf())


def font(file: str) -> bytes:
    """Return a font that comes with Matplotlib, so that every machine draws the same."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    return (Path(mpl.get_data_path()) / "fonts" / "ttf" / file).read_bytes()
