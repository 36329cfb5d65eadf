"""Styles and scripts: served from the package, under names that hold the hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.http import FileResponse, HttpRequest, HttpResponseBase
from whitenoise.base import WhiteNoise

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static/"
register = template.Library()


@cache
def hashed_names() -> dict[str, str]:
    """Return by the name of each file, as `vendor/htmx.min.js`, the one that changes with its content."""
    found = {}
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            name = file.relative_to(FOLDER).as_posix()
            digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
            found[name] = f"{name.removesuffix(file.suffix)}.{digest}{file.suffix}"
    return found


@register.simple_tag
def static(name: str) -> str:
    """Return the address of a file: `{% static 'escalate.css' %}`."""
    return f"{PREFIX}{hashed_names().get(name, name)}"


class _Response(FileResponse):
    def set_headers(self, filelike: Any) -> None:
        """Keep the headers that were chosen for the file."""


class StaticFiles:
    """Answers for the files of the package and no other: each is known by its whole address from the start."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._immutable = {PREFIX + hashed for hashed in hashed_names().values()}
        self._files = WhiteNoise(
            None, max_age=0, allow_all_origins=False, immutable_file_test=lambda path, url: url in self._immutable
        )
        for name, hashed in hashed_names().items():
            for address in (name, hashed):
                self._files.add_file_to_dictionary(PREFIX + address, str(FOLDER / name))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or pass on."""
        found = self._files.files.get(request.path_info)
        if found is None:
            return self._get_response(request)
        answer = found.get_response(request.method, request.META)
        response = _Response(answer.file or (), status=int(answer.status))
        del response.headers["content-type"]
        for name, value in answer.headers:
            response.headers[name] = value
        return response
