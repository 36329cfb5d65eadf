"""Files are read with the bytes they came from, and written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.errors import DesignError, EscalateError
from escalate.core.files import load_design, load_scenarios, read_design, write_new
from tests.cli.run import DESIGN, DESIGNS, SCENARIO, SCENARIOS


@pytest.mark.parametrize("content", ["text\nµ\n", b"\x00\xff", ""])
def test_content_is_written_as_it_is(content: str | bytes, tmp_path: Path) -> None:
    """Text as UTF-8, bytes as they are, with no file beside."""
    write_new(tmp_path / "x", content)
    assert (tmp_path / "x").read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_existing_file_is_kept(tmp_path: Path) -> None:
    """A file that exists is refused unless forced, and is untouched then."""
    write_new(tmp_path / "x", "old")
    with pytest.raises(EscalateError, match="x: exists already; use --force to replace it"):
        write_new(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "old"
    write_new(tmp_path / "x", "new", force=True)
    assert (tmp_path / "x").read_text() == "new"


@pytest.mark.parametrize("force", [False, True])
def test_directory_is_refused(force: bool, tmp_path: Path) -> None:
    """A directory is never replaced."""
    with pytest.raises(EscalateError, match="is a directory; name a file in it"):
        write_new(tmp_path, "x", force=force)


def test_no_directory_to_write_in(tmp_path: Path) -> None:
    """Nothing is created on the way to a file whose directory does not exist."""
    with pytest.raises(EscalateError, match="cannot be written"):
        write_new(tmp_path / "no" / "x", "x")
    assert list(tmp_path.iterdir()) == []


def _fail_with(fault: BaseException) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    return fail


@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("existing", [False, True])
def test_failure_leaves_nothing(place: str, existing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails at any step, what was there stays, nothing is left beside it, and the reason is given."""
    if existing:
        write_new(tmp_path / "x", "old")
    monkeypatch.setattr(place, _fail_with(OSError(28, "No space left on device")))
    with pytest.raises(EscalateError, match=r"x: cannot be written \(No space left on device\)"):
        write_new(tmp_path / "x", "new", force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")] * existing


def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control-C in the middle of writing leaves no piece of a file."""
    write_new(tmp_path / "x", "old")
    monkeypatch.setattr("os.fsync", _fail_with(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_new(tmp_path / "x", "new", force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(mask: int, mode: int, tmp_path: Path) -> None:
    """The mode follows the umask, as that of any other file does."""
    before = os.umask(mask)
    try:
        write_new(tmp_path / "x", "x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_hash_of_a_design_file(path: Path) -> None:
    """A design file has the hash that `sha256sum` prints, and the design the same from a string or a path.

    Where a file is attached it is the hash of the two hashes, one a line.
    """
    file = read_design(str(path))
    parts = [path.read_bytes(), *([file.attached] if file.attached else [])]
    hashes = [hashlib.sha256(part).hexdigest() for part in parts]
    joined = hashlib.sha256("".join(f"{each}\n" for each in hashes).encode()).hexdigest()
    assert file.sha256 == (hashes[0] if len(hashes) == 1 else joined)
    assert file.design == load_design(path) == esc.load_design(str(path))


def test_hash_of_the_settings_ignores_the_layout(tmp_path: Path) -> None:
    """Comments, order and line ends change the hash of the file, not that of the design."""
    other = "# a comment\n" + "".join(reversed(DESIGN.splitlines(keepends=True))).replace("\n", "\r\n")
    for name, text in (("a", DESIGN), ("b", other)):
        (tmp_path / name).write_bytes(text.encode())
    a, b = read_design(tmp_path / "a"), read_design(tmp_path / "b")
    assert a.sha256 != b.sha256
    assert a.design == b.design
    assert a.design.sha256 == b.design.sha256


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario_files(path: Path) -> None:
    """Scenarios come in the order of the file, with distinct names and rates that do not fall."""
    found = load_scenarios(path)
    assert len({scenario.name for scenario in found}) == len(found) > 0
    assert all(list(scenario.dlt) == sorted(scenario.dlt) for scenario in found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema: escalate/scenarios/1\n", "", "x:1 schema: is missing; a scenario file starts with"),
        ("scenarios/1", "scenarios/9", "x:1 schema: 'escalate/scenarios/9' is not 'escalate/scenarios/1'"),
        ("schema: escalate/scenarios/1", "schema: [1]", "x:1 schema: (1,) is not"),
        ("0.3", "0.05", "x:3 scenarios[1].dlt: the DLT probability falls from 0.1 at level 1 to 0.05 at level 2"),
        ("0.3", "1", "x:3 scenarios[1].dlt[2]: 1 is not below 1"),
        ("0.3", "no", "x:3 scenarios[1].dlt[2]: 'no' is not a number"),
        ("name: a", "name: ''", "x:3 scenarios[1].name"),
        ("name: a", "name: 5", "x:3 scenarios[1].name: 5 is not text"),
        ("dlt", "dtl", "x:3 scenarios[1].dlt: is missing"),
    ],
)
def test_bad_scenario_files(old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault of a scenario file is told with file, line and field."""
    monkeypatch.chdir(tmp_path)
    Path("x").write_text(SCENARIO.replace(old, new))
    with pytest.raises(DesignError) as refused:
        load_scenarios("x")
    assert str(refused.value).startswith(message)


def test_name_that_no_file_can_have() -> None:
    """A name with a NUL in it is a file that is not there."""
    with pytest.raises(DesignError):
        load_design("a\0b")
