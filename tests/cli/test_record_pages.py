"""The pages about the record: what they show is what the commands print, and another program can verify by them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from escalate.conduct.bodies import BODIES
from escalate.conduct.chain import Entry
from tests.cli.run import COMMAND, Result, environment, escalate
from tests.helpers import ROOT

HOW_TO = ROOT / "docs" / "how-to" / "keep-the-record.md"
REFERENCE = ROOT / "docs" / "reference" / "record.md"
HEAD = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each command that a page shows, and what it shows as printed."""
    command, shown = "", list[str]()
    for line in [*page.read_text(encoding="utf-8").splitlines(), "end"]:
        if command and (line.startswith("    $ ") or not (line.startswith("    ") or not line.strip())):
            yield command, "\n".join(shown).rstrip()
            command, shown = "", []
        if line.startswith("    $ "):
            command = line[6:]
        elif command:
            shown.append(line[4:])


def bare(text: str) -> str:
    """Return what is printed without what differs between two runs."""
    text = re.sub(r"os user \w+", "os user X", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text)
    text = re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b", "HASH", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def as_shown(shown: str, printed: str) -> bool:
    """Return whether a page shows what was printed; `...` stands for any lines."""
    parts = [re.escape(part.strip("\n")) for part in re.split(r"(?m)^\.\.\.$", bare(shown))]
    return re.fullmatch(r"\n(?:.*\n)*?".join(parts), bare(printed).strip("\n")) is not None


def run(command: str, folder: Path) -> Result:
    """Run a command of a page 100 columns wide; `< FILE` is its standard input."""
    words = shlex.split(command)
    assert words[0] == "escalate"
    stdin = (folder / words[words.index("<") + 1]).read_bytes() if "<" in words else b""
    words = words[1 : words.index("<")] if "<" in words else words[1:]
    return escalate(*words, stdin=stdin, cwd=folder, columns="100")


def test_how_to(tmp_path: Path) -> None:
    """Every command of the how-to, in order, prints what the page shows: names, times and hashes apart."""
    shutil.copytree(ROOT / "designs", tmp_path / "designs")
    (tmp_path / "ana.txt").write_text("a long password of ana\n")
    exported, n = "", 0
    for command, shown in blocks(HOW_TO):
        if command.startswith("cat "):
            (tmp_path / command[4:]).write_text(shown + "\n")
            continue
        done = run(command.replace("HASH", exported), tmp_path)
        assert done.code in (0, 2), command
        assert (done.code == 2) == shown.startswith("error: "), (command, done)
        assert as_shown(shown, done.stdout + done.stderr), (command, done.stdout + done.stderr)
        if "export" in command:
            exported = HEAD.findall(done.stdout)[-1]
        n += 1
    assert n > 20


def test_the_comparison_can_fail() -> None:
    """The test above can fail: another word, or a line too many, is noticed."""
    assert as_shown("a\n...\nd", "a\nb\nc\nd")
    assert not as_shown("a\nd", "a\nb\nd")
    assert not as_shown("level 2", "level 3")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of a trial with letters of several scripts in it."""
    folder = tmp_path_factory.mktemp("archive")
    design = ROOT / "designs" / "boin.yaml"
    for arguments in (
        ("new", design, "--trial", "t", "--title", "Größe ≥ 30 % 試験", "--by", "Zoë"),
        ("enter", "t", "--outcomes", "1NNT"),
        ("recommend", "t"),
        ("decide", "t", "accept", "--reason", "\u2028 as said, \U0001f600"),
        ("amend", "t", "--patient", "03", "--set", "dlt=no", "--reason", "read\nagain"),
        ("export", "t", "t.zip"),
    ):
        done = escalate("trial", *arguments, cwd=folder)
        assert (done.code, done.stderr) == (0, "")
    return folder / "t.zip"


def example() -> str:
    """Return the program that the reference prints."""
    found = re.findall(r"```python\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def checked(archive: Path) -> subprocess.CompletedProcess[str]:
    """Run the program of the reference on an archive, away from us."""
    return subprocess.run(
        [sys.executable, "-I", "-c", example(), str(archive)], capture_output=True, text=True, check=False, cwd="/"
    )


def test_another_program_can_verify(archive: Path) -> None:
    """The program of the reference, of standard Python alone, finds the head that `escalate trial verify` prints."""
    assert len(example().splitlines()) <= 20
    assert "escalate." not in example()
    done = checked(archive)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(escalate("trial", "verify", archive, "--json").stdout)
    assert done.stdout.split() == [str(report["chains"][0]["entries"]), "entries,", "head", report["chains"][0]["head"]]


@pytest.mark.parametrize("what", ["by", "body", "request", "hash"])
def test_another_program_finds_a_change(archive: Path, what: str, tmp_path: Path) -> None:
    """One letter changed in any field is found by it, as by `verify`, with the number of the entry."""
    import zipfile

    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(tmp_path / "t.zip", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "record.jsonl":
                lines = content.decode().split("\n")
                entry = json.loads(lines[2])
                entry[what] = f"{entry[what][:-1]}{'0' if entry[what][-1:] != '0' else '1'}"
                lines[2] = json.dumps(entry)
                content = "\n".join(lines).encode()
            new.writestr(name, content)
    assert "entry 3" in checked(tmp_path / "t.zip").stderr
    done = escalate("trial", "verify", tmp_path / "t.zip")
    assert done.code == 1
    assert "entry 3" in done.stdout


def test_reference_has_every_kind_and_field() -> None:
    """The reference names every field of an entry, every kind, and every field of each body."""
    page = REFERENCE.read_text(encoding="utf-8")
    for name in Entry.__dataclass_fields__:
        assert f"`{name}`" in page
    for kind, body in BODIES.items():
        section = (
            page.split(f"### `{kind}`", maxsplit=1)[1].split("\n### ", maxsplit=1)[0].split("\n## ", maxsplit=1)[0]
        )
        for field in body.model_fields:
            assert f"`{field}`" in section, (kind, field)


def test_reference_has_every_command_and_option() -> None:
    """The page of the commands has a section for each command on a record, with each of its options."""
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    listed = escalate("trial").stdout.split("Commands:")[1]
    names = [line.split()[0] for line in listed.splitlines() if re.match(r"  \w", line)]
    assert len(names) == 13
    common = page.split("\n## trial\n", maxsplit=1)[1].split("\n### ", maxsplit=1)[0]
    for name in names:
        section = page.split(f"\n### trial {name}\n", maxsplit=1)[1].split("\n## ", maxsplit=1)[0].split("\n### ")[0]
        options = re.findall(r"(?m)^  (?:-\w, )?(--[\w-]+)", escalate("trial", name, "--help").stdout)
        assert len(options) > 2
        for option in set(options) - {"--help"}:
            assert option in section or f"`{option}" in common, (name, option)


def test_reference_has_every_key(archive: Path) -> None:
    """The page of the JSON names, under each form, every key that the form has, those of its lists included."""
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8").split("\n## The record\n")[1]
    common, *sections = page.split("\n### ")
    seen = set()
    for arguments in (
        ("show", "t"), ("list",), ("history", "t"), ("verify",), ("export", "t", "again.zip", "--force"),
        ("recommend", "t", "--look"), ("amend", "t", "--patient", "01", "--set", "dlt=yes", "--reason", "x"),
    ):  # fmt: skip
        done = escalate("trial", *arguments, "--json", cwd=archive.parent)
        assert (done.code, done.stderr) == (0, "")
        found = json.loads(done.stdout)
        section = next(each for each in sections if f"`{found['schema']}`" in each.splitlines()[0])
        for key in _keys(found):
            assert f"`{key}`" in section + common, (arguments, key)
        seen.add(found["schema"])
    assert len(seen) == len(sections)


def _keys(form: Any) -> Iterator[str]:
    """Yield the keys of a form, but those inside what other pages describe."""
    for each in form if isinstance(form, list) else [form]:
        if isinstance(each, dict):
            for key, value in each.items():
                yield key
                if key not in {"recommendation", "body", "patients", "members"}:
                    yield from _keys(value)


def test_installed_command_prints_in_any_width(archive: Path) -> None:
    """Hashes are never broken, however narrow the terminal."""
    done = subprocess.run(
        [str(COMMAND), "trial", "verify", str(archive)],
        capture_output=True, text=True, check=True, env=environment({"COLUMNS": "40"}),
    )  # fmt: skip
    assert HEAD.search(done.stdout)
