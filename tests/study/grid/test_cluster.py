"""Studies on a Dask cluster: the same bytes, whatever dies on the way; and what cannot be joined is refused in a sentence."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from escalate import __version__
from escalate.core.errors import EscalateError
from escalate.study.grid import cluster, same_code
from escalate.study.grid.cluster import Cluster
from escalate.study.grid.joining import Tls
from tests.cli.run import Result
from tests.study.grid.dask_processes import DaskProcesses, certificates, dask_processes, workers_under
from tests.study.grid.studies import MANY, files, lay_out, loaded, parts, running, undisturbed, until

RESULTS = "s-results"


def ran(folder: Path, *options: str | Path) -> Result:
    """Run the study of a folder to its end."""
    with running("run", "s.yaml", *options, cwd=folder) as command:
        return command.ended()


def test_a_local_cluster_gives_the_same(tmp_path: Path) -> None:
    """A cluster that the command starts itself leaves the bytes of one process, says nothing else, and leaves no process."""
    expected = undisturbed(tmp_path / "a")
    lay_out(tmp_path / "b")
    with running("run", "s.yaml", "--workers", "2", cwd=tmp_path / "b") as command:
        done = command.ended()
        until(lambda: not command.members(), 20)
    assert (done.code, done.stderr) == (0, "")
    assert files(tmp_path / "b" / RESULTS) == expected


ADDRESSES = {
    "nonsense": "is no address of a scheduler; write it such as tcp://10.0.0.1:8786",
    "http://127.0.0.1:8786": "is no address of a scheduler",
    "inproc://127.0.0.1:1": "is no address of a scheduler",
    "tcp://127.0.0.1": "is no address of a scheduler",
    "tcp://127.0.0.1:99999": "is no address of a scheduler",
    "tcp://127.0.0.1:1 ": "is no address of a scheduler",
    "": "is no address of a scheduler",
    "tls://127.0.0.1:8786": "needs --tls-ca-file, --tls-cert and --tls-key",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_address(address: str, tmp_path: Path) -> None:
    """An address that cannot be one is refused before anything is begun."""
    with pytest.raises(EscalateError, match="--scheduler") as caught:
        Cluster(loaded(tmp_path), None, address)
    assert ADDRESSES[address] in str(caught.value)


def test_certificates_for_plain_tcp(tmp_path: Path) -> None:
    """Certificates with tcp:// are refused: the connection would not be encrypted."""
    with pytest.raises(EscalateError, match=r"takes no certificates; write tls://127\.0\.0\.1:8786"):
        Cluster(loaded(tmp_path), None, "tcp://127.0.0.1:8786", Tls("a", "b", "c"))


def test_what_is_not_the_same_code() -> None:
    """A worker is refused for another version, other code, other libraries, or no escalate at all; each in its own words."""
    here = same_code.code()
    assert same_code.other_than_here(here) is None
    for found, said in {
        None: "has no escalate",
        ("0.0.1",): f"has escalate 0.0.1, and this is {__version__}",
        ("0.0.1", *here[1:]): f"has escalate 0.0.1, and this is {__version__}",
        (here[0], "0" * 64, here[2]): "of other code than this one",
        (*here[:2], "numpy 1.0"): "has numpy 1.0, and here there is numpy",
    }.items():
        assert said in str(same_code.other_than_here(found))


def test_a_worker_that_came_later_checks_too(tmp_path: Path) -> None:
    """A worker asked by a process with another escalate does not compute."""
    with pytest.raises(EscalateError, match=r"the process that asks has escalate 0\.0\.1"):
        cluster.work("name", b"", (0,), ("0.0.1", "", ""))


@pytest.mark.slow
def test_no_scheduler(tmp_path: Path) -> None:
    """Where no scheduler answers it is said within seconds, and nothing is left that hinders another run."""
    lay_out(tmp_path)
    done = ran(tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: --scheduler tcp://127.0.0.1:1: no scheduler answers there within 10 s; start one with 'dask scheduler'\n"
    )
    assert ran(tmp_path, "--processes", "1").code == 0


@pytest.mark.slow
def test_no_worker(tmp_path: Path) -> None:
    """A cluster without a worker is given up after a while, in a sentence."""
    lay_out(tmp_path)
    with dask_processes(tmp_path / "dask") as dask:
        done = ran(tmp_path, "--scheduler", dask.address)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.endswith(f": has no worker; start some with 'dask worker {dask.address}'\n")


@pytest.mark.slow
def test_a_worker_of_another_version(tmp_path: Path) -> None:
    """One worker of another version among two is refused by name, before anything is computed."""
    lay_out(tmp_path)
    (tmp_path / "old.py").write_text("import escalate\nescalate.__version__ = '0.0.1'\n")
    with dask_processes(tmp_path / "dask") as dask:
        dask.worker()
        dask.worker("--preload", str(tmp_path / "old.py"))
        until(lambda: _log(dask).count("Register worker") >= 2)
        done = ran(tmp_path, "--scheduler", dask.address)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: worker tcp://127.0.0.1:")
    assert done.stderr.endswith(
        f": has escalate 0.0.1, and this is {__version__}; install the same version everywhere\n"
    )
    assert not parts(tmp_path / RESULTS)


def _log(dask: DaskProcesses) -> str:
    return (dask.folder / "scheduler-0.log").read_text()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the results of the larger study, undisturbed."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed"), MANY)


@pytest.mark.slow
def test_a_worker_killed_over_tcp(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """One of two worker processes is killed (-9) in mid-study, then the nanny of the other with its worker: the same bytes."""
    lay_out(tmp_path, MANY)
    with dask_processes(tmp_path / "dask") as dask:
        nannies = [dask.worker(), dask.worker()]
        until(lambda: _log(dask).count("Register worker") >= 2)
        with running("run", "s.yaml", "--scheduler", dask.address, cwd=tmp_path) as command:
            until(lambda: len(parts(tmp_path / RESULTS)) >= 5)
            os.kill(workers_under(nannies[0].pid)[0], signal.SIGKILL)
            until(lambda: len(parts(tmp_path / RESULTS)) >= 25)
            os.killpg(nannies[1].pid, signal.SIGKILL)
            done = command.ended()
    assert (done.code, done.stderr) == (0, "")
    assert files(tmp_path / RESULTS) == expected


@pytest.mark.slow
def test_a_scheduler_killed(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """Where the scheduler dies it is said with the jobs done; another cluster goes on to the same bytes."""
    lay_out(tmp_path, MANY)
    with dask_processes(tmp_path / "dask") as dask:
        dask.worker()
        with running("run", "s.yaml", "--scheduler", dask.address, cwd=tmp_path) as command:
            until(lambda: len(parts(tmp_path / RESULTS)) >= 5)
            os.killpg(dask.scheduler.pid, signal.SIGKILL)
            done = command.ended()
    assert (done.code, done.stdout) == (2, "")
    assert "the scheduler has gone; " in done.stderr
    assert done.stderr.endswith("of 120 jobs are done and kept; go on with 'escalate study resume s.yaml'\n")
    assert len(done.stderr.splitlines()) == 1
    again = ran(tmp_path, "--workers", "2")
    assert (again.code, again.stderr) == (0, "")
    assert files(tmp_path / RESULTS) == expected


@pytest.mark.slow
def test_tls(tmp_path: Path) -> None:
    """With certificates a study runs over TLS; a plain client, and one of another authority, are told so in a sentence."""
    expected = undisturbed(tmp_path / "a")
    lay_out(tmp_path / "b")
    ours, others = certificates(tmp_path / "ours"), certificates(tmp_path / "others")
    with dask_processes(tmp_path / "dask", ours) as dask:
        dask.worker()
        until(lambda: _log(dask).count("Register worker") >= 1)
        plain = ran(tmp_path / "b", "--scheduler", dask.address.replace("tls", "tcp"))
        assert (plain.code, plain.stdout) == (2, "")
        assert plain.stderr.endswith(
            ": something there ends the connection; it may ask for tls:// and certificates, or be no scheduler of this version "
            "of Dask\n"
        )
        strange = ran(tmp_path / "b", "--scheduler", dask.address, *_options(others))
        assert (strange.code, strange.stdout) == (2, "")
        assert strange.stderr.endswith("; they must come from one authority\n")
        wrong = ran(tmp_path / "b", "--scheduler", dask.address, *_options({**ours, "ca-file": ours["key"]}))
        assert (wrong.code, wrong.stdout) == (2, "")
        assert wrong.stderr.endswith("holds no certificate that can be read\n")
        done = ran(tmp_path / "b", "--scheduler", dask.address, *_options(ours))
    assert (done.code, done.stderr) == (0, "")
    assert files(tmp_path / "b" / RESULTS) == expected


def _options(written: dict[str, Path]) -> list[str | Path]:
    return ["--tls-ca-file", written["ca-file"], "--tls-cert", written["cert"], "--tls-key", written["key"]]
