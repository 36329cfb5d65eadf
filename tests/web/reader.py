"""A person at the pages of the demonstration, in a real browser."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import axe_faults, overflow, page

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@dataclass
class Demo:
    """A running demonstration, and the passwords that it printed."""

    address: str
    passwords: dict[str, str]


@dataclass
class Reader:
    """A person at a page, who looks at it on a desktop and on a telephone."""

    page: Page
    demo: Demo
    name: str
    shots: Path
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def sign_in(self) -> None:
        """Sign in on the first page."""
        self.page.goto(f"{self.demo.address}/")
        self.look("sign-in")
        self.page.get_by_label("Name", exact=True).fill(self.name)
        self.page.get_by_label("Password", exact=True).fill(self.demo.passwords[self.name])
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def look(self, name: str) -> None:
        """Take pictures at both widths, and note what axe and the width of the page find."""
        if name in self.seen:
            return
        self.seen.add(name)
        for size, (width, height) in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.screenshot(path=self.shots / f"{name}-{size}.png", full_page=True)
            if overflow(self.page):
                self.faults.append(f"{name} on a {size}: {overflow(self.page)} pixels too wide")
            # One page of a kind is enough on the telephone.
            if size == "desktop" or "-" not in name or name == "trial-void":
                self.faults += [f"{name} on a {size}: {fault}" for fault in axe_faults(self.page)]
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def main(self) -> str:
        """Return the large sentence."""
        return self.page.locator(".lead").first.inner_text().replace("\N{NO-BREAK SPACE}", " ")

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name).click()

    def go_on(self, expected: str) -> None:
        """Follow the one clear button of the page."""
        button = self.page.locator(".todo a.button.main")
        assert button.inner_text() == expected
        button.click()

    def focused(self) -> str:
        """Return the text of what has the focus."""
        found: str = self.page.evaluate("document.activeElement.innerText")
        return found

    def tab_to(self, wanted: str) -> None:
        """Go on with the tabulator until a field has the focus."""
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.id") == wanted:
                return
        pytest.fail(f"the tabulator does not reach {wanted}")

    def to_trial(self) -> None:
        """Open the page of the trial."""
        self.page.goto(f"{self.demo.address}/trials/tvec-liver/")

    def enter(self, numbers: list[str], name: str, outcome: str | None = None) -> None:
        """Enter a cohort, looking at it first."""
        self.go_on(name)
        self.look("enter")
        for k, number in enumerate(numbers, start=1):
            patient = self.page.get_by_role("group", name=f"Patient {k}")
            patient.get_by_label("Study number").fill(number)
            if outcome is not None:
                patient.get_by_label("Outcome", exact=True).select_option(outcome)
        self.press("Look at it first")
        self.page.get_by_text("This would be recorded").wait_for()
        self.look("enter-preview")
        self.press("Record")
        assert "Recorded as entry" in self.page.locator(".notice.good").inner_text()

    def report(self, outcomes: dict[str, str]) -> None:
        """Report outcomes, one patient after the other."""
        for number, outcome in outcomes.items():
            self.go_on(f"Report the outcome of {number}")
            self.look("patient")
            self.page.get_by_label("Outcome", exact=True).select_option(outcome)
            self.press("Record")

    def decide(self, choice: str, level: str | None = None, reason: str | None = None) -> None:
        """Decide and sign."""
        self.go_on("Decide")
        self.look("decide")
        self.page.get_by_label(re.compile(f"^{choice}")).check()
        if level:
            self.page.get_by_label("Level", exact=True).select_option(level)
        if reason:
            self.page.get_by_label("Reason", exact=True).fill(reason)
        self.page.get_by_label("Your password").fill(self.demo.passwords[self.name])
        self.press("Sign and record the decision")


def person(using: Browser, stack: ExitStack, demo: Demo, name: str, shots: Path) -> Reader:
    # What a form refuses has a status of its own, which the browser's console tells.
    shown = stack.enter_context(page(using=using, allow=["status of 4(09|22)"]))
    return Reader(shown, demo, name, shots)
