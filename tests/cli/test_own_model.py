"""A PyMC model of the user's own, through the installed command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.run import escalate
from tests.helpers import ROOT

OWN = ROOT / "designs" / "own-model"
SCENARIOS = """schema: escalate/scenarios/1
scenarios:
  - {name: a, dlt: [0.05, 0.10, 0.25, 0.40, 0.55]}
"""
SMALL = """schema: escalate/design/1
title: small
doses: {unit: mg, levels: [10, 40, 160]}
target: 0.25
max_patients: 9
method: {kind: pymc, model: weibull.py:build, draws: 4096}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the designs of the repository and their models."""
    for file in OWN.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    (tmp_path / "scenarios.yaml").write_text(SCENARIOS)
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("check", "emax.yaml"),
        ("table", "emax.yaml"),
        ("prior", "emax.yaml"),
        ("recommend", "emax.yaml", "--outcomes", "1NNN"),
        ("select", "emax.yaml", "--outcomes", "1NNN"),
        ("paths", "emax.yaml"),
        ("simulate", "emax.yaml", "--scenarios", "scenarios.yaml", "--trials", "100"),
    ],
    ids=lambda command: command[0],
)
def test_code_is_not_run_without_the_flag(folder: Path, command: tuple[str, ...]) -> None:
    """Every command that reads a design refuses, naming file and flag; the code leaves no trace."""
    trace = folder / "trace"
    (folder / "emax.py").write_text(f"open({str(trace)!r}, 'w')\n" + (folder / "emax.py").read_text())
    found = escalate(*command, cwd=folder)
    assert found.code == 2
    assert found.stdout == ""
    assert found.stderr == (
        "error: emax.yaml:11 method.model: emax.py is Python code, which is not run unless asked for; read it, then add "
        "--run-model-code (in Python: run_model_code=True)\n"
    )
    assert not trace.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["emax", "weibull"])
def test_recommend_and_simulate(folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """From an empty cache: a recommendation, then the same from the cache, where PyMC is not loaded; then a simulation."""
    env = {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    ask = ("recommend", f"{name}.yaml", "--outcomes", "1NNN 2NNN", "--run-model-code", "--json")
    first = escalate(*ask, cwd=folder, env=env)
    assert (first.code, first.stderr) == (0, "")
    answer = json.loads(first.stdout)
    assert answer["next_level"] == 3
    sha256 = answer["provenance"]["design_sha256"]
    again = escalate(*ask, cwd=folder, env={**env, "PYTHONPROFILEIMPORTTIME": "1"})
    kept = json.loads(again.stdout)
    assert [dose["prob_overdose"] for dose in kept["doses"]] == [dose["prob_overdose"] for dose in answer["doses"]]
    assert "pymc.model" not in again.stderr
    simulated = escalate(
        "simulate", f"{name}.yaml", "--scenarios", "scenarios.yaml", "--trials", "300", "--run-model-code", "--json",
        cwd=folder, env=env,
    )  # fmt: skip
    assert (simulated.code, simulated.stderr) == (0, "")
    design = json.loads(simulated.stdout)["designs"][0]
    assert design["sha256"] == sha256
    selected = design["scenarios"][0]["selected"]
    assert sum(selected) + design["scenarios"][0]["selected_none"] == pytest.approx(1)
    assert selected[2] > 0.3
    (folder / f"{name}.py").write_text((folder / f"{name}.py").read_text() + "# another\n")
    changed = json.loads(escalate(*ask, cwd=folder, env=env).stdout)
    assert changed["provenance"]["design_sha256"] != sha256


def test_exact_and_paths(folder: Path) -> None:
    """A small trial is followed through every state; pathways and the check know the model too."""
    (folder / "three.yaml").write_text(SCENARIOS.replace("[0.05, 0.10, 0.25, 0.40, 0.55]", "[0.05, 0.25, 0.5]"))
    exact = escalate("simulate", "small.yaml", "--scenarios", "three.yaml", "--run-model-code", "--json", cwd=folder)
    assert (exact.code, exact.stderr) == (0, "")
    found = json.loads(exact.stdout)
    assert found["exact"] is True
    random = escalate(
        "simulate",
        "small.yaml",
        "--scenarios",
        "three.yaml",
        "--trials",
        "20000",
        "--run-model-code",
        "--json",
        cwd=folder,
    )
    shares = zip(
        found["designs"][0]["scenarios"][0]["selected"],
        json.loads(random.stdout)["designs"][0]["scenarios"][0]["selected"],
        strict=True,
    )
    # Six standard errors of a share of 20,000 trials.
    assert all(abs(a - b) < 6 * 0.5 / 20_000**0.5 for a, b in shares)
    assert escalate("paths", "small.yaml", "--run-model-code", cwd=folder).code == 0
    assert escalate("prior", "small.yaml", "--run-model-code", cwd=folder).code == 0
    assert escalate("check", "small.yaml", "--run-model-code", cwd=folder).code in (0, 1)


@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        ("none.py:build", "", "small.yaml:6 method.model: none.py: there is no such file; it is looked for beside the design file"),
        ("m.py:other", "def build(doses): pass\n", "m.py: has no function 'other'; write 'def other(doses):'"),
        ("m.py:build", "def build(doses):\n    raise ValueError('ED50 is negative')\n",
         "m.py:2: build(doses) raised ValueError: ED50 is negative"),
        ("m.py", "", "small.yaml:6 method.model: 'm.py' names no file and function; write it like my_model.py:build, the file "
         "beside the design"),
    ],
)  # fmt: skip
def test_bad_models(folder: Path, model: str, code: str, said: str) -> None:
    """One sentence on standard error, and exit code 2."""
    (folder / "small.yaml").write_text(SMALL.replace("weibull.py:build", model))
    if code:
        (folder / "m.py").write_text(code)
    found = escalate("recommend", "small.yaml", "--outcomes", "1NNN", "--run-model-code", cwd=folder)
    assert (found.code, found.stdout, found.stderr) == (2, "", f"error: {said}\n")
