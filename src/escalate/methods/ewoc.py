"""Escalation with overdose control (EWOC), with feasibility bounds that may rise during the trial."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.errors import EscalateError, Problem
from escalate.core.method import ModelMethod, most_patients
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Positive, Probability
from escalate.core.tally import States, Tally
from escalate.core.wording import rounded
from escalate.methods.families import ewoc_words
from escalate.methods.families.dose_scale import DoseScale
from escalate.methods.families.feasibility import EwocPrior, Schedule, Tolerance
from escalate.models.ewoc_model import LADDER, EwocBelief, EwocModel
from escalate.models.remembered import Remembered
from escalate.rules.coherence import Coherence
from escalate.rules.lowest_dose_too_toxic import LowestDoseTooToxic
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

FEW = 16
"""So many states are judged on the fine grid at once: a real trial's decisions, and what is shown of them."""
TIE = 1e-6
"""A probability above the bound by no more is within it: the nodes are as exact, and before any DLT ties are common."""


class Ewoc(ModelMethod):
    """Give the highest dose whose probability of exceeding the MTD is within a feasibility bound.

    Notes
    -----
    logit p(x) = logit rho + (logit target - logit rho) (x - lowest) / (MTD - lowest), with rho, the DLT rate at the lowest dose,
    uniform on (0, target) and the MTD uniform from the lowest to the highest dose, or `mtd_up_to`, unless `prior` says otherwise.
    The dose is the highest at or below the posterior quantile of the MTD at the bound. Among cohorts that differ in DLTs
    alone a worse one never leads to a higher dose: where the model would, the dose of the better one is kept.

    References
    ----------
    Babb J, Rogatko A, Zacks S (1998). Cancer phase I clinical trials: efficient dose escalation with overdose control. Stat Med
    17:1103-1120.
    Babb JS, Rogatko A (2001). Patient specific dosing in a cancer phase I clinical trial. Stat Med 20:2079-2090.
    Tighiouart M, Rogatko A, Babb JS (2005). Flexible Bayesian methods for cancer phase I clinical trials. Stat Med 24:2183-2196.
    Wheeler GM, Sweeting MJ, Mander AP (2017). Toxicity-dependent feasibility bounds for the escalation with overdose control
    approach in phase I cancer trials. Stat Med 36:2499-2513. [schedule]
    """

    kind: Literal["ewoc"] = "ewoc"
    feasibility: Probability = 0.25
    schedule: Schedule | None = None
    scale: Literal["linear", "log"] = "linear"
    mtd_up_to: Positive | None = None
    prior: EwocPrior = EwocPrior()
    rounding: Literal["down", "nearest"] = "down"
    tolerance: Tolerance | None = None
    final: Literal["median", "mean", "quantile"] = "median"
    mtd_among: Literal["tried", "all"] = "tried"

    reasons = ("within_feasibility_bound",)
    uses_amounts = True

    def published_rules(self) -> tuple[Rule, ...]:
        """Return no skipping, coherence, and a stop by the data of level 1: the model holds its rate to be below target."""
        return (NoSkipping(), Coherence(), LowestDoseTooToxic(cutoff=0.95, basis="beta_binomial", min_patients=3))

    def working_model(self, plan: Plan) -> EwocModel:
        """Return the model at this plan's doses."""
        return _working_model(self, plan.doses.levels, plan.target_rate)

    def bound(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the feasibility bound of the next dose in each state, shape (S,)."""
        if self.schedule is None:
            return np.full(len(tally), self.feasibility)
        return self.schedule.bound(self.feasibility, tally, plan.cohort_size)

    # --- the three questions -------------------------------------------------------------------------------------------

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want the highest dose within the bound, and none above that of the same cohort with fewer DLTs."""
        wanted = self._wanted(plan, states.tally)
        dlts = states.cohort[:, -1]
        for fewer in range(1, int(dlts.max(initial=0)) + 1):
            rows = np.flatnonzero((dlts >= fewer) & (wanted > 0))
            if len(rows) and self._drawn is None:
                counts = states.tally.counts[rows].copy()
                at = np.arange(len(rows)), states.dose[rows]
                counts[(*at, 0)] += fewer
                counts[(*at, -1)] -= fewer
                wanted[rows] = np.minimum(wanted[rows], self._wanted(plan, Tally(counts)))
        return Moves(wanted, np.zeros(len(states), dtype=np.int64))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the highest dose at or below the estimated MTD, among those given unless `mtd_among: all`."""
        if self.mtd_among == "tried":
            allowed = allowed & tally.tried
        if self.final == "mean":
            within = _cuts(self, plan.doses.levels) <= self._asked(plan, tally)[:, -1:] + TIE
        else:
            bound = np.full(len(tally), 0.5) if self.final == "median" else self.bound(plan, tally)
            within = self._within(plan, tally, bound)
        return _highest(within & allowed)

    @property
    def refuses_as_mtd(self) -> bool:
        """Whether the bound that patients are treated within also decides the MTD."""
        return self.final == "quantile"

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return posterior means, 95% limits, Pr(p > target) = Pr(MTD < dose), and which doses are beyond the bound."""
        belief = self.belief(plan, tally)
        over = belief.prob_above(plan.target_rate)
        beyond = ("feasibility_bound", ~self._within(plan, tally, self.bound(plan, tally)))
        return DoseSummary(belief.mean(), belief.quantile(0.025), belief.quantile(0.975), over, refused=beyond)

    # --- what they rest on ---------------------------------------------------------------------------------------------

    def _wanted(self, plan: Plan, tally: Tally) -> IntArray:
        return _highest(self._within(plan, tally, self.bound(plan, tally)))

    def _within(self, plan: Plan, tally: Tally, bound: FloatArray) -> Mask:
        """Return which doses the bound lets be given, shape (S, J); the lowest always."""
        asked, n_doses = self._asked(plan, tally), plan.n_doses
        within: Mask = asked[:, :n_doses] <= bound[:, None] + TIE
        if self.tolerance is not None:
            within &= asked[:, n_doses : 2 * n_doses] <= bound[:, None] + self.tolerance.probability + TIE
        return within

    def _asked(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return Pr(MTD < cut | data) of each dose, Pr(MTD < dose | data), and E[MTD | data]; shape (S, 2 J + 1)."""
        if self._drawn is not None:
            if self.rounding != "down" or self.tolerance is not None or self.final == "mean":
                raise EscalateError(
                    "method.rounding: from draws only 'down' without a tolerance, and no final: mean, can be decided; leave out "
                    "--sampler nuts"
                )
            over = self._drawn.prob_above(plan.target_rate)
            return np.column_stack([over, over, np.full(len(over), np.nan)])
        n_max = most_patients(plan, tally)
        if len(tally) <= FEW:
            model = self.working_model(plan)
            return model.mtd_below(model.fine(n_max), tally, _breaks(self, plan.doses.levels))
        return _remembered(self, plan, n_max)(tally.counts)

    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the posterior mean of every dose, shape (S, J)."""
        return self.belief(plan, tally).mean()

    def posterior(self, plan: Plan, tally: Tally) -> EwocBelief:
        """Return the posterior of the rate at the lowest dose and of the MTD, and with them of every dose."""
        return self.working_model(plan).belief(tally, most_patients(plan, tally))

    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return self.posterior(plan, tally).log_evidence()

    def in_pymc(self, plan: Plan, tally: Tally) -> Any:
        """Return the model of a single state; `rho` and `gamma` are its parameters."""
        from escalate.models.ewoc_pymc import in_pymc  # noqa: PLC0415 - PyMC takes seconds to import

        return in_pymc(self.working_model(plan), tally)

    def mtd_amount(self, plan: Plan, tally: Tally, probability: float) -> FloatArray:
        """Return the posterior quantile of the MTD as an amount, shape (S,)."""
        return DoseScale(plan.doses.levels, self.scale).amount(self.posterior(plan, tally).mtd_quantile(probability))

    # --- what people read ----------------------------------------------------------------------------------------------

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the bound, the quantile of the MTD, Pr(MTD < dose) of each dose, and which dose follows."""
        bound, level = float(self.bound(plan, state.tally)[0]), int(moves.next[0]) + 1
        over = self.belief(plan, state.tally).prob_above(plan.target_rate)[0]
        listed = ", ".join(f"{p:.4f} at level {k}" for k, p in enumerate(over, start=1))
        text = f"Pr(MTD below the dose) is {listed}, against the feasibility bound {bound:g}"
        if self._drawn is None:
            amount = float(self.mtd_amount(plan, state.tally, bound)[0])
            text += f": the {bound:g} quantile of the MTD is {rounded(amount)} {plan.doses.unit}"
        unkept = int(self._wanted(plan, state.tally)[0]) + 1
        if unkept != level:
            return f"{text}; level {unkept} would follow, but fewer DLTs in this cohort would have given level {level}."
        how = {"down": "rounded down", "nearest": "to the nearest level"}
        said = "within the tolerances" if self.tolerance is not None else how[self.rounding]
        return f"{text}; {said} this is level {level}."

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far the probability that decides stands from the bound, for the dose where it is nearest."""
        if self._drawn is not None:
            return None
        bound = float(self.bound(plan, state.tally)[0])
        asked = self._asked(plan, state.tally)[0, 1 : plan.n_doses]
        k = int(np.argmin(np.abs(asked - bound)))
        gap = float(abs(asked[k] - bound))
        return Margin(gap, f"the probability for level {k + 2} is {asked[k]:.4f}, {gap:.4f} from the bound {bound:g}")

    # --- what can be wrong with it -------------------------------------------------------------------------------------

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a single dose, a bound that falls, and an MTD that must lie below the highest dose."""
        levels, schedule = plan.doses.levels, self.schedule
        if plan.n_doses == 1:
            yield Problem("kind", "ewoc looks for an MTD between two doses or more; the design has one")
        if schedule is not None and schedule.step <= 0:
            yield Problem(
                "schedule.step", f"{schedule.step:g} must be above 0; the bound may only rise, or leave out schedule"
            )
        if schedule is not None and schedule.max < self.feasibility:
            yield Problem(
                "schedule.max", f"{schedule.max:g} is below feasibility {self.feasibility:g}; the bound may only rise"
            )
        if self.mtd_up_to is not None and self.mtd_up_to < levels[-1]:
            yield Problem(
                "mtd_up_to", f"{self.mtd_up_to:g} is below the highest dose {levels[-1]:g}; give that or more"
            )
        if self.tolerance is not None:
            if self.rounding == "nearest":
                yield Problem("tolerance", "goes with rounding: down; leave out one of the two")
            if plan.n_doses > 1 and self.tolerance.amount >= min(np.diff(levels)):
                yield Problem(
                    "tolerance.amount", f"{self.tolerance.amount:g} is not below the smallest step between two doses"
                )
            if self.tolerance.probability + self._largest_bound >= 1:
                yield Problem("tolerance.probability", f"{self.tolerance.probability:g} and the bound together reach 1")

    @property
    def _largest_bound(self) -> float:
        return self.feasibility if self.schedule is None else self.schedule.max

    def doubts(self, design: Design) -> Iterator[str]:
        """Question designs that cannot leave the lowest dose, bounds above 0.5, and missing safety rules."""
        yield from _doubts(self, design)

    @classmethod
    def starter(cls) -> tuple[Ewoc, int, int]:
        """Return a rising bound, and an MTD that may be above the highest dose of a new file."""
        return cls(schedule=Schedule(), scale="log", mtd_up_to=320.0), 5, 30

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model and its prior are."""
        return ewoc_words.model(design, self)

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which level follows from the posterior."""
        return ewoc_words.choice(design, self)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say how the MTD is selected."""
        return ewoc_words.selection(design, self)

    @classmethod
    def examples(cls) -> tuple[Ewoc, ...]:
        """Return both scales, schedules, ways to round and final estimates."""
        return (
            cls(mtd_up_to=6.0, schedule=Schedule()),
            cls(mtd_up_to=30.0, scale="log", final="mean"),
            cls(mtd_up_to=6.0, schedule=Schedule(per="patient", only_after="no_dlt"), final="quantile"),
            cls(mtd_up_to=4.0, rounding="nearest", prior=EwocPrior(lowest_rate=(1.0, 2.0), mtd=(1.5, 1.0))),
            cls(mtd_up_to=6.0, tolerance=Tolerance(amount=0.1, probability=0.05)),
        )


def _doubts(method: Ewoc, design: Design) -> Iterator[str]:
    nothing = Tally(np.zeros((1, design.n_doses, 2), dtype=np.int64))
    first = nothing.counts.copy()
    first[0, design.start_dose, 0] = design.cohort_size
    seen = Tally(first)
    asked, bound = method._asked(design, seen)[0], float(method.bound(design, seen)[0])
    if design.start_dose == 0 and asked[1] > bound:
        yield (
            f"without a DLT in the first cohort the trial still stays at level 1: Pr(MTD below level 2) is {asked[1]:.3f}, above "
            f"the bound {bound:g}, and data at level 1 do not change it"
            + (", so that the trial never leaves it" if asked[1] > method._largest_bound else "")
        )
    if design.start_dose > 0 and method._asked(design, nothing)[0, design.start_dose] > method.feasibility:
        yield f"the start level {design.start_level} is above the feasibility bound before any patient"
    if method._largest_bound > 0.5:
        yield f"the feasibility bound reaches {method._largest_bound:g}; above 0.5 an overdose is likelier than not"
    if not any(rule.about_safety for rule in design.rules):
        yield (
            "no safety rule can end the trial: the model holds level 1 to be below target, and DLTs there do not lower the MTD; "
            "add {kind: lowest_dose_too_toxic, cutoff: 0.95, basis: beta_binomial, min_patients: 3}"
        )
    model_based = [rule for rule in design.rules if isinstance(rule, LowestDoseTooToxic) and rule.basis == "model"]
    if any((rule.above or design.target_rate) >= design.target_rate for rule in model_based):
        yield (
            "lowest_dose_too_toxic never stops the trial: in this model the DLT rate of level 1 is below the target for "
            "certain; write 'basis: beta_binomial'"
        )
    if not any(isinstance(rule, Coherence) for rule in design.rules):
        yield "without the rule coherence the dose can go up right after a DLT: at level 1 a DLT changes nothing"


@cache
def _cuts(method: Ewoc, levels: tuple[float, ...]) -> FloatArray:
    """Return x of the smallest MTD for which each dose is given; shape (J,). The quantile at the cut itself gives the lower dose.

    That is the dose itself, rounded down; half-way to the dose below; or the dose less a tolerance.
    """
    scale = DoseScale(levels, method.scale)
    cuts = np.array([scale.position(amount) for amount in levels])
    if method.rounding == "nearest":
        cuts[1:] = [scale.position((a + b) / 2) for a, b in pairwise(levels)]
    elif method.tolerance is not None:
        cuts[1:] = [scale.position(amount - method.tolerance.amount) for amount in levels[1:]]
    return cuts


@cache
def _breaks(method: Ewoc, levels: tuple[float, ...]) -> FloatArray:
    scale = DoseScale(levels, method.scale)
    doses = [scale.position(amount) for amount in levels]
    return np.array([*_cuts(method, levels), *doses])


@cache
def _working_model(method: Ewoc, levels: tuple[float, ...], target: float) -> EwocModel:
    scale = DoseScale(levels, method.scale)
    doses = tuple(scale.position(amount) for amount in levels)
    reach = 1.0 if method.mtd_up_to is None else max(1.0, scale.position(method.mtd_up_to))
    prior = method.prior
    return EwocModel(target, doses, reach, prior.lowest_rate, prior.mtd, tuple(_cuts(method, levels).tolist()))


@lru_cache(maxsize=8)
def _remembered(method: Ewoc, plan: Plan, n_max: int) -> Remembered:
    """Return what is asked of many tallies: on few nodes, and on more where the dose could depend on it."""
    model, breaks = method.working_model(plan), _breaks(method, plan.doses.levels)
    cuts = _cuts(method, plan.doses.levels)

    def compute(counts: IntArray) -> FloatArray:
        found = model.mtd_below(model.grid(LADDER[0]), Tally(counts), breaks)
        # Which columns of what was found are held against which cut-offs.
        bound, n_doses = method.bound(plan, Tally(counts)), plan.n_doses
        against: list[tuple[range, FloatArray | float]] = [(range(1, n_doses), bound)]
        if method.final == "median":
            against.append((range(1, n_doses), 0.5))
        if method.tolerance is not None:
            slack = method.tolerance.probability
            against.append((range(n_doses + 1, 2 * n_doses), bound + slack))
            against.append((range(n_doses + 1, 2 * n_doses), 0.5 + slack))
        grids = (*(model.grid(sizes) for sizes in LADDER[1:]), model.fine(n_max))
        for sizes, better in zip(LADDER, grids, strict=True):
            error = model.error(sizes, n_max)
            near = np.zeros(len(counts), dtype=bool)
            for columns, cut_off in against:
                for column in columns:
                    near |= np.abs(found[:, column] - cut_off) <= error
            if method.final == "mean":
                near |= (np.abs(found[:, -1:] - cuts) <= error).any(axis=1)
            rows = np.flatnonzero(near)
            if len(rows):
                found[rows] = model.mtd_below(better, Tally(counts[rows]), breaks)
        return found

    return Remembered(compute)


def _highest(within: Mask) -> IntArray:
    """Return the highest dose marked in each row, or NONE; shape (S,)."""
    highest = within.shape[1] - 1 - np.argmax(within[:, ::-1], axis=1)
    return np.where(within.any(axis=1), highest, NONE)
