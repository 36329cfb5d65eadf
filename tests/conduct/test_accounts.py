"""Accounts and tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from escalate.conduct import accounts, store
from escalate.conduct.errors import NotFoundError, RecordError
from escalate.conduct.models import ApiToken
from tests.conduct.acting import ana, is_told

pytestmark = pytest.mark.usefixtures("record")
PASSWORD = "three calm otters"


def add(name: str = "carl", full_name: str = "Carl Chair", password: str | None = PASSWORD, **more: bool) -> None:
    accounts.add_account(name, full_name, password, ana, **more)


def test_an_account() -> None:
    """An account has a name to sign in with and one to print, and the record says who made it, never its password."""
    add()
    assert accounts.account("carl") == accounts.Account("carl", "Carl Chair", False, True)
    (entry,) = store.entries_of(store.SYSTEM)
    assert (entry.kind, entry.by) == ("account_added", "ana")
    assert "otters" not in entry.body


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a" * 81, "ü", "a\n", "a\0", "\ud800", "<b>", "a/b", "a'"])
def test_names_that_are_none(name: str) -> None:
    """Names are letters, digits and . _ @ - and nothing else."""
    with pytest.raises(RecordError, match=r"^name: "):
        add(name)
    with pytest.raises(NotFoundError):
        accounts.account(name)


@pytest.mark.parametrize("again", ["carl", "Carl", "CARL"])
def test_a_name_is_taken_once(again: str) -> None:
    """A second account that differs in case alone would be the second person of the first."""
    add()
    with pytest.raises(RecordError, match="there is an account"):
        add(again)


@pytest.mark.parametrize("full_name", ["", "  ", "x" * 151, "a\nb", "a\0", "\ud800", "a\u202eb"])
def test_printed_names(full_name: str) -> None:
    """What is printed with a signature can be printed."""
    with pytest.raises(RecordError, match=r"^full name: "):
        add(full_name=full_name)


@pytest.mark.parametrize("password", ["", "short", "12345678901234", "password1234", "carl chair 12"])
def test_easy_passwords(password: str) -> None:
    """Short, common and numeric passwords, and those like the name, are refused, and no account is made."""
    with pytest.raises(RecordError, match=r"^password: "):
        add(password=password)
    assert accounts.accounts() == ()
    assert not list(store.entries_of(store.SYSTEM))


def test_passwords_are_kept_as_argon2() -> None:
    """Passwords are hashed with argon2; an account without one has none that could be right."""
    from django.contrib.auth import get_user_model

    add()
    add("odile", "Odile", None)
    users = get_user_model().objects
    assert users.get(username="carl").password.startswith("argon2")
    assert users.get(username="carl").check_password(PASSWORD)
    assert not users.get(username="odile").has_usable_password()
    accounts.set_password("carl", "four calm otters!", ana)
    assert not users.get(username="carl").check_password(PASSWORD)
    assert [entry.kind for entry in store.entries_of(store.SYSTEM)][-1] == "password_changed"


def test_tokens() -> None:
    """A token is its owner's until it ends, is withdrawn, or the account is shut; only its hash is kept."""
    add()
    token = accounts.issue_token("carl", "laptop", 30, ana)
    owner = accounts.owner_of(token)
    assert owner is not None
    assert owner.name == "carl"
    assert not ApiToken.objects.filter(sha256=token).exists()
    assert token not in str([entry.body for entry in store.entries_of(store.SYSTEM)])
    for wrong in ("", token[:-1], token + "x", token.upper(), "\ud800", "a\0", " " + token):
        assert accounts.owner_of(wrong) is None
    accounts.set_active("carl", False, ana)
    assert accounts.owner_of(token) is None
    accounts.set_active("carl", True, ana)
    assert accounts.owner_of(token) is not None
    assert accounts.withdraw_tokens("carl", ana) == 1
    assert accounts.owner_of(token) is None
    assert accounts.withdraw_tokens("carl", ana) == 0


def test_another_password_withdraws_the_tokens() -> None:
    """Whoever had the old password may have made a token: with another one all of the account's are withdrawn, and no others."""
    add()
    add("nora", "Nora")
    token, other = (accounts.issue_token(name, "laptop", 30, ana) for name in ("carl", "nora"))
    accounts.set_password("carl", "four calm otters!", ana)
    assert accounts.owner_of(token) is None
    assert accounts.owner_of(other) is not None
    assert accounts.owner_of(accounts.issue_token("carl", "laptop", 30, ana)) is not None


def test_tokens_end() -> None:
    """A token ends on its day."""
    add()
    token = accounts.issue_token("carl", "laptop", 1, ana)
    ApiToken.objects.update(expires=datetime.now(UTC) - timedelta(seconds=1))
    assert accounts.owner_of(token) is None
    for days in (0, -1, 366):
        with pytest.raises(RecordError, match=r"^days: "):
            accounts.issue_token("carl", "laptop", days, ana)


@pytest.mark.parametrize("label", ["a\0b", "\ud800", "x" * 500])
def test_labels(label: str) -> None:
    """A label that cannot be kept is refused or cut, never an error of the database."""
    add()
    try:
        accounts.issue_token("carl", label, 1, ana)
    except RecordError as error:
        is_told(error, "label: ")


def test_accounts_that_are_not_there() -> None:
    """What is done to an account that is not there is refused."""
    for act in (
        lambda: accounts.set_password("nobody", PASSWORD, ana),
        lambda: accounts.set_active("nobody", False, ana),
        lambda: accounts.issue_token("nobody", "x", 1, ana),
        lambda: accounts.withdraw_tokens("nobody", ana),
    ):
        with pytest.raises(NotFoundError, match="there is no account 'nobody'"):
            act()


def test_half_an_account_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the record cannot be written, the account is not there either."""
    monkeypatch.setattr(store.Pen, "note", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add()
    assert accounts.accounts() == ()
