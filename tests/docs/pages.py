"""Read the blocks of a page, run them in order as a reader would, and hold what they print against what the page shows."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from _ext.blocks import language
from tests.cli.run import environment, escalate
from tests.helpers import ROOT

NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
SLOW_BLOCK = re.compile(r"<!-- slow -->")
"""Marks the next block: it is run with the slow tests alone, and no other block uses what it leaves."""
GIVEN = re.compile(r"<!-- given: (\S+) = (\S+) -->")
NAMED = re.compile(r"# ([\w-]+\.(?:yaml|py))\n")
"""A block that begins with the name of a file is that file, which the blocks below use."""
_FENCE = re.compile(r"^( *)(`{3,}|~{3,})(\{?[\w-]*\}?)")
_SHELL = re.compile(r"[|<>&;*$()]")
LIMIT = 900
"""Seconds after which a command of a page is given up."""
RUN = frozenset({"console", "sh", "bash", "python", "pycon"})

ELSEWHERE = {
    "docs/how-to/keep-the-record.md": "tests/cli/test_record_pages.py",
    "docs/reference/record.md": "tests/cli/test_record_pages.py",
    "docs/reference/api.md": "tests/web/test_api_live.py",
}
"""Pages whose blocks another test runs."""

SLOW = {
    "docs/how-to/build-a-prior.md": "tests/study/test_historical.py",
    "docs/how-to/nuts.md": "tests/cli/test_sampler.py",
    "docs/how-to/qualify-an-installation.md": "tests/qualification/test_report.py",
    "docs/how-to/own-model.md": "tests/cli/test_own_model.py",
    "simulations/tvec-calibration/README.md": "tests/cli/test_study_tvec.py",
    "simulations/tvec-calibration/evidence/README.md": "tests/cli/test_calibrate.py",
    "simulations/tvec-liver/README.md": "tests/report/simulation_report/test_build.py",
    "simulations/durations/README.md": "tests/cli/test_clock.py",
    "simulations/nine-methods/README.md": "tests/cli/test_compare.py",
}
"""Pages whose commands take minutes, and where the same is tested on less."""


DOCUMENTS = tuple(f"docs/how-to/{what}-" for what in ("write", "prepare", "fill", "qualify"))
"""How-to pages that write documents: they take the longest, and have a file of tests of their own."""


@dataclass(frozen=True)
class Block:
    """One block of code: where it starts, its language, its lines, why it is not run, if so, and whether it takes long."""

    line: int
    language: str
    text: str
    not_run: str | None
    slow: bool = False


def every_page() -> list[Path]:
    """Return every page that people wrote."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("conformance/*.md")]
    found += ROOT.glob("simulations/**/*.md")
    found += (path for path in ROOT.glob("docs/**/*.md") if "_generated" not in path.parts)
    return sorted(found)


def pages() -> list[Path]:
    """Return every page with blocks that a reader may run."""
    return [page for page in every_page() if any(one.language in RUN for one in blocks(page))]


def without_code(text: str) -> str:
    """Return the text of a page without its blocks of code, and code within lines."""
    text = re.sub(r"(?ms)^ *(`{3,}|~{3,}).*?^ *\1|^ {4}[^\n]*$", "", text)
    return re.sub(r"`[^`\n]*`", "", text)


def cases(*folders: str, but: tuple[str, ...] = ()) -> list[Any]:
    """Return the pages below some folders as parameters of a test: each page, and whether its slow blocks are run too.

    A page that takes minutes is marked slow; one with slow blocks comes twice, without them and, marked slow, with them.
    """
    chosen = [page for page in pages() if name(page).startswith(folders) and not (but and name(page).startswith(but))]
    found = []
    for page in chosen:
        if name(page) in ELSEWHERE:
            continue
        slow = any(block.slow for block in blocks(page))
        if name(page) not in SLOW:
            found.append(pytest.param(page, False, id=name(page)))
        if slow or name(page) in SLOW:
            found.append(pytest.param(page, True, id=f"{name(page)} whole", marks=pytest.mark.slow))
    return found


def name(page: Path) -> str:
    """Return the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def blocks(page: Path) -> list[Block]:
    """Return the blocks of code of a page."""
    return list(_blocks(page.read_text(encoding="utf-8").splitlines()))


def _blocks(lines: list[str]) -> Iterator[Block]:
    at, comment, in_list, slow = 0, None, False, False
    while at < len(lines):
        line = lines[at]
        if found := NOT_RUN.search(line):
            comment, in_list = found[1], in_list and line.startswith(" ")
        elif SLOW_BLOCK.search(line):
            slow, in_list = True, in_list and line.startswith(" ")
        elif fence := _FENCE.match(line):
            end = next((k for k in range(at + 1, len(lines)) if lines[k].strip() == fence[2]), len(lines))
            text = "\n".join(each[len(fence[1]) :] for each in lines[at + 1 : end])
            yield Block(at + 1, fence[3], text, comment, slow)
            at, comment, slow = end, None, False
        elif line.startswith("    ") and (at == 0 or not lines[at - 1].strip()) and line.strip():
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            inner = len(line) - len(line.lstrip())
            text = "\n".join(each[inner:] for each in lines[at:end]).rstrip()
            if not in_list or text.startswith("$ "):
                yield Block(at + 1, language(text), text, comment, slow)
            at, comment, slow = end - 1, None, False
        elif line.strip():
            in_list = bool(re.match(r" *([*+-]|\d+\.) ", line)) or (in_list and line.startswith(" "))
            comment, slow = None, False
        at += 1


def run(page: Path, folder: Path, *, whole: bool = True) -> int:
    """Run the blocks of a page, the slow ones if it is whole, in a folder with the design files; return how many were run."""
    for inner in ("designs", "simulations"):
        shutil.copytree(ROOT / inner, folder / inner)
    for wanted, given in GIVEN.findall(page.read_text(encoding="utf-8")):
        shutil.copyfile(folder / given, folder / wanted)
    n, names = 0, dict[str, Any]()
    for block in blocks(page):
        if file := NAMED.match(block.text):
            (folder / file[1]).write_text(block.text + "\n", encoding="utf-8")
        if block.language not in RUN or block.not_run or (block.slow and not whole):
            continue
        run_block(block, names, folder, f"{name(page)}:{block.line}")
        n += 1
    return n


def run_block(block: Block, names: dict[str, Any], folder: Path, where: str) -> None:
    """Run one block, with the names that earlier blocks of the page have set."""
    if block.language == "pycon":
        _run_doctest(block.text, names, folder, where)
    elif block.language == "python":
        _run_python(block.text, names, folder, where)
    else:
        for command, shown in commands(block):
            _run_command(command, shown, folder, where)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with what is shown as printed; of a block without prompts each line is one."""
    text = re.sub(r"\\\n\s*", "", block.text)
    if block.language == "console":
        for part in re.split(r"(?m)^\$ ", text)[1:]:
            command, _, shown = part.partition("\n")
            yield command.strip(), shown.rstrip()
    else:
        for line in text.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip(), ""


def _run_command(command: str, shown: str, folder: Path, where: str) -> None:
    # The page names the set-up; the tests run in one that stands.
    if re.match(r"(\.|source) \S*activate$", command):
        return
    words = shlex.split(command, comments=True)
    if words[0] == "cat" and len(words) == 2:
        path = folder / words[1]
        if path.is_file():
            assert as_shown(shown, path.read_text(encoding="utf-8")), f"{where}: {words[1]} reads otherwise"
        else:
            path.write_text(shown + "\n", encoding="utf-8")
        return
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", command.split(" #", maxsplit=1)[0])
    if words[0] == "escalate" and not _SHELL.search(bare):
        done = escalate(*words[1:], cwd=folder, timeout=LIMIT)
        code, printed = done.code, done.stdout + done.stderr
    else:
        search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder, env=environment({"PATH": search}), capture_output=True, text=True, check=False, timeout=LIMIT,
        )  # fmt: skip
        code, printed = ran.returncode, ran.stdout + ran.stderr
    refused = re.search(r"(?m)^error: ", shown) is not None
    # `check` and `verify` answer "no" with 1; so does a page that shows such an answer.
    allowed = (2,) if refused else (0, 1) if set(words[1:3]) & {"check", "verify", "diff"} else (0,)
    assert code in allowed, f"{where}: {command}\nended with {code}:\n{printed}"
    assert as_shown(shown, printed), f"{where}: {command}\nprinted:\n{printed}\nand the page shows:\n{shown}"


def _run_python(text: str, names: dict[str, Any], folder: Path, where: str) -> None:
    lines = text.splitlines()
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        for statement in ast.parse(text).body:
            said = re.search(r"\S  # (.*)$", lines[(statement.end_lineno or 1) - 1])
            if isinstance(statement, ast.Expr) and said and not _prints(statement):
                value = eval(compile(ast.Expression(statement.value), where, "eval"), names)
                assert said[1].split(":")[0] in {str(value), repr(value)}, f"{where}: {said[1]} is {value!r}"
            else:
                exec(compile(ast.Module([statement], []), where, "exec"), names)
    shown = [line[2:] for line in said_below(lines)]
    assert as_shown("\n".join(shown), printed.getvalue()), f"{where}: printed:\n{printed.getvalue()}\nshown:\n{shown}"


def _run_doctest(text: str, names: dict[str, Any], folder: Path, where: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, {}, where, where, 0)
    test.globs = names
    said = io.StringIO()
    with contextlib.chdir(folder):
        failed = (
            doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
            .run(test, out=said.write, clear_globs=False)
            .failed
        )
    assert not failed, f"{where}: {said.getvalue()}"


def _prints(statement: ast.stmt) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "print" for one in ast.walk(statement))


def said_below(lines: list[str]) -> Iterator[str]:
    """Yield the comments that stand right below a statement that prints: they show what it prints."""
    printing = False
    for line in lines:
        if line.startswith("# "):
            if printing:
                yield line
        else:
            printing = bool(line.strip()) and ("print(" in line or (printing and line.startswith(" ")))


def bare(text: str) -> str:
    """Return what is printed without what differs between two runs, and without rules and frames."""
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?", "TIME", text)
    text = re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b", "HASH", text)
    return re.sub(r"[─━│┃]+", " ", text)


def as_shown(shown: str, printed: str) -> bool:
    """Return whether what is shown was printed, in order; `...` stands for anything, and lines may be broken otherwise."""
    words = bare(printed).split()
    at = 0
    for part in re.split(r"(?m)^\s*(?:\.\.\.|…)\s*$", bare(shown)):
        end = _after(part.split(), words, at)
        if end is None:
            # Lines of a table of which some are left out.
            end = at
            for line in part.splitlines():
                following = _after(line.split(), words, end)
                if following is None:
                    return False
                end = following
        at = end
    return True


def _after(wanted: list[str], words: list[str], at: int) -> int | None:
    """Return where in the words what is wanted ends, from a place on; None where it is not."""
    n = len(wanted)
    return next((k + n for k in range(at, len(words) - n + 1) if words[k : k + n] == wanted), None)
