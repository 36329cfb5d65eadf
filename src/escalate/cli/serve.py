"""`escalate serve`: the pages of the trials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.record_common import Database
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from escalate.web.settings import Serving


def serve(
    database: Database = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Name under which the server is reached; may be repeated."),
    ] = None,
    behind_https: Annotated[
        bool, typer.Option("--behind-https", help="A proxy on this machine, or --proxy, speaks https for this server.")
    ] = False,
    proxy: Annotated[
        str | None, typer.Option("--proxy", metavar="ADDRESS", help="Address of that proxy, if it is another machine.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen on a network without https, where passwords can be read.")
    ] = False,
    threads: Annotated[int, typer.Option("--threads", help="Requests answered at the same time.")] = 8,
    demo: Annotated[
        bool, typer.Option("--demo", help="Show a trial with synthetic outcomes, to try the pages.")
    ] = False,
) -> None:
    """Serve the pages of the trials, on this machine alone unless told otherwise."""
    from escalate.conduct.database import named, shown
    from escalate.web.server import Place, is_loopback
    from escalate.web.server import serve as run
    from escalate.web.settings import Serving

    if proxy is not None and not behind_https:
        raise EscalateError("--proxy: goes with --behind-https")
    if database is not None and not database.strip():
        raise EscalateError("--database: is empty; name the record, or leave the option out")
    own = f"[{host}]" if ":" in host else host
    names = [*(allow_host or ()), *([] if host in ("0.0.0.0", "::", "") else [own])]
    serving = Serving(hosts=tuple(dict.fromkeys(names)), https=behind_https)
    place = Place(host, port, threads, proxy, insecure)
    if demo:
        if not is_loopback(host):
            raise EscalateError(f"--demo: shows its passwords, and is for this machine alone; leave out --host {host}")
        where, serving = _demonstration(database, serving)
    else:
        where = named(database)
    if insecure and not is_loopback(host) and not behind_https:
        print("warning: passwords travel unencrypted over the network (--insecure)", file=sys.stderr, flush=True)

    def ready(address: str) -> None:
        print(
            f"escalate serves {'a demonstration' if demo else shown(where)} at {address} (Ctrl-C stops it)", flush=True
        )

    try:
        run(where, serving, place, ready)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _demonstration(database: str | None, serving: Serving) -> tuple[str, Serving]:
    """Prepare a demonstration, say its passwords, and return where it is."""
    import tempfile
    from dataclasses import replace

    from escalate.conduct.settings import is_url
    from escalate.web.demo import prepare
    from escalate.web.settings import start

    if database is None:
        where = str(Path(tempfile.mkdtemp(prefix="escalate-demo-")) / "demo.db")
    elif is_url(database) or Path(database).exists():
        raise EscalateError("--demo: makes a record of its own; name a file with --database that does not exist yet")
    else:
        where = database
    start(where, create=True, serving=replace(serving, demo=True))
    accounts = prepare()
    print("A demonstration: synthetic outcomes, which nobody may take for a trial. Sign in as one of these:")
    for account in accounts:
        print(f"  {account.name:<12} {account.password:<24} {account.role}")
    return where, replace(serving, demo=True, demo_accounts=tuple(accounts))
