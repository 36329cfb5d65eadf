"""`escalate prior`: tables, JSON, a picture, what is refused, and the page on how to judge a prior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.files import read_design
from tests.cli.run import DESIGN, escalate, snapshot, write
from tests.helpers import ROOT

CRM, BLRM = (ROOT / "designs" / f"tvec-liver-{kind}.yaml" for kind in ("crm", "blrm"))
KEYS = {
    "title", "unit", "target", "overdose_limit", "interval_limits", "max_patients", "start_level", "doses", "mtd",
    "first_cohort", "stops_at_dlts", "no_dlt", "warnings", "provenance",
}  # fmt: skip
DOSE_KEYS = {
    "level", "amount", "mean", "sd", "q025", "q25", "median", "q75", "q975", "prob_above_target", "prob_overdose",
    "intervals", "effective_patients",
}  # fmt: skip
OUTCOME_KEYS = {
    "patients", "dlts", "probability", "action", "next_level", "mtd_level", "reasons", "wanted_level", "estimates",
    "prob_overdose",
}  # fmt: skip


def answer(*arguments: str | Path) -> dict[str, Any]:
    """Return the JSON of a command that succeeds and says nothing on standard error."""
    done = escalate("prior", *arguments, "--json")
    assert (done.code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("path", [CRM, BLRM], ids=lambda path: path.stem)
def test_json_is_what_python_says(path: Path) -> None:
    """The keys are those of the documentation, and every number is that of `esc.prior`."""
    found = answer(path)
    assert found["schema"] == "escalate/prior/1"
    (one,) = found["designs"]
    expected = esc.prior(esc.load_design(path))
    assert set(one) == KEYS
    assert {frozenset(dose) for dose in one["doses"]} == {frozenset(DOSE_KEYS)}
    assert {frozenset(outcome) for outcome in one["first_cohort"]} == {frozenset(OUTCOME_KEYS)}
    assert set(one["mtd"]) == {"limit", "none", "levels", "highest_underdosed", "nearest"}
    assert set(one["no_dlt"]) == {"cohorts", "first_patient_at", "mtd_level", "ended_by"}
    assert one["provenance"]["design_sha256"] == read_design(path).sha256
    for row, dose in zip(one["doses"], expected.doses, strict=True):
        moments = (dose.mean, dose.sd, dose.effective_patients)
        # The last bit of a sum depends on the number of threads of the linear algebra.
        assert (row["mean"], row["sd"], row["effective_patients"]) == pytest.approx(moments, rel=1e-12)
        assert [row[q] for q in ("q025", "q25", "median", "q75", "q975")] == pytest.approx(dose.quantiles, rel=1e-9)
    assert expected.mtd is not None
    assert one["mtd"]["levels"] == pytest.approx(expected.mtd.levels, abs=1e-12)
    assert one["no_dlt"]["first_patient_at"] == [1, 4, 7]
    assert [warning["code"] for warning in one["warnings"]] == [warning.code for warning in expected.warnings]


def test_documentation_names_every_key_and_code() -> None:
    """The JSON reference has every key of the form, and every code of a warning."""
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    section = page.split("## prior: `escalate/prior/1`")[1].split("\n## ")[0]
    source = (ROOT / "src" / "escalate" / "study" / "prior_warnings.py").read_text(encoding="utf-8")
    codes = {
        line.strip().strip(',"') for line in source.splitlines() if line.strip().strip(',"').count("_") and '",' in line
    }
    codes = {code for code in codes if code.replace("_", "").isalpha()}
    assert {"strong_at_dose", "u_shaped", "mtd_uneven"} <= codes
    for key in KEYS | DOSE_KEYS | OUTCOME_KEYS | codes | {"first_cohort_ignored", "first_patient_at", "nearest"}:
        assert f"`{key}`" in section, key


def test_printed() -> None:
    """The tables give doses, MTD and decisions; a warning is printed in full, and the exit code stays 0."""
    done = escalate("prior", BLRM)
    assert (done.code, done.stderr) == (0, "")
    flat = " ".join(done.stdout.split())
    assert "warning, misplaced: The prior expects the MTD at or beyond the highest level" in flat
    assert "2 or more of 3 DLTs in the first cohort end the trial" in flat
    assert "The highest level, 3, is first given to patient 7 of at most 18." in flat
    quiet = escalate("prior", CRM)
    assert "Neither too strong nor too vague nor misplaced, by the bars of this command." in quiet.stdout


def test_several_designs(tmp_path: Path) -> None:
    """Several designs are compared, then shown in full one by one, in JSON and in one picture."""
    picture = tmp_path / "x.png"
    done = escalate("prior", CRM, BLRM, "--plot", picture)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("Side by side")
    assert done.stdout.count("what the prior says before any") == 2
    assert picture.read_bytes().startswith(b"\x89PNG")
    titles = [one["title"] for one in answer(CRM, BLRM)["designs"]]
    assert titles == [esc.load_design(path).title for path in (CRM, BLRM)]


def test_standard_input() -> None:
    """`-` reads the design from standard input, once."""
    done = escalate("prior", "-", "--json", stdin=CRM.read_text(encoding="utf-8"))
    assert (done.code, done.stderr) == (0, "")
    assert escalate("prior", "-", "-", stdin="").code == 2


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_picture_is_the_same_each_time(kind: str, tmp_path: Path) -> None:
    """The picture has the same bytes on repetition."""
    for name in ("one", "two"):
        assert escalate("prior", CRM, "--plot", tmp_path / f"{name}.{kind}").code == 0
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one == two


MLE = """schema: escalate/design/1
title: likelihood
doses: {unit: mg, levels: [10, 20, 40]}
target: 0.30
max_patients: 12
method: {kind: crm, skeleton: [0.1, 0.3, 0.5], inference: mle, initial_levels: [1, 2, 3]}
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("boin.yaml",),
            "boin.yaml: method.kind: boin does not rest on a model of all doses, so it has no prior to show",
        ),
        (("mle.yaml",), "mle.yaml: method: crm with these settings has no prior (maximum likelihood)"),
        ((CRM, "boin.yaml"), "boin.yaml: method.kind"),
        (("none.yaml",), "none.yaml"),
        ((CRM, "--plot", "x.txt"), "a picture's name ends in"),
        ((CRM, "--plot", "boin.yaml"), "a picture's name ends in"),
        ((CRM, "--plot", "there.png"), "there.png: exists already; use --force to replace it"),
        ((*[CRM] * 9, "--plot", "x.png"), "9 designs, and 8 are the most"),
        ((), "DESIGN"),
    ],
)
def test_refusals(arguments: tuple[str | Path, ...], said: str, tmp_path: Path) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output, and no file."""
    write(tmp_path, boin_yaml=DESIGN, mle_yaml=MLE, there_png="x")
    before = snapshot(tmp_path)
    done = escalate("prior", *arguments, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert snapshot(tmp_path) == before


def test_page_shows_what_the_command_prints() -> None:
    """Every table on the page is, line by line, what the command prints for the design it names."""
    page = (ROOT / "docs" / "how-to" / "judge-a-prior.md").read_text(encoding="utf-8").splitlines()
    printed: set[str] = set()
    commands = [line.strip().removeprefix("$ escalate ") for line in page if line.startswith("    $ escalate prior ")]
    assert len(commands) >= 3
    for command in commands:
        arguments = [word for word in command.split() if word != "--plot" and not word.endswith(".png")]
        done = escalate(*arguments, cwd=ROOT)
        assert (done.code, done.stderr) == (0, "")
        printed |= {line.strip() for line in done.stdout.splitlines()}
    shown = [line.strip() for line in page if line.startswith("    ") and not line.startswith("    $")]
    shown = [line for line in shown if line and not line.startswith(("import ", "design", "print", "found", "#"))]
    assert len(shown) > 20
    assert [line for line in shown if line not in printed] == []


@pytest.mark.parametrize(
    ("discount", "worth", "wants"),
    [("1.0", 112.7, "level 3, where it now expects a DLT probability of 0.096"), ("0.1", 26.9, "level 2")],
)
def test_variants_of_the_page(discount: str, worth: float, wants: str) -> None:
    """Without the vague component, in full or at a tenth, the melanoma prior is too strong, with the numbers of the page."""
    lines = BLRM.read_text(encoding="utf-8").replace("discount: 0.1", f"discount: {discount}").splitlines()
    design = "\n".join(line for line in lines if not line.strip().startswith("robust:"))
    (one,) = json.loads(escalate("prior", "-", "--json", stdin=design).stdout)["designs"]
    texts = " ".join(warning["text"] for warning in one["warnings"])
    assert f"as much as {worth} patients, and the trial has 18" in texts
    assert f"After 3/3 DLTs at level 1 the model still wants {wants}" in texts
    assert one["stops_at_dlts"] is None
    assert one["first_cohort"][0]["next_level"] == 2


def test_weight_on_the_page() -> None:
    """With it, the vague component has the posterior weight of the page after 3/3, and the trial stops."""
    found = json.loads(escalate("recommend", BLRM, "--outcomes", "1TTT", "--json").stdout)
    assert found["action"] == "stop"
    assert "0.9891 (prior 0.2)" in " ".join(line["text"] for line in found["trace"])
