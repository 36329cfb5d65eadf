"""The door in a real browser: it works by keyboard alone, fits a phone, and no page of it has a fault of accessibility."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import axe_faults, browser, overflow, page
from tests.web import client
from tests.web.test_gate_server import served

REFUSED = ["status of 4"]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record with people."""
    path = tmp_path_factory.mktemp("browser") / "record.db"
    with client.closing():
        client.set_up(path)
    return path


def test_by_keyboard_on_both_widths(record: Path) -> None:
    """A person signs in with the keyboard, is told of a wrong password, changes it and signs out; on a desk and on a phone."""
    passwords = [client.PASSWORD, "another long password", "yet another password"]
    with served("--database", record) as (_, address), browser() as chromium:
        for width, (old, new) in ((1280, passwords[:2]), (390, passwords[1:])):
            with page(width, using=chromium, allow=REFUSED) as tab:

                def looks_right() -> None:
                    assert axe_faults(tab) == []
                    assert overflow(tab) == 0

                tab.goto(f"{address}trials/tvec/")
                assert tab.title().startswith("Sign in")
                looks_right()
                tab.get_by_label("Name").focus()
                tab.keyboard.type("vera")
                tab.keyboard.press("Tab")
                tab.keyboard.type("a wrong password")
                tab.keyboard.press("Enter")
                tab.get_by_role("alert").get_by_text("Name or password is not right.").wait_for()
                assert tab.get_by_label("Name").input_value() == "vera"
                assert tab.get_by_label("Password").input_value() == ""
                looks_right()
                tab.get_by_label("Password").fill(old)
                tab.keyboard.press("Enter")
                tab.wait_for_url("**/trials/tvec/")
                tab.goto(f"{address}password")
                looks_right()
                for label, value in (
                    ("Password now", old),
                    ("of at least 12", new),
                    ("once more", "a third one, mistyped"),
                ):
                    tab.get_by_label(label).fill(value)
                tab.keyboard.press("Enter")
                tab.get_by_role("alert").get_by_text("not the same").wait_for()
                looks_right()
                for label, value in (("Password now", old), ("of at least 12", new), ("once more", new)):
                    tab.get_by_label(label).fill(value)
                tab.keyboard.press("Enter")
                tab.get_by_text("The password was changed").wait_for()
                for where, words in (
                    ("trials/tvec/enter", "takes the role of site"),
                    ("trials/other/", "no trial"),
                    ("none", "no such page"),
                ):
                    tab.goto(f"{address}{where}")
                    tab.get_by_role("alert").get_by_text(words).wait_for()
                    looks_right()
                tab.get_by_role("button", name="Sign out").click()
                tab.wait_for_url("**/sign-in")
                tab.go_back()
                # What was seen is not shown again from the memory of the browser.
                tab.goto(f"{address}trials/tvec/")
                assert tab.title().startswith("Sign in")
                cookies = tab.context.cookies()
                assert all(cookie["httpOnly"] and cookie["sameSite"] == "Strict" for cookie in cookies)
