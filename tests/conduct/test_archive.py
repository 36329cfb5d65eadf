"""Archives: whole or refused, verified anywhere, and brought in elsewhere as they are."""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from escalate.conduct import archive, database, deciding, entering, opening, store
from escalate.conduct.archive import bring_in, pack, read, verify_archive, write
from escalate.conduct.chain import Entry, canonical, sha256
from escalate.conduct.errors import NotAllowedError, NotFoundError, RecordError
from escalate.conduct.verify import verify_database, verify_trial
from tests.conduct.acting import ana, begin, first, is_clean, is_told, person
from tests.conduct.test_flips import fill


def written(folder: Path) -> Path:
    """Write the archive of a trial with every kind of entry."""
    fill()
    found = folder / "tvec.zip"
    found.write_bytes(write("tvec"))
    return found


@pytest.fixture
def path(sqlite_file: str, tmp_path: Path) -> Path:
    """Give such an archive, where the database does not matter."""
    assert sqlite_file
    return written(tmp_path)


@pytest.fixture
def exported(record: str, tmp_path: Path) -> Path:
    """Give such an archive, from each kind of database."""
    assert record
    return written(tmp_path)


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as kept:
        return {name: kept.read(name) for name in kept.namelist()}


def rewritten(path: Path, **changes: Any) -> Path:
    """Write the files again, changed, with sums that are right."""
    files = {**files_of(path), **{name.replace("__", "."): text for name, text in changes.items()}}
    return with_sums(path.with_name("changed.zip"), files)


def with_sums(path: Path, files: dict[str, bytes]) -> Path:
    files = {name: text for name, text in files.items() if name != "SHA256SUMS"}
    sums = "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files))
    path.write_bytes(pack({**files, "SHA256SUMS": sums.encode()}))
    return path


def other_database(tmp_path: Path) -> None:
    database.connect(str(tmp_path / "elsewhere.db"), create=True)


def test_an_archive_is_whole(exported: Path) -> None:
    """An archive verifies, against its head too; the same record gives the same bytes."""
    head = store.load("tvec").head
    assert verify_archive(exported).clean
    assert verify_archive(exported, head, recompute=True).clean
    assert verify_archive(exported, head[:16]).clean
    assert not verify_archive(exported, "0" * 64).clean
    assert write("tvec") == exported.read_bytes()
    assert {"record.jsonl", "data.csv", "design-v1.yaml", "design-v2.yaml"} <= set(files_of(exported))


@pytest.mark.parametrize(
    "name",
    ["README.txt", "manifest.json", "record.jsonl", "data.csv", "history.csv", "design-v1.yaml", "design-v2.yaml"],
)
@pytest.mark.parametrize("sums", ["as they were", "made anew"])
def test_an_edit_of_any_file_is_found(path: Path, name: str, sums: str) -> None:
    """One letter changed in any file of an archive is found, also where the sums were made anew."""
    files = files_of(path)
    dice = random.Random(name)
    for _ in range(6):
        raw = bytearray(files[name])
        at = dice.choice([k for k, byte in enumerate(raw) if chr(byte).isalnum()])
        raw[at] = ord("7") if raw[at] != ord("7") else ord("3")
        changed = path.with_name("changed.zip")
        if sums == "made anew":
            with_sums(changed, {**files, name: bytes(raw)})
        else:
            changed.write_bytes(pack({**files, name: bytes(raw)}))
        try:
            assert not verify_archive(changed).clean, (name, at)
        except RecordError as error:
            is_told(error, str(changed), "trial")


@pytest.mark.parametrize(
    "name", ["README.txt", "manifest.json", "record.jsonl", "data.csv", "design-v2.yaml", "SHA256SUMS"]
)
def test_a_missing_file_is_found(path: Path, name: str) -> None:
    """A file taken out is found, or the archive is none."""
    files = files_of(path)
    del files[name]
    changed = path.with_name("changed.zip")
    changed.write_bytes(pack(files))
    try:
        assert not verify_archive(changed).clean
    except RecordError as error:
        is_told(error, name)


def test_a_file_put_in_is_found(path: Path) -> None:
    """A file that no archive has is found, with right sums too."""
    files = files_of(path)
    assert not verify_archive(with_sums(path.with_name("changed.zip"), {**files, "data-final.csv": b"x"})).clean


def test_any_byte_of_the_zip(path: Path, tmp_path: Path) -> None:
    """A byte changed anywhere in the zip file leaves every file as it was, or is told in a sentence."""
    raw, files = path.read_bytes(), files_of(path)
    dice = random.Random(20260331)
    changed = tmp_path / "changed.zip"
    for _ in range(300):
        other = bytearray(raw)
        other[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        changed.write_bytes(other)
        try:
            clean = verify_archive(changed).clean
        except RecordError as error:
            is_told(error)
            continue
        if clean:
            assert dict(read(changed).files) == files
    for end in (0, 1, 100, len(raw) // 2, len(raw) - 1):
        changed.write_bytes(raw[:end])
        with pytest.raises(RecordError):
            verify_archive(changed)


def entries_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files_of(path)["record.jsonl"].splitlines()]


def with_entries(path: Path, entries: list[Any]) -> Path:
    """Write other entries, with manifest and sums as an attacker would."""
    files = files_of(path)
    manifest = json.loads(files["manifest.json"])
    if entries and isinstance(entries[-1], dict):
        manifest |= {"head": entries[-1].get("hash"), "entries": len(entries)}
    files["record.jsonl"] = "".join(canonical(entry) + "\n" for entry in entries).encode("utf-8", "surrogatepass")
    files["manifest.json"] = json.dumps(manifest).encode()
    return with_sums(path.with_name("changed.zip"), files)


def test_entries_taken_out_moved_or_put_in(path: Path) -> None:
    """Entries missing, moved, doubled or edited are found and named, though manifest and sums fit; a cut tail by the head."""
    entries = entries_of(path)
    head = entries[-1]["hash"]
    for bad in (
        entries[1:],
        [*entries[:3], *entries[4:]],
        [*entries[:3], entries[4], entries[3], *entries[5:]],
        [*entries[:3], entries[3], *entries[3:]],
        [*entries[:3], {**entries[3], "by": "eve"}, *entries[4:]],
    ):
        report = verify_archive(with_entries(path, bad))
        assert not report.clean
        assert any(fault.number is not None for fault in report.faults)
    cut = with_entries(path, entries[:-1])
    assert any("cut" in fault.text for fault in verify_archive(cut, head).faults)


def forged(last: dict[str, Any] | None, kind: str, body: str, **more: Any) -> dict[str, Any]:
    entry = Entry.following(
        Entry(**last) if last else None,
        **{
            "chain": "tvec",
            "at": "2026-01-01T00:00:00+00:00",
            "by": "eve",
            "via": "x",
            "kind": kind,
            "body": body,
            "request": "",
        }
        | more,
    )
    return asdict(entry)


IMPORTED = canonical({"archive_sha256": "0" * 64, "head": "0" * 64})
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "bad",
    [
        {"body": DEEP}, {"body": "nonsense"}, {"body": "[]"}, {"body": "null"}, {"body": '{"patients":NaN}'}, {"body": ""},
        {"kind": "gift"}, {"kind": "x" * 500}, {"by": "x" * 500, "kind": "imported", "body": IMPORTED},
        {"by": "\ud800", "kind": "imported", "body": IMPORTED},
        {"request": "x" * 500, "kind": "imported", "body": IMPORTED},
        {"via": "a\0b", "kind": "imported", "body": IMPORTED},
    ],
    ids=",".join,
)  # fmt: skip
def test_forged_entries_that_fit_the_chain(path: Path, tmp_path: Path, bad: dict[str, Any]) -> None:
    """An entry with a right hash that nothing of ours wrote is found or refused in a sentence, and is not brought in."""
    entries = entries_of(path)
    changed = with_entries(path, [*entries, forged(entries[-1], **{"kind": "entered", "body": "{}", **bad})])
    try:
        verify_archive(changed)
    except RecordError as error:
        is_told(error)
    other_database(tmp_path)
    with pytest.raises(RecordError):
        bring_in(changed, ana)
    assert store.trials() == ()


@pytest.mark.parametrize("entries", [[], [1], ["x"], [[]], [{}], [{"number": 1}], [None]])
def test_records_that_are_none(path: Path, tmp_path: Path, entries: list[Any]) -> None:
    """An archive without entries, or with what are none, is refused and not brought in."""
    changed = with_entries(path, entries)
    other_database(tmp_path)
    with pytest.raises(RecordError):
        bring_in(changed, ana)
    assert store.trials() == ()


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"[]", b"{}", b"null", b"\xff", DEEP.encode(),
        b'{"schema":"escalate/record/1","trial":"../x"}', b'{"schema":"escalate/record/9","trial":"tvec"}',
        b'{"schema":"escalate/record/1","trial":["tvec"]}', b'{"schema":"escalate/record/1","trial":"system"}',
    ],
)  # fmt: skip
def test_manifests_that_are_none(path: Path, manifest: bytes) -> None:
    """A manifest that cannot be read, of another schema or of no trial is refused."""
    with pytest.raises(RecordError):
        verify_archive(rewritten(path, manifest__json=manifest))


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/etc/evil",
        "a/../../b",
        "..",
        "a\\b",
        "C:\\x",
        "a//b",
        "design-v1.yaml/x/y",
        "a\nb",
        ".hidden",
        "é",
    ],
)
def test_names_that_lead_elsewhere(path: Path, name: str) -> None:
    """A file under a name that no archive has is refused."""
    changed = path.with_name("changed.zip")
    shutil.copy(path, changed)
    with zipfile.ZipFile(changed, "a") as kept:
        kept.writestr(name, "x")
    with pytest.raises(RecordError):
        verify_archive(changed)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(path: Path) -> None:
    """A file there twice, of which one is looked at and another is unpacked, is refused."""
    with zipfile.ZipFile(path, "a") as kept:
        kept.writestr("data.csv", "patient\n")
    with pytest.raises(RecordError, match="twice"):
        verify_archive(path)


def test_bombs(path: Path, tmp_path: Path) -> None:
    """A small file that unpacks to a huge one, or to thousands, is refused before it is unpacked."""
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as kept:
        for k in range(5):
            kept.writestr(f"data{k}.csv", b"0" * 50_000_000)
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(RecordError, match="larger than any record"):
        verify_archive(bomb)
    raw = bomb.read_bytes()
    # The directory says 1 byte where there are fifty million.
    lying = raw.replace((50_000_000).to_bytes(4, "little"), (1).to_bytes(4, "little"))
    bomb.write_bytes(lying)
    with pytest.raises(RecordError):
        verify_archive(bomb)
    with zipfile.ZipFile(bomb, "w") as kept:
        for k in range(2000):
            kept.writestr(f"f{k}", b"")
    with pytest.raises(RecordError, match="larger than any record"):
        verify_archive(bomb)


def test_what_is_no_archive(tmp_path: Path) -> None:
    """What is no zip, another zip, a folder or not there is refused."""
    for content in (b"", b"PK\x03\x04", b"x" * 1000):
        (tmp_path / "x.zip").write_bytes(content)
        with pytest.raises(RecordError, match=r"x\.zip: is not a whole zip file"):
            verify_archive(tmp_path / "x.zip")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as kept:
        kept.writestr("photo.jpg", b"x")
    (tmp_path / "x.zip").write_bytes(out.getvalue())
    with pytest.raises(RecordError, match=r"has no manifest\.json"):
        verify_archive(tmp_path / "x.zip")
    for name in ("none.zip", "."):
        with pytest.raises(RecordError, match="cannot be read"):
            verify_archive(tmp_path / name)


def test_brought_in_elsewhere(exported: Path, tmp_path: Path) -> None:
    """In another database the trial is what it was, verifies, says where it came from, and goes on; roles are void."""
    before = store.load("tvec")
    entries = list(store.entries_of("tvec"))
    other_database(tmp_path)
    state = bring_in(exported, ana)
    assert list(store.entries_of("tvec"))[:-1] == entries
    assert state.last.kind == "imported"
    assert state.last.content == {"archive_sha256": sha256(exported.read_bytes()), "head": before.head}
    assert state.members == {}
    assert before.members
    assert (state.patients, state.decisions, state.designs) == (before.patients, before.decisions, before.designs)
    assert all(report.clean for report in verify_database(recompute=True))
    assert verify_trial("tvec", before.head).clean
    with pytest.raises(NotFoundError):
        entering.amend("tvec", "01", {"dlt": True}, person("sam"), reason="x")
    opening.give_roles("tvec", "sam", ["site"], ana)
    entering.amend("tvec", "01", {"dlt": True}, person("sam"), reason="It goes on")
    assert is_clean("tvec")
    again = tmp_path / "again.zip"
    again.write_bytes(write("tvec"))
    assert verify_archive(again, before.head).clean


def test_brought_in_on_the_other_database(exported: Path, request: pytest.FixtureRequest, record: str) -> None:
    """What SQLite wrote PostgreSQL takes, and the other way round."""
    entries = list(store.entries_of("tvec"))
    other = request.getfixturevalue("sqlite_file" if "postgres" in record else "postgres_url")
    database.connect(other)
    bring_in(exported, ana)
    assert list(store.entries_of("tvec"))[:-1] == entries
    assert all(report.clean for report in verify_database())


def test_a_trial_that_is_there_is_not_brought_in(exported: Path) -> None:
    """A trial of that name is never overwritten, though it were the same."""
    before = store.load("tvec")
    with pytest.raises(RecordError, match="there is a trial 'tvec' here already"):
        bring_in(exported, ana)
    assert store.load("tvec") == before


def test_who_may_bring_in(path: Path, tmp_path: Path) -> None:
    """Only the command line and the administrator of the server bring a trial in."""
    other_database(tmp_path)
    with pytest.raises(NotAllowedError):
        bring_in(path, person("sam"))
    bring_in(path, person("root", admin=True))


def test_half_a_trial_is_not_brought_in(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something fails on the way, nothing is there, and it can be brought in then."""
    other_database(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(store.Pen, "note", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bring_in(exported, ana)
    assert store.trials() == ()
    bring_in(exported, ana)
    assert is_clean("tvec")


@pytest.mark.usefixtures("sqlite_file")
def test_formulas_are_no_formulas(tmp_path: Path) -> None:
    """What a spreadsheet would compute is text in every CSV of the archive."""
    import csv

    begin(title="=1+1")
    first()
    for text in ("=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "a\n=1"):
        dlt = bool(store.load("tvec").patients["01"].row.dlt)
        entering.amend("tvec", "01", {"dlt": not dlt}, ana, reason=text)
    deciding.decide("tvec", "hold", ana, reason="=cmd|' /C calc'!A0")
    path = tmp_path / "x.zip"
    path.write_bytes(archive.write("tvec"))
    for name in ("data.csv", "history.csv"):
        for row in csv.reader(io.StringIO(files_of(path)[name].decode())):
            assert not any(cell[:1] in "=+-@\t\r" and cell for cell in row), row
