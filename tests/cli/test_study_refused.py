"""What `escalate study` refuses: each wrong command line in one sentence, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.run import escalate, snapshot
from tests.cli.test_study import STUDY, done, folder

__all__ = ["done", "folder"]

REFUSED = {
    "no such study": (("plan", "nowhere.yaml"), "nowhere.yaml"),
    "no study file": (("plan", "d.yaml"), "escalate/study/1"),
    "two ways to work": (
        ("run", "s.yaml", "--processes", "2", "--workers", "2"),
        "give --processes or --workers, not both",
    ),
    "three ways": (
        ("run", "s.yaml", "--workers", "2", "--scheduler", "tcp://h:1"),
        "give --workers or --scheduler, not both",
    ),
    "no processes": (("run", "s.yaml", "--processes", "0"), "--processes"),
    "half of TLS": (("run", "s.yaml", "--scheduler", "tls://h:1", "--tls-cert", "s.yaml"), "--tls-ca-file: is missing"),
    "TLS without scheduler": (
        ("run", "s.yaml", "--tls-ca-file", "s.yaml", "--tls-cert", "s.yaml", "--tls-key", "s.yaml"),
        "goes with --scheduler",
    ),
    "TLS file missing": (
        (
            "run",
            "s.yaml",
            "--scheduler",
            "tls://h:1",
            "--tls-ca-file",
            "x",
            "--tls-cert",
            "s.yaml",
            "--tls-key",
            "s.yaml",
        ),
        "--tls-ca-file x: there is no such file",
    ),
    "nothing to resume": (("resume", "s.yaml"), "there is nothing to resume; start with 'escalate study run s.yaml'"),
    "nothing to show": (("show", "s.yaml"), "there are no results yet; start with 'escalate study run s.yaml'"),
    "nothing to export": (("export", "s.yaml", "-o", "x.csv"), "there are no results yet"),
    "an ending": (("export", "s.yaml", "-o", "x.json"), "ends in .csv or .xlsx"),
    "no output": (("export", "s.yaml"), "--output"),
    "a file there": (("export", "s.yaml", "-o", "d.yaml.csv"), "exists already"),
    "an unknown command": (("walk", "s.yaml"), "walk"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(folder: Path, case: str) -> None:
    """Each wrong command line gives one sentence on standard error, exit code 2, and leaves everything as it was."""
    (folder / "d.yaml.csv").write_text("mine")
    arguments, says = REFUSED[case]
    before = snapshot(folder)
    result = escalate("study", *arguments, cwd=folder)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.count("error:") == 1
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert snapshot(folder) == before


LOOKING = {
    "a metric": (("show", "--metrics", "pcz"), "--metrics pcz: was not kept; did you mean 'pcs'?"),
    "a metric to sort by": (("show", "--sort", "pcz"), "--sort pcz: was not kept"),
    "a limit's metric": (("show", "--where", "pcz >= 0.5"), "--where pcz: was not kept"),
    "no limit": (("show", "--where", "pcs = 0.5"), "--where 'pcs = 0.5': is no limit; write METRIC <= NUMBER"),
    "a limit's number": (("show", "--where", "pcs >= half"), "is no limit"),
    "a family": (("show", "--family", "god"), "--family: no scenario is of the family 'god'; did you mean 'good'?"),
    "a limit's family": (("show", "--where", "pcs of bat >= 0.5"), "no scenario is of the family 'bat'"),
    "no rows at the top": (("show", "--top", "0"), "--top"),
}


@pytest.mark.parametrize("case", LOOKING)
def test_refused_when_looking(done: Path, case: str) -> None:
    """Of results that are there, what cannot be shown is refused in one sentence."""
    (command, *options), says = LOOKING[case]
    result = escalate("study", command, "s.yaml", *options, cwd=done)
    assert (result.code, result.stdout, result.stderr.count("error:")) == (2, "", 1)
    assert says in " ".join(result.stderr.split())


def test_a_folder_that_is_not_there(done: Path, tmp_path: Path) -> None:
    """A file in a folder that is not there is refused before anything is read."""
    result = escalate("study", "export", "s.yaml", "-o", tmp_path / "no" / "x.csv", cwd=done)
    assert (result.code, result.stdout, result.stderr.count("error:")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


VARIED = {
    "a setting of no method": (
        "{method.p_saff: [0.15, 0.18]}",
        "vary method.p_saff: unknown setting; did you mean 'p_saf'?",
    ),
    "a rule that is not there": ('{"rules[9].cutoff": [0.90, 0.95]}', "vary rules[9].cutoff: rules has"),
    "a prior of no model": ("{method.prior_sd: [least_informative]}", "vary method.prior_sd: unknown setting"),
}


@pytest.mark.parametrize("case", VARIED)
def test_a_grid_of_no_design(folder: Path, case: str) -> None:
    """A grid over a setting that the method does not have is refused with file, line and field, not job by job."""
    grid, says = VARIED[case]
    (folder / "s.yaml").write_text(STUDY.replace("{method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}", grid))
    before = snapshot(folder)
    for command in ("plan", "run"):
        result = escalate("study", command, "s.yaml", cwd=folder)
        assert (result.code, result.stdout, result.stderr.count("error:")) == (2, "", 1)
        assert f"s.yaml:4 designs[1].vary: {says}" in " ".join(result.stderr.split())
    assert snapshot(folder) == before
