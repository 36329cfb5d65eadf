"""`escalate account`: who may sign in to the pages, and in which roles."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.cli.output import AsJson, emit
from escalate.cli.record_common import Database, PasswordStdin, open_for
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.conduct.accounts import Account

app = typer.Typer(
    name="account",
    help="Accounts of the pages and the API: make, shut, give a password, a token, or roles in a trial.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
DAYS = 90
"""Days until a token ends, where none are given."""
Name = Annotated[str, typer.Argument(help="Name with which the person signs in.")]


@app.callback()
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def _password(name: str, from_input: bool) -> str:
    """Return a password, asked for twice and never shown."""
    if from_input:
        line = sys.stdin.readline()
        password = line.rstrip("\r\n")
        if not password:
            raise EscalateError("--password-stdin: standard input holds no password")
        return password
    if not sys.stdin.isatty():
        raise EscalateError("a password is asked for at a terminal; without one, say --password-stdin")
    password = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("The same once more: ") != password:
        raise EscalateError("the two are not the same; nothing was changed")
    return password


def _tell_new(database: str | None) -> None:
    """Say where a record was begun just now: a mistyped name would go unseen otherwise."""
    from escalate.conduct.database import faults_told, named, shown
    from escalate.conduct.models import RecordEntry

    with faults_told():
        if not RecordEntry.objects.exists():
            print(
                f"note: {shown(named(database))}: there was no record; a new one was begun", file=sys.stderr, flush=True
            )


def _form(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "full_name": account.full_name,
        "admin": account.admin,
        "active": account.active,
    }


def _say(as_json: bool, form: dict[str, Any], sentence: str) -> None:
    def render() -> RenderableType:
        from rich.text import Text

        return Text(sentence)

    emit(as_json, lambda: form, render)


@app.command()
def add(
    name: Name,
    full_name: Annotated[
        str | None, typer.Option("--full-name", help="Name as printed with signatures; NAME if not given.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Administrator of the server: begins trials and gives roles.")
    ] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For a person who signs in at an identity provider (OpenID Connect).")
    ] = False,
    password_stdin: PasswordStdin = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make an account; its password is asked for twice."""
    actor = open_for(None, database, create=True)
    from escalate.conduct import accounts

    _tell_new(database)
    password = None if no_password else _password(name, password_stdin)
    account = accounts.add_account(name, full_name if full_name is not None else name, password, actor, admin=admin)
    kind = "administrator" if admin else "account"
    _say(as_json, _form(account), f"{kind} {account.name} ({account.full_name}) was made")


@app.command()
def password(
    name: Name, password_stdin: PasswordStdin = False, database: Database = None, as_json: AsJson = False
) -> None:
    """Give an account another password; whoever is signed in with it is signed out, and its tokens are withdrawn."""
    actor = open_for(None, database)
    from escalate.conduct import accounts

    accounts.account(name)
    accounts.set_password(name, _password(name, password_stdin), actor)
    _say(as_json, _form(accounts.account(name)), f"{name} has another password; earlier sessions and tokens have ended")


@app.command("list")
def list_(database: Database = None, as_json: AsJson = False) -> None:
    """List the accounts."""
    open_for(None, database)
    from escalate.conduct import accounts

    found = accounts.accounts()

    def render() -> RenderableType:
        from rich.table import Table

        table = Table("name", "full name", "administrator", "signs in")
        for account in found:
            table.add_row(
                account.name, account.full_name, "yes" if account.admin else "", "yes" if account.active else "shut"
            )
        return table

    emit(as_json, lambda: {"accounts": [_form(account) for account in found]}, render)


@app.command()
def shut(name: Name, database: Database = None, as_json: AsJson = False) -> None:
    """Let an account sign in no longer; its sessions and tokens end, and what it wrote stays."""
    actor = open_for(None, database)
    from escalate.conduct import accounts

    accounts.account(name)
    accounts.set_active(name, False, actor)
    accounts.withdraw_tokens(name, actor)
    _say(as_json, _form(accounts.account(name)), f"{name} is shut: sessions and tokens have ended")


@app.command("open")
def open_(name: Name, database: Database = None, as_json: AsJson = False) -> None:
    """Let an account that is shut sign in again."""
    actor = open_for(None, database)
    from escalate.conduct import accounts

    accounts.account(name)
    accounts.set_active(name, True, actor)
    _say(as_json, _form(accounts.account(name)), f"{name} may sign in again; tokens that were withdrawn stay so")


@app.command()
def token(
    name: Name,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", help="Days until it ends, 1 to 365; 90 if not given.")
    ] = None,
    label: Annotated[str | None, typer.Option("--label", metavar="TEXT", help="What it is for.")] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Make none, and end every token of the account at once.")
    ] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Print a new token of the API, which is shown this once; or withdraw every token of the account."""
    if withdraw and (days is not None or label is not None):
        option = "--days" if days is not None else "--label"
        raise EscalateError(f"{option}: is for a new token; --withdraw makes none")
    actor = open_for(None, database)
    from escalate.conduct import accounts

    if withdraw:
        n = accounts.withdraw_tokens(name, actor)
        said = f"{n} token{'s' if n > 1 else ''} of {name} withdrawn" if n else f"{name} had no token to withdraw"
        _say(as_json, {"account": name, "withdrawn": n}, said)
        return
    days, label = DAYS if days is None else days, label or ""
    found = accounts.issue_token(name, label, days, actor)
    _say(as_json, {"account": name, "label": label, "days": days, "token": found}, found)


@app.command()
def roles(
    trial: Annotated[str, typer.Argument(help="Name of the trial.")],
    name: Name,
    roles: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROLE]...", help="viewer, site, statistician, chair, admin; none takes them away."),
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Say which roles an account has in a trial from now on."""
    actor = open_for(None, database)
    from escalate.conduct import accounts, store
    from escalate.conduct.opening import give_roles

    accounts.account(name)
    give_roles(trial, name, roles or (), actor)
    now = sorted(store.load(trial).roles_of(name))
    said = f"{name} is now {', '.join(now)} of {trial}" if now else f"{name} has no role in {trial} any more"
    _say(as_json, {"trial": trial, "account": name, "roles": now}, said)
