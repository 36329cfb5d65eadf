"""Every method of the registry, as its example design file has it: compiling, and 1,000 random scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import designs
from commands import ROOT
from escalate import Design, Scenario, load_design, simulate
from escalate.core import registry
from escalate.core.outcome import BINARY
from escalate.engine.automaton import compile_design
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose
from measuring import Row, timed_in_turn

N_SCENARIOS = 1000
COMPILE_LIMIT, SCENARIOS_LIMIT = 0.2, 0.1
"""CPU seconds to compile, and for 1,000 scenarios besides; only where an outcome is a DLT or none."""


def rows(repeat: int) -> Iterator[Row]:
    for kind in registry.methods().kinds():
        if not (ROOT / "designs" / f"{kind}.yaml").exists():
            yield Row("methods", f"{kind}: compile", None, note=f"no designs/{kind}.yaml")
        else:
            yield from _rows(kind, full_trial(kind), repeat)


def full_trial(kind: str) -> Design:
    """Return the design of a method's example file without the rule that ends a trial once one dose has enough patients."""
    design = load_design(ROOT / "designs" / f"{kind}.yaml")
    kept = tuple(rule for rule in design.rules if not isinstance(rule, StopAtPatientsAtDose))
    return design.model_copy(update={"rules": kept})


def random_scenarios(design: Design, n: int) -> list[Scenario]:
    """Return n random scenarios for a design; of graded outcomes each is likelier, at least, the higher the dose."""
    dlt = designs.random_truths(n, design.n_doses)
    middle = [outcome.letter for outcome in design.outcomes[1:-1]]
    if not middle:
        return designs.scenarios(dlt)
    # Of those without a DLT a share that rises with the dose has one of the outcomes between, each as often as the others.
    graded = ((1 - dlt) * designs.random_truths(n, design.n_doses, seed=20_27) / len(middle)).tolist()
    return [
        Scenario(name=f"truth {k}", dlt=tuple(rates), outcomes={letter: tuple(between) for letter in middle})
        for k, (rates, between) in enumerate(zip(dlt.tolist(), graded, strict=True), start=1)
    ]


def _rows(kind: str, design: Design, repeat: int) -> Iterator[Row]:
    automaton, truths = compile_design(design), random_scenarios(design, N_SCENARIOS)
    compiling, thousand = timed_in_turn(
        [partial(compile_design, design), partial(simulate, [design], truths, workers=1)], repeat
    )
    binary = design.outcomes == BINARY
    sizes = f"{automaton.n_states:,} states + {len(automaton.terminals):,} terminals"
    about = "" if binary else f"; {len(design.outcomes)} outcomes, {design.n_doses} doses, N = {design.max_patients}"
    yield compiling.row("methods", f"{kind}: compile", COMPILE_LIMIT if binary else None, note=sizes + about)
    yield Row(
        "methods",
        f"{kind}: 1,000 scenarios, all metrics, less compiling",
        thousand.best - compiling.best,
        thousand.median - compiling.median,
        goal=SCENARIOS_LIMIT if binary else None,
        note="difference, run by turns",
    )
