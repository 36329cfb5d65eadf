"""What is installed and where it runs: files against the hashes of their wheel, versions, platform."""

from __future__ import annotations

import base64
import hashlib
import json
import locale
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from escalate import __version__
from escalate.qualification.cases import Case, Installation

DISTRIBUTION: Final = "escalate-trials"
PACKAGE: Final = Path(__file__).resolve().parents[1]


def inspect(
    vector_faults: Sequence[str], n_vectors: int, more: Sequence[tuple[str, str, str]] = (), *, package: Path = PACKAGE
) -> Installation:
    """Return what is installed and what was checked of it.

    Parameters
    ----------
    vector_faults
        What is wrong with the conformance vectors, a sentence each.
    more
        Facts that the layers above know.
    """
    files = tuple(hashes(package))
    found = _distribution()
    facts = (*_software(found, files), *dependencies(found), *_platform(), *more)
    cases = (
        *installed_files(found, package),
        *(_checked(text.partition(":")[0], "the file released", text) for text in vector_faults),
        _case("conformance vectors", f"{n_vectors} vectors, none at fault", f"{n_vectors} vectors, {len(vector_faults)} at fault",
              passed=not vector_faults),
        *_required(found),
        *_arithmetic(),
        _kernel(),
    )  # fmt: skip
    return Installation(facts, files, cases)


def _case(name: str, expected: str, obtained: str, *, passed: bool, done: bool = True) -> Case:
    return Case(name, "installation", expected, obtained, "exact", "this machine", passed, done=done)


def _checked(name: str, expected: str, obtained: str) -> Case:
    return _case(name, expected, obtained, passed=False)


def _distribution() -> metadata.Distribution | None:
    try:
        return metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None


def hashes(package: Path) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of every file of the package, compiled ones left out."""
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(package.parent).as_posix()
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()


def tree_hash(files: Sequence[tuple[str, str]]) -> str:
    """Return one hash for all files: that of the lines `hash  path`, as `sha256sum` prints them."""
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in files).encode()).hexdigest()


def _editable(found: metadata.Distribution | None) -> bool:
    said = None if found is None else found.read_text("direct_url.json")
    return bool(said and json.loads(said).get("dir_info", {}).get("editable"))


def installed_files(found: metadata.Distribution | None, package: Path = PACKAGE) -> Iterator[Case]:
    """Yield a case for every file that is not as the wheel had it, and one that counts them."""
    if found is None or _editable(found):
        obtained = (
            "not compared: it runs from a source tree, which has no list of released files; see the hash of all files"
        )
        yield _case("installed files", "as released", obtained, passed=False, done=False)
        return
    recorded = {
        file.as_posix(): file.hash.value
        for file in found.files or ()
        if file.hash is not None and file.parts[0] == package.name and file.hash.mode == "sha256"
    }
    wrong = 0
    for name, value in sorted(recorded.items()):
        path = package.parent / name
        if not path.is_file():
            wrong += 1
            yield _checked(name, "the file of the wheel", "no such file")
        elif _as_recorded(path.read_bytes()) != value:
            wrong += 1
            yield _checked(name, "the file of the wheel", "another content: its SHA-256 is not that of the wheel")
    for name, _ in hashes(package):
        if name not in recorded:
            wrong += 1
            yield _checked(name, "no file that the wheel has not", "a file that is not of the wheel")
    expected = f"{len(recorded)} files as in the wheel"
    yield _case(
        "installed files", expected, f"{len(recorded)} files, {wrong} at fault", passed=not wrong and bool(recorded)
    )


def _as_recorded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()


def _software(found: metadata.Distribution | None, files: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    yield "software", "escalate", __version__
    yield "software", "installed", "from a source tree" if found is None or _editable(found) else "from a wheel"
    yield "software", "place", str(PACKAGE)
    yield "software", "files", str(len(files))
    yield "software", "SHA-256 of all files", tree_hash(files)


def _needs(found: metadata.Distribution | None) -> Iterator[tuple[str, Any, str | None]]:
    """Yield name, requirement and installed version of everything that the package always needs."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - seldom needed

    for line in (found.requires or ()) if found is not None else ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            try:
                yield wanted.name, wanted.specifier, metadata.version(wanted.name)
            except metadata.PackageNotFoundError:
                yield wanted.name, wanted.specifier, None


def dependencies(found: metadata.Distribution | None) -> Iterator[tuple[str, str, str]]:
    """Yield the version of everything that the package needs."""
    for name, _, version in _needs(found):
        yield "dependencies", name, version or "not installed"


def _required(found: metadata.Distribution | None) -> Iterator[Case]:
    for name, specifier, version in _needs(found):
        if version is None or not specifier.contains(version, prereleases=True):
            yield _checked(f"dependency {name}", str(specifier) or "installed", version or "not installed")
    yield _case("Python", "3.11 or later", platform.python_version(), passed=sys.version_info >= (3, 11))


def _platform() -> Iterator[tuple[str, str, str]]:
    import numpy as np  # noqa: PLC0415 - with the facts alone

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield "platform", "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "platform", "operating system", platform.platform()
    yield "platform", "processor", f"{_processor()}, {os.cpu_count()} cores"
    yield "platform", "linear algebra", f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    yield "platform", "locale", ".".join(part for part in locale.getlocale() if part) or "C"
    yield "platform", "text encoding", sys.getfilesystemencoding()
    yield "platform", "compiled kernels are kept in", _kept()
    yield "platform", "time zone", time.strftime("%Z (UTC%z)")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0]} ({platform.machine()})" if named else platform.machine()


def _arithmetic() -> Iterator[Case]:
    """Yield what every result relies on: binary64 arithmetic, and 64-bit counts."""
    import numpy as np  # noqa: PLC0415

    info = sys.float_info
    obtained = f"{info.mant_dig} bits, up to {info.max:.4g}"
    yield _case(
        "floating point", "53 bits, up to 1.798e+308", obtained, passed=info.mant_dig == 53 and info.max_exp == 1024
    )
    total = int(np.arange(5, dtype=np.int64).sum() * 2**40)
    yield _case("64-bit counts", "10995116277760", str(total), passed=total == 10 * 2**40)


def _kernel() -> Case:
    """Run a compiled kernel against its published answer: the random numbers of all simulated trials."""
    import numpy as np  # noqa: PLC0415

    # Salmon JK, Moraes MA, Dror RO, Shaw DE (2011), known-answer tests of Philox4x32-10: counter and key 0.
    expected = "6627e8d5 e169c58d bc57ac4c 9b00dbd8"
    counter = np.zeros((4, 1), dtype=np.uint32)
    try:
        from escalate.engine.kernels import philox_lanes  # noqa: PLC0415 - compiled where it is used

        philox_lanes(counter, np.uint32(0), np.uint32(0))
        obtained = " ".join(f"{int(word):08x}" for word in counter[:, 0])
    except Exception as fault:
        obtained = f"{type(fault).__name__}: {fault}"
    return _case("compiled kernel (Philox4x32-10)", expected, obtained, passed=obtained == expected)


def _kept() -> str:
    """Return where compiled kernels are kept."""
    from escalate.core.jit import cache_folder  # noqa: PLC0415 - loads Numba

    folder = cache_folder()
    return "nowhere: they are compiled anew in each process" if folder is None else str(folder)
