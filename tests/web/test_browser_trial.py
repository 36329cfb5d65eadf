"""A newcomer takes the demonstration through a whole trial in a real browser, led by the page alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser import browser
from tests.cli.run import COMMAND
from tests.web.reader import Demo, Reader, person


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with ExitStack() as stack:
        server = subprocess.Popen(
            [str(COMMAND), "serve", "--demo", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert server.stdout is not None
        stack.enter_context(server.stdout)
        stack.callback(server.wait, 20)
        stack.callback(server.terminate)
        passwords: dict[str, str] = {}
        for line in server.stdout:
            said = re.fullmatch(r"  (\w+) +(\S+) +.*\n", line)
            if said:
                passwords[said[1]] = said[2]
            address = re.search(r"http://\S+", line)
            if address:
                yield Demo(address[0].rstrip("/"), passwords)
                return
        pytest.fail("the demonstration did not start")


def test_the_keyboard_alone_is_enough(demo: Demo, tmp_path: Path) -> None:
    """The skip link leads past the head of the page; a form is filled in, refused and left without a pointer."""
    with ExitStack() as stack:
        using = stack.enter_context(browser())
        reader = person(using, stack, demo, "site", tmp_path)
        reader.sign_in()
        page, keys = reader.page, reader.page.keyboard
        page.goto(f"{demo.address}/trials/tvec-liver/enter")
        keys.press("Tab")
        assert reader.focused() == "Skip to the content"
        keys.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        reader.tab_to("id_p1-patient")
        keys.type("Ann")
        reader.tab_to("id_p1-dlt")
        keys.press("ArrowDown")
        reader.tab_to("id_p2-patient")
        # Enter in a field looks first, and records nothing.
        keys.press("Enter")
        page.get_by_role("alert").wait_for()
        assert page.evaluate("document.activeElement.id") == "id_p2-patient"
        while reader.focused() != "Record":
            keys.press("Tab")
        keys.press("Enter")
        page.locator("#refused").wait_for()
        assert page.evaluate("document.activeElement.id") == "refused"
        keys.press("Tab")
        keys.press("Enter")
        assert page.evaluate("document.activeElement.id") == "id_p1-patient"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


def test_pages_work_without_javascript_and_in_the_dark(demo: Demo, tmp_path: Path) -> None:
    """A form looked at first and a what-if answer come as whole pages; in the dark, axe finds nothing serious either."""
    with ExitStack() as stack:
        using = stack.enter_context(browser())
        context = using.new_context(java_script_enabled=False)
        stack.callback(context.close)
        reader = Reader(context.new_page(), demo, "viewer", tmp_path)
        reader.seen.add("sign-in")
        reader.sign_in()
        reader.page.goto(f"{demo.address}/trials/tvec-liver/what-if")
        reader.page.get_by_label("Cohorts to come").fill("1NNN")
        reader.press("Look")
        assert "the design would say" in reader.page.locator("#would").inner_text()
        dark = person(using, stack, demo, "viewer", tmp_path)
        dark.page.emulate_media(color_scheme="dark")
        dark.sign_in()
        for name in ("", "pack", "what-if", "history"):
            dark.page.goto(f"{demo.address}/trials/tvec-liver/{name}")
            dark.look(f"dark-{name or 'trial'}")
        assert not dark.faults, "\n".join(dark.faults)


def test_a_newcomer_takes_the_trial_from_the_first_cohort_to_its_end(demo: Demo, tmp_path: Path) -> None:
    """Three cohorts, an override upward with its second person, an amendment and the closing, by the buttons of the page.

    Every page is looked at on desktop and telephone: nothing scrolls sideways, axe finds nothing serious.
    """
    with ExitStack() as stack:
        using = stack.enter_context(browser())
        chair, second = (person(using, stack, demo, name, tmp_path) for name in ("chair", "statistician"))
        chair.sign_in()
        chair.look("trials")
        chair.page.get_by_role("link", name="T-VEC in liver tumours").click()
        assert chair.main().startswith("Treat the first 3 patients at level 1")
        chair.look("trial-empty")
        first_cohort(chair)
        second_cohort(chair)
        override(chair, second)
        third_cohort(chair)
        other_pages(chair)
        end(chair)
        faults = chair.faults + second.faults
        assert not faults, "\n".join(faults)


def first_cohort(chair: Reader) -> None:
    """Enter patients, report their outcomes one by one, and accept what is recommended."""
    chair.enter(["01-001", "01-002", "01-003"], "Enter cohort 1")
    assert chair.main() == "Waiting for the outcomes of patients 01-001, 01-002 and 01-003."
    chair.look("trial-waiting")
    chair.report({"01-001": "no DLT", "01-002": "no DLT", "01-003": "no DLT"})
    assert chair.main().startswith("Treat the next 3 patients at level 2")
    chair.look("trial-recommends")
    chair.decide("Accept")
    assert chair.main().startswith("Treat 3 patients at level 2")
    assert "as decided by chair" in chair.main()
    chair.look("trial-decided")


def second_cohort(chair: Reader) -> None:
    """Enter patients with their outcomes, and amend one: without a reason the page asks for it."""
    chair.enter(["01-004", "01-005", "01-006"], "Enter cohort 2", "no DLT")
    chair.page.get_by_role("link", name="01-005").click()
    chair.page.get_by_label("Outcome", exact=True).select_option("DLT")
    chair.press("Record")
    assert "say why" in chair.page.get_by_role("alert").inner_text()
    chair.look("patient-refused")
    chair.page.get_by_label("Reason of the change").fill("Reclassified by the safety board")
    chair.press("Record")
    assert chair.main().startswith("Treat the next 3 patients at level 2")


def override(chair: Reader, second: Reader) -> None:
    """Decide for a higher level with a reason, and have a second person agree."""
    chair.decide(
        "A higher level", "Level 3: 8 x 10⁸ PFU (10⁸ PFU/mL, up to 8 mL)", "Tolerated well in melanoma at this dose"
    )
    assert chair.main().startswith("Nobody is treated before a second person agrees: 3 patients at level 3")
    assert "Your decision goes beyond" in chair.page.locator(".todo").inner_text()
    chair.look("trial-awaits")
    second.sign_in()
    second.look("trials-second")
    second.page.get_by_role("link", name="Give your second opinion").click()
    second.look("approve")
    second.page.get_by_label("I agree").check()
    second.page.get_by_label("Your password").fill(second.demo.passwords[second.name])
    second.press("Sign and record the opinion")
    assert "Recorded as entry" in second.page.locator(".notice.good").inner_text()


def third_cohort(chair: Reader) -> None:
    """Enter patients at the higher level, and correct what a decision rested on: it is void, visibly."""
    chair.to_trial()
    chair.enter(["01-007", "01-008", "01-009"], "Enter cohort 3", "no DLT")
    for patient, outcome, why in (
        ("01-008", "DLT", "Laboratory value corrected"),
        ("01-005", "no DLT", "Second review: not related"),
    ):
        chair.page.get_by_role("link", name=patient).click()
        chair.page.get_by_label("Outcome", exact=True).select_option(outcome)
        chair.page.get_by_label("Reason of the change").fill(why)
        chair.press("Record")
    assert "Void since entry" in chair.page.get_by_role("region", name="Decisions and signatures").inner_text()
    assert "is void" in chair.main()
    chair.look("trial-void")


def other_pages(chair: Reader) -> None:
    """Look at what a team reads beside: the parts that change without loading the page are asked too."""
    tabs = chair.page.get_by_role("navigation", name="Trial")
    tabs.get_by_role("link", name="History").click()
    chair.look("history")
    chair.page.get_by_label("Show", exact=True).select_option("Decision")
    chair.page.get_by_text("2 entries, newest first").wait_for()
    chair.page.get_by_role("link", name="Entry").first.click()
    chair.look("entry")
    tabs.get_by_role("link", name="What if").click()
    chair.page.get_by_label("Cohorts to come").fill("3NTT")
    chair.page.get_by_label("Cohorts to come").press("Tab")
    chair.page.get_by_role("heading", name="What if 3NTT: the design would say").wait_for()
    chair.page.get_by_role("link", name="0 of 3 have a DLT").click()
    chair.look("what-if")
    for name, link in {"pack": "Meeting pack", "people": "People"}.items():
        tabs.get_by_role("link", name=link).click()
        chair.look(name)
    chair.to_trial()


def end(chair: Reader) -> None:
    """Close the trial with the MTD that the design selects, and say why before the design has stopped."""
    chair.page.get_by_role("link", name="Close the trial").first.click()
    chair.look("close")
    assert "The design has not stopped" in chair.page.locator(".notice.care").first.inner_text()
    chair.page.get_by_label(re.compile("selected by the design")).check()
    chair.page.get_by_label("Reason", exact=True).fill("The sponsor ends the trial")
    chair.page.get_by_label("Your password").fill(chair.demo.passwords[chair.name])
    chair.press("Sign and close the trial")
    assert chair.main().startswith("Closed with level")
    chair.look("trial-closed")
