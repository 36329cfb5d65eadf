"""The OpenAPI document: complete, true, kept to by every answer, and the same as the reference page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.helpers import ROOT
from tests.web.api_calls import AT, COHORT, Api, refused

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance, status_code_conformance]
READ = {"200", "401", "403", "404", "405", "422", "500", "503"}
WRITE = READ | {"201", "400", "409", "413", "415"}


@pytest.fixture(scope="module")
def api(pages: Path) -> Api:
    found = Api()
    # One who may do everything comes to what lies behind the question who asks.
    found.put("root", "/trials/tvec/roles/root", {"roles": ["viewer", "site", "statistician", "chair", "admin"]})
    found.post("root", "/trials/tvec/patients", {"patients": COHORT})
    found.post("root", "/trials/tvec/analyses", {})
    return found


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get(None, "/openapi.json")
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_operation_says_all_that_can_come(document: dict[str, Any]) -> None:
    """Each operation names its errors with their form, asks for a token, and has a name, a summary and a description."""
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names)) == 31
    for method, path, operation in operations(document):
        assert path.startswith(f"{AT}/")
        assert operation["security"] == [{"Token": []}]
        assert operation["summary"]
        assert operation["description"].endswith(".")
        assert operation["tags"]
        responses = operation["responses"]
        assert set(responses) == (READ if method == "GET" else WRITE), path
        for status, response in responses.items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
        if method != "GET":
            assert "application/json" in operation["requestBody"]["content"]
            assert operation["requestBody"]["required"] is True
            assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
    scheme = document["components"]["securitySchemes"]["Token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_examples_are_what_they_show(document: dict[str, Any]) -> None:
    """Every example of a request is one that its own schema takes, and no request takes a field that it does not have."""
    import jsonschema_rs

    shown = 0
    for name, schema in document["components"]["schemas"].items():
        whole = {**schema, "components": document["components"]}
        for example in schema.get("examples", []):
            shown += 1
            assert jsonschema_rs.is_valid(whole, example), name
    assert shown == 14
    for _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rsplit("/", 1)[-1]
            assert document["components"]["schemas"][name]["additionalProperties"] is False, name


def test_every_operation_asks_who_and_refuses_what_it_does_not_know(api: Api, document: dict[str, Any]) -> None:
    """None answers without a token, and none passes over a parameter of the address that it does not have."""
    schemas = document["components"]["schemas"]
    for method, path, operation in operations(document):
        there = path.removeprefix(AT).format(trial="tvec", patient="01", number=9, person="nora")
        body = None
        for content in operation.get("requestBody", {}).get("content", {}).values():
            (body,) = schemas[content["schema"]["$ref"].rsplit("/", 1)[-1]]["examples"]
        refused(api.ask(None, method, f"{there}?zzz=1", body), 401)
        assert refused(api.ask("root", method, f"{there}?zzz=1", body), 422)["field"] == "zzz", (method, path)


def test_changes_are_the_fields_of_a_patient() -> None:
    """What can be amended is every field of a patient but the study number."""
    from escalate.conduct.bodies import PatientRow
    from escalate.web.api.asked import PatientChanges

    assert list(PatientChanges.model_fields) == [name for name in PatientRow.model_fields if name != "patient"]


def test_there_is_no_page_that_loads_from_elsewhere(api: Api) -> None:
    """The document is JSON, and there is no page about it, whose script would come from another server."""
    answer = api.ask(None, "GET", "/openapi.json")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "http://" not in answer.content.decode()
    assert "https://" not in answer.content.decode()
    assert api.ask("vera", "GET", "/docs").status_code == 404


def test_the_reference_page_lists_what_there_is(document: dict[str, Any]) -> None:
    """docs/reference/api.md has a line for every operation, and for nothing else; and all fields of every request."""
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    listed = re.findall(r"^\| `(GET|POST|PATCH|PUT|DELETE) (/[^` ?]*)", page, re.MULTILINE)
    assert sorted(listed) == sorted((method, path.removeprefix(AT)) for method, path, _ in operations(document))
    for method, path, operation in operations(document):
        line = next(line for line in page.splitlines() if line.startswith(f"| `{method} {path.removeprefix(AT)}"))
        fields = set()
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rsplit("/", 1)[-1]
            fields = set(document["components"]["schemas"][name]["properties"]) - {"seen"}
        fields |= {p["name"] for p in operation["parameters"] if p["in"] == "query"}
        for field in fields:
            assert f"`{field}`" in line or f"{field}=" in line, (method, path, field)
    for code in READ | WRITE:
        assert f"| {code} |" in page, code


def _sends_what_comes(api: Api, examples: int, derandomize: bool) -> int:
    """Send to each operation what its schema allows and what it does not, and hold every answer to the document."""
    from escalate.web.server import application

    schema = schemathesis.openapi.from_wsgi(f"{AT}/openapi.json", application())
    headers = {"Authorization": f"Bearer {api.tokens['root']}", "Host": "localhost"}
    sent = 0
    known: dict[str, list[Any]] = {
        "trial": ["tvec", "tvec", "tvec", "other"],
        "patient": ["01", "02"],
        "person": ["nora"],
        "number": [1, 9],
    }

    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @hypothesis.settings(
                max_examples=examples,
                deadline=None,
                derandomize=derandomize,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
            def one(case: Any, data: Any) -> None:
                nonlocal sent
                if data.draw(st.integers(0, 3)):
                    # Names that are there lead further in than any that is made up.
                    for name in case.path_parameters or {}:
                        case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
                sent += 1
                response = case.call(headers=headers)
                case.validate_response(response, checks=CHECKS)

            one()
    return sent


def test_nothing_that_comes_breaks_the_server(api: Api) -> None:
    """Requests made from the document, right ones and wrong ones, get an answer that the document describes, and never a 500."""
    assert _sends_what_comes(api, 8, derandomize=True) >= 400


@pytest.mark.slow
def test_nothing_that_comes_breaks_the_server_at_length(api: Api) -> None:
    """The same for many more requests, other ones each time."""
    assert _sends_what_comes(api, 150, derandomize=False) >= 4000
