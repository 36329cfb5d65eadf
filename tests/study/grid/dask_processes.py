"""A real Dask cluster on this machine: a scheduler and workers as processes of their own, over TCP or TLS."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cli.run import environment
from tests.study.grid.studies import until


class DaskProcesses:
    """A scheduler, and workers as they are asked for; each in a group of processes of its own."""

    def __init__(self, folder: Path, tls: Mapping[str, Path] | None = None) -> None:
        self.folder, self.tls = folder, tls
        self._file = folder / "scheduler.json"
        self._started: list[subprocess.Popen[bytes]] = []
        protocol = ["--protocol", "tls"] if tls else []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *protocol)
        until(lambda: self._file.is_file() and self._file.stat().st_size > 0)

    @property
    def address(self) -> str:
        """Where the scheduler answers."""
        return str(json.loads(self._file.read_text())["address"])

    def worker(self, *more: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a worker, under a nanny that replaces it should it die."""
        protocol = ["--protocol", "tls"] if self.tls else []
        options = ("--nthreads", "1", "--nworkers", "1", "--host", "127.0.0.1", "--local-directory", str(self.folder))
        return self._start("worker", *options, *protocol, *more, env=env)

    def _start(self, what: str, *more: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        secrets = [] if self.tls is None else [f"--tls-{name}={path}" for name, path in self.tls.items()]
        log = (self.folder / f"{what}-{len(self._started)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "dask",
                    what,
                    "--no-dashboard",
                    "--scheduler-file",
                    str(self._file),
                    *secrets,
                    *more,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment(env),
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """Kill all that was started."""
        for process in reversed(self._started):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def dask_processes(folder: Path, tls: Mapping[str, Path] | None = None) -> Iterator[DaskProcesses]:
    """Start a scheduler; nothing of the cluster is left at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = DaskProcesses(folder, tls)
    try:
        yield cluster
    finally:
        cluster.stop()


def workers_under(nanny: int) -> list[int]:
    """Return the worker processes of a nanny."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            of = entry.joinpath("stat").read_text().rpartition(")")[2].split()
            if int(of[1]) == nanny and of[0] not in "ZX" and b"spawn_main" in entry.joinpath("cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def certificates(folder: Path) -> dict[str, Path]:
    """Make an authority, and a certificate signed by it for this machine; return the files by Dask's names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def begun(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = begun("authority", authority).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = begun("cluster", own).add_extension(here, critical=False)
    written = {
        "ca-file": root.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        "cert": leaf.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        "key": own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }
    for file, content in written.items():
        (folder / f"{file}.pem").write_bytes(content)
    return {file: folder / f"{file}.pem" for file in written}
