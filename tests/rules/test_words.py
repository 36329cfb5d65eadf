"""The sentence of a rule against what it does: its numbers are read from the text, and tried on both sides.

Each claim needs cases where the rule speaks and where it does not; every kind of rule has one.
"""

from __future__ import annotations

import importlib
import re

import pytest

import escalate as esc
from escalate.core import registry
from tests.helpers import make
from tests.rules.claims import (
    BLRM,
    BOIN,
    CRM,
    NUMBER,
    TABLE,
    UP,
    Claim,
    above,
    barred,
    by_model,
    certain,
    eliminated,
    goes_on,
    likely,
    lowest,
    mtd_above,
    patients,
    precise,
    stops,
)

CLAIMS = [
    Claim(
        {"kind": "eliminate"},
        r"with at least (\d+) evaluable patients and Pr\(p > # \| data\) above # under a "
        r"Beta\(#, #\) prior is eliminated with all doses above it",
        eliminated,
        barred(2),
    ),
    Claim(
        {"kind": "eliminate", "cutoff": 0.8, "min_patients": 2, "prior": [0.5, 0.6]},
        r"with at least (\d+) evaluable patients and Pr\(p > # \| data\) above # under a "
        r"Beta\(#, #\) prior",
        eliminated,
        barred(3),
    ),
    Claim(
        {"kind": "eliminate"},
        r"the trial stops, with no MTD, when level (1) is eliminated",
        lambda x: iter([("1TTT", True), ("1NTT", False), ("1NNN 2TTT", False)]),
    ),
    Claim(
        {"kind": "eliminate_by_table"},
        r"the decision table says (DU) is eliminated",
        lambda x: iter([("1NNN 2NTT", True), ("1NNN 2NNT", False), ("1NNN 2TTT", True)]),
        barred(2),
        TABLE,
    ),
    Claim(
        {"kind": "extra_safe"}, r"at least (\d+) evaluable patients and Pr\(p > # \| data\) above #, which is", lowest
    ),
    Claim(
        {"kind": "lowest_dose_too_toxic", "cutoff": 0.8, "basis": "beta_binomial", "min_patients": 4},
        r"Pr\(p > # \| data\) at level 1, .*, is above #, once level 1 has at least (\d+) evaluable patients",
        lambda x: lowest([x[2], x[0], x[1]]),
    ),
    Claim(
        {"kind": "lowest_dose_too_toxic", "cutoff": 0.5, "basis": "beta_binomial"},
        r"Pr\(p > # \| data\) at level 1, .*, is above #, once level 1 has at least (\d+) evaluable patient",
        lambda x: lowest([x[2], x[0], x[1]]),
    ),
    Claim(
        {"kind": "lowest_dose_too_toxic", "cutoff": 0.5},
        r"Pr\(p > # \| data\) at level 1, from the model, is above #",
        lambda x: by_model(CRM, x[0], x[1], 1),
        stops,
        CRM,
    ),
    Claim(
        {"kind": "overdose_cap", "cutoff": 0.25, "above": 0.33},
        r"Pr\(p > # \| data\), from the model, above # is forbidden with all doses above it",
        lambda x: by_model(CRM, x[0], x[1], 3),
        barred(3),
        CRM,
    ),
    Claim(
        {"kind": "overdose_cap", "cutoff": 0.9, "basis": "beta_binomial", "min_patients": 4},
        r"Pr\(p > # \| data\), .* above # is forbidden .* from (\d+) evaluable patients at the dose on",
        lambda x: (
            (f"1NNN {patients(2, n, k, 1)}", n >= x[2] and above(n, k, x[0]) > x[1])
            for n in range(1, 8)
            for k in range(n + 1)
        ),
        barred(2),
    ),
    Claim(
        {"kind": "no_skipping", "from": "highest"},
        r"at most (one) level from the highest dose given so far",
        lambda x: iter([("1NNN 2NNN 1NNN", False), ("1NNN", True)]),
        barred(3),
        UP,
    ),
    Claim(
        {"kind": "no_skipping", "from": "last"},
        r"at most (one) level from the dose last given",
        lambda x: iter([("1NNN 2NNN 1NNN", True), ("1NNN 2NNN", False)]),
        barred(3),
        UP,
    ),
    Claim(
        {"kind": "cap_increment", "relative": 1.0},
        r"from the dose last given is by at most (\d+)%",
        lambda x: ((f"{level}NNN", level * (1 + x[0] / 100) < 4) for level in range(1, 5)),
        barred(4),
        UP,
    ),
    Claim(
        {"kind": "cap_increment", "levels": 2, "from": "highest"},
        r"from the highest dose given so far is by at most (\d) levels",
        lambda x: iter([("1NNN", 1 + x[0] < 4), ("1NNN 2NNN 1NNN", 2 + x[0] < 4)]),
        barred(4),
        UP,
    ),
    Claim(
        {"kind": "cap_increment", "bands": [{"from_dlts": 0, "levels": 3}, {"from_dlts": 2, "levels": 1}]},
        r"at most (\d) levels; by at most (\d) level instead from (\d) DLTs in the trial on",
        lambda x: ((f"1{'N' * (3 - k)}{'T' * k}", 1 + (x[0] if k < x[2] else x[1]) < 4) for k in range(4)),
        barred(4),
        UP,
    ),
    Claim(
        {"kind": "coherence"},
        r"right after a cohort whose DLT rate is # or more",
        lambda x: ((f"1{'N' * (10 - k)}{'T' * k}", k / 10 >= x[0]) for k in range(11)),
        barred(2),
        UP,
        frame={"cohort_size": 10},
    ),
    Claim(
        {"kind": "stick_on_dlts", "patients": 3, "dlts": 1, "then": "stay"},
        r"exactly (\d) evaluable patients and (\d) or more DLTs, there is no escalation from it",
        lambda x: ((patients(1, n, k), n == x[0] and k >= x[1]) for n in (3, 6) for k in range(n + 1)),
        barred(2),
        UP,
    ),
    Claim(
        {"kind": "stick_on_dlts", "patients": 6, "dlts": 3, "then": "de_escalate"},
        r"exactly (\d) evaluable patients and (\d) or more DLTs, it is left for a lower one, except level 1",
        lambda x: ((f"1NNN {patients(2, n, k)}", n == x[0] and k >= x[1]) for n in (3, 6) for k in range(n + 1)),
        barred(2),
        UP,
    ),
    Claim(
        {"kind": "stop_at_patients_at_dose", "patients": 6},
        r"dose just given has (\d+) or more evaluable patients",
        lambda x: ((patients(1, n, 0), n >= x[0]) for n in (3, 6, 9)),
        method=UP,
    ),
    Claim(
        {"kind": "stop_at_patients_at_dose", "patients": 6, "only_if_staying": True},
        r"just given has (\d+) or more evaluable patients and the same dose would be given again",
        lambda x: iter([("1NNT 1NNN", False), ("1NNT 1NNT", x[0] <= 6), ("1NNT", False)]),
    ),
    Claim(
        {"kind": "stop_at_patients_at_dose", "patients": 6, "at": "next"},
        r"recommended next has (\d+) or more evaluable patients",
        lambda x: iter([("1NNN 2NNN 3NNN 4NNN 5NNN", x[0] <= 3), ("5NNN 5NNN 1NNN", x[0] <= 6)]),
        method=UP,
    ),
    Claim(
        {"kind": "stop_at_patients", "patients": 9},
        r"it has (\d+) or more evaluable patients in all",
        lambda x: ((patients(1, n, 0), n >= x[0]) for n in (6, 9, 12)),
        method=UP,
    ),
    Claim(
        {"kind": "stop_at_patients_near_dose", "patients": 6, "within": 0.25},
        r"within (\d+)% of the one recommended next, it included, have (\d+) or more evaluable patients",
        # The highest level, 5 mg, follows: 4 mg is within 25% of it, 3 mg is not.
        lambda x: iter(
            [
                ("5NNN 4NNN", 5 * (1 - x[0] / 100) <= 4 and x[1] <= 6),
                ("5NNN 3NNN", 5 * (1 - x[0] / 100) <= 3),
                ("5NNN", False),
            ]
        ),
        method=UP,
    ),
    Claim(
        {"kind": "stop_when_stable", "cohorts": 2},
        r"the last (\d) cohorts all had the dose that the next would get",
        lambda x: iter([("5NNN", False), ("5NNN 5NNN", x[0] <= 2), ("5NNN 1NNN 5NNN", False)]),
        method=UP,
    ),
    Claim(
        {"kind": "stop_when_precise", "lower": 0.02, "upper": 0.8, "min_patients": 6, "interval": 0.9},
        r"the (\d+)% credible interval, from the model, of the DLT rate at the recommended dose lies within # to # and "
        r"that dose has at least (\d+) evaluable",
        precise,
        method=CRM,
    ),
    Claim(
        {"kind": "stop_when_target_likely", "probability": 0.35, "interval": [0.2, 0.4]},
        r"lies between # and # with a probability of at least #",
        likely,
        method=CRM,
    ),
    Claim(
        {"kind": "stop_when_mtd_above", "factor": 0.8, "probability": 0.93, "target": 0.33},
        r"DLT rate of #, lies above # times the recommended dose with a probability of at least #",
        mtd_above,
        method=BLRM,
    ),
    Claim(
        {"kind": "stop_when_mtd_certain", "cv": 0.8, "target": 0.33},
        r"DLT rate of #, is at most (\d+)%",
        certain,
        method=BLRM,
    ),
    Claim(
        {"kind": "max_dlts", "dlts": 3},
        r"(\d+) or more DLTs have been seen in the whole trial",
        lambda x: (
            (f"1{'N' * (3 - a)}{'T' * a} 2{'N' * (3 - b)}{'T' * b}", a + b >= x[0]) for a in range(2) for b in range(4)
        ),
        method=UP,
    ),
    Claim(
        {"kind": "any_of", "rules": [{"kind": "stop_at_patients", "patients": 9}, {"kind": "max_dlts", "dlts": 2}]},
        r"\(it has (\d+) or more .*\) or \((\d+) or more DLTs",
        lambda x: iter([("1NNN 2NNN", False), ("1NNN 2NNN 3NNN", x[0] <= 9), ("1NTT", x[1] <= 2)]),
        method=UP,
    ),
    Claim(
        {
            "kind": "all_of",
            "rules": [
                {"kind": "stop_at_patients", "patients": 9},
                {"kind": "stop_at_patients_at_dose", "patients": 6, "at": "last"},
            ],
        },
        r"\(it has (\d+) or more .*\) and \(the dose just given has (\d+) or more",
        lambda x: iter([("1NNN 2NNN 3NNN", False), ("1NNN 2NNN 2NNN", x[0] <= 9 and x[1] <= 6), ("2NNN 2NNN", False)]),
        method=UP,
    ),
    Claim(
        {"kind": "min_patients_before_stop", "patients": 12},
        r"Before it has at least (\d+) evaluable patients the trial ends only",
        lambda x: ((patients(1, n, 0), n < x[0]) for n in (6, 9, 12)),
        goes_on,
        UP,
        ({"kind": "stop_at_patients", "patients": 3},),
    ),
    Claim(
        {"kind": "min_patients_at_selected", "patients": 6},
        r"selected as the MTD has at least (\d+) evaluable patients",
        lambda x: ((patients(1, n, 1), n < x[0]) for n in (3, 6, 9)),
        goes_on,
        BOIN,
        ({"kind": "stop_at_patients", "patients": 3},),
    ),
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.rule["kind"])
def test_a_rule_does_what_its_sentence_says(claim: Claim) -> None:
    """On both sides of each number that the sentence has."""
    design = make(claim.method, **{"max_patients": 60, "rules": (claim.rule, *claim.others), **claim.frame})
    rule = design.rules[0]
    read = re.search(claim.says.replace("#", NUMBER), rule.describe(design))
    assert read is not None, rule.describe(design)
    values = [float(x) if re.fullmatch(r"[\d.]+", x) else 0.0 for x in read.groups()]
    seen = set()
    for outcomes, speaks in claim.cases(values):
        found = esc.recommend(design, outcomes)
        assert claim.seen(found, rule.kind) is bool(speaks), f"{outcomes}: {rule.describe(design)}"
        seen.add(bool(speaks))
    assert seen == {True, False}, "the cases lie on one side"


ELSEWHERE = {
    "suspend_when_pending": "test_share_of_pending_patients",
    "min_follow_up": "test_follow_up_before_escalation",
    "decide_when_certain": "test_decisions_that_pending_outcomes_can_change",
    "cohort_sizes": "test_sizes_of_cohorts",
}
"""Tests of `test_words_waiting`."""


def test_every_rule_has_a_claim() -> None:
    """A rule whose sentence nothing is held against cannot be added."""
    waiting = importlib.import_module("tests.rules.test_words_waiting")
    assert all(hasattr(waiting, name) for name in ELSEWHERE.values())
    assert {claim.rule["kind"] for claim in CLAIMS} | set(ELSEWHERE) == set(registry.rules().kinds())
