"""The T-VEC trial of the tests, taken on by its people page by page, and pages as a reader sees them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.web import client

T = f"/trials/{client.TRIAL}/"


def words(response: Any) -> str:
    """Return the text of a page, drawings left out."""
    text = re.sub(r"<svg.*?</svg>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", text))).replace("\N{NO-BREAK SPACE}", " ")


def cohort(number: int, level: int, patients: Sequence[tuple[str, str]], **more: str) -> dict[str, str]:
    """Return what the form of a cohort holds: study numbers with `0`, `1` or nothing as DLT."""
    fields = {"cohort": str(number), "level": str(level), "rows": str(len(patients))}
    for k, (patient, dlt) in enumerate(patients, start=1):
        fields |= {f"p{k}-patient": patient, f"p{k}-dlt": dlt, f"p{k}-evaluable": "1"}
    return fields | more


def enter(who: str, fields: Mapping[str, str]) -> Any:
    """Enter a cohort."""
    return client.send(client.browser(who), f"{T}enter", fields)


def amend(who: str, patient: str, dlt: str, cohort_number: int, level: int, **more: str) -> Any:
    """Report or amend the outcome of a patient."""
    fields = {"dlt": dlt, "evaluable": "1", "cohort": str(cohort_number), "level": str(level)}
    return client.send(client.browser(who), f"{T}patients/{patient}", fields | more)


def decide(who: str, choice: str, **more: str) -> Any:
    """Decide and sign."""
    fields = {"choice": choice, "meaning": "authorship", "password": client.PASSWORD}
    return client.send(client.browser(who), f"{T}decide", fields | more)


def approve(who: str, agrees: str, **more: str) -> Any:
    """Give a second opinion and sign it, as what the opinion says."""
    fields = {"agrees": agrees, "meaning": "", "password": client.PASSWORD}
    return client.send(client.browser(who), f"{T}approve", fields | more)


def close(who: str, level: str, **more: str) -> Any:
    """Declare the MTD and sign."""
    fields = {"mtd_level": level, "meaning": "authorship", "password": client.PASSWORD}
    return client.send(client.browser(who), f"{T}close", fields | more)


def state() -> Any:
    """Return the trial as its record stands."""
    from escalate.conduct import store

    return store.load(client.TRIAL)


def first_cohort() -> None:
    """Enter the first cohort with no DLT."""
    assert enter("sita", cohort(1, 1, [("01", "0"), ("02", "0"), ("03", "0")])).status_code == 303
