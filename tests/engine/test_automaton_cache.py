"""Compiled automata on disk: the same bits, whoever writes at once and whatever is damaged, and never those of other code."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from escalate import Design
from escalate.core.errors import TooLargeError
from escalate.engine import automaton_cache
from escalate.engine.automaton import Automaton, compile_design
from escalate.engine.automaton_cache import AutomatonCache, cache_of, default_folder, key_of, packed, unpacked
from escalate.study.simulate import simulate
from tests.cli.run import environment
from tests.core.test_registry import METHOD, RULE, install
from tests.helpers import make, scenarios_for

DESIGNS: dict[str, dict[str, Any]] = {
    "boin": {"kind": "boin"},
    "crm": {"kind": "crm", "estimate": "mean", "skeleton": (0.05, 0.12, 0.25, 0.4, 0.55)},
    "three_plus_three": {"kind": "three_plus_three"},
}


def small(**more: Any) -> Design:
    return make({"kind": "boin"}, max_patients=15, **more)


def arrays(automaton: Automaton) -> dict[str, Any]:
    """Return every array of an automaton, with its kind."""
    ends = automaton.terminals
    found = {name: getattr(automaton, name) for name in ("dose", "size", "paths", "child", "parent", "outcome")}
    found |= {"counts": ends.tally.counts, "ways": ends.paths, "selected": ends.selected, "stops": ends.stops}
    return {name: (values.dtype, values.shape, values.tobytes()) for name, values in found.items()}


def forbid(*_: object) -> Automaton:
    raise AssertionError("it was compiled")


@pytest.mark.parametrize("kind", DESIGNS)
def test_the_same_bits(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read has every array of what was compiled, bit for bit, and gives the same characteristics."""
    design = make(DESIGNS[kind], max_patients=15)
    cache = AutomatonCache(tmp_path, worth=0.0)
    made = compile_design(design, 100_000)
    assert arrays(cache.compiled(design, 100_000)) == arrays(made)
    monkeypatch.setattr(automaton_cache, "compile_design", forbid)
    assert arrays(AutomatonCache(tmp_path).compiled(design, 100_000)) == arrays(made)
    scenarios = scenarios_for(design)
    plain, cached = (simulate([design], scenarios, compile_=how) for how in (None, cache.compiled))
    assert plain.designs[0].characteristics.values.tobytes() == cached.designs[0].characteristics.values.tobytes()


def test_packed_and_unpacked() -> None:
    """An automaton survives being written, graded outcomes included."""
    design = make({"kind": "gboin"}, max_patients=6, n_doses=3)
    made = compile_design(design, 1_000_000)
    assert arrays(unpacked(packed(made))) == arrays(made)


def test_quick_ones_are_not_kept(tmp_path: Path) -> None:
    """What is compiled quicker than read is not written."""
    AutomatonCache(tmp_path, worth=60.0).compiled(small(), 100_000)
    assert not list(tmp_path.iterdir())


def write_it(folder: str, times: int) -> None:
    """Compile and write a design over and over, beside others who do the same."""
    for _ in range(times):
        made = AutomatonCache(Path(folder), worth=0.0)
        found = made.compiled(small(), 100_000)
        assert found.n_states > 10
        made._write(made.folder / f"{key_of(small())}.automaton", found)


def test_writers_at_once(tmp_path: Path) -> None:
    """Eight processes that write one automaton at once leave one whole file, and never see half of one."""
    context = get_context("fork")
    writers = [context.Process(target=write_it, args=(str(tmp_path), 20)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 8
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    assert hashlib.sha256(content[32:]).digest() == content[:32]
    assert arrays(unpacked(content[32:])) == arrays(compile_design(small(), 100_000))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def stump(path: Path) -> None:
    path.write_bytes(b"0" * 31)


@pytest.mark.parametrize("damage", [flip, cut, empty, stump])
def test_a_damaged_file_is_made_anew(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """A file that is not what was written is not used: the automaton is compiled, and the file whole again."""
    cache = AutomatonCache(tmp_path, worth=0.0)
    made = arrays(cache.compiled(small(), 100_000))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    damage(path)
    assert arrays(cache.compiled(small(), 100_000)) == made
    assert path.read_bytes() == whole


def test_the_oldest_go(tmp_path: Path) -> None:
    """Beyond the limit what was used longest ago goes; what was used just now stays."""
    cache = AutomatonCache(tmp_path, worth=0.0, limit=10**9)
    designs = [make({"kind": "boin"}, max_patients=n) for n in (9, 12, 15)]
    for design in designs:
        cache.compiled(design, 100_000)
    paths = [tmp_path / f"{key_of(design)}.automaton" for design in designs]
    for path, age in zip(paths, (300, 200, 100), strict=True):
        os.utime(path, (1e9 - age, 1e9 - age))
    cache.compiled(designs[0], 100_000)
    cache.limit = sum(path.stat().st_size for path in (paths[0], paths[2]))
    cache.sweep()
    assert [path.is_file() for path in paths] == [True, False, True]


def test_the_limit_holds_while_it_is_written(tmp_path: Path) -> None:
    """A cache that may hold next to nothing stays within a few files however many designs there are."""
    cache = AutomatonCache(tmp_path, worth=0.0, limit=1)
    for k in range(automaton_cache.SWEEP_EVERY + 1):
        cache.compiled(make({"kind": "boin", "p_saf": 0.15 + k / 1000}, max_patients=6), 100_000)
    assert not list(tmp_path.glob("*.automaton"))


def test_what_dead_writers_left(tmp_path: Path) -> None:
    """A half-written file goes after an hour, not sooner: its writer may live."""
    for name, age in (("old", 4000), ("new", 10)):
        path = tmp_path / f".{name}.tmp"
        path.write_bytes(b"half")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    AutomatonCache(tmp_path).sweep()
    assert [path.name for path in tmp_path.iterdir()] == [".new.tmp"]


def test_other_code_has_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another version, other code or another NumPy compiled is not found."""
    names = {key_of(small())}
    monkeypatch.setattr(automaton_cache, "code_sha256", lambda: "0" * 64)
    names.add(key_of(small()))
    monkeypatch.setattr(np, "__version__", "0.1")
    names.add(key_of(small()))
    names.add(key_of(small(target=0.25)))
    assert len(names) == 4
    assert None not in names


def test_the_code_is_looked_at(tmp_path: Path) -> None:
    """A copy of the package in which one comment of a rule differs has another hash of its code."""
    import shutil

    import escalate

    source = Path(escalate.__file__).parent
    shutil.copytree(source, tmp_path / "escalate", ignore=shutil.ignore_patterns("__pycache__", "web", "static"))
    ask = "from escalate.engine.automaton_cache import code_sha256; print(code_sha256())"

    def told() -> str:
        done = subprocess.run(
            [sys.executable, "-c", ask], env=environment({"PYTHONPATH": str(tmp_path)}), capture_output=True, text=True,
            cwd=tmp_path, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    assert told() == automaton_cache.code_sha256()
    path = next((tmp_path / "escalate" / "rules").glob("e*.py"))
    path.write_text(path.read_text() + "# changed\n")
    assert told() != automaton_cache.code_sha256()


def test_what_another_package_compiles_is_not_kept(tmp_path: Path) -> None:
    """The code of a method or rule of another package is not known: its automata have no name, and are not written."""
    points = "[escalate.methods]\nfloor = floors:Floor\n[escalate.rules]\nceiling = ceilings:Ceiling\n"
    env = install(tmp_path / "site", points, floors=METHOD, ceilings=RULE)
    script = """
from pathlib import Path
from escalate import Design
from escalate.engine.automaton_cache import AutomatonCache, key_of
base = {"title": "t", "doses": {"unit": "mg", "levels": (1.0, 2.0)}, "target": 0.3, "max_patients": 6}
ours = {**base, "method": {"kind": "boin"}}
for more in ({**base, "method": {"kind": "floor"}, "rules": ()}, {**ours, "rules": ({"kind": "ceiling", "level": 1},)}):
    design = Design.from_dict(more)
    assert key_of(design) is None
    AutomatonCache(Path("cache"), worth=0.0).compiled(design, 100000)
assert not Path("cache").exists()
assert key_of(Design.from_dict(ours)) is not None
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(env), capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Where the cache cannot be written the automaton is there all the same."""
    (tmp_path / "file").write_text("no folder")
    found = AutomatonCache(tmp_path / "file" / "cache", worth=0.0).compiled(small(), 100_000)
    assert arrays(found) == arrays(compile_design(small(), 100_000))


def test_a_folder_that_can_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is used though it cannot be noted when."""
    cache = AutomatonCache(tmp_path, worth=0.0)
    made = arrays(cache.compiled(small(), 100_000))

    def denied(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", denied)
    monkeypatch.setattr(automaton_cache, "compile_design", forbid)
    assert arrays(cache.compiled(small(), 100_000)) == made


def test_the_limit_on_states_holds(tmp_path: Path) -> None:
    """A design with more states than allowed is refused, cached or not; one with exactly so many is not."""
    cache = AutomatonCache(tmp_path, worth=0.0)
    found = cache.compiled(small(), 100_000)
    n = found.n_states + len(found.terminals)
    for how in (compile_design, cache.compiled):
        assert how(small(), n).n_states == found.n_states
        with pytest.raises(TooLargeError):
            how(small(), n - 1)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ESCALATE_CACHE names the folder, then the user's folder of caches; without a folder nothing is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ESCALATE_CACHE", raising=False)
    assert default_folder() == tmp_path / "escalate" / "automata"
    monkeypatch.setenv("ESCALATE_CACHE", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    assert cache_of(None) is None


@pytest.mark.parametrize(("told", "limit"), [("5", 5_000_000), ("", 10**9), ("much", 10**9), ("-1", 10**9)])
def test_how_large_it_may_be(told: str, limit: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ESCALATE_CACHE_MB says how many megabytes; what is no number says nothing."""
    monkeypatch.setenv("ESCALATE_CACHE_MB", told)
    made = cache_of(str(tmp_path / told / "x"))
    assert made is not None
    assert made.__self__.limit == limit  # type: ignore[attr-defined]
