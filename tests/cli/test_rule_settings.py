"""Settings of rules, seen through the installed command: what is wrong, on which line, and what would be right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import DESIGN, escalate, write

NESTED = """rules:
  - {kind: eliminate}
  - kind: all_of
    rules:
      - {kind: stop_at_patients, patients: 9}
      - kind: any_of
        rules:
          - {kind: stop_when_stable, cohorts: 2}
          - kind: stop_at_patients_at_dose
            patients: 6
"""
STOPS = (
    "all_of, any_of, max_dlts, stop_at_patients, stop_at_patients_at_dose, stop_at_patients_near_dose, stop_when_mtd_above, "
    "stop_when_mtd_certain, stop_when_precise, stop_when_stable, stop_when_target_likely"
)


def rules(*lines: str) -> str:
    """Return the good design with some rules, the first on line 10."""
    return DESIGN + "rules:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


CASES: list[tuple[str, str, str]] = [
    # stick_on_dlts
    ("stick without its numbers", rules("kind: stick_on_dlts, then: stay"), "d.yaml:10 rules[1].patients: is missing"),
    ("stick without what then", rules("kind: stick_on_dlts, patients: 3, dlts: 1"), "d.yaml:10 rules[1].then: is missing"),
    ("stick with another verb", rules("kind: stick_on_dlts, patients: 3, dlts: 1, then: stop"),
     "rules[1].then: 'stop' is not known; it can be 'stay' or 'de_escalate'"),
    ("stick on more DLTs than patients", rules("kind: stick_on_dlts, patients: 3, dlts: 4, then: stay"),
     "rules[1].dlts: 4 is more than 3 patients can have"),
    ("stick on no DLT", rules("kind: stick_on_dlts, patients: 3, dlts: 0, then: stay"), "rules[1].dlts: 0 is not at least 1"),
    # counts
    ("no patients", rules("kind: stop_at_patients, patients: 0"), "rules[1].patients: 0 is not at least 1"),
    ("patients as text", rules("kind: stop_at_patients, patients: many"), "rules[1].patients: 'many' is not a whole number"),
    ("DLTs as a fraction", rules("kind: max_dlts, dlts: 2.5"), "rules[1].dlts: 2.5 is not a whole number"),
    ("max_dlts with patients", rules("kind: max_dlts, dlts: 3, patients: 3"),
     "rules[1].patients: unknown setting; known: dlts, kind"),
    ("no cohorts", rules("kind: stop_when_stable, cohorts: 0"), "rules[1].cohorts: 0 is not at least 1"),
    ("hold without a number", rules("kind: min_patients_before_stop"), "rules[1].patients: is missing"),
    ("hold at the MTD with a negative number", rules("kind: min_patients_at_selected, patients: -3"),
     "rules[1].patients: -3 is not at least 1"),
    # cap_increment
    ("caps nothing", rules("kind: cap_increment"), "rules[1].kind: cap_increment caps nothing; give 'relative', 'levels', or"),
    ("cap of zero", rules("kind: cap_increment, relative: 0"), "rules[1].relative: 0 is not above 0"),
    ("no bands", rules("kind: cap_increment, bands: []"), "rules[1].bands: is empty"),
    ("bands and a cap", rules("kind: cap_increment, levels: 1, bands: [{from_dlts: 0, relative: 1}]"),
     "rules[1].levels: is beside 'bands'; write it into each band"),
    ("first band above zero", rules("kind: cap_increment, bands: [{from_amount: 10, relative: 1}]"),
     "rules[1].bands[1].from_amount: 10 is not 0; the first band starts at 0"),
    ("bands that do not rise", rules("kind: cap_increment, bands: [{from_dlts: 0, levels: 2}, {from_dlts: 0, levels: 1}]"),
     "rules[1].bands[2].from_dlts: 0 is not above 0, where the band before it starts"),
    ("bands of two sorts", rules("kind: cap_increment, bands: [{from_amount: 0, levels: 2}, {from_dlts: 1, levels: 1}]"),
     "rules[1].bands[2].from_dlts: is mixed with 'from_amount'; all bands go by one of the two"),
    ("band without a start", rules("kind: cap_increment, bands: [{relative: 1}]"),
     "rules[1].bands[1]: does not say where it starts; give it 'from_amount' or 'from_dlts'"),
    ("band that caps nothing", rules("kind: cap_increment, bands: [{from_amount: 0}]"),
     "rules[1].bands[1]: caps nothing; give it 'relative' or 'levels'"),
    ("band with a slip", rules("kind: cap_increment, bands: [{from_amount: 0, relativ: 1}]"),
     "rules[1].bands[1].relativ: unknown setting; did you mean 'relative'?"),
    ("cap from elsewhere", rules("kind: cap_increment, levels: 1, from: start"),
     "rules[1].from: 'start' is not known; it can be 'last' or 'highest'"),
    ("basis by its other name", rules("kind: cap_increment, levels: 1, basis: last"),
     "rules[1].basis: unknown setting; did you mean"),
    # overdose_cap
    ("overdose without a cut-off", rules("kind: overdose_cap, basis: beta_binomial"), "rules[1].cutoff: is missing"),
    ("overdose by a model that is none", rules("kind: overdose_cap, cutoff: 0.25"),
     "rules[1].basis: boin here gives no posterior probability; write 'basis: beta_binomial'"),
    ("overdose without a limit",
     rules("kind: overdose_cap, cutoff: 0.25, basis: beta_binomial").replace("target: 0.30\n", "")
     .replace("boin", "three_plus_three"),
     "d.yaml:9 rules[1].above: is missing, and the design has no target"),
    # any_of, all_of
    ("combines nothing", rules("kind: any_of, rules: []"), "d.yaml:10 rules[1].rules: is empty"),
    ("combination without rules", rules("kind: all_of"), "d.yaml:10 rules[1].rules: is missing"),
    ("combination of no list", rules("kind: all_of, rules: {kind: max_dlts, dlts: 3}"), "is not a list [..]"),
    ("combination of words", rules("kind: all_of, rules: [max_dlts]"),
     "d.yaml:10 rules[1].rules[1]: is not a group of settings; write '{kind: ...}'"),
    ("combination of a veto", DESIGN + NESTED.replace("kind: stop_when_stable, cohorts: 2", "kind: eliminate"),
     f"d.yaml:16 rules[2].rules[2].rules[1].kind: 'eliminate' forbids doses; only rules that just end the trial can be "
     f"combined: {STOPS}"),
    ("combination of a hold", rules("kind: any_of, rules: [{kind: min_patients_before_stop, patients: 3}]"),
     "rules[1].rules[1].kind: 'min_patients_before_stop' does not end the trial; only rules that"),
    ("combination of what is no rule", rules("kind: any_of, rules: [{kind: max_dlt, dlts: 3}]"),
     "rules[1].rules[1].kind: 'max_dlt' is not a rule; did you mean 'max_dlts'?"),
    ("part without a kind", rules("kind: any_of, rules: [{dlts: 3}]"), "rules[1].rules[1].kind: is missing; one of: "),
    ("part with a wrong number", DESIGN + NESTED.replace("patients: 9", "patients: 0"),
     "d.yaml:13 rules[2].rules[1].patients: 0 is not at least 1"),
    ("deep part with a wrong number", DESIGN + NESTED.replace("patients: 6", "patients: no"),
     "d.yaml:18 rules[2].rules[2].rules[2].patients: 'no' is not a whole number"),
    ("deep part with a slip", DESIGN + NESTED.replace("cohorts: 2", "cohort: 2"),
     "d.yaml:16 rules[2].rules[2].rules[1].cohort: unknown setting; did you mean 'cohorts'?"),
    ("deep part that the design cannot have",
     DESIGN + NESTED.replace("{kind: stop_when_stable, cohorts: 2}", "{kind: stop_when_precise, lower: 0.1, upper: 0.5}"),
     "d.yaml:16 rules[2].rules[2].rules[1].kind: boin here gives no posterior probability, which stop_when_precise needs"),
    # cohort_sizes
    ("sizes of nothing", rules("kind: cohort_sizes"), "rules[1].kind: cohort_sizes needs either 'by_level' or 'by_dlts'"),
    ("sizes for other levels", rules("kind: cohort_sizes, by_level: [1, 3]"),
     "d.yaml:10 rules[1].by_level: has 2 entries for 3 dose levels; give one a level"),
    ("size 0", rules("kind: cohort_sizes, by_level: [0, 3, 3]"), "rules[1].by_level[1]: 0 is not at least 1"),
    ("size 21", rules("kind: cohort_sizes, by_dlts: [{from_dlts: 0, size: 21}]"), "rules[1].by_dlts[1].size: 21 is not at most 20"),
    ("sizes from the first DLT only", rules("kind: cohort_sizes, by_dlts: [{from_dlts: 1, size: 3}]"),
     "rules[1].by_dlts[1].from_dlts: 1 is not 0; the first size is that of a trial without DLT"),
    ("sizes in disorder",
     rules("kind: cohort_sizes, by_dlts: [{from_dlts: 0, size: 1}, {from_dlts: 2, size: 2}, {from_dlts: 1, size: 3}]"),
     "rules[1].by_dlts[3].from_dlts: 1 is not above 2, where the size before it starts"),
    ("sizes of a method that has its own",
     rules("kind: cohort_sizes, by_level: [1, 1, 1]").replace("boin", "boin, titration: true"),
     "d.yaml:10 rules[1].kind: boin here sizes its cohorts itself; leave cohort_sizes out"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "said"), CASES, ids=[name for name, _, _ in CASES])
def test_bad_setting(name: str, content: str, said: str, tmp_path: Path) -> None:
    """Exit code 2 and one sentence a fault, with file, line and field, from `check` as from `recommend`."""
    write(tmp_path, d_yaml=content)
    done = escalate("check", "d.yaml", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, ""), name
    assert said in done.stderr
    assert all(line.startswith("error: d.yaml:") for line in done.stderr.splitlines())
    for word in ("Traceback", "should not have happened", "pydantic", "[type="):
        assert word not in done.stderr


def test_good_nested_rules(tmp_path: Path) -> None:
    """The same nested rules without a fault: checked, recommended with, and written back as they were read."""
    write(tmp_path, d_yaml=DESIGN + NESTED)
    checked = escalate("check", "d.yaml", "--json", cwd=tmp_path)
    assert (checked.code, checked.stderr) == (0, "")
    said: dict[str, Any] = json.loads(checked.stdout)
    assert said["settings"]["rules"][1]["rules"][1]["rules"][1] == {
        "kind": "stop_at_patients_at_dose", "patients": 6, "only_if_staying": False, "at": "last",
    }  # fmt: skip
    done = escalate("recommend", "d.yaml", "--outcomes", "1NNN 2NNT 2NNT", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("Stop")
    assert "2 of 2 parts hold; all are needed." in done.stdout.replace("\n", " ")


def test_who_is_held_back_is_printed(tmp_path: Path) -> None:
    """The line of a stop that another rule holds back says so."""
    write(tmp_path, d_yaml=rules("kind: stop_at_patients, patients: 3", "kind: min_patients_before_stop, patients: 9"))
    done = escalate("recommend", "d.yaml", "--outcomes", "1NNT", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert [line["verdict"] for line in found["trace"][2:]] == ["held back", "holds"]
    assert [reason["code"] for reason in found["reasons"]] == ["stay", "min_patients_before_stop"]
    assert "held back" in escalate("recommend", "d.yaml", "--outcomes", "1NNT", cwd=tmp_path).stdout


def test_doubts_make_the_check_fail(tmp_path: Path) -> None:
    """A cap below the distance of two levels is questioned: exit code 1."""
    write(tmp_path, d_yaml=rules("kind: cap_increment, relative: 0.5"))
    done = escalate("check", "d.yaml", cwd=tmp_path)
    assert (done.code, done.stderr) == (1, "")
    assert "level 2 (20 mg) can never be given" in " ".join(done.stdout.split())
