"""A real browser for the tests: Chromium, which may talk to 127.0.0.1 alone and must not complain."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    ProxySettings,
    WebError,
    sync_playwright,
)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE_BELOW = 600
TIMEOUT_MS = 20_000
LOCAL_SCHEMES = {"about", "blob", "data"}
# Chromium's own console tells of most violations; this tells of all, with the directive and the place.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event => console.error(
  `content security policy: ${event.effectiveDirective} refuses ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`))
"""


class Guard:
    """What a page did that it must not do: requests elsewhere, console errors, dialogs, uncaught exceptions."""

    def __init__(self, context: BrowserContext, allow: Sequence[str] = ()) -> None:
        self.faults: list[str] = []
        self._allow = [re.compile(pattern) for pattern in allow]
        context.add_init_script(TELL_VIOLATIONS)
        context.on("request", lambda request: self._address(request.url))
        context.on("console", self._console)
        context.on("dialog", self._dialog)
        context.on("weberror", self._exception)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._address(socket.url)))

    def check(self) -> None:
        """Fail with all that was noted, if anything was."""
        assert not self.faults, "the page misbehaved:\n" + "\n".join(self.faults)

    def _note(self, fault: str) -> bool:
        allowed = any(pattern.search(fault) for pattern in self._allow)
        if not allowed:
            self.faults.append(fault)
        return allowed

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in LOCAL_SCHEMES and parts.hostname != "127.0.0.1":
            self._note(f"request to another host: {url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _exception(self, error: WebError) -> None:
        self._note(f"exception: {error.error}")

    def _dialog(self, dialog: Dialog) -> None:
        if self._note(f"dialog: {dialog.type}: {dialog.message}"):
            dialog.accept()
        else:
            dialog.dismiss()


def chromium() -> str:
    """Return the path of Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise RuntimeError("This test needs a browser, Debian package chromium, and there is none here.")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a running Chromium.

    While it runs, Django takes this thread for asynchronous code and refuses the database: prepare the data before,
    or by the server or the command line.
    """
    # Port 9 is a proxy where nobody listens: whatever the page or Chromium itself asks of another host stays on this machine.
    proxy = ProxySettings(server="http://127.0.0.1:9", bypass="127.0.0.1")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS, proxy=proxy)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def page(
    width: int = 1280, height: int = 900, *, using: Browser | None = None, allow: Sequence[str] = ()
) -> Iterator[Page]:
    """Give an empty page in a session of its own; at the end, fail if the page misbehaved.

    Parameters
    ----------
    width, height
        Size in CSS pixels; a page narrower than 600 is a phone's, with touch and the viewport the page asks for.
    using
        A browser to share, for several people at once; without it, one is started for this page.
    allow
        Regular expressions of what may happen, such as ``"status of 403"`` or ``"dialog: confirm"`` (then accepted).
    """
    phone = width < PHONE_BELOW
    with ExitStack() as stack:
        context = (using or stack.enter_context(browser())).new_context(
            viewport={"width": width, "height": height},
            is_mobile=phone,
            has_touch=phone,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        stack.callback(context.close)
        context.set_default_timeout(TIMEOUT_MS)
        guard = Guard(context, allow)
        yield context.new_page()
        guard.check()


def axe_faults(page: Page) -> list[str]:
    """Return the serious and critical faults of accessibility that axe finds on the page, one line an element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['impact']}: {fault['id']}: {fault['help']}: {' '.join(map(str, node['target']))}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return by how many CSS pixels the page is wider than its window; 0 where nothing scrolls sideways."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return max(width, 0)
