"""The pages for another server of WSGI: `gunicorn escalate.web.wsgi`, told by the environment what to serve.

ESCALATE_DATABASE names the record, ESCALATE_HOSTS the names of the server (with commas between), and ESCALATE_BEHIND_HTTPS=1
says that a proxy before it speaks https; it must then set the scheme of WSGI, as gunicorn does by X-Forwarded-Proto.
"""

from __future__ import annotations

import os
from typing import Any

from escalate.conduct.database import named
from escalate.web.server import application as application_of
from escalate.web.server import check_accounts
from escalate.web.settings import Serving, start


def __getattr__(name: str) -> Any:
    """Return `application`, begun when it is first asked for: to import this module opens no database."""
    if name != "application":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    hosts = os.environ.get("ESCALATE_HOSTS", "").split(",")
    start(
        named(None),
        serving=Serving(
            hosts=tuple(host.strip() for host in hosts if host.strip()),
            https=os.environ.get("ESCALATE_BEHIND_HTTPS") == "1",
        ),
    )
    check_accounts()
    globals()[name] = application_of()
    return globals()[name]
