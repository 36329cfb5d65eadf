"""The command that signs what stands on record."""

from __future__ import annotations

from typing import Annotated

import typer

from escalate.cli.output import AsJson
from escalate.cli.record_common import (
    By,
    Database,
    Meaning,
    PasswordStdin,
    Trial,
    check_meaning,
    open_for,
    recording,
    signing,
)
from escalate.cli.record_entering import told
from escalate.core.errors import EscalateError


def sign(
    trial: Trial,
    entry: Annotated[
        int | None,
        typer.Option(
            "--entry", metavar="N", help="Entry of the decision, second opinion, closing or design amendment."
        ),
    ] = None,
    meaning: Meaning = None,
    password_stdin: PasswordStdin = False,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Sign an entry that stands on record, such as a decision that was reviewed; asks for the password."""
    if entry is None:
        raise EscalateError(
            "--entry: is missing; give the number of the entry to sign, which 'escalate trial history' shows"
        )
    actor = open_for(by, database)
    check_meaning(True, meaning, password_stdin)
    from escalate.conduct import signatures, store

    state = store.load(trial)
    subject = next(store.entries_of(trial, entry - 1, limit=1), None) if entry > 0 else None
    if subject is None:
        raise EscalateError(f"--entry: there is no entry {entry} in {trial}; it has {state.last.number}")
    # What cannot be signed is said before a password is asked for.
    signatures.record_sha256(state, subject.hash)
    signature = signing(actor, True, meaning, "review", password_stdin)
    assert signature is not None
    with recording(trial):
        written = signatures.sign(trial, subject.hash, signature, actor, seen=state.head)
        told([written], store.load(trial), as_json)
