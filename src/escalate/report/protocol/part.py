"""One design of a protocol section, and what its tables and figures are called."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from escalate.core.setting import summary_line

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.results import DesignResult

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Part:
    """One design, and where it came from.

    Parameters
    ----------
    sha256
        Hash of the design file, or of the settings where there is none.
    file
        The file as the user named it; None where the design came from elsewhere.
    result
        Its operating characteristics, where there are any.
    place
        Which of the designs of the document it is, 0-based; None where it is the only one.
    """

    design: Design
    sha256: str
    file: str | None = None
    result: DesignResult | None = None
    place: int | None = None

    def key(self, name: str) -> str:
        """Return what a table or figure of this design is called in the document."""
        return name if self.place is None else f"{name}-{self.place + 1}"

    @property
    def level_of_headings(self) -> int:
        """1 where the document is of one design; 2 below the heading of each of several."""
        return 1 if self.place is None else 2


def name_of_method(design: Design) -> str:
    """Return what people call the method: the first words of its file, such as `The continual reassessment method (CRM)`."""
    cls = type(design.method)
    said = (getattr(sys.modules.get(cls.__module__), "__doc__", None) or summary_line(cls)).strip().split("\n")[0]
    return re.split(r"[:,.](?:\s|$)", said)[0]


def amount(design: Design, dose: int) -> str:
    """Return a dose, 0-based, with its unit and without its label.

    Examples
    --------
    >>> from escalate.core.plan import Doses, Plan
    >>> amount(Plan(doses=Doses(unit="PFU", levels=(4e7, 8e8)), max_patients=18), 1)
    '8 x 10^8 PFU'
    """
    return design.bare_amount(dose)


def level_named(design: Design, dose: int) -> str:
    """Return a level with its dose: `level 2 (20 mg)`."""
    return f"level {dose + 1} ({amount(design, dose)})"
