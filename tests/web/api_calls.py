"""Programs that ask the API as the people of `client.PEOPLE`, each with a token of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.web import client

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

AT = "/api/v1"
COHORT = [{"patient": f"0{k}", "cohort": 1, "level": 1, "dlt": False} for k in (1, 2, 3)]


@cache
def _client() -> Client:
    from django.test import Client

    return Client(enforce_csrf_checks=True, raise_request_exception=False, SERVER_NAME="localhost")


class Api:
    """The API of the database worked on now."""

    def __init__(self) -> None:
        from escalate.conduct import accounts
        from escalate.conduct.actor import Actor

        self.lead = Actor("lead", "tests", everywhere=True, admin=True)
        self.tokens = {name: accounts.issue_token(name, "tests", 30, self.lead) for name in (*client.PEOPLE, "root")}

    def ask(self, who: str | None, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a request as somebody, with a body as JSON where there is one, and return the answer."""
        raw = b"" if body is None else json.dumps(body).encode()
        return self.send(who, method, path, raw, "application/json", headers)

    def send(
        self,
        who: str | None,
        method: str,
        path: str,
        raw: bytes,
        media: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Send bytes as somebody and return the answer."""
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if who is not None:
            sent["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        found: Any = _client().generic(method, f"{AT}{path}", raw, content_type=media, headers=sent)
        return found

    def get(self, who: str | None, path: str, status: int = 200, **headers: str) -> Any:
        """Read, and return the JSON."""
        return self._told(self.ask(who, "GET", path, **headers), status)

    def post(self, who: str | None, path: str, body: Any, status: int = 201, **headers: str) -> Any:
        """Write, and return the JSON."""
        return self._told(self.ask(who, "POST", path, body, **headers), status)

    def patch(self, who: str | None, path: str, body: Any, status: int = 201, **headers: str) -> Any:
        """Amend, and return the JSON."""
        return self._told(self.ask(who, "PATCH", path, body, **headers), status)

    def put(self, who: str | None, path: str, body: Any, status: int = 201, **headers: str) -> Any:
        """Set, and return the JSON."""
        return self._told(self.ask(who, "PUT", path, body, **headers), status)

    @staticmethod
    def _told(response: HttpResponse, status: int) -> Any:
        assert response.status_code == status, response.content.decode()
        found = json.loads(response.content)
        if status >= 400:
            is_problem(found)
        return found


def is_problem(found: Mapping[str, Any]) -> None:
    """Hold that an error has the form of all errors: one sentence, its field, its entry."""
    assert set(found) == {"error", "field", "entry"}
    assert found["error"]
    assert "\n" not in found["error"]
    assert found["field"] is None or isinstance(found["field"], str)
    assert found["entry"] is None or isinstance(found["entry"], int)


def signature(meaning: str) -> dict[str, str]:
    """Return a signature with the password of everybody."""
    return {"password": client.PASSWORD, "meaning": meaning}


def refused(answer: Any, status: int) -> Any:
    """Return the JSON of a refusal."""
    assert answer.status_code == status, answer.content
    found = json.loads(answer.content)
    is_problem(found)
    return found
