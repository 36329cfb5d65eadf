"""A disk that fills: the study stops with a sentence, and goes on later to the bytes of an undisturbed run."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from escalate.study.grid.store import DiskFullError
from tests.cli.run import COMMAND, environment, escalate
from tests.study.grid.studies import MANY, files, finished, lay_out, loaded, undisturbed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 400 kB; skipped where none can be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no small disk can be made here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_fills(tmp_path: Path, small_disk: Path) -> None:
    """A full disk ends the run with code 2 and a sentence; with more room it goes on to the bytes of an undisturbed run."""
    expected = undisturbed(tmp_path / "a", MANY)
    lay_out(small_disk, MANY)
    command = ("study", "run", "s.yaml", "--processes", "1", "--no-cache")
    for _ in range(2):
        done = escalate(*command, cwd=small_disk)
        assert (done.code, done.stdout) == (2, "")
        (said,) = done.stderr.splitlines()
        assert said.startswith("error: s-results: there is no room to write more (No space left on device); ")
        assert said.endswith("of 120 jobs are done and kept; go on with 'escalate study resume s.yaml'")
    assert escalate("study", "status", "s.yaml", cwd=small_disk).code == 0
    subprocess.run(["mount", "-o", "remount,size=200M", str(small_disk)], check=True)
    done = escalate("study", "resume", "s.yaml", "--processes", "1", "--no-cache", cwd=small_disk)
    assert (done.code, done.stderr) == (0, "")
    assert "120 jobs, 0 kept" not in done.stdout
    assert files(small_disk / "s-results") == expected


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """Where no file may be larger than a part, the run ends likewise, whatever could not be written; and goes on later."""
    expected = undisturbed(tmp_path / "a")
    lay_out(tmp_path / "b")
    for blocks in (1, 16):
        done = subprocess.run(
            ["bash", "-c", f"ulimit -f {blocks}; exec '{COMMAND}' study run s.yaml --processes 1 --no-cache"],
            capture_output=True, cwd=tmp_path / "b", env=environment(), check=False,
        )  # fmt: skip
        assert done.returncode == 2, blocks
        (said,) = done.stderr.decode().splitlines()
        assert "there is no room to write more" in said, said
        assert said.endswith("go on with 'escalate study resume s.yaml'")
    study = loaded(tmp_path / "b")
    finished(study)
    assert files(study.folder) == expected


@pytest.mark.parametrize("at", range(12))
def test_any_write_may_fail(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file of a run finds no room, the next run comes to the bytes of an undisturbed one."""
    expected = undisturbed(tmp_path / "a")
    study = loaded(tmp_path / "b")
    replace, left = Path.replace, [at]

    def no_room(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", no_room)
        with pytest.raises(DiskFullError, match="go on with 'escalate study resume") if at < 11 else nullcontext():
            finished(study)
    finished(study)
    assert files(study.folder) == expected
