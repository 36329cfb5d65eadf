"""A product that is broken on purpose is found out: the requirement is named, and those that it does not touch pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from escalate.qualification.run import run
from tests.cli.run import environment
from tests.helpers import ROOT

Patch = pytest.MonkeyPatch
QUICK = (
    "BOIN-1", "BOIN-2", "BOIN-3", "ELIM-1", "ELIM-2", "TAB-1", "TAB-2", "TAB-3", "TAB-4", "TAB-5", "TAB-6", "SEL-1", "ISO-1",
    "CRM-1", "CRM-2", "CRM-3", "CRM-5", "TPT-1", "TPT-2", "TITE-1", "PATH-1", "ELIM-3",
    "SKIP-1", "TAB-7", "TAB-8", "BACK-1", "BLRM-4", "TITR-1", "LATE-1", "LATE-2", "LATE-3", "LATE-4", "WAIT-1",
    "ALL-2", "ALL-3", "FILE-1", "DATA-1",
)  # fmt: skip


def forget() -> None:
    """Empty every cache of the product: what was computed before it was broken, or while it was."""
    for name, module in list(sys.modules.items()):
        if name.startswith("escalate.") and module is not None:
            for found in list(vars(module).values()):
                clear = getattr(found, "cache_clear", None)
                if callable(clear) and not isinstance(found, type):
                    clear()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget()
    yield
    forget()


def boundary(patch: Patch) -> None:
    """BOIN escalates up to a higher DLT rate."""
    from escalate.methods.boin import Boin

    whole = Boin.boundaries
    patch.setattr(
        Boin, "boundaries", lambda self, plan: {**whole(self, plan), "lambda_e": whole(self, plan)["lambda_e"] + 0.03}
    )


def strictness(patch: Patch) -> None:
    """A dose on the cut-off of elimination is barred."""
    from escalate.models import beta_binomial

    patch.setattr(beta_binomial, "_fewest", _at_or_above)


def _at_or_above(n: int, limit: float, cutoff: float) -> int:
    from escalate.models.beta_binomial import tail

    return next((y for y in range(n + 1) if tail(n, y, limit) >= cutoff - 1e-12), n + 1)


def unpooled(patch: Patch) -> None:
    """Isotonic estimates are the rates as they are."""
    from escalate.models import isotonic

    patch.setattr(isotonic, "pool", lambda values, weights, included: np.where(included, values, np.nan))


def wider_interval(patch: Patch) -> None:
    """The interval of mTPI reaches higher."""
    from escalate.methods.mtpi import Mtpi

    whole = Mtpi.interval
    patch.setattr(Mtpi, "interval", lambda self, plan: (whole(self, plan)[0], whole(self, plan)[1] + Fraction(1, 10)))


def lower_key(patch: Patch) -> None:
    """i3+3 stays where it should de-escalate."""
    from escalate.methods.i3p3 import I3p3

    whole = I3p3.actions
    patch.setattr(I3p3, "actions", lambda self, *where: np.maximum(whole(self, *where), 0))


def skewed_crm(patch: Patch) -> None:
    """The CRM plugs in a beta that is off by 0.001."""
    from escalate.models.one_parameter import OneParameterModel

    whole = OneParameterModel.plug_in_beta
    patch.setattr(OneParameterModel, "plug_in_beta", lambda self, *data: whole(self, *data) + 1e-3)


def other_skeleton(patch: Patch) -> None:
    """A half-width counts as if it were a tenth wider."""
    from escalate.models import skeleton

    whole = skeleton.from_half_width
    patch.setattr(skeleton, "from_half_width", lambda half, *more: whole(1.1 * half, *more))


def one_more_dlt(patch: Patch) -> None:
    """The 3+3 takes two DLTs in six for tolerable."""
    from escalate.methods import three_plus_three

    patch.setattr(three_plus_three, "TOO_MANY", 3)


def square_weights(patch: Patch) -> None:
    """Pending patients count for the square of their follow-up."""
    from escalate.methods.families import follow_up_weights as settings
    from escalate.models import follow_up_weights as models

    def squared(tally: Any, scheme: Any) -> Any:
        from dataclasses import replace

        if tally.pending is not None:
            tally = replace(tally, pending=replace(tally.pending, share=tally.pending.share**2))
        return whole(tally, scheme)

    whole = models.weighted
    patch.setattr(settings, "weighted", squared)


def lax_file(patch: Patch) -> None:
    """BOIN takes any cuts."""
    from escalate.methods.boin import Boin

    patch.setattr(Boin, "problems", lambda self, plan: iter(()))


def free_levels(patch: Patch) -> None:
    """Data at a level that does not exist count as data at the highest."""
    from escalate.core.patients import from_outcomes
    from escalate.study import recommend

    patch.setattr(
        recommend, "from_outcomes", lambda text, *more: from_outcomes("5NNN" if text == "6NNN" else text, *more)
    )


def skipping(patch: Patch) -> None:
    """The rule against skipping forbids nothing, though it says so."""
    from escalate.rules.no_skipping import NoSkipping

    patch.setattr(NoSkipping, "forbids", lambda self, design, states: np.zeros(states.tally.n.shape, dtype=bool))


def by_workers(patch: Patch) -> None:
    """Random trials depend on the number of workers."""
    from escalate.engine import monte_carlo

    whole = monte_carlo.walk
    patch.setattr(monte_carlo, "walk", lambda a, b, c, n, seed, workers: whole(a, b, c, n, seed + workers, workers))


def forgetful(patch: Patch) -> None:
    """A dose once eliminated is given again when later counts allow it."""
    from escalate.core import decision

    patch.setattr(decision, "lasting", lambda design, forbidden: np.zeros_like(forbidden))


def top_interval(patch: Patch) -> None:
    """Of four intervals only the highest counts as overdosing."""
    from escalate.methods.families.dose_choice import DoseChoice

    whole = DoseChoice.cells_between

    def moved(self: Any, above_limits: Any) -> Any:
        cells = whole(self, above_limits)
        if cells.shape[-1] == 4:
            cells[..., 0] += cells[..., 2]
            cells[..., 2] = 0.0
        return cells

    patch.setattr(DoseChoice, "cells_between", moved)


def from_last(patch: Patch) -> None:
    """`from: highest` counts from the last dose."""
    from escalate.rules.no_skipping import NoSkipping

    patch.setattr(
        NoSkipping,
        "forbids",
        lambda self, design, states: np.arange(design.n_doses) > states.dose[:, None] + 1,
    )


def whole_prior(patch: Patch) -> None:
    """TITE-BOIN imputes with the target, not half of it, as DLTs before the first patient."""
    from escalate.methods.tite_boin import TiteBoin

    patch.setattr(
        TiteBoin,
        "odds",
        lambda self, plan, known, dlt: (dlt + plan.target_rate) / (known - dlt + 1 - plan.target_rate),
    )


def pending_as_known(patch: Patch) -> None:
    """TITE-Keyboard counts a pending patient as one who was followed to the end."""
    from escalate.methods.families.late_onset import LateOnsetKeys

    patch.setattr(LateOnsetKeys, "weigh", lambda self, share: np.ones_like(share))


def four_known(patch: Patch) -> None:
    """The rolling six escalates from six patients with four outcomes known."""
    from escalate.methods import rolling_six

    whole = rolling_six.action
    patch.setattr(
        rolling_six,
        "action",
        lambda n, dlts, pending, strict=False: (
            "escalate" if (n, dlts, pending) == (6, 0, 2) else whole(n, dlts, pending, strict)
        ),
    )


def half_scores(patch: Patch) -> None:
    """The cut below which gBOIN escalates is a tenth lower."""
    from escalate.methods.gboin import Gboin

    whole = Gboin.boundaries
    patch.setattr(
        Gboin, "boundaries", lambda self, plan: {**whole(self, plan), "lambda_e": 0.9 * whole(self, plan)["lambda_e"]}
    )


@dataclass(frozen=True)
class Mutant:
    """How the product is broken, which requirements must fail, and which others may."""

    breaks: Any
    fail: tuple[str, ...]
    may: tuple[str, ...] = ()


MUTANTS = (
    Mutant(boundary, ("BOIN-1", "BOIN-3", "ELIM-2"), ("PATH-1", "ALL-2", "ELIM-3", "BACK-1", "LATE-1", "WAIT-1")),
    Mutant(strictness, ("ELIM-1",), ("BOIN-3", "BOIN-1", "ELIM-2")),
    Mutant(unpooled, ("BOIN-2", "ISO-1"), ("SEL-1", "BOIN-3")),
    Mutant(wider_interval, ("TAB-1",)),
    Mutant(lower_key, ("TAB-6",)),
    Mutant(skewed_crm, ("CRM-1", "CRM-5", "TITE-1"), ("CRM-3", "CRM-2", "PATH-1")),
    Mutant(other_skeleton, ("CRM-5",)),
    Mutant(one_more_dlt, ("TPT-1", "TPT-2"), ("PATH-1", "LATE-3", "TITR-1")),
    Mutant(square_weights, ("TITE-1",)),
    Mutant(lax_file, ("FILE-1",)),
    Mutant(free_levels, ("DATA-1",)),
    Mutant(skipping, ("PATH-1", "SKIP-1")),
    Mutant(by_workers, ("ALL-3",)),
    Mutant(forgetful, ("ELIM-3",)),
    Mutant(top_interval, ("BLRM-4",)),
    Mutant(from_last, ("SKIP-1",)),
    Mutant(whole_prior, ("LATE-1",)),
    Mutant(pending_as_known, ("LATE-2",)),
    Mutant(four_known, ("LATE-3",)),
    Mutant(half_scores, ("TAB-8",)),
)


by_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks.__name__)
OTHERS = ("TAB-5", "TITR-1", "FILE-1")
"""Requirements of other parts of the product, quick to run."""


def assert_found_out(mutant: Mutant, asked: Sequence[str], few: Path, patch: Patch) -> None:
    """The requirements that the fault touches fail, by name; of the others asked none does."""
    mutant.breaks(patch)
    found = run(asked, place=few)
    failed = {outcome.requirement.id for outcome in found.outcomes if outcome.failed}
    assert set(mutant.fail) <= failed <= {*mutant.fail, *mutant.may}
    assert not found.passed
    for name in mutant.fail:
        (title,) = (each.requirement.title for each in found.outcomes if each.requirement.id == name)
        assert any(fault.startswith(f"{title}: ") for fault in found.faults())


@by_mutant
def test_a_broken_product_is_found_out(mutant: Mutant, few: Path, monkeypatch: Patch) -> None:
    """The requirements that the fault touches fail, by name; those of other parts pass."""
    assert_found_out(mutant, (*mutant.fail, *OTHERS), few, monkeypatch)


@pytest.mark.slow
@by_mutant
def test_nothing_else_fails(mutant: Mutant, few: Path, monkeypatch: Patch) -> None:
    """The same with every requirement that is quick to run."""
    assert_found_out(mutant, QUICK, few, monkeypatch)


def test_the_product_as_it_is_passes(few: Path) -> None:
    """Unbroken, all that a mutant breaks passes: what the mutants show is theirs."""
    found = run([name for mutant in MUTANTS for name in mutant.fail], place=few)
    assert found.faults() == ()
    assert found.passed
    assert found.n_cases > 150


BROKEN = """
import sys
from escalate.methods.boin import Boin
whole = Boin.boundaries
Boin.boundaries = lambda self, plan: {**whole(self, plan), "lambda_e": whole(self, plan)["lambda_e"] + 0.03}
from escalate.cli.app import main
sys.argv = ["escalate", "verify", "--only", "BOIN-1", "--only", "TAB-6", "--quiet"]
main()
"""


def test_a_broken_boundary_through_the_command() -> None:
    """The command itself, in a process of its own: exit code 1, the requirement's name, the case, expected and obtained."""
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], capture_output=True, text=True, env=environment(), cwd=ROOT, check=False
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines
    assert all(line.startswith("failed: BOIN-1 BOIN boundaries and decision table: boin/") for line in lines)
    assert "expected lambda_e" in lines[0]
    assert "obtained" in lines[0]
    assert "Failed: " in done.stdout
    assert "Traceback" not in done.stderr
