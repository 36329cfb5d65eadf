"""What the commands on a record share: which database, who acts, signing, and answers that tell what was recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.cli.output import emit
from escalate.core.errors import EscalateError, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.conduct.actor import Actor
    from escalate.conduct.chain import Entry
    from escalate.conduct.signatures import Signing

Trial = Annotated[str, typer.Argument(metavar="TRIAL", help="Name of the trial.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="FILE",
        help="The record: an SQLite file, or the address of a PostgreSQL database; else that of ESCALATE_DATABASE, or "
        "escalate.db.",
    ),
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who acts; the person signed in to the operating system if not given."),
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Day looked at, for designs with a DLT window; today if not given."),
]
Sign = Annotated[bool, typer.Option("--sign", help="Sign it, with the password of the account of the one who acts.")]
Meaning = Annotated[
    str | None,
    typer.Option("--meaning", metavar="WORD", help="What the signature says: authorship, review or approval."),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]
MAX_NAME = 80


def open_record(database: str | None) -> None:
    """Work on the record that is meant.

    Raises
    ------
    RecordError
        Where there is none, or it cannot be used.
    """
    from escalate.conduct import database as record

    record.connect(_named(database))


def _named(database: str | None) -> str:
    """Return which record is meant; an empty name, as of a variable that is not set, is no name of another one."""
    from escalate.conduct.database import named

    if database is not None and not database.strip():
        raise EscalateError("--database: is empty; name the record, or leave the option out")
    return named(database)


def open_for(by: str | None, database: str | None, *, create: bool = False) -> Actor:
    """Work on the record that is meant, and return who acts, through the command line of which user of the system.

    Parameters
    ----------
    create
        Make the record where there is none.

    Raises
    ------
    EscalateError
        Where the name is empty, too long, or cannot be printed; or as `open_record`.
    """
    from escalate.conduct import database as record

    user = _user()
    name = (user if by is None else by).strip()
    if not name:
        raise EscalateError("--by: is empty; give the name of the person who acts")
    if not name.isprintable():
        raise EscalateError("--by: holds characters that cannot be printed; give a name in plain letters")
    if len(name) > MAX_NAME:
        raise EscalateError(f"--by: is longer than {MAX_NAME} letters; give the name alone")
    record.connect(_named(database), create=create)
    from escalate.conduct.actor import Actor

    return Actor(name, f"command line (os user {user})"[:80], everywhere=True)


def no_database() -> None:
    """Let what needs no database, such as an archive, be looked at before one is opened or made."""
    import django
    from django.conf import settings

    from escalate.conduct.settings import settings_for

    if not settings.configured:
        settings.configure(**settings_for(os.devnull))
        django.setup()


@contextmanager
def together() -> Iterator[None]:
    """Keep all that is recorded in the block, or nothing of it."""
    from django.db import transaction

    from escalate.conduct import store
    from escalate.conduct.database import faults_told

    try:
        with faults_told(), transaction.atomic():
            yield
    except BaseException:
        # What was read on the way was never kept.
        store.forget()
        raise


def _user() -> str:
    """Return the person signed in to the operating system; the environment could name anybody."""
    try:
        import pwd
    except ImportError:  # Windows
        import getpass

        return getpass.getuser()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def day(as_of: str | None) -> date | None:
    """Return the day given.

    Raises
    ------
    DataError
        Where it is none.
    """
    from escalate.core.read_dated import day_of

    return None if as_of is None else day_of(as_of, "--as-of")


def check_meaning(sign: bool, meaning: str | None, password_stdin: bool) -> None:
    """Refuse a meaning that is none, and settings of a signature where nothing is signed.

    Raises
    ------
    EscalateError
        Saying which.
    """
    from escalate.conduct.signatures import MEANINGS

    if not sign and (meaning is not None or password_stdin):
        option = "--meaning" if meaning is not None else "--password-stdin"
        raise EscalateError(f"{option}: is for a signature; add --sign")
    if meaning is not None and meaning not in MEANINGS:
        raise EscalateError(f"--meaning: '{meaning[:40]}' is not one; {did_you_mean(meaning[:40], MEANINGS)}")


def signing(actor: Actor, sign: bool, meaning: str | None, otherwise: str, password_stdin: bool) -> Signing | None:
    """Return the signature of the one who acts, once the password is right; None where nothing is signed.

    Parameters
    ----------
    otherwise
        The meaning where none is given.

    Raises
    ------
    EscalateError
        Where there is no such account, or the password is not right, which the record of the system keeps.
    """
    if not sign:
        return None
    from django.contrib.auth import get_user_model

    from escalate.conduct import accounts, store
    from escalate.conduct.database import faults_told
    from escalate.conduct.signatures import Signing

    with faults_told():
        user = get_user_model().objects.filter(username=actor.name).first()
    if user is None:
        raise EscalateError(
            f"--sign: there is no account '{actor.name}'; a signature needs one: name it with --by, or have it made with "
            "'escalate account add'"
        )
    account = accounts.account(actor.name)
    if not account.active or not user.check_password(_password(actor.name, password_stdin)):
        why = "the password is not right" if account.active else "the account is shut"
        store.note("password_refused", {"account": actor.name, "why": why}, actor)
        raise EscalateError(f"--sign: {why}; nothing was recorded")
    word: Any = meaning or otherwise
    return Signing(account.full_name, word)


def _password(name: str, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise EscalateError("--sign: there is no terminal to ask for the password; give it with --password-stdin")
    import getpass

    return getpass.getpass(f"Password of {name}: ", stream=sys.stderr)


@contextmanager
def recording(trial: str) -> Iterator[None]:
    """Say of an interruption that it may have come after the record went on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; 'escalate trial history {trial}' shows whether it was recorded: it is whole, or not there"
        ) from None


def tell(
    entries: list[Entry], as_json: bool, form: Callable[[], dict[str, Any]], render: Callable[[], RenderableType]
) -> None:
    """Print what was recorded.

    Raises
    ------
    EscalateError
        Where the answer cannot be written, saying that the record has it all the same.
    """
    try:
        emit(as_json, form, render)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as fault:
        # The rest of the answer must not be tried again as the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        numbers = ", ".join(str(entry.number) for entry in entries)
        said = f"recorded as entry {numbers}, but" if entries else "nothing was recorded, and"
        raise EscalateError(f"{said} the answer cannot be written ({fault.strerror})") from None
