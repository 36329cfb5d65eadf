"""The checklists: every item is answered or open, and each answer is that of the setting it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import escalate as esc
from escalate.core.files import load_scenarios
from escalate.report.checklist import Known, build, filled
from escalate.report.checklist.document import counted, form
from escalate.report.checklist.fill import CHECKLISTS, Of
from escalate.report.checklist.item import Filled
from escalate.report.documents.blocks import Table, plain
from escalate.report.on_record import verified
from tests.helpers import ROOT, make
from tests.report import records

OF: tuple[Of, ...] = get_args(Of)
DESIGNS = sorted((ROOT / "designs").glob("*.yaml"))
RULES = ({"kind": "no_skipping", "from": "highest"}, {"kind": "coherence"}, {"kind": "max_dlts", "dlts": 4})


def answers(of: Of, known: Known) -> dict[str, Filled]:
    return {each.item.key: each for each in filled(of, known)}


def text(found: Filled) -> str:
    assert found.answer is not None, found.item.key
    return found.answer.text


@pytest.mark.parametrize("of", OF)
@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_every_item_is_answered_or_open(of: Of, path: Path) -> None:
    """Of every design: an item has an answer with what holds it and where, or says what a person must write."""
    design = esc.load_design(path)
    found = filled(of, Known(design))
    assert [each.item for each in found] == list(CHECKLISTS[of])
    for each in found:
        assert each.item.topic
        assert each.item.asks.endswith(".")
        assert each.item.write.endswith(".")
        if each.answer is None:
            assert (each.status, each.to_write) == ("open", each.item.write)
            continue
        assert each.answer.text.strip() == each.answer.text != ""
        assert each.answer.where
        assert each.status in ("answered from the design file", "answered in part from the design file")
        assert (each.state == "answered") == (each.to_write == "")
    states = [each.state for each in found]
    assert counted(found).startswith(f"Of {len(found)} items {states.count('answered')} are answered")


@pytest.mark.parametrize("of", OF)
def test_keys_and_numbers(of: Of) -> None:
    """Keys are told apart; numbers of the published list are given where they were verified alone, in its order."""
    items = CHECKLISTS[of]
    assert len({item.key for item in items}) == len(items)
    numbers = [item.number for item in items if item.number]
    assert numbers == (["1a", "1b", "2a.1", "2a.2", "2a.3", "2b", "3a.1", "3a.2"] if of == "consort" else [])


BASE: dict[str, Any] = {"method": {"kind": "boin"}, "rules": ()}
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "title": ({"title": "Another"}, "Another"),
    "objectives": ({"target": 0.25}, "0.25"),
    "strategy": ({"method": {"kind": "boin", "p_saf": 0.2}}, "p_saf"),
    "basis": ({"method": {"kind": "crm", "model": "power", "skeleton": (0.1, 0.2, 0.3, 0.4, 0.5), "estimate": "mean"}}, "crm"),
    "start": ({"start_level": 2}, "level 2"),
    "range": ({"doses": {"unit": "mg", "levels": (7.0, 8.0, 9.0, 10.0, 11.0)}}, "7 mg"),
    "interventions": ({"doses": {"unit": "mL", "levels": (1.0, 2.0, 3.0, 4.0, 5.0)}}, "5 mL"),
    "skipping": ({"rules": RULES}, "level"),
    "cohorts": ({"cohort_size": 2}, "2 evaluable patients"),
    "size": ({"max_patients": 24}, "24"),
    "stopping": ({"rules": RULES}, "4"),
    "interim": ({"rules": RULES}, "cohort"),
    "outcomes": ({"dlt_window": 21}, "21 days"),
    "timing": ({"dlt_window": 21}, "until then accrual waits"),
    "expansion": ({"dlt_window": 21, "backfill": {"cap": 9}}, "9 patients"),
    "prior": ({"method": {"kind": "crm", "model": "power", "skeleton": (0.1, 0.2, 0.3, 0.4, 0.5), "estimate": "mean"}}, "0.2"),
    "selection": ({"target": 0.2}, "0.2"),
}  # fmt: skip


@pytest.mark.parametrize("key", CHANGES)
def test_an_answer_changes_with_its_setting(key: str) -> None:
    """Change the setting that an item rests on and its answer changes with it; no other setting is needed for that."""
    settings, words = CHANGES[key]
    frame = {**BASE, **settings}
    before = answers("spirit", Known(make(**BASE)))[key]
    after = answers("spirit", Known(make(**frame)))[key]
    assert words in text(after)
    assert before.answer is None or before.answer.text != text(after)


def test_every_answer_of_the_design_has_such_a_test() -> None:
    """No item that a design file answers is without a test that its answer follows the setting."""
    design = make({"kind": "boin"}, rules=RULES, dlt_window=21, backfill={"cap": 9})
    answered = {each.item.key for each in filled("spirit", Known(design)) if each.answer is not None}
    assert answered <= set(CHANGES)


def test_words_are_those_of_the_method_and_the_rules() -> None:
    """How the dose is chosen, the rules and the selection are said by the method and the rules, never anew."""
    for path in DESIGNS:
        design = esc.load_design(path)
        found = answers("spirit", Known(design))
        assert text(found["strategy"]) == " ".join(design.method.describe(design))
        assert text(found["selection"]) == " ".join(design.method.describe_selection(design))
        for rule in design.rules:
            assert rule.describe(design) in text(found["interim"])


def test_cohorts_by_rule() -> None:
    """Where a rule sizes the cohorts, it says so, and not the setting that it overrules."""
    design = make({"kind": "boin"}, rules=({"kind": "cohort_sizes", "by_level": (1, 1, 3, 3, 3)},))
    found = answers("spirit", Known(design))["cohorts"]
    assert text(found) == design.rules[0].describe(design)
    assert found.answer is not None
    assert found.answer.where == "rules"


def test_size_and_backfill() -> None:
    """Backfilled patients are not counted in the maximum, and the answer says so."""
    plain, filled_up = make({"kind": "boin"}), make({"kind": "boin"}, dlt_window=21, backfill={"cap": 9})
    assert "backfilled" not in text(answers("spirit", Known(plain))["size"])
    assert "backfilled are not counted" in text(answers("spirit", Known(filled_up))["size"])


def test_scenarios_and_a_study() -> None:
    """Scenarios are named; a study gives its numbers, and one of another design is passed over."""
    design = esc.load_design(ROOT / "designs" / "tvec-liver-boin.yaml")
    scenarios = load_scenarios(ROOT / "simulations" / "scenarios" / "tvec-liver.yaml", [design])[:2]
    named = answers("spirit", Known(design, tuple(scenarios)))["characteristics"]
    assert named.status == "answered in part from the scenario file"
    assert all(scenario.name in text(named) for scenario in scenarios)
    study = esc.simulate([design], scenarios, exact=True)
    found = answers("consort", Known(design, study=study))["characteristics"]
    assert found.status == "answered in part from the study"
    of = study.designs[0].characteristics
    for v in range(2):
        assert ", ".join(f"{share:.2f}" for share, _ in of.of(v, "selected")) in text(found)
        assert f"{of.of(v, 'mean_patients')[0][0]:.1f}" in text(found)
    other = make({"kind": "boin"}, 3)
    assert answers("spirit", Known(other, study=study))["characteristics"].answer is None


@pytest.fixture
def on_record(tmp_path: Path) -> Iterator[None]:
    with records.record(tmp_path / "record.db"):
        yield


def test_what_a_record_answers(on_record: None) -> None:
    """Patients, DLTs, decisions and departures are those of the record."""
    records.story()
    state = verified("tvec")
    found = answers("consort", Known(state.design, record=state))
    for key in ("flow", "dlts", "decisions", "deviations", "recruitment", "committee", "changes"):
        assert found[key].answer is not None
        assert "from the record" in found[key].status
    assert "level 3: 3 treated, 3 evaluable" in text(found["flow"])
    assert "level 1: 0 of 3; level 2: 0 of 0; level 3: 1 of 3" in text(found["dlts"])
    assert "As agreed with the sponsor" in text(found["decisions"])
    assert "Images are awaited" in text(found["deviations"])
    assert "Decided by ana, bob. Second opinion by bob." in text(found["committee"])
    assert text(found["changes"]) == "The design was not amended."
    assert found["declared"].answer is None
    assert all(found[key].answer is None for key in ("baseline", "harms", "discussion"))


def test_the_document(on_record: None) -> None:
    """It says that the published list binds, and has every item; JSON has the same."""
    records.story()
    state = verified("tvec")
    for of in OF:
        known = Known(state.design, record=state)
        document, data = build(of, known), form(of, known)
        assert any("published checklist is what binds" in said for said in document.texts())
        (table,) = (block for block in document.blocks if isinstance(block, Table))
        rows = [" ".join(plain(cell) for cell in row) for row in table.rows]
        for each, item in zip(filled(of, known), data["items"], strict=True):
            row = next(row for row in rows if each.item.topic + ". " + each.item.asks in row)
            assert f"{each.item.place} " in row
            assert f" {each.state} " in row
            assert each.to_write in row
            assert each.answer is None or each.answer.text in row
            assert (item["key"], item["status"], item["to_write"]) == (
                each.item.key,
                each.status,
                each.to_write or None,
            )
        assert data["record"] == {"trial": "tvec", "head": state.head}


def test_the_3_plus_3_answers_for_itself() -> None:
    """Its own end, its own cohorts and its steps are answers, though no rule is in the design file; no prior is stated."""
    found = answers("consort", Known(esc.load_design(ROOT / "designs" / "three_plus_three.yaml")))
    assert "Where level 1 is too toxic the trial ends, and no MTD is declared." in text(found["stopping"])
    assert "Where level 1 is too toxic the trial ends, and no MTD is declared." in text(found["interim"])
    assert "Patients are treated in cohorts of 3" in text(found["cohorts"])
    assert "The method says" not in text(found["cohorts"])
    assert "the dose is escalated by one level" in text(found["skipping"])
    assert (found["stopping"].state, found["interim"].state) == ("in part", "in part")
    assert found["prior"].state == "open"


def test_the_prior_of_a_rule_is_a_prior() -> None:
    """A design whose method states no prior names that of its rule eliminate, and where it is from."""
    found = answers("spirit", Known(make({"kind": "boin"}, rules=({"kind": "eliminate"},))))
    assert "under a Beta(1, 1) prior" in text(found["prior"])
    assert found["prior"].answer is not None
    assert found["prior"].answer.where == "rules"
    assert "escalated by one level" in text(found["skipping"])
