"""Checks of what holds for every method and rule there is, or on this machine: what no table of values from elsewhere can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import escalate as esc
from escalate.core import registry
from escalate.core.decision import decide
from escalate.core.method import Method, TableMethod
from escalate.core.tally import States, Tally


@dataclass(frozen=True)
class Finding:
    """One case of a check: what was expected and what was obtained, in words or numbers."""

    case: str
    expected: str
    obtained: str
    passed: bool
    tolerance: str = "exact"


@dataclass(frozen=True)
class Check:
    """Something computed on this machine that belongs to a requirement.

    Parameters
    ----------
    name
        As requirements name it.
    asks
        What it does, in one sentence.
    run
        Yields one finding a case.
    """

    name: str
    asks: str
    run: Callable[[], Iterator[Finding]]


def _frame(method: Method, n_levels: int, patients: int, **more: Any) -> esc.Design:
    settings = method.model_dump(mode="json", by_alias=True, exclude_none=True)
    return esc.Design.from_dict(
        {
            "title": f"qualification: {method.kind}",
            "doses": {"unit": "mg", "levels": [float(10 * 2**k) for k in range(n_levels)]},
            "target": 0.3,
            "max_patients": patients,
            **({"dlt_window": 28} if method.weighs_follow_up else {}),
            "method": {**settings, **method.unwritten},
            **more,
        }
    )


def _small(cls: type[Method]) -> tuple[esc.Design, esc.Scenario]:
    """Return a design of two cohorts of a method, and a scenario for it."""
    method, n_levels, patients = cls.starter()
    n_levels = n_levels if method.default_max_patients(2) is None else 2
    design = _frame(method, n_levels, method.default_max_patients(n_levels) or min(patients, 6))
    rates = [0.05 + 0.15 * k for k in range(n_levels)]
    between = design.outcomes[1:-1]
    milder = {each.letter: [0.2 / len(between)] * n_levels for each in between}
    return design, esc.Scenario.model_validate(
        {"name": "qualification", "dlt": tuple(rates), "outcomes": {k: tuple(v) for k, v in milder.items()} or None}
    )


def one_decision_everywhere() -> Iterator[Finding]:
    """Ask every method three ways: node by node, as a tree, and as an exact walk with its probabilities."""
    for kind in registry.methods().kinds():
        design, scenario = _small(registry.methods().get(kind))
        tree = esc.paths(design, cohorts=2, scenario=scenario)
        nodes = [node for node in tree.nodes if node.path and node.depth == 1] + list(tree.nodes[-3:])
        alone = [esc.recommend(design, node.path).next_level for node in nodes]
        together = [node.next_level for node in nodes]
        yield Finding(f"{kind}: tree and recommendation", _levels(together), _levels(alone), together == alone)
        short = design.model_copy(update={"max_patients": _treated(tree)})
        found = esc.simulate([short], [scenario], exact=True).designs[0].characteristics
        walked = [float(mean) for mean, _ in found.of(0, "patients")]
        branch = esc.paths(short, cohorts=12, scenario=scenario)
        given = [0.0] * design.n_doses
        for node in branch.nodes[1:]:
            given[(node.level or 1) - 1] += node.probability * sum(node.outcomes)
        off = max(abs(a - b) for a, b in zip(walked, given, strict=True))
        yield Finding(
            f"{kind}: tree and exact walk",
            f"mean patients {_numbers(given)}",
            f"mean patients {_numbers(walked)}",
            off < 1e-9,
            "1e-9",
        )


def _treated(tree: Any) -> int:
    """Return how many patients two cohorts are."""
    sizes = [sum(node.outcomes) for node in tree.nodes[1:] if node.depth == 1]
    return max(2 * max(sizes), 2)


def _levels(levels: list[int | None]) -> str:
    return "levels " + ", ".join("none" if level is None else str(level) for level in levels)


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)


def _with_rule(rule: dict[str, Any]) -> tuple[esc.Design, esc.Design] | None:
    """Return a design with a rule, and the same without, under the first method that the rule can serve."""
    first = ("crm", "blrm", "boin")
    for kind in (*first, *registry.methods().kinds()):
        method, n_levels, _ = registry.methods().get(kind).starter()
        try:
            made = [_frame(method, 5, 30, dlt_window=28, rules=rules) for rules in ([rule], [])]
        except esc.DesignError:
            continue
        if n_levels == 5 and len(made[0].outcomes) == 2:
            return made[0], made[1]
    return None


def rules_only_restrict() -> Iterator[Finding]:
    """Decide in 64 states with each rule and without it: its dose is never forbidden, and never above that without it."""
    pairs = [(a, b, c) for a in range(4) for b in range(4) for c in range(4)]
    counts = np.zeros((len(pairs), 5, 2), dtype=np.int64)
    for s, (a, b, c) in enumerate(pairs):
        counts[s, 0], counts[s, 1], counts[s, 2] = (6 - a // 2, a // 2), (3 - b, b), (3 - c, c)
    # One cohort in a row at the dose, for rules that count them.
    states = States(Tally(counts), np.full(len(pairs), 2), counts[:, 2], np.ones(len(pairs), dtype=np.int64))
    for kind in registry.rules().kinds():
        rule = registry.rules().get(kind).examples()[0]
        designs = _with_rule(rule.model_dump(mode="json", by_alias=True, exclude_none=True))
        if designs is None:
            yield Finding(kind, "a design that can have it", "none can", passed=False)
            continue
        design, without = designs
        following = decide(design, states).next
        goes_on = np.flatnonzero(following >= 0)
        forbidden = design.rules[0].forbids(design, states)[goes_on, following[goes_on]].sum()
        higher = (following > decide(without, states).next).sum()
        said = bool(design.rules[0].describe(design).strip())
        yield Finding(
            kind,
            "0 forbidden doses, 0 higher doses, a sentence",
            f"{forbidden} forbidden doses, {higher} higher doses, {'a' if said else 'no'} sentence",
            not forbidden and not higher and said,
        )


def more_dlts_never_raise_the_dose() -> Iterator[Finding]:
    """Read every row of every method that is a table."""
    for cls in registry.methods().all():
        if not issubclass(cls, TableMethod):
            continue
        method, n_levels, patients = cls.starter()
        design = _frame(method, n_levels, method.default_max_patients(n_levels) or patients)
        table = design.method
        assert isinstance(table, TableMethod)
        doses = range(design.n_doses) if table.by_level else (0,)
        rows = [(dose, n) for dose in doses for n in table.patients_in_table(design)]
        wrong = [(dose, n) for dose, n in rows if (np.diff(table.actions(design, n, dose)) > 0).any()]
        first = f", first at {wrong[0][1]} patients" if wrong else ""
        yield Finding(
            f"{method.kind}: {len(rows)} rows",
            "0 rows out of order",
            f"{len(wrong)} rows out of order{first}",
            not wrong,
        )


_TRUTH = esc.Scenario(name="qualification", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))


def _designs() -> tuple[esc.Design, ...]:
    return tuple(_frame(registry.methods().get(kind).starter()[0], 5, 18) for kind in ("boin", "crm"))


def same_bytes_for_any_workers() -> Iterator[Finding]:
    """Simulate the same trials with one worker, with two, and again."""
    for design in _designs():
        for label, asked in (("exact", {"exact": True}), ("2,000 trials, seed 7", {"trials": 2000, "seed": 7})):
            first, *others = (_bytes(design, workers, **asked) for workers in (1, 2, 1))
            same = all(other == first for other in others)
            said = "the same bytes" if same else "other bytes"
            yield Finding(f"{design.method.kind}: {label}; 1, 2 and 1 workers", "the same bytes", said, same)


def _bytes(design: esc.Design, workers: int, **asked: Any) -> bytes:
    found = esc.simulate([design], [_TRUTH], workers=workers, **asked).designs[0].characteristics
    return np.ascontiguousarray(found.values).tobytes()


def simulated_agrees_with_exact() -> Iterator[Finding]:
    """Compare means over 20,000 random trials with exact expectations."""
    for design in _designs():
        exact = esc.simulate([design], [_TRUTH], exact=True).designs[0].characteristics
        found = esc.simulate([design], [_TRUTH], trials=20_000, seed=1).designs[0].characteristics
        for metric in ("selected", "patients", "dlts"):
            truth = np.array([value for value, _ in exact.of(0, metric)])
            mean, error = (np.array([pair[k] for pair in found.of(0, metric)]) for k in (0, 1))
            # What was seen in none of the trials has no error of its own.
            off = float((np.abs(mean - truth) / np.maximum(error, 1e-4)).max())
            yield Finding(
                f"{design.method.kind}: {metric}",
                _numbers(truth.tolist()),
                f"{_numbers(mean.tolist())} (at most {off:.1f} standard errors off)",
                off < 5,
                "5 standard errors",
            )


CHECKS = (
    Check(
        "one-decision-everywhere",
        "Tree of paths, recommendation and exact walk of every method",
        one_decision_everywhere,
    ),
    Check("rules-only-restrict", "Decisions with and without every rule", rules_only_restrict),
    Check("same-bytes-for-any-workers", "Simulations with one worker and with two", same_bytes_for_any_workers),
    Check("simulated-agrees-with-exact", "Random trials beside exact expectations", simulated_agrees_with_exact),
    Check("more-dlts-never-raise-the-dose", "Every row of every table", more_dlts_never_raise_the_dose),
)
