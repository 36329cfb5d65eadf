"""Fill a checklist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from escalate.report.checklist import consort, spirit
from escalate.report.checklist.item import Filled

if TYPE_CHECKING:
    from escalate.report.checklist.item import Answer, Item, Known

Of: TypeAlias = Literal["spirit", "consort"]
CHECKLISTS: Final[dict[str, tuple[Item, ...]]] = {"spirit": spirit.ITEMS, "consort": consort.ITEMS}


def filled(of: Of, known: Known) -> tuple[Filled, ...]:
    """Return every item of a checklist, with its answer where something holds it.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> from escalate.report.checklist.item import Known
    >>> for each in filled("spirit", Known(design))[:3]:
    ...     print(each.item.topic, "-", each.status)
    Title - answered in part from the design file
    As in SPIRIT 2013 - open
    Background - open
    """
    return tuple(Filled(item, _first(item, known)) for item in CHECKLISTS[of])


def _first(item: Item, known: Known) -> Answer | None:
    return next((found for found in (answer(known) for answer in item.answers) if found is not None), None)
