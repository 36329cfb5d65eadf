"""`escalate scenarios` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import escalate as esc
from escalate.core import registry
from tests.cli.run import SCENARIO, escalate
from tests.helpers import ROOT

FOLDER = ROOT / "simulations" / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))
FAMILIES, RANDOM = FOLDER / "families-five-doses.yaml", FOLDER / "random-five-doses.yaml"
OPEN = "schema: escalate/scenarios/1\ngenerate:\n  - {kind: named}\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_json_is_the_expanded_file(path: Path) -> None:
    """Versioned, and every scenario as `load_scenarios` gives it."""
    done = escalate("scenarios", path, "--json")
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert set(found) == {"schema", "scenarios"}
    assert found["schema"] == "escalate/scenarios/1"
    expected = esc.load_scenarios(path)
    assert [(s["name"], tuple(s["dlt"]), s.get("family")) for s in found["scenarios"]] == [
        (s.name, s.dlt, s.family) for s in expected
    ]


@pytest.mark.parametrize("path", [FAMILIES, RANDOM], ids=lambda path: path.stem)
def test_file_written_out(path: Path, tmp_path: Path) -> None:
    """`-o` writes a file with the same scenarios and prints nothing; an existing file needs --force; - is standard output."""
    assert escalate("scenarios", path, "-o", "all.yaml", cwd=tmp_path) == ("", "", 0)
    assert esc.load_scenarios(tmp_path / "all.yaml") == esc.load_scenarios(path)
    again = escalate("scenarios", path, "-o", "all.yaml", cwd=tmp_path)
    assert (again.stdout, again.code) == ("", 2)
    assert "all.yaml: exists already; use --force to replace it" in again.stderr
    assert escalate("scenarios", path, "-o", "all.yaml", "--force", cwd=tmp_path).code == 0
    assert escalate("scenarios", path, "-o", "-").stdout == (tmp_path / "all.yaml").read_text(encoding="utf-8")


def test_table_of_the_families() -> None:
    """Each scenario with its MTD, several where they tie and none where all are toxic; then the family in one line."""
    done = escalate("scenarios", FAMILIES)
    assert (done.code, done.stderr) == (0, "")
    rows = {line.split("named")[0].strip(): line.split() for line in done.stdout.splitlines() if " named " in line}
    assert rows["MTD at level 3"][-6:] == ["0.097", "0.176", "0.300", "0.462", "0.632", "3"]
    assert rows["all toxic"][-1] == "none"
    assert rows["plateau from level 3"][-3:] == ["3,", "4,", "5"]
    # By hand: of ten, MTD 1, 2, 3 and 4 once, 5 twice (all safe is nearest there), 3 twice more, a third of the plateau each.
    summary = next(line.split() for line in done.stdout.splitlines() if line.strip().startswith("named"))
    assert summary[:8] == ["named", "10", "0.100", "0.100", "0.333", "0.133", "0.233", "0.100"]


def test_table_of_random_scenarios() -> None:
    """The first twenty, how many more there are, and the mean gap that was asked for, 0.10, within 5 errors (5,000 draws)."""
    done = escalate("scenarios", RANDOM)
    lines = done.stdout.splitlines()
    assert sum(line.strip().startswith("paoletti 00") for line in lines) == 20
    assert "... and 4,980 more" in lines
    summary = lines[next(k for k, line in enumerate(lines) if "mean gap" in line) + 2].split()
    assert summary[:2] == ["paoletti", "5,000"]
    assert float(summary[-2]) == pytest.approx(0.10, abs=5 * 0.14 / 5000**0.5)
    assert all(abs(float(share) - 0.2) < 5 * (0.2 * 0.8 / 5000) ** 0.5 for share in summary[2:7])


def test_options_complete_the_file() -> None:
    """`--target` and `--doses` serve generators that leave theirs out; a target says which level is the MTD."""
    done = escalate("scenarios", "-", "--target", "0.25", "--doses", "2", "--json", stdin=OPEN)
    expected = esc.generate("named", target=0.25, doses=2)
    assert [tuple(s["dlt"]) for s in json.loads(done.stdout)["scenarios"]] == [s.dlt for s in expected]
    assert "MTD at 0.5" in escalate("scenarios", "-", "--target", "0.5", stdin=SCENARIO).stdout
    without = escalate("scenarios", "-", stdin=SCENARIO).stdout
    assert "give it with --target" in without
    assert "MTD at" not in without
    assert " fixed " in without


def test_scenarios_of_different_lengths() -> None:
    """One table, however many doses each scenario has; one dose has no gap."""
    text = f"{SCENARIO}  - {{name: b, dlt: [0.3]}}\n  - {{name: c, dlt: [0.2], family: other}}\n"
    done = escalate("scenarios", "-", "--target", "0.3", stdin=text)
    assert (done.code, done.stderr) == (0, "")
    fixed, other = (
        line.split() for line in done.stdout.splitlines()[-6:] if line.strip().startswith(("fixed", "other"))
    )
    assert fixed == ["fixed", "2", "0.500", "0.500", "0.000", "0.000", "0.2000", "0.3000"]
    assert other == ["other", "1", "1.000", "0.000", "-", "0.2000"]


def test_list() -> None:
    """`--list` and `methods` name every generator with one line of what it does."""
    known = registry.generators()
    expected = [{"kind": kind, "text": registry.summary_line(known.get(kind))} for kind in known.kinds()]
    assert json.loads(escalate("scenarios", "--list", "--json").stdout)["generators"] == expected
    assert json.loads(escalate("methods", "--json").stdout)["generators"] == expected
    for command in (("scenarios", "--list"), ("methods",)):
        lines = [line.split(maxsplit=1) for line in escalate(*command).stdout.splitlines()]
        assert all([row["kind"], row["text"]] in lines for row in expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "error: name a scenario file, or list the generators with --list"),
        (("no.yaml",), "error: no.yaml: there is no such file"),
        (("-", "--target", "2"), "error: --target: 2 is not between 0 and 1"),
        (("-", "--target", "x"), "error: Invalid value for '--target'"),
        (("-", "--doses", "21"), "error: Invalid value for '--doses'"),
        (("-", "--doses", "3"), "error: standard input:3 generate[1].target: is missing, and no design says it"),
        (("-", "--json", "-o", "x"), "error: choose either --json or --output, which writes YAML, not both"),
        (
            ("-", "--doses", "3", "--target", "0.8"),
            "error: standard input:3 generate[1].which: 'all_toxic' needs a target below",
        ),
    ],
)
def test_faults(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """One sentence on standard error, exit code 2, nothing written."""
    done = escalate("scenarios", *arguments, stdin=OPEN, cwd=tmp_path)
    assert (done.stdout, done.code) == ("", 2)
    assert done.stderr.startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_file_too_large_to_read_back(tmp_path: Path) -> None:
    """What no command would read is not written."""
    text = OPEN.replace("{kind: named}", "{kind: probit_walk, target: 0.3, doses: 5, count: 20000}")
    done = escalate("scenarios", "-", "-o", "x.yaml", stdin=text, cwd=tmp_path)
    assert (done.stdout, done.code) == ("", 2)
    assert "x.yaml: would be larger than 1 MB, which no command reads" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help() -> None:
    """The command explains itself."""
    done = escalate("scenarios", "--help")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: escalate scenarios")
    assert "--json" in done.stdout
    assert "scenarios" in {line.split()[0] for line in escalate("--help").stdout.splitlines() if line.strip()}
