"""A design: what the file says, whole; checked as a whole; the same again from its own settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.design import build, json_schema
from escalate.core.method import Method
from escalate.core.rule import Rule, StopRule
from escalate.core.yaml_reader import parse
from escalate.methods.decision_table import DecisionTable
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "mean"}
BLRM: dict[str, Any] = {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": (-1.0, 0.0), "sd": (1.0, 0.5)}}
METHODS = [example for cls in registry.methods().all() for example in cls.examples()]
RULES = [example for cls in registry.rules().all() for example in cls.examples()]


def settings(part: Method | Rule) -> dict[str, Any]:
    """Return a method or rule as a design file says it."""
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def from_text(content: dict[str, Any]) -> esc.Design:
    """Build a design by way of the text of a file (JSON is YAML)."""
    return esc.Design.from_dict(parse(json.dumps(content), "x").data)


WITH_BARS = DecisionTable.examples()[0]
"""The one method that bars doses itself."""


def with_part(part: Method | Rule) -> esc.Design:
    """Return a method with its published rules, or a rule beside a method that has all that the rule can ask for."""
    if isinstance(part, Method):
        frame = {key: value for key, value in make({"kind": "boin"}, 3).to_dict().items() if key != "rules"}
        return from_text({**frame, "method": settings(part)})
    needs = {"eliminate_by_table": settings(WITH_BARS), "stop_when_mtd_above": BLRM, "stop_when_mtd_certain": BLRM}
    beside = make(needs.get(part.kind, CRM))
    return from_text({**beside.to_dict(), "rules": [settings(part)]})


by_part = pytest.mark.parametrize("part", [*METHODS, *RULES], ids=lambda part: part.kind)


@by_part
def test_round_trip(part: Method | Rule) -> None:
    """A design written to a file and read again is equal, has the same hashes, and says the same."""
    design = with_part(part)
    again = from_text(design.to_dict())
    assert again.to_dict() == design.to_dict()
    assert again.method == design.method
    assert again.rules == design.rules
    assert hash(again) == hash(design)
    assert again.sha256 == design.sha256
    # With its rules in full in the file, nothing of it depends on what the method is published with.
    assert from_text(again.to_dict()) == again


@by_part
def test_round_trip_without_text(part: Method | Rule) -> None:
    """`from_dict` accepts what `to_dict` gives, lists and all."""
    design = with_part(part)
    assert esc.Design.from_dict(design.to_dict()).sha256 == design.sha256


@by_part
def test_settings_are_json(part: Method | Rule) -> None:
    """What a design says of itself is JSON, with the schema, every rule in full, and nothing internal."""
    design = with_part(part)
    said = json.loads(json.dumps(design.to_dict(), allow_nan=False))
    assert said["schema"] == "escalate/design/1"
    assert len(said["rules"]) == len(design.rules)
    assert "published_rules" not in said


def test_hash_tells_designs_apart() -> None:
    """Every setting counts for the hash of a design."""
    base = make({"kind": "boin"})
    others = [
        make({"kind": "boin"}, target=0.25),
        make({"kind": "boin"}, cohort_size=2),
        make({"kind": "boin"}, max_patients=33),
        make({"kind": "boin"}, start_level=2),
        make({"kind": "boin"}, title="other"),
        make({"kind": "boin"}, notes="other"),
        make({"kind": "boin"}, 4),
        make({"kind": "boin"}, rules=()),
        make({"kind": "boin", "titration": True}),
        make({"kind": "boin"}, doses={"unit": "g", "levels": (1.0, 2.0, 3.0, 4.0, 5.0)}),
    ]
    assert len({design.sha256 for design in (base, *others)}) == len(others) + 1
    assert all(design != base for design in others)


def test_whole_numbers_and_decimals_are_one_design() -> None:
    """10 mg and 10.0 mg are the same dose, with the same hash."""
    levels = [{"unit": "mg", "levels": values} for values in ((10, 20), (10.0, 20.0))]
    one, other = (make({"kind": "boin"}, doses=each) for each in levels)
    assert one == other
    assert one.sha256 == other.sha256


@pytest.mark.parametrize("method", METHODS, ids=lambda each: each.kind)
def test_published_rules(method: Method) -> None:
    """Where no rules are given the published ones apply and are marked so; `[]` means none; a list means that list."""
    published = with_part(method)
    content = published.to_dict()
    assert published.rules == method.published_rules()
    assert published.published_rules
    none = from_text({**content, "rules": []})
    assert (none.rules, none.published_rules) == ((), False)
    one = from_text({**content, "rules": [{"kind": "stop_at_patients_at_dose", "patients": 9}]})
    assert [rule.kind for rule in one.rules] == ["stop_at_patients_at_dose"]
    assert not one.published_rules


def test_designs_are_values() -> None:
    """A design cannot be changed."""
    design = make({"kind": "boin"})
    with pytest.raises(ValueError, match="frozen"):
        design.target = 0.2  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        design.method.p_saf = 0.2  # type: ignore[attr-defined]


def test_size_that_the_method_implies() -> None:
    """A 3+3 needs no `max_patients`: six a dose. Others do."""
    content = {
        key: value for key, value in make({"kind": "boin"}, 4).to_dict().items() if key not in {"max_patients", "rules"}
    }
    assert from_text({**content, "method": {"kind": "three_plus_three"}}).max_patients == 24
    with pytest.raises(esc.DesignError, match="max_patients: is missing"):
        from_text(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": None}, "method: is missing; write 'method: {kind: ...}'"),
        ({"method": "boin"}, "method: is not a group of settings {kind: ...}"),
        ({"method": {}}, "method.kind: is missing; one of: accelerated_titration, bf_boin, blrm, boin, "),
        ({"method": {"kind": "bion"}}, "method.kind: 'bion' is not a method; did you mean 'boin'?"),
        ({"method": {"kind": "boin", "p_saf": 2}}, "method.p_saf: 2 is not below 1"),
        ({"method": {"kind": "boin", "p_saf": 0.3}}, "method.p_saf: 0.3 is not below the target 0.3"),
        ({"rules": "x"}, "rules: is not a list"),
        ({"rules": [None]}, "rules[1]: is missing"),
        ({"rules": [1]}, "rules[1]: is not a group of settings"),
        ({"rules": [{"kind": "eliminate"}, {"kind": "x"}]}, "rules[2].kind: 'x' is not a rule; known: all_of, "),
        ({"rules": [{"kind": "eliminate", "cutoff": 0}]}, "rules[1].cutoff: 0 is not above 0"),
        ({"rules": [{"kind": "lowest_dose_too_toxic", "cutoff": 0.9}]}, "rules[1].basis: boin here gives no posterior"),
        ({"target": None}, "target: is missing; boin needs the target DLT rate"),
        ({"start_level": 6}, "start_level: level 6 does not exist; the doses have 5 levels"),
        ({"doses": {"unit": "mg", "levels": [2, 1]}}, "doses.levels: level 2 (1) is not above level 1 (2)"),
        ({"schema": "escalate/design/9"}, "schema: 'escalate/design/9' is not known"),
        ({"title": ""}, "title: "),
        ({"cohort_size": 21}, "cohort_size: 21 is not at most 20"),
        ({"max_patients": 1001}, "max_patients: 1001 is not at most 1000"),
    ],
)
def test_faults(change: dict[str, Any], message: str) -> None:
    """Every fault is one line: the setting, and a sentence."""
    with pytest.raises(esc.DesignError) as refused:
        from_text({**make({"kind": "boin"}).to_dict(), **change})
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_all_faults_at_once() -> None:
    """Faults of frame, method and rules come together."""
    content = {**make({"kind": "boin"}).to_dict(), "target": 2, "method": {"kind": "x"}, "rules": [{"kind": "y"}]}
    _, problems = build(parse(json.dumps(content), "x").data)
    assert {problem.field for problem in problems} == {"target", "method.kind", "rules[1].kind"}


@pytest.mark.parametrize("skeleton", ["abc", 0.5, True, None])
def test_no_design_without_a_problem(skeleton: object) -> None:
    """Where there is no design there is a problem that says why."""
    content = {**make(CRM).to_dict(), "method": {**CRM, "skeleton": skeleton}}
    design, problems = build(parse(json.dumps(content), "x").data)
    assert design is None
    assert [problem.field for problem in problems] == ["method.skeleton"]


def _references(part: object) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def test_json_schema_covers_every_kind() -> None:
    """Every method and rule is in the schema with every setting, its kind required, and nothing else allowed."""
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    definitions = schema["$defs"]
    assert {f"#/$defs/{name}" for name in definitions} >= _references(schema)
    for place, known in (
        (schema["properties"]["method"], registry.methods()),
        (schema["properties"]["rules"]["items"], registry.rules()),
    ):
        names = [each["$ref"].removeprefix("#/$defs/") for each in place["oneOf"]]
        assert len(set(names)) == len(known.kinds())
        for name, cls in zip(names, known.all(), strict=True):
            part = definitions[name]
            assert part["properties"]["kind"]["const"] == cls.model_fields["kind"].default
            # What a field that no file writes holds is read from another file.
            written = {field.alias or key for key, field in cls.model_fields.items() if not field.exclude}
            assert set(part["properties"]) == written
            assert "kind" in part["required"]
            assert part["additionalProperties"] is False


def test_json_schema_of_rules_inside_rules() -> None:
    """What `any_of` and `all_of` hold is any rule that ends the trial, itself included, and no other."""
    schema = json_schema()
    inside = [each["$ref"].removeprefix("#/$defs/") for each in schema["$defs"]["StopRule"]["oneOf"]]
    assert inside == [cls.__name__ for cls in registry.rules().all() if issubclass(cls, StopRule)]
    assert {"AllOf", "AnyOf", "MaxDlts"} <= set(inside)
    assert "Eliminate" not in inside
    for name in ("AllOf", "AnyOf"):
        assert schema["$defs"][name]["properties"]["rules"]["items"] == {"$ref": "#/$defs/StopRule"}


def test_json_schema_holds_for_designs() -> None:
    """What the schema requires is in every design, and every design says only what the schema knows."""
    schema = json_schema()
    for design in (with_part(METHODS[0]), with_part(RULES[0])):
        said = design.to_dict()
        assert set(schema["required"]) <= set(said) <= set(schema["properties"])
    assert schema["properties"]["schema"]["const"] == "escalate/design/1"
