"""An item of a checklist: what it asks in our words, who can answer it, and what a person must write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from escalate.conduct.state import TrialState
    from escalate.core.design import Design
    from escalate.core.scenario import Scenario
    from escalate.study.results import OperatingCharacteristics

Holder: TypeAlias = Literal["design file", "scenario file", "study", "record"]
"""What holds an answer."""
State: TypeAlias = Literal["answered", "in part", "open"]
Kind: TypeAlias = Literal["extension", "parent"]
"""Whether the dose-finding extension adds or modifies the item, or leaves it as it is in the parent checklist."""


@dataclass(frozen=True)
class Known:
    """What a checklist is filled from.

    Parameters
    ----------
    scenarios
        Truths under which the design is to be studied.
    study
        What `escalate simulate` gave for the design.
    record
        The trial on record, verified.
    """

    design: Design
    scenarios: tuple[Scenario, ...] = ()
    study: OperatingCharacteristics | None = None
    record: TrialState | None = None


@dataclass(frozen=True)
class Answer:
    """An answer.

    Parameters
    ----------
    text
        Sentences.
    holder, where
        What holds it, and the settings or parts of it.
    """

    text: str
    holder: Holder
    where: str


@dataclass(frozen=True)
class Item:
    """An item of a checklist.

    Parameters
    ----------
    key
        Its name here, the same in every version.
    section
        Where the parent checklist treats the topic: `Trial design (item 3)`.
    topic, asks
        What it is about, and what it asks, in our words.
    number
        The number of the published checklist; None where it could not be verified.
    write
        What a person must write where nothing answers it.
    remains
        What a person must write where it is answered; empty where nothing is left.
    answers
        Asked in turn; the first that knows something answers.
    kind
        Whether it is of the extension, or stands for those of the parent.
    """

    key: str
    section: str
    topic: str
    asks: str
    write: str
    remains: str = ""
    number: str | None = None
    answers: tuple[Callable[[Known], Answer | None], ...] = ()
    kind: Kind = "extension"

    @property
    def place(self) -> str:
        """Its number, or of which items of the parent it is: `in 8`."""
        if self.number is not None:
            return self.number
        inside = self.section.rpartition("(")[2].rstrip(")")
        return f"in {inside.removeprefix('items ').removeprefix('item ')}"


@dataclass(frozen=True)
class Filled:
    """An item with its answer, where there is one."""

    item: Item
    answer: Answer | None

    @property
    def state(self) -> State:
        """Whether anything is left to write."""
        if self.answer is None:
            return "open"
        return "in part" if self.item.remains else "answered"

    @property
    def status(self) -> str:
        """The same in words, and what holds the answer."""
        if self.answer is None:
            return "open"
        return f"answered {'in part ' * (self.state == 'in part')}from the {self.answer.holder}"

    @property
    def to_write(self) -> str:
        """What a person must write; empty where nothing is left."""
        return self.item.write if self.answer is None else self.item.remains
