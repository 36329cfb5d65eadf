"""`escalate study` as a user runs it: plan, run, resume, status, show, export; JSON; exit codes; and what is refused."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from math import isnan
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest

import escalate as esc
from tests.cli.run import DESIGN, Result, escalate, snapshot, write
from tests.cli.test_commands import answer
from tests.helpers import ROOT

STUDY = """schema: escalate/study/1
title: small
designs:
  - {file: d.yaml, vary: {method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}}
  - c.yaml
scenarios:
  - generate: [{kind: paoletti, doses: 3, target: 0.3, gap: 0.1, count: 20, seed: 1}]
  - scenarios: [{name: toxic, family: bad, dlt: [0.5, 0.6, 0.7]}, {name: safe, family: good, dlt: [0.01, 0.02, 0.03]}]
"""
CRM = DESIGN.replace(
    "{kind: boin}", "{kind: crm, skeleton: {half_width: 0.05, prior_mtd: 2}, prior_sd: 1.0, estimate: plug_in}"
)
ONE = ("--processes", "1", "--no-cache")
KEYS = {
    "plan": {
        "schema", "study", "designs", "scenarios", "exact", "trials", "jobs", "reachable_states", "cpu_seconds", "workers",
        "seconds", "bytes_per_worker", "bytes_on_disk", "asks_first", "tried",
    },
    "run": {"schema", "study", "folder", "jobs", "reused", "done", "failed", "seconds", "failures"},
    "status": {"schema", "study", "folder", "state", "jobs", "done", "failed", "failures", "damaged"},
    "means": {"schema", "study", "scenarios", "families", "trials", "sort", "where", "left_out", "designs"},
}  # fmt: skip
PAGE = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a study of seven designs and 22 scenarios."""
    write(tmp_path, d_yaml=DESIGN, c_yaml=CRM, s_yaml=STUDY)
    return tmp_path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with that study, run; nobody writes to it."""
    folder = tmp_path_factory.mktemp("done")
    write(folder, d_yaml=DESIGN, c_yaml=CRM, s_yaml=STUDY)
    ran = escalate("study", "run", "s.yaml", *ONE, cwd=folder)
    assert (ran.code, ran.stderr) == (0, "")
    return folder


def said(result: Result) -> str:
    """Return what was printed as one line."""
    return " ".join(result.stdout.split())


def documented(form: str, found: dict[str, Any]) -> None:
    """Hold an answer against the keys promised, and those against the reference."""
    assert found["schema"] == f"escalate/study-{form}/1"
    assert set(found) == KEYS[form]
    section = PAGE.partition(f"`escalate/study-{form}/1`")[2].partition("\n## ")[0]
    assert section, form
    for key in KEYS[form]:
        assert f"`{key}`" in section, (form, key)


def test_plan(folder: Path) -> None:
    """The plan says jobs, states, memory, time and room, and which designs were tried; nothing is written."""
    before = snapshot(folder)
    found = answer("study", "plan", "s.yaml", "--workers", "4", cwd=folder)
    documented("plan", found)
    assert (found["designs"], found["scenarios"], found["jobs"], found["workers"]) == (7, 22, 7, 4)
    assert (found["exact"], found["trials"], found["asks_first"]) == (True, None, False)
    assert 0 < found["reachable_states"]["fewest"] <= found["reachable_states"]["most"]
    assert found["seconds"] == pytest.approx(found["cpu_seconds"] / 4)
    assert [one["number"] for one in found["tried"]][::5] == [1, 7]
    shown = escalate("study", "plan", "s.yaml", cwd=folder)
    assert "7 designs x 22 scenarios, exact: 7 jobs" in said(shown)
    assert snapshot(folder) == before


def test_run_resume_status(folder: Path) -> None:
    """A run says what it did; run again or resumed it keeps all; status says how far it is."""
    assert "not started; 0 of 7 jobs done" in said(escalate("study", "status", "s.yaml", cwd=folder))
    first = answer("study", "run", "s.yaml", *ONE, cwd=folder)
    documented("run", first)
    assert [first[key] for key in ("jobs", "reused", "done", "failed", "failures")] == [7, 0, 7, 0, []]
    before = {path: path.read_bytes() for path in sorted((folder / "s-results").rglob("*")) if path.is_file()}
    for command in ("run", "resume"):
        again = answer("study", command, "s.yaml", *ONE, cwd=folder)
        assert [again[key] for key in ("jobs", "reused", "done")] == [7, 7, 0]
    assert {path: path.read_bytes() for path in sorted((folder / "s-results").rglob("*")) if path.is_file()} == before
    state = answer("study", "status", "s.yaml", "--check", cwd=folder)
    documented("status", state)
    assert [state[key] for key in ("state", "jobs", "done", "failed", "damaged")] == ["complete", 7, 7, 0, []]


def test_only_what_changed(folder: Path) -> None:
    """A design more is one job more; the rest is kept."""
    escalate("study", "run", "s.yaml", *ONE, cwd=folder)
    (folder / "e.yaml").write_text(CRM.replace("prior_sd: 1.0", "prior_sd: 0.7"))
    (folder / "s.yaml").write_text(STUDY.replace("  - c.yaml\n", "  - c.yaml\n  - e.yaml\n"))
    again = answer("study", "run", "s.yaml", *ONE, cwd=folder)
    assert [again[key] for key in ("jobs", "reused", "done")] == [8, 7, 1]


def test_damage_is_told_and_mended(folder: Path) -> None:
    """A damaged part is named by `status --check`, with exit code 1; `resume` computes it again, and it alone."""
    escalate("study", "run", "s.yaml", *ONE, cwd=folder)
    part = next((folder / "s-results" / "parts").rglob("*.parquet"))
    good = part.read_bytes()
    part.write_bytes(good[:-9] + bytes(9))
    state = escalate("study", "status", "s.yaml", "--check", cwd=folder)
    assert state.code == 1
    assert part.name in state.stdout
    for command in (("show",), ("export", "-o", "x.csv")):
        refused = escalate("study", command[0], "s.yaml", *command[1:], cwd=folder)
        assert (refused.code, refused.stderr.count("error:")) == (2, 1)
        assert part.name in refused.stderr
    again = answer("study", "resume", "s.yaml", *ONE, cwd=folder)
    assert [again[key] for key in ("reused", "done")] == [6, 1]
    assert part.read_bytes() == good


def test_a_design_that_is_none_does_not_sink_the_study(folder: Path) -> None:
    """Exit code 1; the failure is named with its number and why; the rest is there, and shown."""
    (folder / "s.yaml").write_text(STUDY.replace("[0.15, 0.18, 0.21]", "[0.15, 0.18, 0.35]"))
    ran = escalate("study", "run", "s.yaml", *ONE, "--json", cwd=folder)
    found = json.loads(ran.stdout)
    assert (ran.code, found["done"], found["failed"]) == (1, 5, 2)
    assert "0.35 is not below the target" in found["failures"][0]["error"]
    assert set(found["failures"][0]) == {"design_sha256", "block", "error"}
    state = escalate("study", "status", "s.yaml", cwd=folder)
    assert state.code == 1
    assert "finished, with failed jobs; 5 of 7 jobs done, 2 failed" in said(state)
    shown = answer("study", "show", "s.yaml", "--sort", "pcs", cwd=folder)
    assert [one["means"]["pcs"] for one in shown["designs"]][-2:] == [None, None]
    assert len(pq.read_table(folder / "s-results" / "designs.parquet")) == 7


def test_show(done: Path) -> None:
    """The means are those of the same designs simulated by themselves; sorted the best first."""
    found = answer("study", "show", "s.yaml", "--metrics", "pcs,overdose_allocated", "--sort", "pcs", cwd=done)
    documented("means", found)
    pcs = [one["means"]["pcs"] for one in found["designs"]]
    assert len(pcs) == 7
    assert pcs == sorted(pcs, reverse=True)
    for key in ("number", "title", "method", "sha256", "settings", "means"):
        assert f"`{key}`" in PAGE
    design = esc.load_design(done / "c.yaml")
    truths = esc.generate("paoletti", doses=3, target=0.3, gap=0.1, count=20, seed=1)
    truths = (
        *truths,
        esc.Scenario(name="toxic", dlt=(0.5, 0.6, 0.7)),
        esc.Scenario(name="safe", dlt=(0.01, 0.02, 0.03)),
    )
    scalars = esc.simulate([design], truths).designs[0].scalars
    one = next(each for each in found["designs"] if each["method"] == "crm")
    assert one["settings"] == {}
    for name in ("pcs", "overdose_allocated"):
        assert one["means"][name] == pytest.approx(np.nanmean(scalars[name][0]), abs=1e-15)


def test_show_some(done: Path) -> None:
    """Limits leave designs out, by the mean shown or that of a family; a family has means of its own; `--top` shortens."""
    every = answer("study", "show", "s.yaml", "--family", "paoletti", "--metrics", "pcs,selected_none", cwd=done)
    assert (every["scenarios"], every["families"], every["left_out"]) == (20, ["paoletti"], 0)
    cut = sorted(one["means"]["pcs"] for one in every["designs"])[3]
    some = answer(
        "study", "show", "s.yaml", "--family", "paoletti", "--metrics", "pcs", "--where", f"pcs>={cut!r}", cwd=done
    )
    assert some["left_out"] == sum(one["means"]["pcs"] < cut for one in every["designs"])
    assert all(one["means"]["pcs"] >= cut for one in some["designs"])
    toxic = answer("study", "show", "s.yaml", "--family", "bad", "--metrics", "selected_none", cwd=done)
    cut = sorted(one["means"]["selected_none"] for one in toxic["designs"])[2]
    limits = ("--where", f"selected_none of bad <= {cut!r}", "--where", "selected_3 of good >= 0.1")
    some = answer("study", "show", "s.yaml", "--metrics", "pcs", *limits, cwd=done)
    kept = {one["number"] for one in toxic["designs"] if one["means"]["selected_none"] <= cut}
    assert {one["number"] for one in some["designs"]} == kept
    assert some["where"][1] == "selected_3 of good >= 0.1"
    both = answer("study", "show", "s.yaml", "--family", "bad", "--family", "good", cwd=done)
    assert both["scenarios"] == 2
    shown = escalate("study", "show", "s.yaml", *limits, "--top", "1", cwd=done)
    assert f"{len(kept)} of 7 designs with selected_none of bad <= " in said(shown)
    assert "--top N shows them" in shown.stdout
    assert re.search(r"boin p_saf 0\.\d+, ", said(shown))


def test_plot(done: Path, tmp_path: Path) -> None:
    """`--plot` draws the first two metrics; one metric is too few, and a file there is not replaced unasked."""
    picture = tmp_path / "p.png"
    command = ("study", "show", "s.yaml", "--metrics", "overdose_allocated,pcs", "--where", "pcs >= 0.3", "--plot")
    assert escalate(*command, picture, cwd=done).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "use --force" in escalate(*command, picture, cwd=done).stderr
    few = escalate("study", "show", "s.yaml", "--metrics", "pcs", "--plot", tmp_path / "q.png", cwd=done)
    assert (few.code, few.stderr.count("error:")) == (2, 1)
    assert not (tmp_path / "q.png").exists()


def test_export_csv(done: Path, tmp_path: Path) -> None:
    """CSV has a row a design and scenario with every digit of the parts; with `--means` a row a design."""
    assert "154 rows" in escalate("study", "export", "s.yaml", "-o", tmp_path / "f.csv", cwd=done).stdout
    with (tmp_path / "f.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    designs = pq.read_table(done / "s-results" / "designs.parquet").to_pylist()
    first = next((done / "s-results" / "parts" / f"design={designs[0]['design']}").iterdir())
    table = pq.read_table(first, partitioning=None)
    assert [float(row["pcs"]) for row in rows[:22] if row["pcs"]] == [
        x for x in table["pcs"].to_pylist() if not isnan(x)
    ]
    assert "7 rows" in escalate("study", "export", "s.yaml", "-o", tmp_path / "m.csv", "--means", cwd=done).stdout
    with (tmp_path / "m.csv").open(newline="") as file:
        means = list(csv.DictReader(file))
    shown = answer("study", "show", "s.yaml", "--metrics", "pcs", cwd=done)["designs"]
    assert [float(row["pcs"]) for row in means] == [one["means"]["pcs"] for one in shown]
    assert means[0]["method.p_saf"] == "0.15"
    assert means[-1]["method.p_saf"] == ""


def _column(cell: ElementTree.Element) -> str:
    return str(cell.get("r")).rstrip("0123456789")


def sheets(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the cells of a workbook, read without a library; a formula anywhere is an error."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    found = {}
    with zipfile.ZipFile(path) as book:
        names = [
            sheet.get("name")
            for sheet in ElementTree.fromstring(book.read("xl/workbook.xml")).iterfind(".//m:sheet", space)
        ]
        for k, name in enumerate(names, start=1):
            tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{k}.xml"))
            assert tree.find(".//m:f", space) is None
            # A cell that is empty is left out: the letters of a cell say which column it is in.
            rows = [
                {_column(cell): "".join(cell.itertext()) for cell in row} for row in tree.iterfind(".//m:row", space)
            ]
            found[str(name)] = rows
    return found


def test_export_workbook(done: Path, tmp_path: Path) -> None:
    """A workbook has the figures, the designs and the scenarios, numbers as numbers."""
    assert "154 rows" in escalate("study", "export", "s.yaml", "-o", tmp_path / "b.xlsx", cwd=done).stdout
    found = sheets(tmp_path / "b.xlsx")
    assert list(found) == ["figures", "designs", "scenarios"]
    assert [len(rows) for rows in found.values()] == [155, 8, 23]
    figures = found["figures"]
    at = next(column for column, name in figures[0].items() if name == "mean_patients")
    # Sums of probabilities: twelve patients may come out a last digit above.
    assert all(0 < float(row[at]) < 12.001 for row in figures[1:])


def test_a_spreadsheet_takes_no_name_for_a_formula(folder: Path) -> None:
    """A scenario or title that starts like a formula is text, in CSV and in a workbook."""
    (folder / "s.yaml").write_text(
        STUDY.replace("name: toxic", 'name: "=1+1"').replace("name: safe", 'name: "@SUM(1)"')
    )
    (folder / "d.yaml").write_text(DESIGN.replace("title: small", 'title: "+2+3"'))
    escalate("study", "run", "s.yaml", *ONE, cwd=folder)
    escalate("study", "export", "s.yaml", "-o", "f.csv", cwd=folder)
    text = (folder / "f.csv").read_text()
    assert not re.search(r"(?m)(^|,)[\"']?[=@+]", text.replace("'=", "").replace("'@", "").replace("'+", ""))
    assert "'=1+1" in text
    assert "'+2+3" in text
    escalate("study", "export", "s.yaml", "-o", "b.xlsx", "--means", cwd=folder)
    assert any("=1+1" in row.values() for row in sheets(folder / "b.xlsx")["scenarios"])


def test_a_study_of_a_thousand_million_jobs(folder: Path) -> None:
    """The plan says what it would take, in seconds; run asks for `--yes` and starts nothing."""
    wide = "0.1000:0.1999:0.0001"
    grid = f'{{method.p_saf: "{wide}", method.p_tox: "0.4000:0.4999:0.0001", max_patients: "1:1000:1"}}'
    (folder / "s.yaml").write_text(STUDY.replace("{method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}", grid))
    found = answer("study", "plan", "s.yaml", cwd=folder)
    assert found["jobs"] == 1_000_000_001
    assert found["asks_first"] is True
    assert found["cpu_seconds"] > 86400
    before = snapshot(folder)
    refused = escalate("study", "run", "s.yaml", *ONE, cwd=folder)
    assert (refused.code, refused.stdout, refused.stderr.count("error:")) == (2, "", 1)
    for words in ("1,000,000,001 jobs", "of one processor", "add --yes"):
        assert words in " ".join(refused.stderr.split()), words
    assert snapshot(folder) == before


def test_random_trials(folder: Path) -> None:
    """Random trials have errors beside the means of each truth, and another seed other figures."""
    (folder / "s.yaml").write_text(STUDY + "trials: 500\nseed: 3\nmetrics: [pcs, overdose_allocated]\n")
    escalate("study", "run", "s.yaml", *ONE, cwd=folder)
    shown = answer("study", "show", "s.yaml", cwd=folder)
    assert shown["trials"] == 500
    assert set(shown["designs"][0]["means"]) == {"pcs", "overdose_allocated"}
    part = pq.read_table(next((folder / "s-results" / "parts").rglob("*.parquet")), partitioning=None)
    assert part.column_names == [
        "scenario",
        "family",
        "reachable_states",
        "pcs",
        "se_pcs",
        "overdose_allocated",
        "se_overdose_allocated",
    ]
    (folder / "s.yaml").write_text(STUDY + "trials: 500\nseed: 4\nmetrics: [pcs, overdose_allocated]\n")
    again = answer("study", "run", "s.yaml", *ONE, cwd=folder)
    assert again["done"] == 7
    assert answer("study", "show", "s.yaml", cwd=folder)["designs"] != shown["designs"]
