"""Every setting of a rule is in its sentence, with its value."""

from __future__ import annotations

import re
from typing import Any

import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.rule import Rule
from escalate.core.wording import number, percent
from tests.changed_settings import changes, fields, numbers
from tests.helpers import make
from tests.rules.claims import BLRM, CRM, TABLE

NEEDS: dict[str, dict[str, Any]] = {
    "eliminate_by_table": TABLE,
    "stop_when_mtd_above": BLRM,
    "stop_when_mtd_certain": BLRM,
}
by_rule = pytest.mark.parametrize("cls", registry.rules().all(), ids=lambda cls: cls.model_fields["kind"].default)
EXTRA: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
    "eliminate": [({}, {"prior": [0.5, 0.5]})],
    "lowest_dose_too_toxic": [
        ({"cutoff": 0.9}, {"above": 0.4}),
        ({"cutoff": 0.9, "basis": "beta_binomial"}, {"prior": [0.5, 0.5]}),
    ],
    "overdose_cap": [({"cutoff": 0.9}, {"above": 0.4}), ({"cutoff": 0.9}, {"basis": "beta_binomial"})],
    "stop_when_precise": [({"lower": 0.1, "upper": 0.5}, {"interval": 0.975})],
    "stop_when_target_likely": [({"interval": [0.2, 0.35]}, {"probability": 0.6})],
    "cap_increment": [({"levels": 1}, {"from": "highest"}), ({"levels": 1}, {"relative": 0.5})],
}


def _built(cls: type[Rule], settings: dict[str, Any]) -> esc.Design | None:
    kind = cls.model_fields["kind"].default
    try:
        return make(NEEDS.get(kind, CRM), rules=({**settings, "kind": kind},))
    except esc.DesignError:
        return None


@by_rule
def test_every_setting_of_a_rule_changes_its_sentence(cls: type[Rule]) -> None:
    """Changed by rule or by hand."""
    kind, reached = cls.model_fields["kind"].default, set()
    tried = [
        (example.model_dump(mode="json", by_alias=True, exclude_none=True), name, settings)
        for example in cls.examples()
        for name, settings in changes(example)
    ]
    tried += [(base, name, {**base, **more}) for base, more in EXTRA.get(kind, []) for name in more]
    for base, name, settings in tried:
        before, after = _built(cls, base), _built(cls, settings)
        if before is None or after is None or after.rules == before.rules:
            continue
        reached.add(name)
        assert after.rules[0].describe(after) != before.rules[0].describe(before), f"{name}: {settings}"
    assert reached == set(fields(cls)), f"no change of {set(fields(cls)) - reached} was tried: add one to EXTRA"


@by_rule
def test_every_number_of_a_rule_is_in_its_sentence(cls: type[Rule]) -> None:
    """As written, or as a percentage; one level may be said as a word, and nothing is said of the first band's 0."""
    for example in cls.examples():
        settings = example.model_dump(mode="json", by_alias=True, exclude_none=True)
        design = _built(cls, settings)
        assert design is not None
        said = design.rules[0].describe(design)
        there = set(re.findall(r"\d+(?:\.\d+)?%?", said))
        for path, value in numbers(settings):
            starts = path[-1] in {"from_amount", "from_dlts", "from_dlts_in_cohort"} and value == 0
            if starts or value == 0 or (path[-1] == "min_patients" and value <= 1):
                continue
            assert {number(value), percent(value)} & there, f"{path}: {value} is not in: {said}"
