"""The chain of entries: whatever is done to it is found, and the entry named."""

from __future__ import annotations

import random
from dataclasses import astuple, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.conduct.chain import GENESIS, Entry, canonical, faults_of


def chain_of(n: int, name: str = "tvec") -> list[Entry]:
    found: list[Entry] = []
    for k in range(n):
        found.append(following(found[-1] if found else None, f'{{"n":{k}}}', name))
    return found


def following(last: Entry | None, body: str, name: str = "tvec") -> Entry:
    return Entry.following(
        last, chain=name, at="2026-03-31T10:00:00.000000+00:00", by="ana", via="page", kind="x", body=body, request=""
    )


def replaced(entry: Entry, field: str, value: Any) -> Entry:
    return replace(entry, **{field: value})


def said(entries: list[Entry], head: str | None = None) -> list[tuple[int | None, str]]:
    return [(fault.number, fault.text) for fault in faults_of("tvec", entries, head)]


def test_a_whole_chain_has_no_fault() -> None:
    """A chain as written has none, with any of its entries as the head asked for."""
    chain = chain_of(20)
    assert chain[0].previous == GENESIS
    assert [entry.number for entry in chain] == list(range(1, 21))
    for entry in chain:
        assert not said(chain, entry.hash)


@pytest.mark.parametrize("field", [field.name for field in fields(Entry)])
@pytest.mark.parametrize("at", [0, 7, 19])
def test_every_field_that_is_changed_is_found(field: str, at: int) -> None:
    """Another value in any field of any entry is found, and the fault is at that entry or says that it is missing."""
    chain = chain_of(20)
    old = getattr(chain[at], field)
    new = old + 1 if isinstance(old, int) else old + " " if not old else chr(ord(old[0]) ^ 1) + old[1:]
    chain[at] = replaced(chain[at], field, new)
    found = said(chain)
    assert found
    assert any(number == at + 1 or f"entry {at + 1} " in text for number, text in found)


@given(st.integers(0, 11), st.sampled_from([f.name for f in fields(Entry)]), st.data())
def test_any_other_text_is_found(at: int, field: str, data: st.DataObject) -> None:
    """Whatever is put in place of a value, of whatever type, is found and never stops the search."""
    chain = chain_of(12)
    old = getattr(chain[at], field)
    new = data.draw(st.one_of(st.text(), st.integers(), st.none(), st.floats(), st.booleans()))
    if new == old and type(new) is type(old):
        return
    chain[at] = replaced(chain[at], field, new)
    assert said(chain)


def test_parts_cannot_be_moved_between_fields() -> None:
    """The same letters cut otherwise into fields give another hash."""
    one, two = following(None, "ab"), following(None, "a")
    moved = replace(two, request="b")
    assert one.hash != two.hash
    assert not moved.is_whole()
    assert canonical(["a", "b"]) != canonical(["ab"])


@pytest.mark.parametrize(("gone", "text"), [({3}, "entry 4 is missing"), ({3, 4, 5}, "entries 4 to 6 are missing")])
def test_missing_entries_are_named(gone: set[int], text: str) -> None:
    """Entries taken out are named, and the rest is not blamed."""
    assert said([entry for k, entry in enumerate(chain_of(10)) if k not in gone]) == [(4, text)]


def test_a_missing_start_is_found() -> None:
    """A chain that begins late says what is missing."""
    assert said(chain_of(5)[2:]) == [(1, "entries 1 to 2 are missing")]


def test_a_missing_start_renumbered_is_found() -> None:
    """A second entry made the first is found: its hash before is not that of a beginning."""
    chain = chain_of(3)
    moved = replace(chain[1], number=1)
    moved = replace(moved, hash=_hash(moved))
    assert any(number == 1 and "not the first" in text for number, text in said([moved]))


def _hash(entry: Entry) -> str:
    from escalate.conduct import chain

    return chain._hash_of(astuple(entry)[:-1])


@given(st.randoms(use_true_random=False))
def test_reordered_entries_are_found(dice: random.Random) -> None:
    """Entries in any other order are found."""
    chain = chain_of(8)
    mixed = chain[:]
    dice.shuffle(mixed)
    assert bool(said(mixed)) == (mixed != chain)


def test_a_doubled_entry_is_found() -> None:
    """An entry there twice is found and named."""
    chain = chain_of(6)
    assert said([*chain[:4], chain[3], *chain[4:]]) == [(4, "entry 4 comes after entry 4: it was inserted or moved")]


def test_a_replaced_entry_is_found() -> None:
    """An entry written anew with its own right hash does not fit what follows."""
    chain = chain_of(6)
    chain[2] = following(chain[1], '{"n":99}')
    assert [number for number, _ in said(chain)] == [4]


def test_a_replaced_last_entry_is_found_by_the_head() -> None:
    """The last entry written anew is found against a hash printed before, and only so."""
    chain = chain_of(6)
    head = chain[-1].hash
    chain[5] = following(chain[4], '{"n":99}')
    assert not said(chain)
    assert said(chain, head)[0][0] is None


def test_everything_written_anew_is_found_by_the_head() -> None:
    """A chain written anew from an entry on is found against any hash printed after that entry."""
    chain = chain_of(10)
    forged = chain[:4]
    for k in range(4, 10):
        forged.append(following(forged[-1], f'{{"n":{k}, "forged":1}}'))
    assert not said(forged, chain[3].hash)
    for entry in chain[4:]:
        assert "cut or replaced" in said(forged, entry.hash)[0][1]


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_cut_tail_is_found_by_the_head(kept: int) -> None:
    """A chain without its last entries is found against the head, and how far it goes is said."""
    chain = chain_of(5)
    ((number, text),) = said(chain[:kept], chain[-1].hash)
    assert number is None
    assert ("is empty" if kept == 0 else f"ends at entry {kept}") in text


def test_an_entry_of_another_chain_is_found() -> None:
    """An entry of another trial in the place of ours is found."""
    chain, other = chain_of(3), chain_of(3, "melanoma")
    assert any("belongs to 'melanoma'" in text for _, text in said([*chain[:2], other[2]]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_only_finite_numbers_are_hashed(value: object) -> None:
    """What JSON has no number for is never written."""
    with pytest.raises(ValueError, match="JSON"):
        canonical(value)


def test_the_form_that_is_hashed_does_not_change() -> None:
    """The hash of an entry is the same in every version: this one was computed from the description alone."""
    import hashlib

    (entry,) = chain_of(1)
    text = (
        '["escalate/entry/1","tvec",1,"2026-03-31T10:00:00.000000+00:00","ana","page","x","{\\"n\\":0}","","' + "0" * 64
    ) + '"]'
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()
