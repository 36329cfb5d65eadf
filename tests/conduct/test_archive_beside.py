"""What stands in an archive beside its files, or says two things: refused, or found though every hash fits."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from escalate import __version__
from escalate.conduct.archive import pack, verify_archive
from escalate.conduct.errors import RecordError
from tests.conduct.test_archive import files_of, rewritten, written


@pytest.fixture
def path(sqlite_file: str, tmp_path: Path) -> Path:
    """Give the archive of a trial with every kind of entry."""
    assert sqlite_file
    return written(tmp_path)


@pytest.mark.parametrize(
    "where", ["before", "between", "after the files", "after all", "in a comment", "beside a file"]
)
def test_bytes_that_are_none_of_the_files(path: Path, where: str) -> None:
    """What another program would show in place of a file, or a word beside them, is refused: it stands in no hash."""
    raw = path.read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as kept:
        kept.writestr("data.csv", "patient,cohort,level,dlt\nLIE,1,1,1\n")
    hidden = out.getvalue()[: out.getvalue().index(b"PK\x01\x02")]
    directory, end = raw.index(b"PK\x01\x02"), len(raw) - 22
    if where == "before":
        changed = hidden + raw
    elif where == "between":
        # The directory says where each file is, and leaves room.
        with zipfile.ZipFile(path) as kept:
            second = sorted(info.header_offset for info in kept.infolist())[1]
        head, tail = bytearray(raw[:second] + hidden), raw[second:]
        changed = bytes(head) + moved_on(tail, directory - second, second, len(hidden))
    elif where == "after the files":
        changed = raw[:directory] + hidden + raw[directory:end] + ends_at(raw[end:], directory + len(hidden))
    elif where == "after all":
        changed = raw + hidden
    elif where == "beside a file":
        files = files_of(path)
        with zipfile.ZipFile(out := io.BytesIO(), "w") as kept:
            for name, text in files.items():
                info = zipfile.ZipInfo(name)
                info.comment = b"a lie"
                kept.writestr(info, text)
        changed = out.getvalue()
    else:
        changed = raw[:-2] + (5).to_bytes(2, "little") + b"a lie"
    path.write_bytes(changed)
    assert files_of(path)
    with pytest.raises(RecordError, match=r"none of its files|not a whole zip file"):
        verify_archive(path)


def ends_at(end: bytes, directory: int) -> bytes:
    """Return the end of a zip file that says where its directory is."""
    return end[:16] + directory.to_bytes(4, "little") + end[20:]


def moved_on(tail: bytes, directory: int, since: int, by: int) -> bytes:
    """Return the files of a zip file from `since` on, and its directory, as they are when moved on by so many bytes."""
    raw = bytearray(tail)
    at = directory
    while raw[at : at + 4] == b"PK\x01\x02":
        offset = int.from_bytes(raw[at + 42 : at + 46], "little")
        if offset >= since:
            raw[at + 42 : at + 46] = (offset + by).to_bytes(4, "little")
        at += 46 + sum(int.from_bytes(raw[at + k : at + k + 2], "little") for k in (28, 30, 32))
    return bytes(raw[:at]) + ends_at(bytes(raw[at:]), since + directory + by)


def test_a_manifest_that_says_something_twice(path: Path) -> None:
    """A manifest or list of hashes that says two things, of which a reader takes one, is found though all else fits."""
    files = files_of(path)
    lie = b'{\n  "title": "A lie", "head": "%s",\n' % (b"f" * 64)
    assert not verify_archive(rewritten(path, manifest__json=files["manifest.json"].replace(b"{\n", lie, 1))).clean
    blank = json.dumps(json.loads(files["manifest.json"])).encode()
    assert not verify_archive(rewritten(path, manifest__json=blank)).clean
    changed = path.with_name("changed.zip")
    for sums in (
        b"0" * 64 + b"  data.csv\n" + files["SHA256SUMS"],
        files["SHA256SUMS"] + b"a lie\n",
        files["SHA256SUMS"] * 2,
    ):
        changed.write_bytes(pack({**files, "SHA256SUMS": sums}))
        assert any("SHA256SUMS is not as" in fault.text for fault in verify_archive(changed).faults)


def test_words_of_another_version(path: Path) -> None:
    """What another version wrote in words is not compared with the entries, and a note says so; numbers still are."""
    files = files_of(path)
    manifest = files["manifest.json"].replace(f'"version": "{__version__}"'.encode(), b'"version": "0.0.1"')
    assert manifest != files["manifest.json"]
    assert verify_archive(path).notes == ()
    report = verify_archive(
        rewritten(path, manifest__json=manifest, history__csv=b"number\n", README__txt=b"Other words.\n")
    )
    assert report.clean
    (note,) = report.notes
    assert "escalate 0.0.1: the words of README.txt and history.csv were not compared" in note
    assert not verify_archive(rewritten(path, manifest__json=manifest, data__csv=b"patient\n")).clean
    assert not verify_archive(rewritten(path, history__csv=b"number\n")).clean
