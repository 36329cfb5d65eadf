"""The page of every operation of the HTTP API, from its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from _ext.words import plain, table

HEAD = """# Every operation of the HTTP API

Written from the OpenAPI document that a server gives at `/api/v1/openapi.json`; the [guide](../reference/api.md) tells how they
go together. A field marked * must be given. Every operation may also answer 401, 403, 404, 405, 422, 500 or 503, and every
write 400, 409, 413 or 415, with a `Problem`: `error` says in one sentence what is wrong.
"""
AT = "/api/v1"


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the API."""
    import django
    from django.conf import settings

    from escalate.conduct.settings import settings_for

    if not settings.configured:
        settings.configure(**settings_for("no-database-is-named.db"))
        django.setup()
    from escalate.web.api.making import made

    return dict(made().get_openapi_schema(path_prefix=f"{AT}/"))


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation, in the order of the document."""
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def page() -> str:
    """Return the page."""
    found = document()
    schemas = found["components"]["schemas"]
    parts = [HEAD]
    tag = None
    for method, path, operation in operations(found):
        if operation["tags"][0] != tag:
            tag = operation["tags"][0]
            parts.append(f"## {plain(tag[:1].upper() + tag[1:])}\n")
        parts.append(f"### {plain(operation['summary'])}\n\n`{method} {path}` (`{operation['operationId']}`)\n")
        parts.append(plain(operation["description"]) + "\n")
        parts += _asked(operation, schemas)
        parts += _answered(operation)
    parts.append("## Forms\n")
    for name, schema in sorted(schemas.items()):
        parts.append(
            f"(form-{name.lower()})=\n### `{name}`\n\n{plain(schema.get('description', ''))}\n\n{_fields(schema)}"
        )
    return "\n".join(parts)


def _asked(operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    rows = [
        (
            f"`{one['name']}`{'*' if one.get('required') else ''}",
            one["in"],
            _kind(one["schema"]),
            plain(one.get("description", "")),
        )
        for one in operation.get("parameters", ())
    ]
    if rows:
        yield table(("parameter", "in", "kind", "meaning"), rows)
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        schema = body["schema"]
        name = schema.get("$ref", "").split("/")[-1]
        if name in schemas:
            yield f"Body, `{media}`: {_reference(name)}.\n"


def _answered(operation: dict[str, Any]) -> Iterator[str]:
    for status, answer in operation["responses"].items():
        if int(status) < 400:
            kinds = dict.fromkeys(_kind(body["schema"]) for body in answer.get("content", {}).values())
            yield f"Answers {status}: {' or '.join(kinds) or 'nothing'}.\n"


def _fields(schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (f"`{name}`{'*' if name in required else ''}", _kind(field), plain(field.get("description", "")))
        for name, field in schema.get("properties", {}).items()
    ]
    return table(("field", "kind", "meaning"), rows) if rows else ""


def _reference(name: str) -> str:
    return f"[{name}](#form-{name.lower()})"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _reference(schema["$ref"].split("/")[-1])
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[joined]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    return str(schema.get("format") or schema.get("type", "any"))
