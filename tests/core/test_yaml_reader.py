"""The YAML reader: strict YAML 1.2, line numbers, and nothing but `DesignError` whatever the bytes."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from escalate.core import yaml_reader
from escalate.core.errors import DataError, DesignError, Problem
from escalate.core.yaml_reader import MAX_BYTES, MAX_DEPTH, decode, parse, read, read_bytes

GOOD = "a: 1\nb:\n  c: [x, {d: 2.5}]\n  e: yes\nf: null\n"


def test_values() -> None:
    """Mappings, lists (as tuples), numbers, text, true, false and nothing, by the rules of YAML 1.2."""
    text = 'i: 12\noctal: 0o17\nf: 1.5\ne: 1e3\nt: yes\nb: true\nz: ~\nq: "012"\nl: [1, two, [3]]\nm: {n: {}}\n'
    assert parse(text, "x").data == {
        "i": 12,
        "octal": 15,
        "f": 1.5,
        "e": 1000.0,
        "t": "yes",
        "b": True,
        "z": None,
        "q": "012",
        "l": (1, "two", (3,)),
        "m": {"n": {}},
    }


def test_lines() -> None:
    """Every field knows its line, list items counted from 1."""
    document = parse(GOOD, "x")
    found = {field: document.where(field) for field in ("a", "b", "b.c", "b.c[1]", "b.c[2].d", "b.e", "f")}
    assert found == {"a": "x:1", "b": "x:2", "b.c": "x:3", "b.c[1]": "x:3", "b.c[2].d": "x:3", "b.e": "x:4", "f": "x:5"}


@pytest.mark.parametrize(
    ("field", "place"), [("b.zzz", "x:2"), ("b.c[9]", "x:3"), ("b.c[2].q.r[1]", "x:3"), ("zzz", "x:1"), ("", "x:1")]
)
def test_a_field_that_is_missing_is_told_by_what_encloses_it(field: str, place: str) -> None:
    """A setting that is not in the file is placed at the group it belongs to."""
    assert parse(GOOD, "x").where(field) == place


def test_problems_are_one_line_each() -> None:
    """Problems become `file:line field: sentence`, a line each."""
    said = parse(GOOD, "x").say([Problem("b.e", "is no number"), Problem("g", "is missing")])
    assert said == "x:4 b.e: is no number\nx:1 g: is missing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "x:2 a: is given twice"),
        ("a: {b: 1, b: 2}\n", "x:1 a.b: is given twice"),
        ("a: 1\n'a': 2\n", "x:2 a: is given twice"),
        ("a: &x 1\n", "x:1 a: anchors and aliases"),
        ("a: &x [1]\nb: *x\n", "x:1 a: anchors and aliases"),
        ("a: *x\n", "x:1: is not valid YAML: found undefined alias"),
        ("a: [1\n", "x:2: is not valid YAML"),
        ("a: 'b\n", "x:2: is not valid YAML"),
        ("a: 1\n\tb: 2\n", "x:2: is not valid YAML"),
        ("a: 2001-01-01\n", "x:1 a: '2001-01-01' is neither number, text, true nor false; quote it"),
        ("a: !!python/object:os.system x\n", "x:1: is not valid YAML"),
        ("a: !mine x\n", "x:1: is not valid YAML"),
        ("[1, 2]\n", "x:1: is not a design file"),
        ("text\n", "x:1: is not a design file"),
        ("# nothing\n", "x:1: is not a design file"),
        ("a: 1\n---\nb: 2\n", "x:2: is not valid YAML"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    """Duplicate keys, anchors, dates, tags, several documents, and what is no mapping: with file and line."""
    with pytest.raises(DesignError) as refused:
        parse(text, "x")
    assert str(refused.value).startswith(message)


def test_nesting_is_bounded() -> None:
    """Nesting as deep as the limit is read; one deeper is refused."""
    nested = parse("a: " + "[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1), "x")
    assert set(nested.data) == {"a"}
    with pytest.raises(DesignError, match=f"nested more than {MAX_DEPTH} deep"):
        parse("a: " + "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH, "x")


def test_raw_bytes_are_kept(tmp_path: Path) -> None:
    """The document holds the bytes of the file, byte-order mark and CRLF included."""
    raw = b"\xef\xbb\xbfa: 1\r\nb: 2\r\n"
    (tmp_path / "x.yaml").write_bytes(raw)
    document = read(str(tmp_path / "x.yaml"))
    assert document.raw == raw
    assert document.data == {"a": 1, "b": 2}
    assert document.where("b").endswith("x.yaml:2")


def test_limit_is_exact(tmp_path: Path) -> None:
    """A file of exactly the limit is read; one byte more is refused."""
    path = tmp_path / "x"
    path.write_bytes(b"a" * 2_000_000)
    assert len(read_bytes(str(path), 2_000_000, "a file", DataError)) == 2_000_000
    with pytest.raises(DataError, match="is larger than 1 MB, which no file should be"):
        read_bytes(str(path), 1_999_999, "a file", DataError)


def test_no_more_than_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte beyond the limit is asked for, whatever the size of the file."""
    asked: list[int] = []

    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            asked.append(size)
            return b"a" * size

    monkeypatch.setattr(Path, "open", lambda *_, **__: Endless())
    with pytest.raises(DesignError, match="larger than"):
        read_bytes("x", MAX_BYTES, "a design file", DesignError)
    assert asked == [MAX_BYTES + 1]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (PermissionError(13, "Permission denied"), "x: no permission to read it"),
        (FileNotFoundError(2, "No such file"), "x: there is no such file"),
        (OSError(5, "Input/output error"), "x: cannot be read (Input/output error)"),
    ],
)
def test_faults_of_the_system(fault: OSError, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No permission, no file, a broken disk: a sentence with the name, of the kind of error asked for."""

    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(Path, "open", fail)
    for kind in (DesignError, DataError):
        with pytest.raises(kind) as refused:
            read_bytes("x", MAX_BYTES, "a file", kind)
        assert str(refused.value) == message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b" \r\n\t ", "is empty"),
        (b"a\0b", "is a binary file, not a design file"),
    ],
)
def test_content_that_is_refused(raw: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty and binary files are refused, and standard input alike."""
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(DesignError) as refused:
        read_bytes(str(tmp_path / "x"), MAX_BYTES, "a design file", DesignError)
    assert str(refused.value) == f"{tmp_path / 'x'}: {message}"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    with pytest.raises(DesignError) as refused:
        read("-")
    assert str(refused.value) == f"standard input: {message}"


def test_directory(tmp_path: Path) -> None:
    """A directory is not a file."""
    with pytest.raises(DesignError, match="is a directory, not a design file"):
        read(str(tmp_path))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input, and is called that."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a: 1\nb: 2\n")))
    assert read("-").where("b") == "standard input:2"


def test_line_of_what_is_not_utf8() -> None:
    """The line of the first byte that is not UTF-8 is named."""
    with pytest.raises(DesignError, match=r"^x:3: is not UTF-8 text; save the file as UTF-8$"):
        decode(b"a: 1\nb: 2\nc: caf\xe9\n", "x", DesignError)


def refuses_or_reads(text: str) -> None:
    """Read text: a document whose every problem can be placed, or one `DesignError` that begins with the name."""
    try:
        lines = parse(text, "x").lines
    except DesignError as error:
        lines, message = {}, str(error)
    else:
        message = "x:"
    assert message.startswith("x:")
    assert "\n" not in message
    assert all(line >= 1 for line in lines.values())


# fmt: off
PIECES = [
    "a", "b: ", "c:\n", "\n", "  ", "- ", "[", "]", "{", "}", ", ", ": ", "? ", "| ", ">\n", "'", '"', "\\x", "#", "%",
    "@", "---\n", "...\n", "*a", "&a ", "!!int ", "!!bool ", "!x ", "<<: ", "1",
    "0x1f", "0o9", "1e400", ".nan", "~", "yes", "2001-99-99", "é", "\t",
    "\x85", "\u2028", "\ufeff", "\x07", "%YAML 1.1\n",
]
# fmt: on


@given(st.text())
@example("a: " + "9" * 5000)
@example("a: " + "[" * 3000)
@example("? ? ? a")
@example("a: 2001-99-99")
def test_any_text(text: str) -> None:
    """Whatever the text, the reader returns a document or raises `DesignError`."""
    refuses_or_reads(text)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_anything_made_of_yaml(text: str) -> None:
    """The same of text made of what YAML is made of."""
    refuses_or_reads(text)


@given(st.integers(0, len(GOOD)), st.integers(0, 9), st.sampled_from(PIECES))
def test_any_slip_of_the_pen(at: int, length: int, new: str) -> None:
    """The same of a good file in which something was replaced."""
    refuses_or_reads(GOOD[:at] + new + GOOD[at + length :])


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    """Whatever the bytes, they are text or are refused with a `DesignError`."""
    try:
        text = yaml_reader.decode(raw, "x", DesignError)
    except DesignError as error:
        text, message = "", str(error)
    else:
        message = "x:"
    assert message.startswith("x:")
    refuses_or_reads(text)


@pytest.mark.parametrize("value", ["!!int ''", "!!int _", "!!float ''", "!!bool ''", "!!bool maybe", "!!bool 1:30"])
def test_tags_on_what_does_not_fit(value: str) -> None:
    """An explicit tag on text that is no such thing is refused as any other fault."""
    refuses_or_reads(f"a: {value}\n")


def test_anchor_given_twice() -> None:
    """Anchors of one name are refused, without a warning of the library's."""
    with pytest.raises(DesignError, match="anchors and aliases"):
        parse("a: &x 1\nb: &x 2\n", "x")


@pytest.mark.parametrize("value", ["2001-13-01", "!!int x", "!!float x", "9" * 5000, "\x07", "[" * 3000])
def test_every_refusal_has_a_line(value: str) -> None:
    """Whatever is refused is refused with the line on which it stands."""
    with pytest.raises(DesignError, match=r"^x:2\b"):
        parse(f"a: 1\nb: {value}\n", "x")
