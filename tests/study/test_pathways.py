"""Paths: node for node against another package and the dossier, and the same answers as `recommend`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.moves import Action
from escalate.study.path_nodes import PathNode
from escalate.study.pathways import Pathways
from tests.cli.run import DESIGNS
from tests.helpers import cases, make, quick

CASES = cases("dose_paths")


def _design(inputs: dict[str, Any]) -> esc.Design:
    """Return our design of a case; escalation's have no rules but those in their name."""
    model = inputs["model"]
    if model.startswith("boin"):
        # escalation's BOIN eliminates as the paper does, which are our published rules; `stop_at_n` is our max_patients.
        most = 12 if "stop_at_n(12)" in model else 30
        return make({"kind": "boin"}, inputs["num_doses"], target=inputs["target"], max_patients=most)
    if model == "3+3":
        method = {"kind": "three_plus_three", "deescalate": False}
        return make(method, inputs["num_doses"], rules=(), max_patients=6 * inputs["num_doses"])
    rules: list[dict[str, Any]] = []
    if "dont_skip" in model:
        rules.append({"kind": "no_skipping", "from": "last"})
    if "stop_when_n_at_dose" in model:
        rules.append({"kind": "stop_at_patients_at_dose", "patients": 6, "at": "next"})
    method = {"kind": "crm", "skeleton": inputs["skeleton"], "estimate": "plug_in", "mtd_among": "all"}
    if "follow_path" in model:
        method["initial_levels"] = [1, 1, 1, 2, 2, 2, 3, 3, 3]
    return make(method, len(inputs["skeleton"]), target=inputs["target"], rules=tuple(rules), max_patients=60)


def _look_ahead(inputs: dict[str, Any], scenario: esc.Scenario | None = None) -> Pathways:
    return esc.paths(
        _design(inputs),
        inputs["previous_outcomes"] or None,
        sizes=inputs["cohort_sizes"],
        next_level=inputs["next_dose"],
        scenario=scenario,
    )


def _dose(node: PathNode) -> int | None:
    """Return the dose that escalation calls recommended: the next one, or the MTD on a stop."""
    return node.next_level or node.mtd_level


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_tree_of_another_package(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_dose_paths`: the same paths, parents, doses and stops, node for node, in every case.

    `next_dose` replaces the recommendation at the root there (`fit_recommended_dose` is the model's own); here the root
    keeps what the design says, and the first cohort has the level asked for.
    """
    inputs, outputs = case["inputs"], case["outputs"]
    found = _look_ahead(inputs)
    ours = {node.path: node for node in found.nodes}
    assert len(ours) == len(found.nodes) == outputs["n_nodes"]
    assert set(ours) == set(outputs["path"])
    path_of = dict(zip(outputs["node"], outputs["path"], strict=True))
    for k, path in enumerate(outputs["path"]):
        node = ours[path]
        assert node.depth == outputs["depth"][k], path
        if node.parent is None:
            assert outputs["parent"][k] is None
        else:
            assert found.nodes[node.parent].path == path_of[outputs["parent"][k]], path
        assert _dose(node) == outputs["fit_recommended_dose"][k], path
        if inputs["next_dose"] is None or path:
            assert _dose(node) == outputs["recommended_dose"][k], path
        assert (node.action is not Action.STOP) == outputs["continue"][k], path
    if inputs["next_dose"] is not None:
        assert {node.level for node in found.next_cohort} == {inputs["next_dose"]} == {outputs["recommended_dose"][0]}
        assert found.notes[0].startswith(f"What if: the next cohort gets level {inputs['next_dose']}.")


@pytest.mark.parametrize("case", [c for c in CASES if "exact_oc" in c["outputs"]], ids=lambda case: case["id"])
def test_characteristics_of_another_package(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `calculate_probabilities`, exact: doses recommended, patients and DLTs; to 1e-12."""
    inputs, expected = case["inputs"], case["outputs"]["exact_oc"]
    truth = tuple(expected["true_prob_tox"])
    found = _look_ahead(inputs, esc.Scenario(name="truth", dlt=truth))
    recommended, n, dlts, goes_on = np.zeros(len(truth) + 1), np.zeros(len(truth)), np.zeros(len(truth)), 0.0
    for row in found.now.doses:
        n[row.level - 1] += row.patients
        dlts[row.level - 1] += row.dlts
    for node in found.nodes[1:]:
        assert node.level is not None
        n[node.level - 1] += node.probability * node.patients
        dlts[node.level - 1] += node.probability * node.dlts
        if not found.children[node.id]:
            recommended[_dose(node) or 0] += node.probability
            goes_on += node.probability * (node.action is not Action.STOP)
    assert recommended.tolist() == pytest.approx(expected["prob_recommend_NoDose_1_to_K"], abs=1e-12)
    assert n.tolist() == pytest.approx(expected["n_at_dose"], abs=1e-12)
    assert dlts.tolist() == pytest.approx(expected["tox_at_dose"], abs=1e-12)
    assert n.sum() == pytest.approx(expected["expected_n"], abs=1e-12)
    assert goes_on == pytest.approx(expected["prob_continue"], abs=1e-12)


S = (0.05, 0.12, 0.25, 0.40, 0.55)


def test_published_transitions() -> None:
    """Source: dossier simulation.md 7 (after Yap et al. 2017; dfcrm for the fits): CRM, first cohort of 3 at dose 2."""
    rules: tuple[dict[str, Any], ...] = ({"kind": "no_skipping"}, {"kind": "coherence"})
    method = {"kind": "crm", "skeleton": list(S), "estimate": "plug_in"}
    design = make(method, target=0.25, start_level=2, rules=rules)
    found = esc.paths(design, cohorts=2)
    first = found.next_cohort
    assert [node.level for node in first] == [2, 2, 2, 2]
    assert [node.next_level for node in first] == [3, 2, 1, 1]
    then = [[below.next_level for below in found.children[node.id]] for node in first]
    assert then == [[4, 3, 2, 1], [3, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    for path, plug_ins in (("2NNT 2NNN", (0.08321, 0.17209, 0.31646)), ("2NNT 2NNT", (0.19953, 0.31958, 0.47432))):
        estimates = [dose.estimate for dose in esc.recommend(design, path).doses[:3]]
        assert estimates == pytest.approx(plug_ins, abs=5.1e-6), path


BARRED = ("1NNN 2NNN 3NNN 2TTT 2NNN", "1NNN 2TTT 2NNN 2NNN", "1TTT", "1NNT 1NNN 3NTT")


@pytest.mark.parametrize("before", ["", "1NNN 2NNT", *BARRED])
@pytest.mark.parametrize("path", quick(DESIGNS))
def test_every_node_is_what_recommend_says(path: Any, before: str) -> None:
    """Action, dose, cohort size, MTD and reasons, bars from earlier cohorts included, are those of the outcome string."""
    design = esc.load_design(path)
    for cohorts, next_level in ((2, None), (1, design.n_doses)):
        found = esc.paths(design, before, cohorts=cohorts, next_level=next_level)
        for node in found.nodes:
            said = esc.recommend(design, f"{before} {node.path}".strip())
            assert (node.action, node.next_level, node.mtd_level) == (said.action, said.next_level, said.mtd_level)
            assert node.next_cohort_size == said.next_cohort_size
            assert node.reasons == said.reasons


def test_a_bar_of_the_past_holds_in_the_future() -> None:
    """Level 2 is barred by 3/3; six patients without DLT, given all the same, do not lift that for any path."""
    design = make({"kind": "boin"})
    found = esc.paths(design, "1NNN 2TTT 2NNN 2NNN", cohorts=3)
    assert {node.next_level for node in found.nodes} == {1, None}
    # The same tally without the bar would escalate.
    assert {node.next_level for node in esc.paths(design, "1NNN 2NNN 2NNT 2NTT", cohorts=3).nodes} > {1, 2}


@pytest.mark.parametrize("count", [2, 3])
def test_cohorts_in_a_row_are_counted_across_now(count: int) -> None:
    """Where rules count cohorts in a row, those before now count too."""
    design = make({"kind": "boin"}, rules=({"kind": "stop_when_stable", "cohorts": count},))
    found = esc.paths(design, "1NNN 2NNT 2NNT", cohorts=2)
    for node in found.nodes:
        said = esc.recommend(design, f"1NNN 2NNT 2NNT {node.path}".strip())
        assert (node.action, node.reasons) == (said.action, said.reasons), node.path


def test_order_is_depth_first_fewest_dlts_first() -> None:
    """Nodes come as a person reads the tree, and each path starts with that of its parent."""
    found = esc.paths(make({"kind": "boin"}), cohorts=3)
    assert [node.id for node in found.nodes] == list(range(len(found.nodes)))
    for node in found.nodes[1:]:
        assert node.parent is not None
        parent = found.nodes[node.parent]
        assert node.parent < node.id
        assert node.path.startswith(parent.path)
        assert node.level == parent.next_level
    for below in found.children:
        assert [node.dlts for node in below] == sorted(node.dlts for node in below)
    text = [node.path for node in found.nodes]
    assert text[:4] == ["", "1NNN", "1NNN 2NNN", "1NNN 2NNN 3NNN"]


def test_nothing_follows_a_stop() -> None:
    """A trial that has stopped has no next cohort, whatever is asked for, and says so."""
    found = esc.paths(make({"kind": "boin"}), "1TTT", next_level=2)
    assert [node.action for node in found.nodes] == [Action.STOP]
    assert found.next_cohort == ()
    assert found.notes[-1].startswith("Level 2 was asked for, but the trial has stopped")


def test_sizes_end_at_the_maximum() -> None:
    """Cohorts asked for are no larger than what is left of the trial, and a note says so."""
    found = esc.paths(make({"kind": "boin"}, max_patients=8), sizes=(3, 4, 5))
    assert {node.patients for node in found.nodes if node.depth == 3} == {1}
    assert found.notes == ("Some cohorts are smaller than asked for: the trial has at most 8 patients.",)


def test_titration_sizes_each_cohort() -> None:
    """The sizes are the design's own: one patient until the first DLT, then what completes that cohort."""
    found = esc.paths(make({"kind": "boin", "titration": True}), cohorts=2)
    sizes = {
        node.path: [below.patients for below in found.children[node.id]] for node in found.nodes if node.depth == 1
    }
    assert sizes == {"1N": [1, 1], "1T": [2, 2, 2]}


def test_too_large_a_tree_is_refused_before_it_is_made() -> None:
    """The message has the number of nodes, the limit, and how far one can look."""
    design = make({"kind": "boin"}, max_patients=300, cohort_size=6)
    with pytest.raises(
        esc.TooLargeError, match=r"6 cohorts ahead give up to .* limit is 20,000; look fewer .*\(5 give"
    ):
        esc.paths(design, cohorts=6, max_nodes=20_000)
    with pytest.raises(esc.TooLargeError, match=r"more than 10\^12 nodes"):
        esc.paths(design, cohorts=1000)
    with pytest.raises(
        esc.TooLargeError, match="1 cohort ahead gives up to 8 nodes, and the limit is 7; ask for smaller"
    ):
        esc.paths(design, cohorts=1, max_nodes=7)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cohorts": 0}, "cohorts: 0 is not between 1 and 1000"),
        ({"sizes": ()}, "sizes: is empty"),
        ({"sizes": (3, 0)}, "sizes: 0 is not between 1 and 100"),
        ({"cohorts": 2, "sizes": (3,)}, "cohorts: 2 is not the number of sizes, which are 1"),
        ({"next_level": 6}, "next_level: level 6 does not exist; the design has levels 1 to 5"),
        ({"next_level": 0}, "next_level: level 0 does not exist"),
        ({"max_nodes": 0}, "max_nodes: 0 is not 1 or more"),
        ({"scenario": esc.Scenario(name="x", dlt=(0.1, 0.2))}, "scenario 'x' has 2 DLT probabilities"),
    ],
)
def test_bad_questions(settings: dict[str, Any], said: str) -> None:
    """One sentence, naming what came and what is needed."""
    with pytest.raises(esc.EscalateError, match=said):
        esc.paths(make({"kind": "boin"}), **settings)
