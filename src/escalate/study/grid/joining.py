"""Join a Dask cluster that is there, or start one on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from escalate.core.errors import EscalateError
from escalate.study.grid.workers import TRIES

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

WAIT: Final = 10
"""Seconds in which a scheduler must answer."""
NO_WORKER: Final = 30
"""Seconds after which a cluster without a worker is given up."""
NO_INTERRUPT: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""What workers started here do first: Control-C is for the process that the user started."""
_ADDRESS: Final = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):(\d{1,5})")


@dataclass(frozen=True)
class Tls:
    """Files that prove who is who on a cluster: of the authority, and of this client."""

    ca_file: str
    cert: str
    key: str


def check_address(address: str, tls: Tls | None) -> None:
    """Refuse what cannot be the address of a scheduler.

    Raises
    ------
    EscalateError
        Saying how it is written.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[3]) > 65535:
        raise EscalateError(
            f"--scheduler {address}: is no address of a scheduler; write it such as tcp://10.0.0.1:8786, or tls://..."
        )
    if match[1] == "tls" and tls is None:
        raise EscalateError(f"--scheduler {address}: needs --tls-ca-file, --tls-cert and --tls-key")
    if match[1] == "tcp" and tls is not None:
        raise EscalateError(f"--scheduler {address}: takes no certificates; write tls://{match[2]}:{match[3]}")


def client_of(stack: contextlib.ExitStack, n_workers: int | None, scheduler: str | None, tls: Tls | None) -> Client:
    """Return a client of the cluster at `scheduler`, or of one of so many workers that ends with the stack.

    Raises
    ------
    EscalateError
        Where Dask is not installed, the scheduler does not answer, or there is no worker.
    """
    try:
        import dask  # noqa: PLC0415 - slow to import, seldom needed
        from distributed import Client, LocalCluster  # noqa: PLC0415
    except ImportError:
        raise EscalateError("a cluster needs Dask; install 'escalate-trials[cluster]', or use --processes") from None
    silent = not os.environ.get("ESCALATE_DEBUG")
    if silent:
        # What Dask has to say is said in a sentence of ours.
        for name in ("distributed", "distributed.client", "distributed.worker"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is None:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": TRIES - 1}))
        local = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Nobody looks at it, and the usual port may be taken.
            dashboard_address="127.0.0.1:0",
            preload=NO_INTERRUPT,
            silence_logs=logging.CRITICAL if silent else logging.WARNING,
        )
        return stack.enter_context(Client(stack.enter_context(local)))
    check_address(scheduler, tls)
    security = None if tls is None else _security(tls)
    try:
        client = Client(scheduler, security=security, timeout=WAIT, set_as_default=False)
    except Exception as fault:
        raise EscalateError(f"--scheduler {scheduler}: {_why_not(fault, tls)}") from None
    stack.enter_context(client)
    try:
        client.wait_for_workers(1, timeout=NO_WORKER)
    except TimeoutError:
        raise EscalateError(
            f"--scheduler {scheduler}: has no worker; start some with 'dask worker {scheduler}'"
        ) from None
    return client


def _why_not(fault: Exception, tls: Tls | None) -> str:
    text = str(fault)
    if "certificate" in text.lower():
        return "and this client do not accept each other's certificates; they must come from one authority"
    if isinstance(fault, TimeoutError) or "Timed out" in text:
        return f"no scheduler answers there within {WAIT} s; start one with 'dask scheduler'"
    other = "it may ask for tls:// and certificates" if tls is None else "it may not speak TLS"
    return f"something there ends the connection; {other}, or be no scheduler of this version of Dask"


def _security(tls: Tls) -> Security:
    """Return the certificates for Dask, read once here, where what is wrong with them can be said."""
    from distributed.security import Security as Made  # noqa: PLC0415

    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ValueError):
        raise EscalateError(f"--tls-ca-file {tls.ca_file}: holds no certificate that can be read") from None
    try:
        # A password is not asked for: nobody may be there.
        context.load_cert_chain(tls.cert, tls.key, password="")
    except (OSError, ValueError):
        raise EscalateError(
            f"--tls-cert {tls.cert}: and --tls-key {tls.key} are no certificate with its key, without a password"
        ) from None
    return Made(tls_ca_file=tls.ca_file, tls_client_cert=tls.cert, tls_client_key=tls.key, require_encryption=True)
