"""Every outcome of the next cohorts, the dose it leads to, and its probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from escalate.core.arrays import NONE
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.patients import TrialData, from_outcomes, outcome_string
from escalate.core.scenario import Scenario, check_lengths
from escalate.core.shown import Shown
from escalate.study.path_nodes import PathNode, nodes_of
from escalate.study.path_walk import Basis, Layer, conditional_probabilities, log_evidence, root_of, walk
from escalate.study.recommend import Recommendation, recommend

MAX_NODES: Final = 20_000
MAX_COHORTS: Final = 1000
MAX_SIZE: Final = 100


@dataclass(frozen=True)
class Pathways(Shown):
    """Results of `paths`.

    Parameters
    ----------
    now
        The recommendation from the data so far.
    before
        The data so far, as an outcome string.
    cohorts, sizes
        What was asked for: cohorts ahead, and their sizes where these are not the design's own.
    what_if_level
        Level of the first cohort where it was asked for.
    predicted_by
        Where the probabilities come from: a scenario, the design's model, or each level by itself from a uniform prior.
    nodes
        The tree, depth first, fewest DLTs first; the root is the present.
    notes
        What a reader must know.
    """

    now: Recommendation
    before: str
    cohorts: int
    sizes: tuple[int, ...] | None
    what_if_level: int | None
    predicted_by: Basis
    scenario: Scenario | None
    nodes: tuple[PathNode, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Pathways({self.design.title!r}: {len(self.nodes) - 1} outcomes of {self.cohorts} cohorts)"

    @property
    def design(self) -> Design:
        """The design."""
        return self.now.design

    @property
    def basis(self) -> str:
        """What the probabilities are, in a few words."""
        if self.scenario is not None:
            return f"scenario: {self.scenario.name}"
        return "posterior predictive: " + ("the model" if self.predicted_by == "model" else "uniform, level by level")

    @property
    def basis_text(self) -> str:
        """What the probabilities are, in a sentence."""
        if self.scenario is not None:
            rates = ", ".join(f"{p:g}" for p in self.scenario.dlt)
            return f"Probabilities are those of the scenario '{self.scenario.name}': DLT probabilities {rates}."
        data = "from the data so far" if self.before else "before any data"
        if self.predicted_by == "model":
            return f"Probabilities are predicted {data} by the model of the design ({self.design.method.kind})."
        equal = (
            "is as likely toxic as not" if len(self.design.outcomes) == 2 else "has each outcome with equal probability"
        )
        return f"Probabilities are predicted {data}, each level by itself from a uniform prior: a level nobody had {equal}."

    @cached_property
    def children(self) -> tuple[tuple[PathNode, ...], ...]:
        """The nodes that follow each node."""
        found: list[list[PathNode]] = [[] for _ in self.nodes]
        for node in self.nodes[1:]:
            assert node.parent is not None
            found[node.parent].append(node)
        return tuple(map(tuple, found))

    @property
    def next_cohort(self) -> tuple[PathNode, ...]:
        """What each outcome of the next cohort leads to."""
        return self.children[0]


def paths(
    design: Design,
    data: TrialData | str | None = None,
    *,
    cohorts: int | None = None,
    sizes: Sequence[int] | None = None,
    next_level: int | None = None,
    scenario: Scenario | None = None,
    design_sha256: str | None = None,
    max_nodes: int = MAX_NODES,
) -> Pathways:
    """Return every outcome of the next cohorts, the dose it leads to, and its probability.

    Parameters
    ----------
    data
        Trial data, or an outcome string such as `1NNN 2NNT`; None before the first patient.
    cohorts
        How many cohorts ahead, 2 unless `sizes` says it.
    sizes
        Patients in each of them, instead of the design's own; still no more than the trial may have.
    next_level
        Give the next cohort this level, counted from 1, whatever the design says: a what-if.
    scenario
        Probabilities under this truth. Without it they are predicted from the data: by the design's model where it has a
        posterior, else for each level by itself from a uniform prior.
    design_sha256
        Hash to record; of the settings unless given.
    max_nodes
        Most nodes that the tree may have.

    Raises
    ------
    TooLargeError
        Where there would be more nodes, with their number and what to reduce.
    DataError, DesignError
        Where the outcome string is not one, or the scenario does not fit the design.
    EscalateError
        Where cohorts, sizes or the level are out of range.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> [(node.dlts, str(node.action)) for node in paths(design, "1NNN", cohorts=1).next_cohort]
    [(0, 'escalate'), (1, 'stay'), (2, 'de-escalate'), (3, 'de-escalate')]
    """
    given = None if sizes is None else tuple(sizes)
    ahead = _checked(design, cohorts, given, next_level, max_nodes)
    if scenario is not None:
        check_lengths((scenario,), design.n_doses, design.title)
    if isinstance(data, str):
        data = from_outcomes(data, design, design.outcomes)
    trial = data if data is not None else TrialData((), "")
    now = recommend(design, trial, design_sha256=design_sha256)
    predicted_by, evidence = log_evidence(design, scenario)
    level = None if now.next_level is None else next_level or now.next_level
    root = root_of(design, trial, NONE if level is None else level - 1, given or ())
    layers = walk(design, root, ahead, given or (), max_nodes)
    nodes = nodes_of(design, now, layers, conditional_probabilities(layers, evidence))
    return Pathways(
        now=now,
        before=outcome_string(((cohort.dose, cohort.counts) for cohort in trial.cohorts), design.outcomes),
        cohorts=ahead,
        sizes=given,
        what_if_level=next_level,
        predicted_by=predicted_by,
        scenario=scenario,
        nodes=nodes,
        notes=(*now.notes, *_notes(now, next_level, given, layers)),
    )


def _checked(
    design: Design, cohorts: int | None, sizes: tuple[int, ...] | None, next_level: int | None, max_nodes: int
) -> int:
    """Return how many cohorts ahead."""
    for size in sizes or ():
        if not 1 <= size <= MAX_SIZE:
            raise EscalateError(f"sizes: {size} is not between 1 and {MAX_SIZE}")
    if sizes == ():
        raise EscalateError("sizes: is empty; give one size a cohort, such as 3,4,2")
    if cohorts is not None and not 1 <= cohorts <= MAX_COHORTS:
        raise EscalateError(f"cohorts: {cohorts} is not between 1 and {MAX_COHORTS}")
    if sizes and cohorts is not None and cohorts != len(sizes):
        raise EscalateError(
            f"cohorts: {cohorts} is not the number of sizes, which are {len(sizes)}; give one of the two, or make them agree"
        )
    if next_level is not None and not 1 <= next_level <= design.n_doses:
        raise EscalateError(
            f"next_level: level {next_level} does not exist; the design has levels 1 to {design.n_doses}"
        )
    if max_nodes < 1:
        raise EscalateError(f"max_nodes: {max_nodes} is not 1 or more")
    return cohorts or (len(sizes) if sizes else 2)


def _notes(now: Recommendation, level: int | None, sizes: tuple[int, ...] | None, layers: list[Layer]) -> list[str]:
    notes = []
    if level is not None and now.next_level is None:
        notes.append(f"Level {level} was asked for, but the trial has stopped: there is no next cohort.")
    elif level is not None and level != now.next_level:
        why_not = now.doses[level - 1].why_not
        barred = f", and forbids level {level} ({why_not})" if why_not else ""
        notes.append(f"What if: the next cohort gets level {level}. The design says level {now.next_level}{barred}.")
    shorter = any(
        (layer.size[layer.following != NONE] < size).any() for layer, size in zip(layers, sizes or (), strict=False)
    )
    if shorter:
        notes.append(
            f"Some cohorts are smaller than asked for: the trial has at most {now.design.max_patients} patients."
        )
    return notes
