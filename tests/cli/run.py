"""Run the installed command as a user does, and the small files that the tests of the command line start from."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.helpers import ROOT

COMMAND = Path(sys.executable).with_name("escalate")
DESIGNS = sorted((ROOT / "designs").glob("*.yaml"))
# Thousands of random scenarios have tests of their own.
SCENARIOS = sorted(
    path for path in (ROOT / "simulations" / "scenarios").glob("*.yaml") if not path.stem.startswith("random")
)
COMMANDS = (
    "new",
    "check",
    "prior",
    "table",
    "recommend",
    "select",
    "paths",
    "simulate",
    "calibrate",
    "map-prior",
    "scenarios",
    "methods",
    "explain",
    "schema",
    "trial",
    "account",
    "serve",
    "report",
    "study",
    "verify",
    "cite",
    "diff",
)

DESIGN = """schema: escalate/design/1
title: small
doses: {unit: mg, levels: [10, 20, 40]}
target: 0.30
cohort_size: 3
max_patients: 12
start_level: 1
method: {kind: boin}
"""
SCENARIO = """schema: escalate/scenarios/1
scenarios:
  - {name: a, dlt: [0.1, 0.3, 0.5]}
"""
HEADER = "patient,cohort,level,dlt\n"

# What a terminal, or the person at it, may have set: no test depends on it unless it says so.
_PERSONAL = (
    "COLUMNS",
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_COMPATIBLE",
    "PYTHONIOENCODING",
    "ESCALATE_DEBUG",
    "ESCALATE_DATABASE",
    "PYTHONWARNINGS",
)


class Result(NamedTuple):
    """What the command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a command, the same on every machine."""
    kept = {name: value for name, value in os.environ.items() if name not in _PERSONAL}
    return {**kept, **(changes or {})}


def escalate(
    *arguments: str | Path,
    stdin: str | bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    columns: str | None = None,
    timeout: float = 300,
) -> Result:
    """Run `escalate` with arguments; standard input is empty unless given, and the width that of no terminal.

    Where nothing special is asked of the interpreter it is forked from a warm one (`tests/cli/warm.py`).
    """
    content = stdin.encode() if isinstance(stdin, str) else stdin or b""
    if env is None and hasattr(os, "fork"):
        return _forked([str(argument) for argument in arguments], content, cwd or Path.cwd(), columns, timeout)
    done = subprocess.run(
        [str(COMMAND), *map(str, arguments)],
        input=content,
        capture_output=True,
        cwd=cwd,
        env=environment({**(env or {}), **({"COLUMNS": columns} if columns else {})}),
        timeout=timeout,
        check=False,
    )
    return Result(done.stdout.decode(), done.stderr.decode(), done.returncode)


@cache
def _warm() -> subprocess.Popen[str]:
    """Return the warm interpreter of this test process; it ends with it."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.warm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    atexit.register(server.kill)
    return server


def _forked(arguments: list[str], stdin: bytes, cwd: Path, columns: str | None, timeout: float) -> Result:
    server = _warm()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in ("stdin", "stdout", "stderr")}
        for name, path in files.items():
            path.write_bytes(stdin if name == "stdin" else b"")
        request = {
            **{name: str(path) for name, path in files.items()},
            "arguments": arguments,
            "cwd": str(cwd),
            "env": environment({"COLUMNS": columns} if columns else None),
            "timeout": timeout,
        }
        print(json.dumps(request), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        return Result(files["stdout"].read_bytes().decode(), files["stderr"].read_bytes().decode(), code)


def write(folder: Path, **files: str | bytes) -> None:
    """Write files into a folder; `d_yaml` is written as `d.yaml`."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content.encode() if isinstance(content, str) else content)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file below a folder, with its size and the time it was last written."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}
