"""The installed command on the design files that come with it: standard output, standard error, exit code, JSON."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.files import read_design
from tests.cli.run import COMMANDS, DESIGN, DESIGNS, HEADER, escalate, write
from tests.helpers import ROOT, quick

DOSE_KEYS = {"level", "amount", "patients", "dlts", "estimate", "lower", "upper", "prob_overdose", "allowed", "why_not"}
HISTORIES = ("1NNN", "1NNT", "1TTT", "1NNN 2NTT", "1NNN 2NNN 3TTT")
# Each design with two of the histories, each history with many designs: the contract tests have every reachable one.
TOLD = [(path, HISTORIES[(k + step) % len(HISTORIES)]) for k, path in enumerate(DESIGNS) for step in (0, 2)]
by_history = pytest.mark.parametrize(("path", "outcomes"), TOLD, ids=[f"{path.stem}-{told}" for path, told in TOLD])
by_design = pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
by_method = pytest.mark.parametrize("kind", registry.methods().kinds())


def answer(*arguments: str | Path, stdin: str | None = None, cwd: Path | None = None) -> dict[str, Any]:
    """Return the JSON of a command that succeeds and says nothing on standard error."""
    done = escalate(*arguments, "--json", stdin=stdin, cwd=cwd)
    assert (done.code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _doses(rows: list[dict[str, Any]], design: esc.Design) -> None:
    assert [row["level"] for row in rows] == list(range(1, design.n_doses + 1))
    assert [row["amount"] for row in rows] == list(design.doses.levels)
    for row in rows:
        optional = {"outcomes"} if len(design.outcomes) > 2 else set()
        assert set(row) - {"intervals"} == DOSE_KEYS | optional
        assert type(row["patients"]) is int
        assert type(row["dlts"]) is int
        assert 0 <= row["dlts"] <= row["patients"]
        for key in ("estimate", "lower", "upper", "prob_overdose"):
            assert row[key] is None or (isinstance(row[key], float) and 0 <= row[key] <= 1)
        if row["lower"] is not None and row["estimate"] is not None:
            assert row["lower"] <= row["estimate"] <= row["upper"]
        assert type(row["allowed"]) is bool
        assert row["allowed"] == (row["why_not"] is None)


def _provenance(found: dict[str, Any], design: Path, data: bytes | None) -> None:
    assert set(found) == {"version", "design_sha256", "data_sha256", "time"}
    assert found["version"] == esc.__version__
    assert found["design_sha256"] == read_design(design).sha256
    assert found["data_sha256"] == (None if data is None else hashlib.sha256(data).hexdigest())
    assert datetime.fromisoformat(found["time"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("path", quick(DESIGNS))
def test_check(path: Path) -> None:
    """`check` answers yes (0) or no (1) on standard output, prints the rules in full, and JSON says the same."""
    done = escalate("check", path)
    assert done.stderr == ""
    assert done.code in (0, 1)
    as_json = escalate("check", path, "--json")
    assert (as_json.code, as_json.stderr) == (done.code, "")
    found = json.loads(as_json.stdout)
    assert found["passed"] is (done.code == 0)
    assert {finding["severity"] for finding in found["findings"]} <= {"warning", "note"}
    for rule in found["rules"]:
        assert f"  {rule['kind']}: " in done.stdout
    assert found["settings"]["schema"] == "escalate/design/1"


@by_design
def test_table(path: Path) -> None:
    """`table` gives ordered cut-offs a row, and the cuts of the method where it has them."""
    assert escalate("table", path).stdout.strip()
    found = answer("table", path)
    assert isinstance(found["boundaries"], dict)
    assert found["rows"]
    for row in found["rows"]:
        what = "score" if found["graded"] else "dlts"
        up, down = row[f"escalate_if_{what}_at_most"], row[f"deescalate_if_{what}_at_least"]
        assert {"patients", f"eliminate_if_{what}_at_least"} <= set(row)
        for cut in (up, down, row[f"eliminate_if_{what}_at_least"]):
            assert cut is None or found["graded"] or (type(cut) is int and 0 <= cut <= row["patients"])
        assert up is None or down is None or up < down


def test_boundaries_of_boin() -> None:
    """The table of BOIN at 30% prints the published 0.236 and 0.359 (Liu and Yuan 2015, table 1)."""
    found = answer("table", ROOT / "designs" / "boin.yaml")
    assert {name: round(value, 3) for name, value in found["boundaries"].items()} == {
        "lambda_e": 0.236,
        "lambda_d": 0.359,
    }


@by_design
def test_recommend_without_data(path: Path) -> None:
    """With no patient yet the action is `start`, at the start level, and no hash of data is recorded."""
    design, found = esc.load_design(path), answer("recommend", path)
    assert found["action"] == "start"
    assert found["next_level"] == design.start_level
    assert found["mtd_level"] is None
    assert [reason["code"] for reason in found["reasons"]] == ["start"]
    _doses(found["doses"], design)
    _provenance(found["provenance"], path, None)


@by_history
def test_recommend(path: Path, outcomes: str) -> None:
    """The keys others rely on are there, and action, level, amount, reasons and trace agree with each other."""
    design, found = esc.load_design(path), answer("recommend", path, "--outcomes", outcomes)
    last = int(outcomes.rsplit(maxsplit=1)[-1][0])
    level = found["next_level"]
    assert found["action"] in {"escalate", "stay", "de-escalate", "stop"}
    if found["action"] == "stop":
        assert level is None
        assert found["next_amount"] is None
    else:
        assert {"escalate": level > last, "stay": level == last, "de-escalate": level < last}[found["action"]]
        assert found["next_amount"] == design.doses.levels[level - 1]
        assert found["mtd_level"] is None
        assert found["doses"][level - 1]["allowed"]
    assert found["reasons"]
    assert all(set(reason) == {"code", "text"} and reason["text"] for reason in found["reasons"])
    assert found["margin"] is None or found["margin"] >= 0
    assert [line["source"] for line in found["trace"]][1:] == [
        "max_patients",
        *(f"rule: {r.kind}" for r in design.rules),
    ]
    _doses(found["doses"], design)
    assert sum(row["patients"] for row in found["doses"]) == sum(map(str.isalpha, outcomes))
    assert sum(row["dlts"] for row in found["doses"]) == outcomes.count("T")


def test_recommend_prints_the_answer_first() -> None:
    """The first line that a person reads is the recommendation, with level and amount."""
    done = escalate("recommend", ROOT / "designs" / "boin.yaml", "--outcomes", "1NNN")
    assert done.stdout.startswith("Escalate to level 2, 20 mg: next cohort of 3 patients.\n")
    assert (done.code, done.stderr) == (0, "")


def test_file_outcomes_and_standard_input_agree(tmp_path: Path) -> None:
    """CSV, outcome string and standard input give one answer; the hash is that of the bytes read."""
    text = HEADER + "a,1,1,0\nb,1,1,0\nc,1,1,0\nd,2,2,1\ne,2,2,0\nf,2,2,0\n"
    write(tmp_path, d_yaml=DESIGN, p_csv=text)
    by_file = answer("recommend", "d.yaml", "p.csv", cwd=tmp_path)
    _provenance(by_file.pop("provenance"), tmp_path / "d.yaml", text.encode())
    for arguments, stdin in (
        (["d.yaml", "--outcomes", "1NNN 2TNN"], None),
        (["d.yaml", "-"], text),
        (["-", "p.csv"], DESIGN),
        (["-", "--outcomes", "1nnn  2nnt"], DESIGN),
    ):
        other = answer("recommend", *arguments, stdin=stdin, cwd=tmp_path)
        del other["provenance"]
        assert other == by_file


@pytest.mark.parametrize("arguments", [["recommend"], ["select"]])
def test_data_that_come_with_the_designs(arguments: list[str]) -> None:
    """The example data go with the design files that they are named after."""
    data = ROOT / "designs" / "data"
    graded = {design.stem for design in DESIGNS if len(esc.load_design(design).outcomes) > 2}
    for design in (path for path in DESIGNS if path.stem.startswith("tvec-liver")):
        name = "tvec-liver-graded-synthetic" if design.stem in graded else "tvec-liver-synthetic"
        if design.stem == "tvec-liver-ordinal":
            name = "tvec-liver-ordinal-synthetic"
        path = data / f"{name}.csv"
        _provenance(answer(*arguments, design, path)["provenance"], design, path.read_bytes())


@by_history
def test_select(path: Path, outcomes: str) -> None:
    """The MTD is null or a level that was given and is not forbidden, with the doses as in `recommend`."""
    design, found = esc.load_design(path), answer("select", path, "--outcomes", outcomes)
    _doses(found["doses"], design)
    assert found["reasons"]
    if found["mtd_level"] is None:
        assert found["mtd_amount"] is None
    else:
        chosen = found["doses"][found["mtd_level"] - 1]
        assert chosen["patients"] > 0
        assert chosen["allowed"]
        assert found["mtd_amount"] == chosen["amount"]


def test_select_none(tmp_path: Path) -> None:
    """Three DLTs in three patients at level 1 leave no MTD; that is an answer, not an error."""
    write(tmp_path, d_yaml=DESIGN)
    assert answer("select", "d.yaml", "--outcomes", "1TTT", cwd=tmp_path)["mtd_level"] is None
    assert escalate("select", "d.yaml", "--outcomes", "1TTT", cwd=tmp_path).stdout.startswith("No dose")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] if kind == "pymc" else []) for kind in registry.methods().kinds()],
)
def test_new_design_can_be_used(kind: str, tmp_path: Path) -> None:
    """What `new` writes is a commented, valid design of that method: `check` gives 0 or 1, `recommend` starts it."""
    printed = escalate("new", kind)
    assert (printed.code, printed.stderr) == (0, "")
    done = escalate("new", kind, "-o", "design.yaml", cwd=tmp_path)
    assert done == ("", "", 0)
    text = (tmp_path / "design.yaml").read_text()
    assert text == printed.stdout
    assert text.startswith(f"# {kind}: ")
    checked = escalate("check", "design.yaml", cwd=tmp_path)
    assert checked.code in (0, 1), checked.stderr
    assert checked.stderr == ""
    assert answer("recommend", "design.yaml", cwd=tmp_path)["action"] == "start"


def test_new_replaces_only_when_told(tmp_path: Path) -> None:
    """`new -o` leaves a file that exists alone, and replaces it with --force."""
    write(tmp_path, d_yaml="mine")
    assert escalate("new", "boin", "-o", "d.yaml", cwd=tmp_path).code == 2
    assert (tmp_path / "d.yaml").read_text() == "mine"
    assert escalate("new", "boin", "-o", "d.yaml", "--force", cwd=tmp_path).code == 0
    assert (tmp_path / "d.yaml").read_text().startswith("# boin: ")


def test_dash_is_no_file_name(tmp_path: Path) -> None:
    """`-` means a standard stream everywhere: `new -o -` prints, or refuses, and leaves no file named `-`."""
    escalate("new", "boin", "-o", "-", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_schema_describes_the_designs(tmp_path: Path) -> None:
    """The schema is JSON, holds every method and rule, refuses unknown keys, and the design files keep to it."""
    printed = escalate("schema")
    assert (printed.code, printed.stderr) == (0, "")
    schema = json.loads(printed.stdout)
    assert escalate("schema", "-o", "s.json", cwd=tmp_path) == ("", "", 0)
    assert (tmp_path / "s.json").read_text() == printed.stdout
    for name, known in (("method", registry.methods()), ("rules", registry.rules())):
        place = schema["properties"][name]
        choices = (place if name == "method" else place["items"])["oneOf"]
        parts = [schema["$defs"][choice["$ref"].removeprefix("#/$defs/")] for choice in choices]
        assert sorted(part["properties"]["kind"]["const"] for part in parts) == known.kinds()
        assert all(part["additionalProperties"] is False and "kind" in part["required"] for part in parts)
    assert schema["additionalProperties"] is False
    assert "published_rules" not in schema["properties"]
    settings = [esc.load_design(path).to_dict() for path in DESIGNS]
    if importlib.util.find_spec("jsonschema"):
        validator = importlib.import_module("jsonschema").Draft202012Validator(schema)
        for design in settings:
            validator.validate(design)
    for design in settings:
        assert set(schema["required"]) <= set(design) <= set(schema["properties"])


def test_methods_lists_all() -> None:
    """`methods` names every method and rule with one line of what it does, as text and as JSON."""
    done = escalate("methods")
    assert (done.code, done.stderr) == (0, "")
    found = answer("methods")
    for noun, known in (("methods", registry.methods()), ("rules", registry.rules())):
        assert [row["kind"] for row in found[noun]] == known.kinds()
        for row in found[noun]:
            assert row["text"].endswith(".")
            assert any(line.split(maxsplit=1) == [row["kind"], row["text"]] for line in done.stdout.splitlines())


@by_method
def test_explain(kind: str) -> None:
    """`explain` prints the page of each method, with its references."""
    done = escalate("explain", kind)
    assert (done.code, done.stderr) == (0, "")
    assert "References" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_commands(command: str) -> None:
    """Each command explains itself, with -h as with --help, and says where JSON can be had."""
    done = escalate(command, "--help")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: escalate {command}")
    assert escalate(command, "-h") == done
    assert ("--json" in done.stdout) == (
        command not in {"new", "explain", "schema", "trial", "account", "serve", "report", "study"}
    )


def test_help_and_version() -> None:
    """`--help` lists every command, as no arguments do, and `--version` gives the version."""
    done = escalate("--help")
    assert (done.code, done.stderr) == (0, "")
    assert set(COMMANDS) <= {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert escalate("--version") == (f"escalate {esc.__version__}\n", "", 0)
    assert escalate() == done
