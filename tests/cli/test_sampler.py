"""`escalate recommend --sampler nuts`, through the installed command."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.run import escalate
from tests.helpers import ROOT

BLRM = ROOT / "designs" / "blrm.yaml"
DATA = ("--outcomes", "1NNN 2NNT")


@pytest.mark.slow
def test_recommendation_from_draws(tmp_path: Path) -> None:
    """The same keys as ever and `sampler`: converged, near to the nodes, the same dose; the draws are in the file."""
    file = tmp_path / "draws.nc"
    found = escalate("recommend", BLRM, *DATA, "--sampler", "nuts", "--seed", "3", "--netcdf", file, "--json")
    assert (found.code, found.stderr) == (0, "")
    answer, plain = json.loads(found.stdout), json.loads(escalate("recommend", BLRM, *DATA, "--json").stdout)
    sampler = answer.pop("sampler")
    assert list(answer) == list(plain)
    assert answer["next_level"] == plain["next_level"] == sampler["next_level_nodes"]
    assert sampler["same_dose"] is True
    assert sampler["r_hat"] <= 1.01
    assert min(sampler["ess_bulk"], sampler["ess_tail"]) >= 400
    assert sampler["divergences"] <= 4
    # Of ten numbers none is off by five errors.
    assert sampler["largest_difference"] < 5
    for dose, said, nodes in zip(answer["doses"], sampler["doses"], plain["doses"], strict=True):
        assert dose["prob_overdose"] == said["prob_overdose"]
        assert nodes["prob_overdose"] == pytest.approx(said["prob_overdose_nodes"], abs=1e-9)
        assert dose["prob_overdose"] != nodes["prob_overdose"]
    assert sampler["netcdf_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert file.read_bytes()[1:4] == b"HDF"
    twice = escalate("recommend", BLRM, *DATA, "--sampler", "nuts", "--netcdf", file)
    assert (twice.code, twice.stderr) == (2, f"error: {file}: exists already; use --force to replace it\n")


@pytest.mark.slow
def test_plug_in_estimates_come_from_the_means_of_the_parameters() -> None:
    """The CRM's plug-in estimate by NUTS is near that of the nodes, and not the posterior mean; the same seed, the same draws."""
    crm = ROOT / "designs" / "crm.yaml"
    ask = ("recommend", crm, *DATA, "--sampler", "nuts", "--json")
    answer, again = (json.loads(escalate(*ask).stdout) for _ in range(2))
    plain = json.loads(escalate("recommend", crm, *DATA, "--json").stdout)
    assert answer["sampler"]["draws_sha256"] == again["sampler"]["draws_sha256"]
    for dose, nodes, said in zip(answer["doses"], plain["doses"], answer["sampler"]["doses"], strict=True):
        assert dose["estimate"] == pytest.approx(nodes["estimate"], abs=6 * said["mean_error"])
        assert abs(dose["estimate"] - said["mean"]) > 1e-6


def test_draws_that_did_not_converge_are_refused() -> None:
    """Nothing is recommended; the sentence says what failed and what helps."""
    found = escalate("recommend", BLRM, *DATA, "--sampler", "nuts", "--draws", "100", "--tune", "100", "--chains", "2")
    assert (found.code, found.stdout) == (2, "")
    assert found.stderr.startswith("error: NUTS did not converge, and nothing is recommended from it: ")
    assert "effective sample size" in found.stderr
    assert found.stderr.endswith("; try more --tune and --draws\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((BLRM, *DATA, "--sampler", "hmc"), "--sampler: 'hmc' is not known; it can be nuts"),
        ((BLRM, *DATA, "--seed", "3"), "--seed is for the sampler; add --sampler nuts"),
        ((BLRM, *DATA, "--netcdf", "a.nc"), "--netcdf is for the sampler; add --sampler nuts"),
        ((BLRM, *DATA, "--sampler", "nuts", "--chains", "1"), "--chains: 1 is not between 2 and 32"),
        ((BLRM, "--sampler", "nuts"),
         "there are no patients yet: the first cohort gets the start level; leave out --sampler nuts"),
        ((ROOT / "designs" / "boin.yaml", *DATA, "--sampler", "nuts"),
         "boin has no posterior to sample; leave out --sampler nuts"),
    ],
    ids=lambda each: "",
)  # fmt: skip
def test_what_cannot_be_asked(arguments: tuple[str | Path, ...], said: str, tmp_path: Path) -> None:
    """One sentence each, before any sampling."""
    found = escalate("recommend", *arguments, cwd=tmp_path)
    assert (found.code, found.stdout, found.stderr) == (2, "", f"error: {said}\n")
