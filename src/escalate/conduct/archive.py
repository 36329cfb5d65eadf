"""One file that holds a trial whole: entries, designs, data, and the hash of each; written, read and verified anywhere."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import Imported
from escalate.conduct.chain import Entry, Fault, canonical, sha256
from escalate.conduct.errors import NotAllowedError, RecordError
from escalate.conduct.history import history_csv
from escalate.conduct.making import made
from escalate.conduct.opening import check_name
from escalate.conduct.reading import read_trial
from escalate.conduct.snapshot import snapshot
from escalate.conduct.state import TrialState
from escalate.conduct.store import SYSTEM
from escalate.conduct.verify import Report, verify_entries
from escalate.core.errors import harmless

SCHEMA = "escalate/record/1"
MAX_BYTES = 200_000_000
"""No record of a trial is larger, unpacked."""
_SUMS = "SHA256SUMS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_README = """This is the record of the trial '{trial}' ({title}), written by escalate {version}.

record.jsonl    every entry, one JSON object a line, each with the hash of the one before
design-vN.yaml  the versions of the design
data.csv        the patients as known at the last entry
history.csv     the entries in words, for people
manifest.json   what this is, and the head: the hash of the last entry
SHA256SUMS      the hash of each file, as sha256sum prints it

Head: {head}

    escalate trial verify {trial}.zip --head {head}
"""


@dataclass(frozen=True)
class Archive:
    """The content of an archive.

    Parameters
    ----------
    sha256
        Hash of the file itself.
    """

    trial: str
    entries: tuple[Entry, ...]
    files: Mapping[str, bytes]
    sha256: str


def write(trial: str) -> bytes:
    """Return the archive of a trial; the same entries and version of escalate give the same bytes.

    Raises
    ------
    NotFoundError, TamperedError
        As `store.load`.
    """
    state = store.load(trial)
    entries = tuple(entry for entry in store.whole_entries_of(trial) if entry.number <= state.last.number)
    return pack(_files(state, entries))


def _files(state: TrialState, entries: tuple[Entry, ...]) -> dict[str, bytes]:
    from escalate import __version__

    manifest = {
        "schema": SCHEMA,
        "trial": state.trial,
        "title": state.title,
        "synthetic": state.synthetic,
        "head": state.head,
        "entries": len(entries),
        "last_entry_at": state.last.at,
        "version": __version__,
    }
    text = {
        "README.txt": _README.format(trial=state.trial, title=state.title, head=state.head, version=__version__),
        "manifest.json": _manifest(manifest).decode(),
        "record.jsonl": "".join(canonical(asdict(entry)) + "\n" for entry in entries),
        "data.csv": snapshot(state),
        "history.csv": history_csv(entries),
        **dict(_designs(state)),
    }
    files = {name: content.encode("utf-8") for name, content in text.items()}
    files[_SUMS] = _sums(files)
    return files


def _manifest(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files) if name != _SUMS).encode()


def _designs(state: TrialState) -> Iterator[tuple[str, str]]:
    for version in state.designs:
        yield f"design-v{version.number}.yaml", version.kept.text
        if version.kept.attached is not None:
            yield f"design-v{version.number}-attached/{_safe(version.kept.attached_name)}", version.kept.attached


def _safe(name: str | None) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", Path(name or "").name).lstrip("._-") or "file"


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file of files, without times."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    return out.getvalue()


def read(path: str | Path) -> Archive:
    """Read an archive; whether it is whole is for `verify_archive` to say.

    Raises
    ------
    RecordError
        Where it is no archive of a trial.
    """
    name = str(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as fault:
        raise RecordError(f"{name}: cannot be read ({fault.strerror})") from None
    files = _unpack(raw, name)
    for needed in ("manifest.json", "record.jsonl", _SUMS):
        if needed not in files:
            raise RecordError(f"{name}: has no {needed}; it is not an archive made by 'escalate trial export'")
    try:
        manifest = json.loads(files["manifest.json"])
        schema, trial = manifest["schema"], manifest["trial"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RecordError(f"{name}: its manifest.json cannot be read") from None
    if schema != SCHEMA:
        raise RecordError(
            f"{name}: is of the schema '{str(schema)[:40]}', not {SCHEMA}; use the escalate that wrote it"
        )
    return Archive(check_name(str(trial)), tuple(_entries(files["record.jsonl"], name)), files, sha256(raw))


def _unpack(raw: bytes, name: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            infos = archive.infolist()
            _refuse_hidden(raw, archive, infos, name)
            if len(infos) > 1000 or sum(info.file_size for info in infos) > MAX_BYTES:
                raise RecordError(f"{name}: is larger than any record of a trial; it is refused")
            for info in infos:
                if info.filename in files or not _NAME.fullmatch(info.filename):
                    raise RecordError(
                        f"{name}: holds a file '{info.filename[:60]!r}' twice, or of a name that no archive has"
                    )
                with archive.open(info) as file:
                    files[info.filename] = file.read(info.file_size + 1)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, zlib.error) as fault:
        raise RecordError(f"{name}: is not a whole zip file ({fault})") from None
    return files


def _refuse_hidden(raw: bytes, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse bytes that are none of the files, which another program could show in their place.

    Raises
    ------
    RecordError
        Where there are any.
    """
    at = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        more = raw[at + 28 : at + 30] != b"\0\0" or info.extra or info.comment
        if info.header_offset != at or info.flag_bits & 8 or more:
            break
        at += 30 + int.from_bytes(raw[at + 26 : at + 28], "little") + info.compress_size
    end = len(raw) - 22
    directory = int.from_bytes(raw[end + 12 : end + 16], "little")
    if at != archive.start_dir or raw[end : end + 4] != b"PK\5\6" or at + directory != end:
        raise RecordError(
            f"{name}: holds bytes that are none of its files; it is not as 'escalate trial export' wrote it"
        )


def _entries(raw: bytes, name: str) -> Iterator[Entry]:
    types = {field.name: int if field.name == "number" else str for field in fields(Entry)}
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if not line:
            continue
        try:
            content = json.loads(line)
            whole = set(content) == set(types) and all(type(content[key]) is kind for key, kind in types.items())
        except (ValueError, TypeError, RecursionError):
            whole = False
        if not whole:
            raise RecordError(f"{name}: record.jsonl:{number}: is not an entry")
        yield Entry(**content)


def verify_archive(path: str | Path, head: str | None = None, *, recompute: bool = False) -> Report:
    """Verify an archive: the hash of each file, the chain, and that designs and data are those of the entries.

    Raises
    ------
    RecordError
        Where it is no archive of a trial.
    """
    archive = read(path)
    report = verify_entries(archive.trial, archive.entries, head, recompute=recompute)
    return replace(
        report, faults=(*report.faults, *_file_faults(archive)), notes=(*report.notes, *_not_compared(archive))
    )


def _not_compared(archive: Archive) -> Iterator[str]:
    from escalate import __version__

    version = json.loads(archive.files["manifest.json"]).get("version")
    if version != __version__:
        yield (
            f"it says that it was written by escalate {harmless(str(version)[:20])}: the words of README.txt and history.csv were "
            f"not compared with the entries by {__version__}; go by record.jsonl"
        )


def _file_faults(archive: Archive) -> Iterator[Fault]:
    def fault(text: str) -> Fault:
        return Fault(archive.trial, None, text)

    sums = {}
    for line in archive.files[_SUMS].decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        sums[name] = digest
    for name in sorted({*archive.files, *sums} - {_SUMS}):
        if name not in archive.files:
            yield fault(f"{name} is missing")
        elif sums.get(name) != sha256(archive.files[name]):
            yield fault(f"{name} does not give the hash in {_SUMS}")
    try:
        state = read_trial(archive.trial, archive.entries)
        wanted = _files(state, archive.entries)
    except (RecordError, ValueError):
        return
    manifest, ours = json.loads(archive.files["manifest.json"]), json.loads(wanted["manifest.json"])
    if manifest.get("head") != state.head or manifest.get("entries") != len(archive.entries):
        yield fault("manifest.json names another head or number of entries: the tail was cut, or the manifest changed")
    elif archive.files["manifest.json"] != _manifest(ours | {"version": str(manifest.get("version"))}):
        yield fault("manifest.json is not what the entries say")
    if archive.files[_SUMS] != _sums(archive.files):
        yield fault(f"{_SUMS} is not as 'escalate trial export' writes it")
    # In words another version may say the same otherwise.
    in_words = {"README.txt", "history.csv"} if manifest.get("version") != ours["version"] else set()
    for name in sorted(wanted.keys() - in_words - {"manifest.json", _SUMS}):
        if archive.files.get(name) != wanted[name]:
            yield fault(f"{name} is not what the entries say")
    for name in sorted(archive.files.keys() - wanted.keys()):
        yield fault(f"{name} is no file of this record")


def bring_in(path: str | Path, actor: Actor) -> TrialState:
    """Bring a trial in from an archive; its entries stay what they are, and roles must be given anew.

    Raises
    ------
    RecordError
        Where the archive is not whole, or there is a trial of that name.
    NotAllowedError
        For whoever is not the administrator of the server.
    """
    if not (actor.everywhere or actor.admin):
        raise NotAllowedError(f"{actor.name} may not bring in a trial; that takes the administrator of the server")
    report = verify_archive(path)
    if not report.clean:
        raise RecordError(f"{path}: {report.faults[0].text}; a record that was changed is not brought in")
    archive = read(path)
    with store.appending(archive.trial, actor) as pen:
        if pen.state is not None:
            raise RecordError(f"{path}: there is a trial '{archive.trial}' here already")
        pen.restore(archive.entries)
        pen.write(made(Imported, archive_sha256=archive.sha256, head=archive.entries[-1].hash))
        with store.appending(SYSTEM, Actor(actor.name, actor.via)) as log:
            log.note(
                "trial_opened", {"trial": archive.trial, "first": archive.entries[0].hash, "archive": archive.sha256}
            )
        return pen.trial
