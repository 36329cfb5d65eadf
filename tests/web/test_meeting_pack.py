"""The meeting pack to take away from the pages and through the API."""

from __future__ import annotations

import io
import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from escalate.core.errors import EscalateError
from escalate.web import meeting_packs
from tests.web import client
from tests.web.api_calls import Api, refused
from tests.web.pages_story import T, cohort, decide, enter, first_cohort, state, words

KINDS = {
    "pdf": (b"%PDF", "application/pdf"),
    "docx": (b"PK", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "html": (b"<!doctype html>", "text/html; charset=utf-8"),
}


def test_a_pack_of_each_kind(fresh: Path) -> None:
    """Whoever may see the trial takes its pack as PDF, Word or HTML, as a file that is named by trial and head."""
    first_cohort()
    decide("cher", "accept")
    head = state().head
    for ending, (start, kind) in KINDS.items():
        answer = client.browser("vera").get(f"{T}meeting-pack.{ending}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="tvec-meeting-{head[:12]}.{ending}"'
        assert answer.content.startswith(start)
    page = client.browser("vera").get(f"{T}meeting-pack.html").content.decode()
    assert head in page
    assert "Treat the next 3 patients at level 2" in page
    assert "<script" not in page
    with ZipFile(io.BytesIO(client.browser("vera").get(f"{T}meeting-pack.docx").content)) as word:
        assert head in word.read("word/document.xml").decode()


def test_the_pages_lead_to_it(fresh: Path) -> None:
    """The page of the trial and that of the pack link to all three kinds."""
    first_cohort()
    for address in (T, f"{T}pack"):
        page = client.browser("vera").get(address).content.decode()
        assert all(f'href="{T}meeting-pack.{ending}"' in page for ending in KINDS)


def test_it_is_of_the_record_as_it_is_now(fresh: Path) -> None:
    """Each pack is of the last entry, and one made before is never handed out for a record that went on."""
    first_cohort()
    before = client.browser("vera").get(f"{T}meeting-pack.html").content.decode()
    decide("cher", "accept")
    enter("sita", cohort(2, 2, [("04", "1"), ("05", "0"), ("06", "0")]))
    after = client.browser("vera").get(f"{T}meeting-pack.html").content.decode()
    assert "patient 04" not in before
    assert ">04<" in after
    assert "What was decided so far" in after


def test_nobody_without_a_role(fresh: Path) -> None:
    """A person without a role gets what a trial that is not there gives, and nobody is led to sign in to a file."""
    for ending in KINDS:
        assert client.browser("nora").get(f"{T}meeting-pack.{ending}").status_code == 404
        assert client.browser(None).get(f"{T}meeting-pack.{ending}").status_code == 302


def test_a_library_that_is_missing_is_told(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server cannot write PDF it says which package is missing, and the other kinds are there."""

    def missing(ending: str) -> None:
        if ending == "pdf":
            raise EscalateError("PDF needs the library Pango; install it, or write .html or .docx")

    monkeypatch.setattr("escalate.web.views.meeting.check_installed", missing)
    monkeypatch.setattr("escalate.web.api.documents.check_installed", missing)
    answer = client.browser("vera").get(f"{T}meeting-pack.pdf")
    assert answer.status_code == 503
    assert "PDF needs the library Pango; install it" in words(answer)
    assert client.browser("vera").get(f"{T}meeting-pack.html").status_code == 200
    assert "Pango" in refused(Api().ask("vera", "GET", "/trials/tvec/meeting-pack?format=pdf"), 503)["error"]


def test_a_record_that_was_changed(fresh: Path) -> None:
    """No file is made from a record whose chain does not hold."""
    from django.db import connection

    from escalate.conduct import store

    first_cohort()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER escalate_entry_no_update")
        cursor.execute("UPDATE escalate_entry SET \"by\" = 'mallory' WHERE chain = 'tvec' AND number = 3")
    store.forget()
    answer = client.browser("vera").get(f"{T}meeting-pack.html")
    assert answer.status_code == 500
    assert "Content-Disposition" not in answer.headers


def test_through_the_api(fresh: Path) -> None:
    """The API gives the same as JSON, and as the files of the pages; other formats are refused."""
    first_cohort()
    api = Api()
    found = api.get("vera", "/trials/tvec/meeting-pack")
    assert (found["schema"], found["kind"]) == ("escalate/report/1", "meeting")
    assert "Treat the next 3 patients at level 2" in json.dumps(found, ensure_ascii=False)
    for ending in ("docx", "html"):
        start, kind = KINDS[ending]
        answer = api.ask("vera", "GET", f"/trials/tvec/meeting-pack?format={ending}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.content.startswith(start)
        assert answer.headers["ETag"] == f'"{state().head}"'
    assert refused(api.ask("vera", "GET", "/trials/tvec/meeting-pack?format=odt"), 422)["field"] == "format"
    assert (
        "no DLT window" in refused(api.ask("vera", "GET", "/trials/tvec/meeting-pack?as_of=2026-01-01"), 422)["error"]
    )
    refused(api.ask("nora", "GET", "/trials/tvec/meeting-pack"), 404)


def test_few_are_kept(fresh: Path) -> None:
    """A pack asked for again is not drawn again, and no more than a few are kept."""
    first_cohort()
    one = meeting_packs.pack_file("tvec", None, "html")
    assert meeting_packs.pack_file("tvec", None, "html") is one
    assert len(meeting_packs._made) <= meeting_packs._KEPT
