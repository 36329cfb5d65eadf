"""The server: waitress in one process, on loopback unless told otherwise."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Thread
from typing import Any

from escalate.conduct.errors import RecordError
from escalate.web.settings import LARGEST_FORM, Serving, start

THREADS = 4


@dataclass(frozen=True)
class Place:
    """Where a server listens, and how.

    Parameters
    ----------
    proxy
        Address of the proxy that speaks https, whose word on scheme and client is taken.
    insecure
        Whether passwords may travel unencrypted over a network.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = THREADS
    proxy: str | None = None
    insecure: bool = False


def is_loopback(host: str) -> bool:
    """Return whether a name or address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def serve(where: str, serving: Serving, place: Place, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    ready
        Called with the address of the pages when they can be opened.

    Raises
    ------
    RecordError
        Where the place is taken, there is no account, or passwords would travel unencrypted.
    """
    from waitress.wasyncore import close_all

    check_place(serving, place)
    start(where, serving=serving)
    check_accounts()
    _tell_faults()
    channels: dict[int, Any] = {}
    server = _listening(place, serving, channels)
    Thread(target=_read_ahead, daemon=True).start()
    # What stops a service is no fault either.
    signal.signal(signal.SIGTERM, _end)
    ready(f"http://{_shown(place.host)}:{_port_of(server)}/")
    try:
        # It ends by itself at an interruption.
        server.run()
    finally:
        close_all(channels)


def _read_ahead() -> None:
    """Read every trial once, so that nobody waits for the list of trials after a start."""
    from django.db import connections

    from escalate.conduct import store

    try:
        store.load_all()
    except RecordError:
        logging.getLogger("escalate").info("trials are read when they are asked for")
    finally:
        connections.close_all()


def _end(number: int, frame: object) -> None:
    raise SystemExit


def check_place(serving: Serving, place: Place) -> None:
    """Refuse to send passwords over a network unencrypted.

    Raises
    ------
    RecordError
        Where nobody said that it should be.
    """
    if not 0 <= place.port <= 65535:
        raise RecordError(f"--port: {place.port} is not a port; it is between 0 and 65535")
    if not 1 <= place.threads <= 64:
        raise RecordError(f"--threads: {place.threads} is not between 1 and 64")
    if is_loopback(place.host) or serving.https or place.insecure:
        return
    raise RecordError(
        f"--host {place.host}: other machines could reach this server, and passwords would travel unencrypted; put a proxy that "
        "speaks https before it and say --behind-https, or say --insecure where the network is one that you trust"
    )


def check_accounts() -> None:
    """Refuse to serve where nobody could sign in.

    Raises
    ------
    RecordError
        Where there is no account.
    """
    from escalate.conduct.accounts import accounts

    if not any(account.active for account in accounts()):
        raise RecordError(
            "nobody could sign in: there is no account here; make the first administrator: escalate account add NAME --admin"
        )


def application() -> Any:
    """Return the application of WSGI; the settings are in place."""
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def _listening(place: Place, serving: Serving, channels: dict[int, Any]) -> Any:
    from waitress.server import create_server

    trusted: dict[str, Any] = {}
    if serving.https:
        trusted = {
            "url_scheme": "https",
            "trusted_proxy": place.proxy or ("::1" if ":" in place.host else "127.0.0.1"),
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
            "clear_untrusted_proxy_headers": True,
        }
    try:
        return create_server(
            application(),
            map=channels,
            listen=f"{_shown(place.host)}:{place.port}",
            threads=place.threads,
            # A little more than Django reads, so that its sentence is what is seen; far more is refused unread.
            max_request_body_size=2 * LARGEST_FORM,
            max_request_header_size=32 * 1024,
            channel_timeout=60,
            cleanup_interval=15,
            connection_limit=500,
            ident="escalate",
            expose_tracebacks=False,
            **trusted,
        )
    except (OSError, socket.gaierror) as fault:
        raise RecordError(_why(place, fault)) from None
    except ValueError as fault:
        raise RecordError(f"--host {place.host}: is not an address of this machine ({fault})") from None


def _why(place: Place, fault: OSError) -> str:
    import errno

    if fault.errno == errno.EADDRINUSE:
        return (
            f"--port {place.port}: is in use on {place.host}; stop what uses it, or choose another (0 takes a free one)"
        )
    if fault.errno == errno.EACCES:
        return f"--port {place.port}: this account of the machine may not listen there; choose one above 1023"
    return f"--host {place.host}: cannot be listened on ({fault.strerror or fault})"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _port_of(server: Any) -> int:
    listening = getattr(server, "effective_listen", None)
    return int(listening[0][1] if listening else server.effective_port)


def _tell_faults() -> None:
    """Write warnings of the server and faults of pages to standard error, and nothing of what people send."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # 4xx answers are the business of whoever asked; refusals stand in the record.
    for name, level in (
        ("django.request", logging.ERROR),
        ("django.security", logging.CRITICAL),
        ("axes", logging.ERROR),
        # The sheet of documents has rules for screens, which paper passes over.
        ("weasyprint", logging.ERROR),
    ):
        logging.getLogger(name).setLevel(level)
