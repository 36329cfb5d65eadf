"""The installation: files against the hashes of their wheel, versions, platform, arithmetic."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from escalate import __version__
from escalate.qualification import installation
from escalate.qualification.cases import Case
from escalate.qualification.run import run
from tests.qualification.thinned import thinned


def wheel(folder: Path) -> tuple[metadata.Distribution, Path]:
    """Return a small package as if installed from a wheel, and its folder."""
    package, info = folder / "escalate", folder / "escalate_trials-0.1.0.dist-info"
    lines = []
    for name, text in (("__init__.py", "x = 1\n"), ("methods/boin.py", "y = 2\n"), ("methods/crm.py", "z = 3\n")):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"escalate/{name},sha256={digest},{len(text)}")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: escalate-trials\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("\n".join([*lines, "escalate_trials-0.1.0.dist-info/RECORD,,", ""]))
    return metadata.PathDistribution(info), package


def test_a_whole_installation(tmp_path: Path) -> None:
    """Every file is as the wheel had it."""
    (case,) = installation.installed_files(*wheel(tmp_path))
    assert (case.passed, case.obtained) == (True, "3 files, 0 at fault")


@pytest.mark.parametrize(
    ("alter", "name", "said"),
    [
        (lambda p: (p / "methods" / "boin.py").write_text("y = 3\n"), "escalate/methods/boin.py", "another content"),
        (lambda p: (p / "methods" / "crm.py").unlink(), "escalate/methods/crm.py", "no such file"),
        (lambda p: (p / "methods" / "mine.py").write_text(""), "escalate/methods/mine.py", "not of the wheel"),
    ],
    ids=["changed", "gone", "added"],
)
def test_an_altered_installation(tmp_path: Path, alter: Callable[[Path], object], name: str, said: str) -> None:
    """A file changed, gone or added is a failed check by its name."""
    found, package = wheel(tmp_path)
    alter(package)
    failed = [case for case in installation.installed_files(found, package) if not case.passed]
    assert [case.id for case in failed] == [name, "installed files"]
    assert said in failed[0].obtained


def test_compiled_files_are_not_of_the_wheel(tmp_path: Path) -> None:
    """What Python itself writes beside the files is no fault."""
    found, package = wheel(tmp_path)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert all(case.passed for case in installation.installed_files(found, package))


def test_a_source_tree_is_told_apart() -> None:
    """Here the product runs from its source tree: nothing to compare with, which is said; the hash of all files is there."""
    found = installation.inspect([], 3)
    facts = {name: value for _, name, value in found.facts}
    assert not found.failed
    assert facts["installed"] == "from a source tree"
    assert facts["escalate"] == __version__
    assert len(facts["SHA-256 of all files"]) == 64
    assert {"numpy", "scipy", "numba", "Python", "operating system", "time zone", "linear algebra"} <= set(facts)
    assert any(path == "escalate/methods/boin.py" and len(digest) == 64 for path, digest in found.files)
    assert "not compared" in found.cases[0].obtained
    assert [(case.id, case.result, case.passed) for case in found.not_done] == [("installed files", "not done", False)]


def test_what_was_not_done_cannot_pass() -> None:
    """A case that says both is refused."""
    with pytest.raises(ValueError, match="a check that was not done cannot pass"):
        Case("x", "installation", "a", "b", "exact", "here", passed=True, done=False)


def test_hash_of_all_files_is_that_of_sha256sum(tmp_path: Path) -> None:
    """By hand: the hash of the lines `hash  path`."""
    _, package = wheel(tmp_path)
    files = tuple(installation.hashes(package))
    lines = [f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n" for name, _ in files]
    assert [name for name, _ in files] == [
        "escalate/__init__.py",
        "escalate/methods/boin.py",
        "escalate/methods/crm.py",
    ]
    assert installation.tree_hash(files) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_dependency_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the version that is needed and the one that is there."""
    whole = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.0.0" if name == "numpy" else whole(name))
    failed = installation.inspect([], 3).failed
    assert [(case.id, case.expected, case.obtained) for case in failed] == [("dependency numpy", ">=2.0", "1.0.0")]


def test_a_kernel_that_computes_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random numbers that are not those published fail the installation."""
    from escalate.engine import kernels

    monkeypatch.setattr(kernels, "philox_lanes", lambda counter, *key: None)
    (case,) = installation.inspect([], 3).failed
    assert case.id == "compiled kernel (Philox4x32-10)"
    assert case.expected == "6627e8d5 e169c58d bc57ac4c 9b00dbd8"


def test_a_damaged_file_of_vectors_fails_the_installation(tmp_path: Path) -> None:
    """It is named; its requirement, which has no case left, is not said to have passed."""
    folder = thinned(tmp_path / "conformance")
    path = folder / "vectors" / "paths.json"
    path.write_text(path.read_text(encoding="utf-8").replace("[", "[ ", 1), encoding="utf-8")
    found = run(["PATH-1", "TAB-5"], place=folder)
    assert not found.passed
    assert {outcome.requirement.id: outcome.status for outcome in found.outcomes} == {
        "TAB-5": "passed",
        "PATH-1": "not run",
    }
    assert found.faults()[0].startswith("IQ Installation: conformance/vectors/paths.json: expected the file released")


def test_a_folder_without_vectors_fails_the_installation(tmp_path: Path) -> None:
    """Nothing to ask is no pass."""
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  vectors/boin.json\n")
    found = run(["TAB-5"], place=tmp_path)
    assert not found.passed
    assert "cannot be read" in found.faults()[0]


def test_a_vector_of_no_requirement_fails_the_installation(tmp_path: Path) -> None:
    """A question that no requirement asks for would never be run."""
    folder = thinned(
        tmp_path / "conformance",
        6,
        lambda topic, few: few[0].update(requirement="NONE-1") if topic == "paths" else None,
    )
    found = run(["TAB-5"], place=folder)
    assert any("names the requirement NONE-1, which is none" in fault for fault in found.faults())
