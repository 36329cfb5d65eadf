"""The demonstration: the T-VEC liver trial, opened, with nobody treated yet, and the accounts that can run it."""

from __future__ import annotations

import secrets
from importlib.resources import files

from escalate.web.settings import DemoAccount

TRIAL = "tvec-liver"
DESIGN = "tvec-liver-boin.yaml"
PEOPLE = (
    ("chair", "Demo Chair", ("site", "statistician", "chair", "admin"), "can do all but agree with their own decision"),
    ("statistician", "Demo Statistician", ("statistician",), "gives the second opinion"),
    ("site", "Demo Site", ("site",), "enters patients and outcomes"),
    ("viewer", "Demo Viewer", ("viewer",), "looks on"),
)
"""Name, full name, roles, and what the sign-in page says of the account."""


def prepare() -> tuple[DemoAccount, ...]:
    """Open the trial of the demonstration in the database at hand, and return its accounts with fresh passwords."""
    # These need a database, which is there only now.
    from escalate.conduct import accounts, opening
    from escalate.conduct.actor import Actor
    from escalate.conduct.design_lock import lock_text

    actor = Actor("escalate", "demonstration", everywhere=True)
    text = files("escalate.web.demo").joinpath(DESIGN).read_text(encoding="utf-8")
    opening.open_trial(TRIAL, lock_text(text, DESIGN), actor, synthetic=True)
    made = []
    for name, full_name, roles, role in PEOPLE:
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        accounts.add_account(name, full_name, password, actor)
        opening.give_roles(TRIAL, name, roles, actor)
        made.append(DemoAccount(name, password, role))
    return tuple(made)
