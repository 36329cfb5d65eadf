"""What a dose-finding method is: three questions asked of arrays of tallies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import PrivateAttr

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.belief import Belief
from escalate.core.errors import EscalateError, Problem
from escalate.core.moves import DoseSummary, Margin, Moves, PendingRow
from escalate.core.outcome import BINARY, Outcome
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Setting, summary_line
from escalate.core.tally import States, Tally

if TYPE_CHECKING:
    from escalate.core.design import Design


BARRED = (
    "Where a rule forbids the level that is asked for, the highest permitted level below it is given; where no level below it is "
    "permitted, the trial stops."
)


class Method(Setting, ABC):
    """A way to choose the next dose. Subclasses are settings: their fields are what the design file may say."""

    kind: str
    reasons: ClassVar[tuple[str, ...]]
    """Codes of what `decide` may answer, indexed by `Moves.reason`."""
    needs_target: ClassVar[bool] = True
    uses_amounts: ClassVar[bool] = False
    """True where the amounts of the doses matter, and not only their order."""
    weighs_follow_up: ClassVar[bool] = False
    """True where `decide` looks at `Tally.pending`; any other method waits until every outcome is known, unless a rule says how
    to decide without."""
    closes: ClassVar[tuple[str, ...]] = ()
    """Codes of `closed` under which a dose is never given again, whatever comes."""
    costly: ClassVar[bool] = False
    """True where a decision takes so long that random trials are decided as they go, not on a walk of all reachable states."""

    @abstractmethod
    def decide(self, plan: Plan, states: States) -> Moves:
        """Return the dose wanted next in each state; every state has at least one patient at its current dose."""

    @abstractmethod
    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the MTD of each state, or NONE; shape (S,).

        `allowed` (S, J) are the doses, tried or not, that no safety rule bars; an untried dose is no MTD unless the method's
        settings say so.
        """

    @abstractmethod
    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return what a person reads of each dose."""

    @abstractmethod
    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Say in one sentence, with the numbers, why a single state has its move."""

    # --- what a protocol says of it --------------------------------------------------------------------------------------

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say in sentences, as a protocol would, how the dose of the next cohort is chosen; by default the first docstring line.

        Every setting that can change a dose is in them, with its value, and every comparison says whether equality belongs to
        it. Where the method sizes its cohorts itself they say that too. Tests hold them against the behaviour.
        """
        return (f"The dose of the next cohort is chosen by {self.kind}. {summary_line(type(self))}",)

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say in sentences what the model and its prior are; nothing where there is none."""
        return ()

    def describe_sizes(self, design: Design) -> str:
        """Say in one sentence how many patients a cohort has; asked where `sizes_cohorts`."""
        return f"Cohorts have {design.cohort_size} evaluable patients, or as many as the method says."

    def describe_barred(self, design: Design) -> str:
        """Say in one sentence what follows where a rule forbids the level that the method asks for."""
        return BARRED

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say in sentences, as a protocol would, how the MTD is selected from the final data, and what cannot be the MTD."""
        return (f"The MTD is selected by {self.kind} from the final data, among the levels that no safety rule bars.",)

    @classmethod
    @abstractmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return instances that the contract tests, the documentation and the benchmarks run."""

    @classmethod
    def attach(cls, settings: Mapping[str, Any], folder: Path) -> tuple[Mapping[str, Any], bytes]:
        """Return the settings with what files beside the design file say, and the bytes of those files.

        Asked where a design file is read, before anything is checked; the method itself never reads a file.

        Parameters
        ----------
        folder
            Where the design file is.

        Raises
        ------
        DesignError
            With the file and the line of each fault; or, for a fault of the setting itself, `method.<field>: <text>`.
        """
        return settings, b""

    @property
    def unwritten(self) -> dict[str, Any]:
        """Settings that no file can hold, to be given anew where a design is made again from `Design.to_dict`."""
        return {}

    @classmethod
    def starter(cls) -> tuple[Self, int, int]:
        """Return what a new design file starts from: settings, number of levels, and patients.

        Such that an exact answer is quick.
        """
        return cls.examples()[0], 5, 30

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What can happen to a patient, from none to the DLT."""
        return BINARY

    @property
    def sizes_cohorts(self) -> bool:
        """Whether the method itself says how many patients come next, so that no rule may."""
        return False

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the rules that apply where the design file names none."""
        return ()

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Yield what makes these settings unusable with this plan; fields are relative to `method`."""
        yield from ()

    def cannot_run(self, plan: Plan) -> Iterator[Problem]:
        """Yield what `check` can discuss but nothing can be computed from; fields are relative to `method`."""
        yield from ()

    def doubts(self, design: Design) -> Iterator[str]:
        """Yield what a statistician would question although it can be run."""
        yield from ()

    def default_max_patients(self, n_doses: int) -> int | None:
        """Return the sample size that the method itself implies, if any."""
        return None

    def cohort_size(self, plan: Plan, tally: Tally, dose: IntArray) -> IntArray:
        """Return the size of the next cohort in each state (before the cap of `max_patients`); shape (S,)."""
        return np.full(len(tally), plan.cohort_size, dtype=np.int64)

    def closed(self, design: Design, tally: Tally) -> Iterator[tuple[str, Mask]]:
        """Yield which doses the method does not give again from these data, each with the code of why; of shape (S, J).

        Only what is certain of the tally, whose pending patients count as without a DLT. What a rule of the design bars
        anyhow may be left to the rule. `decide` does not look at it.
        """
        yield from ()

    @property
    def refuses_as_mtd(self) -> bool:
        """Whether a dose that `summarise` or `closed` refuses to patients cannot be the MTD either."""
        return True

    def overdose_limit(self, plan: Plan) -> float | None:
        """Return the DLT rate above which `DoseSummary.prob_overdose` counts, where there is one."""
        return plan.target

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far a single state stands from the nearest cut-off of the method, where there is one."""
        return None


class TableMethod(Method):
    """A method whose wish depends only on patients and DLTs at the current dose: it can be printed as a table.

    Where outcomes are graded the table is by patients and total burden, in the whole units of `core.outcome.burden_units`.
    """

    by_level: ClassVar[bool] = False
    """True where the table differs between dose levels."""

    @abstractmethod
    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return +1 (escalate), 0 (stay) or -1 (de-escalate) for 0..n DLTs among n patients; shape (n + 1,).

        `dose` is 0-based; only a method whose table is `by_level` looks at it. Where outcomes are graded the shape is
        (n * units of a DLT + 1,).
        """

    def patients_in_table(self, plan: Plan) -> list[int]:
        """Return the numbers of patients at a dose that the table has rows for."""
        return list(range(1, self.largest_at_dose(plan) + 1))

    def score_of_dlt(self) -> float | None:
        """Return what a DLT scores, where the table is by total score and not by DLTs."""
        return None

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Return sentences that belong under the table."""
        return ()

    def pending_rows(self, plan: Plan) -> tuple[PendingRow, ...]:
        """Return what the table says while outcomes are pending; nothing where the method does not weigh follow-up so."""
        return ()

    def largest_at_dose(self, plan: Plan) -> int:
        """Return the most patients that one dose can have."""
        return plan.max_patients

    def eliminates(self, plan: Plan, n: IntArray, dlt: IntArray) -> Mask:
        """Return where the table itself bars a dose with these patients and DLTs; of any shape."""
        return np.zeros(n.shape, dtype=bool)

    def boundaries(self, plan: Plan) -> dict[str, float]:
        """Return named cut-offs on the scale of the DLT rate, where the method has them."""
        return {}


class ModelMethod(Method):
    """A method that estimates every dose from all data; where it is Bayesian, it has a posterior."""

    _drawn: Belief | None = PrivateAttr(default=None)

    @property
    def has_posterior(self) -> bool:
        """Whether `belief` can be asked."""
        return True

    @abstractmethod
    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the estimated DLT probability of every dose, shape (S, J); from `belief` where there is a posterior."""

    @abstractmethod
    def posterior(self, plan: Plan, tally: Tally) -> Belief:
        """Return the posterior of each state by the method's own nodes. Only asked where there is a posterior."""

    @abstractmethod
    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability, under the prior, of the outcomes of these patients, one by one; shape (S,).

        No binomial coefficients: it is 0 where there are no patients, and differences of it are log predictive probabilities.
        Only asked where there is a posterior.
        """

    def belief(self, plan: Plan, tally: Tally) -> Belief:
        """Return what is believed of each state: the posterior, or the draws given to `believing`."""
        return self._drawn if self._drawn is not None else self.posterior(plan, tally)

    def believing(self, drawn: Belief) -> Self:
        """Return this method with a belief that was drawn elsewhere, for the one state that it was drawn for."""
        copy = self.model_copy()
        copy._drawn = drawn
        return copy

    def prob_above(self, plan: Plan, tally: Tally, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data), shape (S, J)."""
        return self.belief(plan, tally).prob_above(limit)

    def at_means(self, plan: Plan, means: Mapping[str, FloatArray]) -> FloatArray | None:
        """Return p_j at the posterior means of the variables of `in_pymc`, shape (J,), where there is such an estimate."""
        return None

    def in_pymc(self, plan: Plan, tally: Tally) -> Any:
        """Return the model of a single state as a `pymc.Model` whose deterministic `p` holds the DLT probabilities, shape (J,).

        Raises
        ------
        EscalateError
            Where this method has no such model.
        """
        raise EscalateError(f"{self.kind} has no PyMC model; leave out --sampler nuts")


def most_patients(plan: Plan, tally: Tally) -> int:
    """Return how many patients a model's nodes must serve: those of the plan, or of data beyond it."""
    return max(plan.max_patients, int(tally.n_total.max(initial=0)))
