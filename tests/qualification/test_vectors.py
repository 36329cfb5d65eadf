"""The conformance vectors: as the script makes them, valid by their schema, and answered as they expect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from escalate.qualification import vectors
from escalate.qualification.requirements import requirements
from escalate.qualification.run import asked
from escalate.qualification.vectors import Vector
from tests.helpers import REFERENCE
from tests.qualification.thinned import CONFORMANCE, keeps, thinned

FILES = sorted((CONFORMANCE / "vectors").glob("*.json"))
by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
EVERY, FAULTS = vectors.load()


def content(path: Path) -> dict[str, Any]:
    """Return a file of vectors."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_files_are_what_the_script_makes() -> None:
    """`python conformance/make.py --check`: every vector comes from tests/reference or from exact arithmetic."""
    done = subprocess.run(
        [sys.executable, str(CONFORMANCE / "make.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@by_file
def test_schema(path: Path) -> None:
    """Every file is valid by the schema that is published beside it."""
    schema = content(CONFORMANCE / "vector.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content(path), schema, jsonschema.Draft202012Validator)
    assert content(path)["topic"] == path.stem


@pytest.mark.parametrize(
    "change",
    [
        {"expect": {}},
        {"requirement": "boin"},
        {"tolerance": {"estimate": 0}},
        {"source": {"kind": "rumour"}},
        {"question": {"kind": "table", "design": {}}},
        {"comment": "x"},
    ],
    ids=str,
)
def test_schema_refuses(change: dict[str, Any]) -> None:
    """A vector that expects nothing, or whose source is of no kind, is not valid."""
    schema, some = content(CONFORMANCE / "vector.schema.json"), content(FILES[0])
    some["vectors"] = [{**some["vectors"][0], **change}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(some, schema, jsonschema.Draft202012Validator)


def test_many_and_each_once() -> None:
    """More than a thousand, no name twice, no fault, each of a requirement there is."""
    assert FAULTS == ()
    assert len(EVERY) > 1000
    assert len({vector.id for vector in EVERY}) == len(EVERY)
    assert {vector.requirement for vector in EVERY} <= {requirement.id for requirement in requirements()}


def test_references_are_there() -> None:
    """Where a vector says which case its value was copied from, that case exists."""
    known = {
        f"{path.name}#{case['id']}"
        for path in REFERENCE.glob("*.json")
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
    }
    named = [vector.source["reference"] for vector in EVERY if "reference" in vector.source]
    assert len(named) > 1000
    assert set(named) <= known


def test_what_is_not_followed_says_why() -> None:
    """Six values of other packages, each with a reason, each of which we do answer otherwise."""
    disputed = [vector for vector in EVERY if vector.disputed]
    assert {vector.id for vector in disputed} == {
        "boin/boin_boundary-0279",
        "interval/mtpi-0135",
        "interval/mtpi2-0134",
        "interval/mtpi2-0135",
        "interval/tpi-0102",
        "interval/tpi-0103",
    }
    for vector in disputed:
        assert len(vector.disputed or "") > 20
        assert not asked(vector).passed


QUICK = [vector for vector in EVERY if not vector.disputed and vector.topic != "blrm"]
SOME_BLRM = [v for k, v in enumerate(each for each in EVERY if each.topic == "blrm") if keeps("blrm", k, 3)]


@pytest.mark.parametrize("topic", sorted({vector.topic for vector in EVERY}))
def test_answers(topic: str) -> None:
    """Every vector is answered as it expects, but for those disputed; of the slow ones of the BLRM every twelfth."""
    some = SOME_BLRM if topic == "blrm" else [vector for vector in QUICK if vector.topic == topic]
    assert some
    assert [(case.id, case.expected, case.obtained) for case in map(asked, some) if not case.passed] == []


@pytest.mark.slow
def test_every_answer_of_the_blrm() -> None:
    """The rest of them."""
    assert all(case.passed for case in map(asked, [vector for vector in EVERY if vector.topic == "blrm"]))


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """One digit changed, a file away, a file that is no JSON: each is named, and the others are read."""
    folder = thinned(tmp_path / "conformance")
    whole, _ = vectors.load(folder)
    path = folder / "vectors" / "boin.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.0784", "0.0785", 1), encoding="utf-8")
    (folder / "vectors" / "paths.json").unlink()
    found, faults = vectors.load(folder)
    assert [fault.partition(":")[0] for fault in faults] == [
        "conformance/vectors/boin.json",
        "conformance/vectors/paths.json",
    ]
    assert "SHA-256 differs" in faults[0]
    assert {vector.topic for vector in whole} - {vector.topic for vector in found} == {"boin", "paths"}


def test_no_vectors_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that says what to do."""
    monkeypatch.setattr(vectors, "__file__", str(tmp_path / "a" / "b" / "c" / "d" / "vectors.py"))
    with pytest.raises(vectors.VectorError, match="not installed with the package; install it again"):
        vectors.folder()


def test_a_question_that_fails_is_a_failed_case() -> None:
    """An answer that cannot be given is never an error, whatever it is that goes wrong."""
    vector = next(vector for vector in EVERY if vector.kind == "select")
    refused = Vector(
        vector.id, vector.requirement, {**vector.question, "outcomes": "9T"}, vector.expect, vector.source, "x"
    )
    assert not asked(refused).passed
    assert "level 9" in asked(refused).obtained
    broken = Vector(vector.id, vector.requirement, {"kind": "select", "design": {"method": {}}}, {}, vector.source, "x")
    assert not asked(broken).passed
