"""The tint of a cell by what it means, in the colours that drawings have.

Letters are ink on every tint, 4.5 to 1 and more; on a grey printer the tints nearly vanish, and the words stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from escalate.report.documents.blocks import Tone
from escalate.report.look import ROLES, light

INK: Final = light("ink")
MUTED: Final = light("muted")
RULE: Final = light("ink")
HAIRLINE: Final = light("line")
QUIET: Final = light("ground")
CARE: Final = light("amber-pale")
CARE_EDGE: Final = light("dlt")

# The colours of a page, by what its style sheet calls them.
_PAGE: Final = MappingProxyType(
    {
        "paper": "sheet",
        "ink": "ink",
        "muted": "muted",
        "rule": "pale",
        "hairline": "line",
        "quiet": "ground",
        "blue": "next",
        "red": "dlt",
        "care": "amber-pale",
    }
)


@dataclass(frozen=True)
class Tint:
    """The role of the colour behind a cell, and whether its letters are bold or of less weight."""

    role: str | None = None
    bold: bool = False
    muted: bool = False

    @property
    def light(self) -> str | None:
        """The colour on white."""
        return None if self.role is None else light(self.role)


TINTS: Final = MappingProxyType[Tone, Tint](
    {
        "plain": Tint(),
        "escalate": Tint("band"),
        "stay": Tint("next-pale"),
        "deescalate": Tint("amber-pale"),
        "eliminate": Tint("red-pale"),
        "chosen": Tint("next-pale", bold=True),
        "muted": Tint(muted=True),
        "good": Tint("band"),
        "bad": Tint("red-pale", bold=True),
        "open": Tint("amber-pale"),
    }
)


def variables() -> str:
    """Return the colours of a page and of its cells as variables of a style sheet, on white and on a dark screen."""
    roles: dict[str, str] = {**_PAGE}
    roles |= {tone: tint.role for tone, tint in TINTS.items() if tint.role is not None}
    on_white = " ".join(f"--{name}: {ROLES[role].light};" for name, role in roles.items())
    on_dark = " ".join(f"--{name}: {ROLES[role].dark};" for name, role in roles.items())
    return f":root {{ {on_white} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {on_dark} }} }}\n"
