"""A figure, drawn once: SVG text that pages and documents hold, and the PNG or PDF made from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Picture:
    """One drawing and what it shows in words.

    Parameters
    ----------
    name
        For a file of its own: letters, digits and hyphens.
    svg
        A whole `<svg>` element with `viewBox`, `width` and `height`, in the light look. It holds no script and loads nothing.
    description
        What a person who cannot see it is told.
    width, height
        In points, 72 to an inch: the size it is drawn for.
    """

    name: str
    svg: str
    description: str
    width: float
    height: float

    def png(self, scale: float = 2.0) -> bytes:
        """Return the drawing as PNG on white, so many pixels to a point.

        Its letters are those of a font that comes with Matplotlib, so that every machine draws the same.
        """
        import resvg_py  # noqa: PLC0415 - seldom needed

        fonts = _fonts()
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=self.svg,
                background="#ffffff",
                width=round(self.width * scale),
                # What a unit such as pt is; without it resvg refuses a drawing that has one.
                dpi=96,
                skip_system_fonts=True,
                font_files=list(fonts),
                font_family="DejaVu Sans",
                sans_serif_family="DejaVu Sans",
                monospace_family="DejaVu Sans Mono",
            )
        )


@cache
def _fonts() -> tuple[str, ...]:
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return tuple(sorted(str(path) for path in folder.glob("DejaVuSans*.ttf")))
