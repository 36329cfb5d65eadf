"""The command among other programs: terminals, pipes, encodings, full disks, interruptions."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.run import COMMAND, DESIGN, SCENARIO, environment, escalate, write

COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])m")
PRINTING = (
    ("check", "d.yaml"),
    ("table", "d.yaml"),
    ("recommend", "d.yaml", "--outcomes", "1NN"),
    ("select", "d.yaml", "--outcomes", "1NN"),
    ("simulate", "d.yaml", "--scenarios", "s.yaml"),
    ("simulate", "d.yaml", "--scenarios", "s.yaml", "--trials", "100"),
)
printing = pytest.mark.parametrize("arguments", PRINTING, ids=lambda arguments: "-".join(arguments[::3]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a design and a scenario file."""
    write(tmp_path, d_yaml=DESIGN, s_yaml=SCENARIO)
    return tmp_path


def on_terminal(arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str], *, only_stderr: bool = False) -> str:
    """Return what a command shows on a terminal, or what its standard error does."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(COMMAND), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if only_stderr else theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment({"TERM": "xterm-256color", **env}),
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


@printing
@pytest.mark.parametrize("env", [{"TERM": "xterm-256color"}, {"NO_COLOR": "1"}], ids=["plain", "NO_COLOR"])
def test_pipe_gets_plain_text(arguments: tuple[str, ...], env: dict[str, str], folder: Path) -> None:
    """No escape code where standard output is no terminal, and nothing on standard error."""
    done = escalate(*arguments, cwd=folder, env=env)
    assert (done.code, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


@printing
def test_no_colour_on_a_terminal_with_no_color(arguments: tuple[str, ...], folder: Path) -> None:
    """With NO_COLOR set a terminal gets no colour; a dumb one gets no escape code at all."""
    assert not COLOUR.search(on_terminal(arguments, folder, {"NO_COLOR": "1"}))
    assert "\x1b" not in on_terminal(arguments, folder, {"TERM": "dumb"})


def test_colour_is_used_on_a_terminal(folder: Path) -> None:
    """The tests above can fail: without NO_COLOR the note of a short cohort is coloured."""
    assert COLOUR.search(on_terminal(PRINTING[2], folder, {}))


@pytest.mark.parametrize("how", [(), ("--trials", "100")], ids=["exact", "trials"])
def test_progress_and_quiet(how: tuple[str, ...], folder: Path) -> None:
    """Progress goes to standard error where a person watches it, and --quiet silences it."""
    arguments = ("simulate", "d.yaml", "--scenarios", "s.yaml", *how)
    assert "small: " in on_terminal(arguments, folder, {}, only_stderr=True)
    for quiet in ("--quiet", "-q"):
        assert on_terminal((*arguments, quiet), folder, {}, only_stderr=True) == ""
    assert escalate(*arguments, "--quiet", cwd=folder) == escalate(*arguments, cwd=folder)


@printing
def test_width_follows_columns(arguments: tuple[str, ...], folder: Path) -> None:
    """COLUMNS sets the width of what is printed to a pipe."""
    wide = escalate(*arguments, cwd=folder, env={"COLUMNS": "80"})
    assert wide.code == 0
    assert 60 < max(map(len, wide.stdout.splitlines())) <= 80


@pytest.mark.parametrize("columns", ["30", "40", "60"])
@pytest.mark.parametrize(
    "arguments",
    [
        *PRINTING,
        ("check", "d.yaml", "--atlas"),
        ("simulate", "d.yaml", "e.yaml", "--scenarios", "s.yaml", "--trials", "50"),
    ],
    ids=lambda arguments: "-".join(arguments[::2]),
)
def test_numbers_are_whole(arguments: tuple[str, ...], columns: str, folder: Path) -> None:
    """However narrow the terminal, every number of a wide one is there: none is folded or cut."""
    write(folder, e_yaml=DESIGN.replace("title: small", "title: other"))

    def numbers(width: str) -> Counter[str]:
        shown = escalate(*arguments, cwd=folder, env={"COLUMNS": width}).stdout
        return Counter(re.findall(r"\(?[+-]?\d[\d.,]*\)?", re.sub(r"\d{4}-\d\d-\d\dT\S*|[0-9a-f]{12}", "", shown)))

    wide = numbers("300")
    assert sum(wide.values()) > 10
    assert numbers(columns) == wide


@pytest.mark.parametrize("arguments", [("table", "d.yaml"), ("recommend", "d.yaml", "--json"), ("new", "boin")])
def test_reader_that_has_gone(arguments: tuple[str, ...], folder: Path) -> None:
    """As with `| head`: no message and exit code 0, never 1, which says that a check failed."""
    process = subprocess.Popen(
        [str(COMMAND), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def _interrupted(folder: Path) -> tuple[str, str, int]:
    """Interrupt a command that waits for its design file."""
    os.mkfifo(folder / "pipe.yaml")
    process = subprocess.Popen(
        [str(COMMAND), "check", "pipe.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(),
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            writer = os.open(folder / "pipe.yaml", os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:  # not yet opened for reading
            assert time.monotonic() < deadline
            time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    os.close(writer)
    return stdout, stderr, process.returncode


def test_interruption(folder: Path) -> None:
    """Control-C ends with exit code 130, no traceback and nothing on standard output."""
    stdout, stderr, code = _interrupted(folder)
    assert (stdout, code) == ("", 130)
    assert "Traceback" not in stderr


def test_interruption_is_said(folder: Path) -> None:
    """Control-C says that nothing was written, in one sentence."""
    assert _interrupted(folder)[1] == "error: interrupted; nothing was written\n"


@pytest.mark.parametrize("arguments", [("table", "d.yaml"), ("recommend", "d.yaml", "--json"), ("new", "boin")])
def test_full_disk(arguments: tuple[str, ...], folder: Path) -> None:
    """Output that cannot be written is told in one sentence that says why; it is no fault to report."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [str(COMMAND), *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment(),
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "No space left" in done.stderr
    assert "please report" not in done.stderr


def test_closed_standard_input(folder: Path) -> None:
    """A closed standard input is an empty one."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" check - <&-', str(COMMAND)],
        capture_output=True, text=True, cwd=folder, env=environment(), check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == "error: standard input: is empty\n"


@printing
def test_plain_letters_in_any_encoding(arguments: tuple[str, ...], folder: Path) -> None:
    """Where only ASCII can be printed, rules of tables are drawn with what there is."""
    done = escalate(*arguments, cwd=folder, env={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.isascii()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_other_letters_in_any_encoding(encoding: str, folder: Path) -> None:
    """A letter that the terminal cannot show is replaced; the answer is given."""
    write(folder, d_yaml=DESIGN.replace("title: small", "title: Größe ≥ 30 %").replace("unit: mg", "unit: µg/m²"))
    process = subprocess.run(
        [str(COMMAND), "recommend", "d.yaml", "--outcomes", "1NN"],
        capture_output=True,
        cwd=folder,
        env=environment({"PYTHONIOENCODING": encoding}),
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert b"30 %" in process.stdout


@pytest.mark.parametrize("arguments", [("check", "d.yaml"), ("recommend", "d.yaml"), ("table", "d.yaml")])
def test_brackets_in_a_title_are_text(arguments: tuple[str, ...], folder: Path) -> None:
    """Square brackets and colons in a title are printed as they stand, never read as markup."""
    title = "[bold]x[/bold] [/red] :skull: [a]"
    write(folder, d_yaml=DESIGN.replace("title: small", f"title: '{title}'"))
    done = escalate(*arguments, cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert title in done.stdout


@pytest.mark.parametrize("name", ["[a] b", ":skull: b", "[/x] b"])
@pytest.mark.parametrize("where", ["unit", "label", "scenario"])
def test_brackets_in_a_table_are_text(name: str, where: str, folder: Path) -> None:
    """Square brackets and colons in a unit, a label or a scenario's name are printed as they stand."""
    labels = f"[10, 20, 40], labels: ['{name}', '{name}', '{name}']"
    if where == "scenario":
        write(folder, s_yaml=SCENARIO.replace("name: a", f"name: '{name}'"))
        done = escalate("simulate", "d.yaml", "--scenarios", "s.yaml", cwd=folder)
    else:
        old, new = ("unit: mg", f"unit: '{name}'") if where == "unit" else ("[10, 20, 40]", labels)
        write(folder, d_yaml=DESIGN.replace(old, new))
        done = escalate("recommend", "d.yaml", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    # Once in the table of each level; the headline of a recommendation has it too, and that is no table.
    assert done.stdout.count(name) >= (1 if where == "scenario" else 4)


@pytest.mark.parametrize("where", ["title: small", "unit: mg"])
def test_escape_codes_in_a_design_are_not_passed_on(where: str, folder: Path) -> None:
    """Text from a file can neither colour nor clear a terminal: control characters are refused or shown harmlessly."""
    key = where.split(":", maxsplit=1)[0]
    write(folder, d_yaml=DESIGN.replace(where, f'{key}: "a\\e[2Jb"'))
    done = escalate("recommend", "d.yaml", cwd=folder)
    assert "\x1b" not in done.stdout + done.stderr


def test_escape_codes_in_data_are_not_passed_on(folder: Path) -> None:
    """A message that quotes a cell of a CSV file shows its control characters harmlessly."""
    write(folder, p_csv="patient,cohort,level,dlt\na,1,1,\x1b[2J\n")
    done = escalate("recommend", "d.yaml", "p.csv", cwd=folder)
    assert done.code == 2
    assert "\x1b" not in done.stderr
