"""The sentences of a table against its steps: numbers and strictness are read from the text and tried on both sides."""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.tally import States, Tally
from tests.helpers import make
from tests.methods.reading import (
    MOST,
    Read,
    by_3_plus_3,
    by_boin,
    by_ccd,
    by_i3p3,
    by_iboin,
    by_keys,
    by_mtpi,
    by_own_table,
    by_rolling_six,
    by_tpi,
    exact,
    found,
    outcomes_of,
    words,
)

TABLES: list[tuple[dict[str, Any], Read]] = [
    ({"kind": "boin"}, by_boin),
    ({"kind": "boin", "p_saf": 0.1, "p_tox": 0.5}, by_boin),
    ({"kind": "bf_boin"}, by_boin),
    ({"kind": "tite_boin"}, by_boin),
    ({"kind": "ccd"}, by_ccd),
    ({"kind": "ccd", "delta": 0.15}, by_ccd),
    ({"kind": "ccd", "version": "t"}, by_ccd),
    ({"kind": "i3p3"}, by_i3p3),
    ({"kind": "i3p3", "epsilon_low": 0.1, "epsilon_high": 0.02}, by_i3p3),
    ({"kind": "mtpi"}, by_mtpi),
    ({"kind": "mtpi", "prior": [0.5, 0.7]}, by_mtpi),
    ({"kind": "mtpi2"}, by_keys),
    ({"kind": "mtpi2", "epsilon_low": 0.03, "epsilon_high": 0.04, "prior": [0.5, 0.5]}, by_keys),
    ({"kind": "keyboard"}, by_keys),
    ({"kind": "keyboard", "end_keys": "discard"}, by_keys),
    ({"kind": "keyboard", "epsilon_low": 0.1, "epsilon_high": 0.07}, by_keys),
    ({"kind": "tite_keyboard"}, by_keys),
    ({"kind": "tite_mtpi2"}, by_keys),
    ({"kind": "tpi"}, by_tpi),
    ({"kind": "tpi", "k1": 1.5, "k2": 1.0, "prior": [1.0, 1.0]}, by_tpi),
    ({"kind": "iboin", "skeleton": [0.1, 0.25, 0.4, 0.5, 0.6], "ess": 3}, by_iboin),
    ({"kind": "iboin", "skeleton": [0.05, 0.15, 0.3, 0.5, 0.6], "ess": [3, 1, 2, 0, 0]}, by_iboin),
    ({"kind": "three_plus_three"}, by_3_plus_3),
    ({"kind": "rolling_six"}, by_rolling_six),
    ({"kind": "decision_table",
      "rows": [[n, k, "E" if 5 * k < n else "DU" if 2 * k > n else "S" if 3 * k <= n else "D"] for n in (3, 6, 9, 12)
               for k in range(n + 1)]}, by_own_table),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "read"), TABLES, ids=lambda part: part["kind"] if isinstance(part, dict) else "")
def test_a_reading_of_the_text_gives_the_steps(settings: dict[str, Any], read: Read) -> None:
    """For every number of patients and DLTs at level 2, between a level tried without DLT and levels that nobody had."""
    six = settings["kind"] in {"rolling_six"}
    # With the most patients of its own table a trial ends.
    listed = {row[0] for row in settings.get("rows", [])} - {12} or (
        {3, 6} if settings["kind"] == "three_plus_three" else None
    )
    design = make(settings, rules=())
    text = words(design)
    steps = set()
    for n in range(1, (6 if six else MOST) + 1):
        if listed is not None and n not in listed:
            continue
        for dlts in range(n + 1):
            step = read(text, n, dlts)
            assert step == _step(design, n, dlts), f"{dlts}/{n}: the text says {step}"
            steps.add(step)
    assert steps == {1, 0, -1}


def _step(design: esc.Design, n: int, dlts: int) -> int:
    six = design.method.kind in {"rolling_six", "three_plus_three", "decision_table"}
    # A level below with three patients has room where a dose is left for it.
    below = 3 if six else 1
    tally = Tally.of([[below, n, 0, 0, 0]], [[0, dlts, 0, 0, 0]])
    moves = design.method.decide(design, States(tally, np.array([1]), np.array([[n - dlts, dlts]])))
    return int(moves.next[0]) - 1


def test_the_reading_of_a_table_that_is_changed_is_wrong() -> None:
    """A text with another cut-off is found out: the readings do not agree with everything."""
    design = make({"kind": "boin"}, rules=())
    text = words(design).replace("lambda_e = 0.2365", "lambda_e = 0.3334")
    wrong = [
        (n, dlts)
        for n in range(1, MOST + 1)
        for dlts in range(n + 1)
        if by_boin(text, n, dlts) != _step(design, n, dlts)
    ]
    assert (3, 1) in wrong


def test_scores_against_the_cut_offs_of_the_text() -> None:
    """gBOIN: the mean score, as a part of a DLT's, for every outcome of one to six patients."""
    design = make({"kind": "gboin"}, rules=())
    text = words(design)
    low, high = (exact(each) for each in found(r"lambda_e = (\d+(?:\.\d+)?) and lambda_d = (\d+(?:\.\d+)?)", text))
    (whole,) = found(r"divided by that of a DLT, (\d+(?:\.\d+)?);", text)
    scores = [exact(each) / exact(whole) for each in re.findall(r"[NMST] \([^)]*\) (\d+(?:\.\d+)?)", text)]
    assert len(scores) == 4
    found(
        r"escalated by one level where the mean score at the current level is (at most) lambda_e, .* where it is at least",
        text,
    )
    steps = set()
    for counts in outcomes_of(4, range(1, 7)):
        mean = sum(k * score for k, score in zip(counts, scores, strict=True)) / sum(counts)
        step = 1 if mean <= low else -1 if mean >= high else 0
        tally = np.zeros((1, 5, 4), dtype=np.int64)
        tally[0, 1] = counts
        moves = design.method.decide(design, States(Tally(tally), np.array([1]), np.array([counts])))
        assert int(moves.next[0]) - 1 == step, counts
        steps.add(step)
    assert steps == {1, 0, -1}


READ_IN = {
    "accelerated_titration": "test_words_beside_tables::test_accelerated_titration_as_described",
    "gboin": "test_words_tables::test_scores_against_the_cut_offs_of_the_text",
    "constant": "test_words_beside_tables::test_controls",
    "random": "test_words_beside_tables::test_controls",
    "crm": "test_words_models::test_estimates_of_the_crm",
    "blrm": "test_words_models::test_choices_of_the_blrm",
    "tite_blrm": "test_words_models::test_choices_of_the_blrm",
    "tite_crm": "test_words_models::test_weights_of_pending_patients",
    "fractional_crm": "test_words_models::test_fractions_of_pending_patients",
    "ewoc": "test_words_ewoc::test_bound_and_model_of_ewoc",
    "ordinal_crm": "test_words_ewoc::test_choice_of_the_ordinal_crm",
    "pymc": "test_words_ewoc::test_choice_of_a_pymc_model",
}
"""The test that reads the text of a method which is no table."""


def test_every_method_has_a_reading() -> None:
    """A method whose sentences nothing is held against cannot be added."""
    for test in READ_IN.values():
        module, _, name = test.partition("::")
        assert hasattr(importlib.import_module(f"tests.methods.{module}"), name)
    read = {settings["kind"] for settings, _ in TABLES} | set(READ_IN)
    assert read == set(registry.methods().kinds())
