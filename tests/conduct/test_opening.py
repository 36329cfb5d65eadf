"""Trials begun: under a name that can stand in addresses, once."""

from __future__ import annotations

import pytest

from escalate.conduct import opening, store
from escalate.conduct.actor import Actor
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import AlreadyRecordedError, NotFoundError, RecordError
from tests.conduct.acting import BOIN, ana, begin, is_clean

pytestmark = pytest.mark.usefixtures("record")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "tvec liver",
        "-a",
        "a-",
        "a" * 41,
        "système",
        "system",
        "../x",
        "a/b",
        "a\0",
        "a\n",
        "\ud800",
        "a.b",
        "a_b",
        "%",
    ],
)
def test_names_that_are_none(name: str) -> None:
    """A name stands in addresses and file names; what cannot is refused, and is no trial that could be loaded."""
    with pytest.raises(RecordError, match=r"^trial: "):
        begin(name)
    with pytest.raises(NotFoundError):
        store.load(name)


@pytest.mark.parametrize("name", ["a", "1", "tvec-liver", "a" * 40, "a--b"])
def test_names(name: str) -> None:
    """Small letters, digits and hyphens are a name, of 1 to 40."""
    assert begin(name).trial == name


def test_a_name_is_taken_once() -> None:
    """A second trial of a name is refused, and the first is what it was."""
    state = begin()
    with pytest.raises(RecordError, match="there is a trial 'tvec' here already"):
        begin()
    assert store.load("tvec") == state
    assert len(list(store.entries_of(store.SYSTEM, kind="trial_opened"))) == 1


def test_the_chain_of_the_system_knows_the_trial() -> None:
    """The system's chain names each trial with the hash of its first entry, so that a trial gone whole is missed."""
    state = begin()
    (noted,) = store.entries_of(store.SYSTEM, kind="trial_opened")
    assert noted.content == {"trial": "tvec", "first": state.opened.hash}
    assert is_clean("tvec")


def test_a_trial_is_there_with_its_note_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the note to the system's chain fails, the trial is not there either."""
    monkeypatch.setattr(store.Pen, "note", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        begin()
    assert store.trials() == ()
    with pytest.raises(NotFoundError):
        store.load("tvec")


def test_a_request_sent_twice_opens_one_trial() -> None:
    """The same form sent twice opens the trial once."""
    once = Actor("root", "page", request="q", admin=True)
    opening.open_trial("tvec", lock(str(BOIN)), once)
    with pytest.raises(AlreadyRecordedError):
        opening.open_trial("tvec", lock(str(BOIN)), once)


@pytest.mark.parametrize("title", ["", " ", "x" * 201, "a\x00", "\ud800"])
def test_titles(title: str) -> None:
    """A title can be printed; none is that of the design."""
    if not title:
        assert begin(title=title).title.startswith("T-VEC")
        return
    with pytest.raises(RecordError, match=r"^title: "):
        begin(title=title)


def test_actors_are_named() -> None:
    """Nobody acts without a name that can be printed, or under one too long to keep."""
    for name in ("", " ", "x" * 151, "a\0", "a\ud800", "a\nb", "a\u202eb"):
        with pytest.raises(RecordError, match=r"^by: "):
            Actor(name, "page")
    for request in ("r" * 81, "a\0", "\ud800"):
        with pytest.raises(RecordError, match=r"^request: "):
            Actor("ana", "page", request)
    assert ana.everywhere
