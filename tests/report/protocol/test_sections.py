"""Sections of a protocol: numbers of a study, groups, what is left open, pending outcomes, vetoes, the end of the trial."""

from __future__ import annotations

import re
from typing import Any

import pytest

import escalate as esc
from escalate.core.clock import Clock
from escalate.core.errors import EscalateError
from escalate.core.files import load_scenarios, read_design
from escalate.core.method import ModelMethod
from escalate.report.documents.blocks import Cell, Figure, Heading, Paragraph, plain
from escalate.report.protocol import Part, build
from escalate.report.protocol.part import amount, level_named, name_of_method
from escalate.study.simulate import simulate
from tests.helpers import ROOT, make
from tests.report.protocol.parts import tables, text_of


def test_numbers_of_a_study_are_in_the_tables() -> None:
    """Selection, patients and DLTs of every level, and the measures of the design, to the last decimal printed."""
    file = read_design(str(ROOT / "designs" / "tvec-liver-boin.yaml"))
    scenarios = load_scenarios(str(ROOT / "simulations" / "scenarios" / "tvec-liver.yaml"), [file.design])
    found = simulate([file.design], scenarios)
    document = build([Part(file.design, file.sha256, "boin.yaml", found.designs[0])], found, cohorts=0)
    printed = tables(document)
    assert "paths" not in printed
    whole, result = printed["oc"], found.designs[0]
    for v, line in enumerate(whole.rows):
        cells = [text_of(cell) for cell in line]
        assert cells[0] == scenarios[v].name
        assert cells[1] == f"{100 * result.characteristics.value(v, 'pcs'):.1f}"
        assert cells[6] == f"{result.characteristics.value(v, 'mean_patients'):.1f}"
    rows = [[text_of(cell) for cell in line] for line in printed["oc-levels"].rows]
    for v, scenario in enumerate(scenarios):
        truth, selected, patients, dlts = rows[4 * v : 4 * v + 4]
        assert truth[2:-1] == [f"{p:.4g}" for p in scenario.dlt]
        for cells_of, metric, scale in ((selected, "selected", 100), (patients, "patients", 1), (dlts, "dlts", 1)):
            assert cells_of[2:-1] == [f"{scale * value:.1f}" for value, _ in result.characteristics.of(v, metric)]
    chosen = [[isinstance(cell, Cell) and cell.tone == "chosen" for cell in line] for line in printed["oc-levels"].rows]
    assert chosen[4][4], "the MTD of the second scenario is level 3"
    assert any(isinstance(block, Figure) and block.key == "oc-figure" for block in document.blocks)


def test_errors_of_random_trials_are_in_brackets() -> None:
    """With random trials each number has its Monte-Carlo error, and the text the trials and the seed."""
    design = make({"kind": "boin"}, 3, max_patients=12)
    scenarios = (esc.Scenario(name="a", dlt=(0.1, 0.3, 0.5)),)
    found = simulate([design], scenarios, trials=500, seed=7)
    document = build([Part(design, design.sha256, None, found.designs[0])], found)
    assert re.fullmatch(r"\d+\.\d \(\d\.\d\)", text_of(tables(document)["oc"].rows[0][1]))
    assert any("500 simulated trials under each scenario, with the seed 7" in text for text in document.texts())


def test_many_scenarios_are_summarised() -> None:
    """More than twelve are one table over all of them."""
    design = make({"kind": "boin"}, 3, max_patients=12)
    scenarios = tuple(esc.Scenario(name=str(k), dlt=(0.1, 0.3, 0.3 + k / 50)) for k in range(13))
    found = simulate([design], scenarios)
    printed = tables(build([Part(design, design.sha256, None, found.designs[0])], found))
    assert printed["oc"].header[0] == "Measure"
    assert "oc-levels" not in printed


def test_two_groups_have_a_section_each() -> None:
    """Keys and headings do not clash, and what the design files cannot say is left open."""
    files = [read_design(str(ROOT / "designs" / f"tvec-liver-{name}.yaml")) for name in ("boin", "crm")]
    document = build([Part(file.design, file.sha256, file.document.name) for file in files])
    assert len(document.numbers()) == len(set(document.numbers().values()))
    headings = [block for block in document.blocks if isinstance(block, Heading)]
    assert [block.text for block in headings if block.level == 1][:2] == [file.design.title for file in files]
    assert [block.text for block in headings].count("References") == 1
    open_ = [
        plain(block.words, {}) for block in document.blocks if isinstance(block, Paragraph) and block.look == "warning"
    ]
    assert any("which patients belong to which escalation" in text for text in open_)


def test_what_the_design_file_does_not_say_is_left_open() -> None:
    """The DLTs are always to be defined; the evaluation period where there is no window."""
    for window in (None, 28):
        design = make({"kind": "boin"}, dlt_window=window) if window else make({"kind": "boin"})
        document = build([Part(design, design.sha256)], cohorts=0)
        open_ = [
            plain(block.words, {})
            for block in document.blocks
            if isinstance(block, Paragraph) and block.look == "warning"
        ]
        assert len(open_) == 1
        assert ("sets no DLT window" in open_[0]) is (window is None)
        assert any("28 days after treatment, the last day included" in text for text in document.texts()) is (
            window == 28
        )


def test_waiting_for_outcomes() -> None:
    """A method that does not weigh follow-up waits for all; one that does says how it decides."""
    waits = make({"kind": "boin"}, dlt_window=28)
    text = " ".join(build([Part(waits, waits.sha256)], cohorts=0).texts())
    assert "is known; until then accrual waits" in text
    weighs = make({"kind": "tite_boin"}, dlt_window=28)
    text = " ".join(build([Part(weighs, weighs.sha256)], cohorts=0).texts())
    assert "may be chosen while outcomes are pending. The method says how" in text
    assert "Escalate if STFT at least" in text
    rule = make({"kind": "boin"}, dlt_window=28, rules=({"kind": "decide_when_certain"},))
    assert "A rule says how" in " ".join(build([Part(rule, rule.sha256)], cohorts=0).texts())


def test_backfill_is_described() -> None:
    """Its sentence is there, and the maximum says that backfilled patients are not counted."""
    design = make({"kind": "boin"}, dlt_window=28, backfill={"cap": 9, "activity": "none"})
    texts = list(build([Part(design, design.sha256)], cohorts=0).texts())
    assert design.backfill is not None
    assert design.backfill.describe(design) in texts
    assert any("patients who are backfilled are not counted in this number" in text for text in texts)


def test_no_rules() -> None:
    """Said, and no sentence on what rules forbid."""
    design = make({"kind": "boin"}, rules=())
    texts = list(build([Part(design, design.sha256)], cohorts=0).texts())
    assert "No rules apply besides the method and the maximum number of patients." in texts
    assert not any("a rule forbids" in text for text in texts)


def test_the_prior_in_the_table_is_that_of_the_method() -> None:
    """Mean and median of the DLT probability of each level."""
    design = make({"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55], "estimate": "mean"})
    rows = tables(build([Part(design, design.sha256)], cohorts=0))["prior"].rows
    prior = esc.prior(design)
    assert isinstance(design.method, ModelMethod)
    for line, dose in zip(rows, prior.doses, strict=True):
        assert [text_of(cell) for cell in line][2:4] == [f"{dose.mean:.3f}", f"{dose.quantiles[2]:.3f}"]
    likelihood = make({"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55], "inference": "mle"})
    assert "prior" not in tables(build([Part(likelihood, likelihood.sha256)], cohorts=0))


def test_what_happens_at_level_1_is_asked_of_the_method() -> None:
    """Where the table says de-escalate there, BOIN stays and the 3+3 stops."""
    for settings, said in (
        ({"kind": "boin"}, "the dose stays the same"),
        ({"kind": "three_plus_three"}, "the trial stops"),
    ):
        design = make(settings)
        notes = tables(build([Part(design, design.sha256)], cohorts=0))["decisions"].notes
        assert f"At level 1, where the table says de-escalate {said}." in notes
        after = esc.recommend(design, "1NTT")
        assert (after.action == "stop") is ("stops" in said)


def test_names() -> None:
    """Methods, doses and levels as people write them."""
    assert name_of_method(make({"kind": "crm", "skeleton": [0.1, 0.2, 0.3, 0.4, 0.5], "estimate": "mean"})) == (
        "The continual reassessment method (CRM)"
    )
    assert level_named(make({"kind": "boin"}), 1) == "level 2 (2 mg)"
    assert amount(make({"kind": "boin"}, doses={"unit": "PFU", "levels": (4e7, 1e8)}), 1) == "10^8 PFU"


def test_size_cohorts_and_vetoes_as_said() -> None:
    """The numbers of the brief, and where a forbidden level leads, against what is recommended."""
    design = make({"kind": "boin"}, 3, max_patients=8, rules=({"kind": "eliminate"}, {"kind": "coherence"}))
    texts = list(build([Part(design, design.sha256)], cohorts=0).texts())
    (most,) = {n for text in texts for n in re.findall(r"at the latest when (\d+) evaluable patients", text)}
    (size,) = {n for text in texts for n in re.findall(r"Cohorts have (\d+) evaluable", text)}
    assert esc.recommend(design).next_cohort_size == int(size)
    assert esc.recommend(design, "1NNN 2NNN").next_cohort_size == int(most) - 2 * int(size)
    assert esc.recommend(design, "1NNN 2NNN 3NN").action == "stop"
    assert any("the highest permitted level below it is given" in text for text in texts)
    assert any("All rules hold at once" in text for text in texts)
    # Level 2 is asked for and eliminated: level 1; with level 1 eliminated the trial stops.
    assert esc.recommend(design, "1NNN 2TTT").next_level == 1
    assert esc.recommend(design, "1TTT").action == "stop"


def test_a_forbidden_level_of_the_blrm() -> None:
    """The choice is made again among the permitted levels below it: not simply the highest of them."""
    prior = {"mean": [-1.0, 0.1], "sd": [1.2, 0.7]}
    method = {
        "kind": "blrm",
        "reference_amount": 2.0,
        "prior": prior,
        "overdose_cutoff": 0.6,
        "choose": "loss",
        "losses": [1, 0, 1],
    }
    free, capped = (
        make(method, 5, rules=rules) for rules in ((), ({"kind": "overdose_cap", "cutoff": 0.35, "above": 0.33},))
    )
    texts = list(build([Part(capped, capped.sha256)], cohorts=0).texts())
    assert any(
        "chosen in the same way among the admissible levels below it that are permitted" in text for text in texts
    )
    for outcomes in ("1NNN", "1NNN 2NNT", "1NNN 2NNT 2NNN", "1NNT 1NNN 2NNN", "1NNN 2NNN 3NTT"):
        states = esc.recommend(free, outcomes)
        cells = [list((dose.intervals or {}).values()) for dose in states.doses]
        loss = [row[0] + row[2] for row in cells]
        wanted = states.next_level
        permitted = [
            k for k, dose in enumerate(esc.recommend(capped, outcomes).doses) if dose.why_not != "overdose_cap"
        ]
        below = [k for k in permitted if wanted is not None and k < wanted]
        if wanted is None or not below:
            continue
        assert esc.recommend(capped, outcomes).next_level == min(below, key=lambda k: loss[k]) + 1, outcomes


def test_how_the_trial_ends() -> None:
    """By rules where there are any, by the method where it can end the trial, and by its size."""
    for settings, rules, said in (
        ({"kind": "boin"}, (), "The trial ends with the maximum of 30 evaluable patients."),
        (
            {"kind": "boin"},
            ({"kind": "eliminate"},),
            "The trial ends where a rule above stops it or with the maximum of",
        ),
        (
            {"kind": "three_plus_three"},
            (),
            "The trial ends where the method ends it, as described above, or with the maximum",
        ),
    ):
        design = make(settings, rules=rules)
        texts = list(build([Part(design, design.sha256)], cohorts=0).texts())
        assert any(text.startswith(said) for text in texts), said


def test_a_design_given_twice_is_refused() -> None:
    """Two escalations need two designs: the same one twice would be described twice as if it were two."""
    part = Part(make({"kind": "boin"}), "0" * 64, "boin.yaml")
    with pytest.raises(EscalateError, match=r"boin\.yaml: is given twice"):
        build([part, part])


def test_what_results_say_of_pending_outcomes() -> None:
    """Without a clock, that every outcome is taken as known; with one, accrual, times to DLT and the days of a trial."""
    design = make({"kind": "tite_boin"}, 3, max_patients=9, dlt_window=28)
    scenarios = (esc.Scenario(name="a", dlt=(0.1, 0.3, 0.5)),)
    exact = simulate([design], scenarios)
    text = " ".join(build([Part(design, design.sha256, None, exact.designs[0])], exact, cohorts=0).texts())
    assert "Every outcome is taken as known before the next dose is chosen: no patient is pending." in text
    clock = Clock.from_dict({"accrual": {"kind": "fixed", "days": 7}})
    timed = simulate([design], scenarios, trials=20, clock=clock)
    document = build([Part(design, design.sha256, None, timed.designs[0])], timed, cohorts=0)
    text = " ".join(document.texts())
    assert "accrual fixed (every 7 days)" in text
    assert "taken as known before" not in text
    row = dict(
        zip(tables(document)["oc-times"].header, map(text_of, tables(document)["oc-times"].rows[0]), strict=True)
    )
    mean = timed.designs[0].characteristics.value(0, "duration_days")
    assert row["Mean days"].startswith(f"{mean:.1f} (")


def test_without_results_nothing_is_said_of_them() -> None:
    """Neither commands nor sentences speak of operating characteristics that are not there."""
    design = make({"kind": "boin"})
    texts = list(build([Part(design, design.sha256)], commands=("escalate report protocol boin.yaml -o a.md",)).texts())
    assert "This section is written by:" in texts
    assert not any(
        "operating characteristics were computed" in text or "characteristics are computed" in text for text in texts
    )


def test_no_probabilities_before_any_data() -> None:
    """Paths have no percentages: before the trial they would come from a guess."""
    for design in (make({"kind": "boin"}), make({"kind": "three_plus_three"})):
        document = build([Part(design, design.sha256)])
        (figure,) = (block for block in document.blocks if isinstance(block, Figure) and block.key == "tree")
        assert "%" not in figure.picture.description
        assert not any("ercentage" in note or "robabilit" in note for note in figure.notes)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"kind": "three_plus_three"},
            "Cohorts have 3 evaluable patients; a level is filled to 3 patients, then to 6.",
        ),
        ({"kind": "rolling_six"}, "Cohorts have 3 evaluable patients, cut to what the level lacks of 6."),
        ({"kind": "boin", "titration": True}, "after that cohorts have 3 evaluable patients."),
        ({"kind": "accelerated_titration"}, "a level is filled to 3 patients, then to 6."),
    ],
)
def test_sizes_of_cohorts_are_numbers(settings: dict[str, Any], said: str) -> None:
    """A method that sizes its cohorts says how many patients they have."""
    design = make(settings, dlt_window=28) if settings["kind"] == "rolling_six" else make(settings)
    brief = " ".join(build([Part(design, design.sha256)], cohorts=0).texts())
    assert said in brief
