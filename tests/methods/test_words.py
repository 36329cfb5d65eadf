"""What a protocol says of a method: every setting that can change a dose is in it, with its value."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.method import Method
from escalate.core.wording import by_level, cut, listed, number, percent
from tests.changed_settings import changes, fields, numbers
from tests.helpers import make

METHODS = registry.methods().all()
by_method = pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.model_fields["kind"].default)

SILENT: dict[tuple[str, str], str] = {
    ("boin", "preset"): "it changes no decision: it has `check` name departures from a design",
    ("bf_boin", "preset"): "refused",
    ("bf_boin", "titration"): "refused",
    ("tite_boin", "preset"): "refused",
    ("tite_boin", "titration"): "refused",
    ("accelerated_titration", "deescalate"): "must be true",
    ("pymc", "code_sha256"): "belongs to a file of the user's own, in the test of own models",
}
"""Settings that cannot change a dose, or cannot be given, and why."""
SAME_TEXT: dict[tuple[str, str], str] = {
    ("iboin", "robust"): "with every guess kept it drops none",
}
"""Settings of which some changes leave the behaviour as it is."""
INERT: dict[str, Callable[[dict[str, Any]], bool]] = {
    "intercept": lambda settings: settings.get("model") != "logistic",
    "prior_sd": lambda settings: settings.get("inference") == "mle",
}
"""Settings that stand in a file although others leave them without effect, and where that is so."""
UNSAID: dict[tuple[str, str], str] = {
    ("iboin", "ess"): "a list that `robust` empties is said as what is left",
    ("decision_table", "rows"): "said as ranges",
    ("crm", "skeleton_weights"): "equal ones are said as a fraction",
}
"""Numbers that the text has in another form."""
HALF = {"half_width": 0.05, "prior_mtd": 2}
CURVE = {"model": "logistic2", "skeleton": [0.1, 0.3, 0.5], "estimate": "mean"}
BLRM = {"reference_amount": 40.0, "prior": {"mean": [-0.85, 0.0], "sd": [2.0, 1.0]}}
ORDINAL = {"reference_amount": 40.0, "prior": {"mean": [-0.5, -2.0], "sd": [1.5, 1.5]}}
TABLE: dict[str, Any] = {"rows": [[n, k, "E" if 4 * k < n else "D"] for n in (3, 6, 9, 12, 15) for k in range(n + 1)]}
EXTRA: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
    "boin": [({}, {"p_saf": 0.15}), ({}, {"p_tox": 0.4})],
    "bf_boin": [({}, {"p_saf": 0.15}), ({}, {"p_tox": 0.4})],
    "gboin": [({}, {"p_saf": 0.15}), ({}, {"p_tox": 0.4})],
    "iboin": [({"skeleton": HALF, "ess": 3}, {"p_saf": 0.15}), ({"skeleton": HALF, "ess": 3}, {"p_tox": 0.4})],
    "accelerated_titration": [({}, {"cap": 1})],
    "blrm": [
        (BLRM, {"robust": {"weight": 0.2}}),
        (BLRM, {"historical": [{"name": "other", "amounts": [20.0], "patients": [12.0], "dlts": [1.0]}]}),
        ({**BLRM, "choose": "loss"}, {"losses": [1.0, 0.0, 3.0]}),
        (BLRM, {"prior": {"mixture": [{"weight": 0.4, "mean": [0.0, 0.0], "sd": [1.0, 1.0]},
                                      {"weight": 0.6, "mean": [-1.0, 0.0], "sd": [2.0, 1.0]}]}}),
        ({**BLRM, "reference_amount": 2.0},
         {"prior": {"minimally_informative": {"lowest": {"rate": 0.4, "probability": 0.05},
                                              "highest": {"rate": 0.2, "probability": 0.1}}}}),
    ],
    "crm": [
        ({"skeleton": HALF, "estimate": "mean"}, {"prior": {"lognormal": {"meanlog": 0.1, "sdlog": 0.8}}}),
        ({"skeleton": HALF, "estimate": "mean"}, {"prior": {"uniform": {"low": 0.1, "high": 3.0}}}),
        ({"skeleton": HALF, "estimate": "mean"}, {"prior": {"normal": {"sd": 0.7}}}),
        ({"skeleton": HALF, "estimate": "mean"}, {"labels_at": "mean"}),
        ({"skeleton": HALF, "estimate": "plug_in", "model": "logistic"}, {"intercept": 4.0}),
        ({"skeletons": [[0.1, 0.3, 0.5], [0.2, 0.3, 0.4]], "estimate": "mean"}, {"skeleton_weights": [0.3, 0.7]}),
        ({"skeletons": [[0.1, 0.3, 0.5], [0.2, 0.3, 0.4]], "estimate": "mean"}, {"skeletons": [[0.1, 0.3, 0.5], [0.2, 0.3, 0.6]]}),
        ({**CURVE, "two_parameter_prior": {"mean": [0.0, 0.0], "sd": [2.0, 1.0]}},
         {"two_parameter_prior": {"mean": [0.1, 0.2], "sd": [2.0, 1.0], "correlation": 0.3}}),
        ({"skeleton": HALF, "estimate": "mean", "choose": "cibp", "asymmetry": 0.5}, {"asymmetry": 0.25}),
    ],
    "ordinal_crm": [
        ({**ORDINAL, "choose": "loss"}, {"losses": [1.0, 0.0, 3.0]}),
        (
            ORDINAL,
            {
                "grades": [
                    {"letter": "N", "name": "none"},
                    {"letter": "M", "name": "middling"},
                    {"letter": "T", "name": "DLT"},
                ]
            },
        ),
        (ORDINAL, {"grade_limits": [{"letter": "M", "above": 0.45, "cutoff": 0.22}]}),
    ],
    "pymc": [({"model": "emax"}, {"model": "weibull"}), ({"model": "emax", "choose": "loss"}, {"losses": [1.0, 0.0, 3.0]})],
    "decision_table": [(TABLE, {"rows": [*TABLE["rows"][:-1], [15, 15, "DU"]]}), (TABLE, {"file": "table.csv"})],
    "tite_boin": [({}, {"p_saf": 0.15}), ({}, {"p_tox": 0.4}), ({}, {"thirds": [0.1, 0.2, 0.7]})],
    "tite_keyboard": [({}, {"thirds": [0.1, 0.2, 0.7]})],
    "tite_mtpi2": [({}, {"thirds": [0.1, 0.2, 0.7]})],
    "ewoc": [({"schedule": {"per": "patient"}}, {"schedule": {"per": "patient", "only_after": "no_dlt"}})],
}  # fmt: skip
"""Settings that no example has, each on a base."""
EXTRA["tite_blrm"] = EXTRA["blrm"]
EXTRA["tite_crm"] = EXTRA["fractional_crm"] = EXTRA["crm"]


def text_of(design: esc.Design) -> str:
    """Return all that a protocol says of the method of a design."""
    method = design.method
    parts = (
        *method.describe_model(design),
        *method.describe(design),
        method.describe_barred(design),
        *method.describe_selection(design),
    )
    return "\n".join(parts)


@cache
def _patients(cls: type[Method]) -> int:
    return cls.examples()[0].default_max_patients(3) or 15


def built(cls: type[Method], settings: dict[str, Any]) -> esc.Design | None:
    """Return a design of three levels with these settings, or None where they are refused."""
    kind = cls.model_fields["kind"].default
    try:
        design = make({**settings, "kind": kind}, 3, max_patients=_patients(cls), start_level=settings.get("level", 1))
    except esc.DesignError:
        return None
    return None if list(design.method.cannot_run(design)) else design


@by_method
def test_every_sentence_is_one(cls: type[Method]) -> None:
    """Each begins with a capital or a digit and ends in a full stop or a colon, and nothing of Python shows."""
    for example in cls.examples():
        design = built(cls, example.model_dump(mode="json", by_alias=True, exclude_none=True))
        assert design is not None
        for sentence in text_of(design).split("\n"):
            assert re.match(r"[A-Z0-9]", sentence), sentence
            assert sentence.endswith((".", ":")), sentence
            assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|Fraction|\(\)|\{|  |\bnan\b|e[+-]\d\d", sentence), (
                sentence
            )
        assert design.method.describe_selection(design)


@by_method
def test_every_setting_changes_the_text(cls: type[Method]) -> None:
    """A setting that is changed, by hand or by rule, changes what the protocol says, unless it cannot change a dose."""
    kind = cls.model_fields["kind"].default
    reached: set[str] = set()
    wrong: list[tuple[str, Any]] = []
    bases = [example.model_dump(mode="json", by_alias=True, exclude_none=True) for example in cls.examples()]
    for example, base in zip(cls.examples(), bases, strict=True):
        before = built(cls, base)
        assert before is not None
        for field, settings in changes(example):
            reached |= _compare(cls, before, field, settings, wrong)
    for base, more in EXTRA.get(kind, []):
        before = built(cls, base)
        assert before is not None, base
        (field,) = more
        reached |= _compare(cls, before, field, {**base, **more}, wrong)
    assert not wrong
    missing = [field for field in fields(cls) if field not in reached and (kind, field) not in SILENT]
    assert not missing, f"no change of {missing} was tried: add one to EXTRA"


def _compare(
    cls: type[Method], before: esc.Design, field: str, settings: dict[str, Any], wrong: list[tuple[str, Any]]
) -> set[str]:
    kind = cls.model_fields["kind"].default
    after = built(cls, settings)
    if after is None or after.method == before.method:
        return set()
    same = text_of(after) == text_of(before)
    idle = field in INERT and INERT[field](settings)
    if same and not idle and (kind, field) not in SILENT and (kind, field) not in SAME_TEXT:
        wrong.append((field, settings.get(field)))
    return {field}


@by_method
def test_every_number_is_in_the_text(cls: type[Method]) -> None:
    """A number in a setting stands in the text as written, as a percentage, or it is listed in which other form."""
    kind = cls.model_fields["kind"].default
    settings = [example.model_dump(mode="json", by_alias=True, exclude_none=True) for example in cls.examples()]
    for given in [*settings, *({**base, **more} for base, more in EXTRA.get(kind, []))]:
        design = built(cls, given)
        assert design is not None
        text = text_of(design)
        found = set(re.findall(r"\d+(?:\.\d+)?(?: x 10\^\d+)?%?", text))
        for path, value in numbers({key: each for key, each in given.items() if key != "kind"}):
            name = str(path[0])
            if (kind, name) in {*SILENT, *UNSAID} or (name in INERT and INERT[name](given)):
                continue
            assert {number(abs(value)), percent(abs(value))} & found, f"{path}: {value} is not in: {text}"


def test_silent_settings_exist() -> None:
    """The lists of exceptions name settings that there are: a stale exception hides nothing."""
    known = {(cls.model_fields["kind"].default, field) for cls in METHODS for field in fields(cls)}
    assert {*SILENT, *SAME_TEXT, *UNSAID} <= known


def test_a_method_of_somebody_else_is_described_by_its_docstring() -> None:
    """The first line of the docstring stands in the protocol where the method says nothing."""

    class Other(registry.methods().get("constant")):  # type: ignore[misc]
        """Give the dose that the weather asks for."""

        describe = Method.describe
        describe_selection = Method.describe_selection

    design = make({"kind": "constant", "level": 1}, 3)
    other = Other(level=1)
    assert other.describe(design) == (
        "The dose of the next cohort is chosen by constant. Give the dose that the weather asks for.",
    )
    assert other.describe_model(design) == ()
    assert "no safety rule bars" in other.describe_selection(design)[0]


def test_cut_offs_are_rounded_so_that_no_count_falls_on_the_other_side() -> None:
    """Four decimals are enough for BOIN's; a cut-off near a rate that occurs gets as many as it takes."""
    assert cut(0.23649069, 30) == "0.2365"
    assert float(cut(0.333333, 30)) < 1 / 3
    assert float(cut(0.33333366, 30)) > 1 / 3
    assert cut(0.25, 30) == "0.2500"


def test_lists_in_words() -> None:
    """One, two and more."""
    assert listed([]) == ""
    assert listed(["a", "b"], "or") == "a or b"
    assert by_level([0.123456], 2) == "0.12 at level 1"
