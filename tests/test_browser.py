"""The browser of the tests, and htmx as shipped under the strict policy."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import axe_faults, browser, overflow, page
from tests.helpers import ROOT

VENDOR = ROOT / "src" / "escalate" / "web" / "static" / "vendor"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'"
SETTINGS = next(line for line in (VENDOR / "README.md").read_text().splitlines() if line.startswith("<meta"))


def document(body: str, head: str = "") -> str:
    view = '<meta name="viewport" content="width=device-width">'
    return f'<!doctype html><html lang="en"><head><title>t</title>{view}{head}</head><body><main>{body}</main></body></html>'


class Pages(BaseHTTPRequestHandler):
    """Serves the pages below, each under the strict policy."""

    pages: ClassVar[dict[str, str]] = {
        "/good": document("<h1>A page</h1><p>Text.</p>"),
        "/unlabelled": document('<h1>A page</h1><form><input name="dlt"></form>'),
        "/elsewhere": document('<h1>A page</h1><a href="http://192.0.2.1/">away</a>'),
        "/inline": document("<h1>A page</h1><script>document.title = 'run'</script>"),
        "/style": document("<h1 style='color: red'>A page</h1>"),
        "/dialog": document("<h1>A page</h1>", '<script src="/dialog.js"></script>'),
        "/dialog.js": "confirm('Sure?')",
        "/throws": document("<h1>A page</h1>", '<script src="/throws.js"></script>'),
        "/throws.js": "throw new Error('broken')",
        "/wide": document('<h1>A page</h1><svg width="900" height="9" role="img" aria-label="wide"></svg>'),
        "/htmx": document(
            '<h1>A page</h1><form hx-post="/answer" hx-target="#here"><button>Send</button></form>'
            '<p id="here" role="status"></p><p class="htmx-indicator" hx-get="/answer" hx-trigger="load"></p>',
            SETTINGS + '<script src="/htmx.min.js"></script>',
        ),
        "/answer": "Recorded<script>document.title = 'run'</script>",
        "/htmx.min.js": (VENDOR / "htmx.min.js").read_text(),
    }

    def do_GET(self) -> None:
        """Answer with the page of that path."""
        body = self.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write((body or document("<h1>Not here</h1>")).encode())

    def do_POST(self) -> None:
        """Read what was sent, and answer with the page of that path."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Browser]:
    with browser() as running:
        yield running


def test_a_good_page_passes(site: str) -> None:
    """A page without fault passes the guard and axe, also under a policy that allows next to nothing."""
    with page() as tab:
        tab.goto(f"{site}/good")
        assert tab.inner_text("h1") == "A page"
        assert axe_faults(tab) == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/inline", "content security policy: script-src"),
        ("/style", "content security policy: style-src"),
        ("/dialog", "dialog: confirm: Sure?"),
        ("/throws", "exception: .*broken"),
        ("/absent", "console: .*404"),
    ],
)
def test_the_guard_tells(site: str, shared: Browser, path: str, fault: str) -> None:
    """Broken policy, dialogs, exceptions and failed requests fail the test, and pass where the test allows them."""
    with pytest.raises(AssertionError, match=fault), page(using=shared) as tab:
        tab.goto(site + path)
    with page(using=shared, allow=["content.security.policy", "Content Security Policy", fault]) as tab:
        tab.goto(site + path)


def test_no_other_host(site: str, shared: Browser) -> None:
    """A page that asks another host fails the test, and gets no answer."""

    def follow() -> None:
        with page(using=shared) as tab:
            tab.goto(f"{site}/elsewhere")
            with tab.expect_event("requestfailed"):
                tab.click("a", no_wait_after=True)

    with pytest.raises(AssertionError, match=r"another host: http://192\.0\.2\.1/"):
        follow()


def test_axe_tells(site: str, shared: Browser) -> None:
    """A field without a label is a critical fault."""
    with page(using=shared) as tab:
        tab.goto(f"{site}/unlabelled")
        (fault,) = axe_faults(tab)
        assert fault.startswith("critical: label:")


def test_width(site: str, shared: Browser) -> None:
    """A picture wider than a phone is told; on a desktop it fits."""
    with page(using=shared) as desktop, page(390, 844, using=shared) as phone:
        for tab in (desktop, phone):
            tab.goto(f"{site}/wide")
        assert overflow(desktop) == 0
        assert overflow(phone) > 0


def test_htmx_keeps_to_the_policy(site: str, shared: Browser) -> None:
    """Htmx as shipped, with the settings its README names, sends and swaps without breaking the strict policy."""
    with page(using=shared) as tab:
        tab.goto(f"{site}/htmx")
        tab.click("button")
        # Not `wait_for_function`, which the policy refuses where the answer is not there at once: it is an eval.
        expect(tab.locator("#here")).to_have_text("Recorded")
        expect(tab.locator(".htmx-indicator")).to_have_text("Recorded", use_inner_text=False)
        assert tab.title() == "t"
        assert tab.evaluate("document.querySelectorAll('style').length") == 0
        assert tab.evaluate("htmx.config.allowEval") is False
        # The path of the page, which the browser's history has too; nothing of what the page shows.
        assert tab.evaluate("Object.keys(sessionStorage)") in ([], ["htmx-current-path-for-history"])
        assert axe_faults(tab) == []


def test_htmx_is_unchanged() -> None:
    """The file is the one whose sum stands beside it."""
    assert hashlib.sha256((VENDOR / "htmx.min.js").read_bytes()).hexdigest() in (VENDOR / "README.md").read_text()
