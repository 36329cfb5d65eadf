"""A PyMC model of the DLT rates, with overdose control: a user's own, or one that comes with escalate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, InstanceOf, model_validator
from pydantic.json_schema import SkipJsonSchema

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.errors import DesignError, EscalateError, Problem, did_you_mean
from escalate.core.method import ModelMethod
from escalate.core.model_code import ModelCode, names_file, split
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Words
from escalate.core.tally import States, Tally
from escalate.core.wording import number
from escalate.methods.families import dose_choice_words
from escalate.methods.families.dose_choice import LIKELY_ENOUGH, REASONS, DoseChoice
from escalate.models import ready
from escalate.models.prior_nodes import ON_DISK, PriorNodes, PriorNodesBelief, nodes_of
from escalate.models.remembered import Remembered
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

ERRORS = 3.0
"""A decision closer to another than so many Monte-Carlo errors is computed anew, on draws around the posterior."""


class Pymc(DoseChoice, ModelMethod):
    """Give an admissible dose by its probabilities of under-, target and overdosing, from any PyMC model.

    Notes
    -----
    `model: my_model.py:build` names a file of Python code beside the design file and a function in it: given the amounts, it
    returns a `pymc.Model` with a deterministic `p`, the DLT probability of each dose, and no data. The code is run only with
    `--run-model-code`. `model: emax` and `model: weibull` come with escalate. Posteriors are weights on `draws` draws of the
    prior; where these are too few, or a decision is within 3 Monte-Carlo errors of another, draws are made around the posterior.
    How the dose is chosen: `intervals`, `overdose_cutoff`, `choose`; `nearest` takes the admissible dose whose posterior mean is
    nearest to the target. Only doses that were given can be the MTD, unless `mtd_among: all`.

    References
    ----------
    Abril-Pla O, Andreani V, Carroll C, Dong L, Fonnesbeck CJ, Kochurov M, Kumar R, Lao J, Luhmann CC, Martin OA, Osthege M,
    Vieira R, Wiecki T, Zinkov R (2023). PyMC: a modern, and comprehensive probabilistic programming framework in Python. PeerJ
    Comput Sci 9:e1516.
    Vehtari A, Simpson D, Gelman A, Yao Y, Gabry J (2024). Pareto smoothed importance sampling. J Mach Learn Res 25(72):1-58.
    """

    kind: Literal["pymc"] = "pymc"
    model: Words
    draws: Annotated[int, Field(ge=4096, le=1 << 20)] = 1 << 15
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    choose: Literal["target", "highest", "loss", "nearest"] = "target"  # type: ignore[assignment]
    mtd_among: Literal["tried", "all"] = "tried"
    code_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    code: SkipJsonSchema[InstanceOf[ModelCode] | None] = Field(default=None, exclude=True, repr=False)

    reasons = REASONS
    needs_target = False
    uses_amounts = True
    costly = True

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, data: Any) -> Any:
        """Record the hash of the code among the settings."""
        if isinstance(data, dict) and isinstance(data.get("code"), ModelCode):
            return {"code_sha256": data["code"].sha256, **data}
        return data

    @classmethod
    def attach(cls, settings: Mapping[str, Any], folder: Path) -> tuple[Mapping[str, Any], bytes]:
        """Return the settings with the text of the model's file, which is not run, and its bytes."""
        if "code" in settings:
            raise DesignError("method.code: unknown setting; name the file in method.model, like my_model.py:build")
        model = settings.get("model")
        if not isinstance(model, str) or not names_file(model):
            return settings, b""
        try:
            code = ModelCode.read(model, folder)
        except EscalateError as fault:
            raise DesignError(f"method.model: {fault}") from None
        return {**settings, "code": code}, code.text.encode()

    @property
    def unwritten(self) -> dict[str, Any]:
        """The code of a model of the user's own."""
        return {} if self.code is None else {"code": self.code}

    def published_rules(self) -> tuple[Rule, ...]:
        """Return no skipping of untried doses."""
        return (NoSkipping(),)

    def nodes(self, plan: Plan) -> PriorNodes:
        """Return the draws of the prior at this plan's doses."""
        return nodes_of(self.code or self.model, plan.doses.levels, self.draws, self.seed)

    # --- the three questions -------------------------------------------------------------------------------------------

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want the admissible dose that `choose` takes, or the end of the trial where none is admissible."""
        facts = self._facts(plan, states.tally)
        return self.moves(facts.cells, self._liked(plan, facts))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the admissible dose that `choose` takes, among those given unless `mtd_among: all`."""
        if self.mtd_among == "tried":
            allowed = allowed & tally.tried
        facts = self._facts(plan, tally)
        return self.select_among(facts.cells, allowed, self._liked(plan, facts))

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return posterior means, 95% limits and interval probabilities of every dose."""
        return self.summary(self.belief(plan, tally))

    # --- what they rest on ---------------------------------------------------------------------------------------------

    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the posterior mean of every dose, shape (S, J)."""
        return self.belief(plan, tally).mean()

    def posterior(self, plan: Plan, tally: Tally) -> PriorNodesBelief:
        """Return the posterior, refined where a decision asks for it."""
        facts = self._facts(plan, tally)
        return PriorNodesBelief(self.nodes(plan), tally, facts.refined, facts.effective)

    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the draws of the prior; shape (S,)."""
        return self.nodes(plan).table.log_evidence(tally)

    def in_pymc(self, plan: Plan, tally: Tally) -> Any:
        """Return the model with the data of a single state."""
        from escalate.models.user_model import with_data  # noqa: PLC0415 - PyMC takes seconds to import

        return with_data(self.code or self.model, plan.doses.levels, tally.counts[0])

    def _facts(self, plan: Plan, tally: Tally) -> _Facts:
        if self._drawn is not None:
            mean, variance = self._drawn.mean(), self._drawn.variance()
            return _Facts(self.cells(self._drawn), mean, variance, np.full(1, np.inf), np.zeros(1, dtype=bool))
        target = plan.target if self.choose == "nearest" else None
        keep = len(tally) <= ON_DISK
        return _Facts.of(_remembered(self, plan.doses.levels, target, keep)(tally.counts), len(self.interval_names))

    def _liked(self, plan: Plan, facts: _Facts) -> FloatArray:
        """Return how much each dose is liked, admissible or not; shape (S, J)."""
        return self._liked_near(plan.target, facts)

    def _liked_near(self, target: float | None, facts: _Facts) -> FloatArray:
        if self.choose != "nearest":
            return self.preferences(facts.cells)
        assert target is not None
        distance: FloatArray = np.abs(facts.mean - target)
        return -distance.round(12)

    def close(self, target: float | None, facts: _Facts) -> Mask:
        """Return where the Monte-Carlo error of the draws could have led to another dose; shape (S,)."""
        cells, size = facts.cells, np.maximum(facts.effective, 1.0)
        over = cells[:, :, 2:].sum(axis=2)
        near = (np.abs(over - self.overdose_cutoff) < ERRORS * np.sqrt(over * (1 - over) / size[:, None])).any(axis=1)
        if self.choose == "highest" or cells.shape[1] == 1:
            return near
        if self.choose == "target":
            value, noise = cells[:, :, 1], cells[:, :, 1] * (1 - cells[:, :, 1])
        elif self.choose == "nearest":
            value, noise = self._liked_near(target, facts), facts.variance
        else:
            losses = np.array(self.losses_used)
            value = -cells @ losses
            noise = cells @ losses**2 - value**2
        admissible = over <= self.overdose_cutoff
        order = np.argsort(np.where(admissible, -value, np.inf), axis=1)
        # A rule may forbid the dose liked best, so that the ranks below matter too.
        ranked, noises, both = (np.take_along_axis(each, order, axis=1) for each in (value, noise, admissible))
        gap, spread = ranked[:, :-1] - ranked[:, 1:], np.maximum(noises[:, :-1] + noises[:, 1:], 0.0)
        near |= (both[:, 1:] & (gap < ERRORS * np.sqrt(spread / size[:, None]))).any(axis=1)
        if self.choose == "target":
            likely = np.abs(value - LIKELY_ENOUGH) < ERRORS * np.sqrt(noise / size[:, None])
            near |= (admissible & likely).any(axis=1)
        return near

    # --- what people read ----------------------------------------------------------------------------------------------

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give Pr(overdosing) of each dose, which dose follows, and how exact these numbers are."""
        facts = self._facts(plan, state.tally)
        if self.choose == "nearest" and REASONS[int(moves.reason[0])] == "best_admissible":
            text = self._nearest_explained(plan, facts, int(moves.next[0]))
        else:
            text = self.choice_explained(facts.cells, moves)
        if self._drawn is not None:
            return text
        how = "draws around the posterior" if facts.refined[0] else "draws of the prior"
        return f"{text} Monte-Carlo error: up to {facts.error():.4f}, from {facts.effective[0]:,.0f} effective {how}."

    def _nearest_explained(self, plan: Plan, facts: _Facts, dose: int) -> str:
        over = facts.cells[0, :, 2:].sum(axis=1)
        listed = ", ".join(f"{value:.4f} at level {j + 1}" for j, value in enumerate(over))
        highest = int(np.flatnonzero(over <= self.overdose_cutoff)[-1]) + 1
        return (
            f"Pr(p > {self.intervals[1]:g}) is {listed}, against the cut-off {self.overdose_cutoff:g}: level {highest} is the "
            f"highest admissible; the posterior mean of level {dose + 1}, {facts.mean[0, dose]:.4f}, is nearest to the target "
            f"{plan.target_rate:g}."
        )

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far Pr(overdosing) of the nearest dose stands from the cut-off."""
        return self.choice_margin(self._facts(plan, state.tally).cells)

    # --- what can be wrong with it -------------------------------------------------------------------------------------

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a model that nobody knows, code that is not there or is another, and a choice that lacks something."""
        yield from self.choice_problems()
        if self.choose == "nearest" and plan.target is None:
            yield Problem("choose", "nearest needs the target DLT rate; add 'target: 0.30' or choose another way")
        if not names_file(self.model):
            if self.model not in ready.names():
                yield Problem(
                    "model",
                    f"'{self.model}' does not come with escalate; {did_you_mean(self.model, ready.names())} "
                    "(a model of your own is written my_model.py:build)",
                )
            if self.code is not None or self.code_sha256 is not None:
                yield Problem("code_sha256", f"is for a file of your own; model: {self.model} comes with escalate")
            return
        try:
            split(self.model)
        except EscalateError as fault:
            yield Problem("model", str(fault))
            return
        if self.code is None:
            yield Problem("model", f"{self.model} is not read yet; add 'code': ModelCode.read('{self.model}')")
        elif self.code_sha256 != self.code.sha256:
            yield Problem(
                "code_sha256",
                f"{self.code.path} has another sha256, {self.code.sha256}; it was changed since, or is another file",
            )

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a start that the prior already calls an overdose."""
        nothing = Tally(np.zeros((1, plan.n_doses, 2), dtype=np.int64))
        yield from self.start_doubts(plan, self.posterior(plan, nothing))

    @classmethod
    def starter(cls) -> tuple[Pymc, int, int]:
        """Return the Emax curve for a small trial."""
        return cls.examples()[0], 4, 24

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model is, where its code is, and how posteriors come from draws of its prior."""
        known = (f"The model {self.model}: {ready.described(self.model)}",)
        own = (
            f"The model of the DLT probability of each level, and its prior, is the PyMC model {self.model}; the file has the "
            f"sha256 {self.code_sha256}.",
        )
        return (
            *(own if names_file(self.model) else known),
            f"Posterior probabilities are weighted means over {self.draws} draws of the prior (seed {self.seed}); where these "
            f"are too few, or a decision is within {number(ERRORS)} Monte-Carlo errors of another, they are computed from "
            "draws around the posterior.",
        )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which level follows from the posterior."""
        return dose_choice_words.choice(design, self)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say how the MTD is selected."""
        return dose_choice_words.selection(design, self, self.mtd_among)

    def describe_barred(self, design: Design) -> str:
        """Say that the choice is made again among fewer levels."""
        return dose_choice_words.BARRED

    @classmethod
    def examples(cls) -> tuple[Pymc, ...]:
        """Return the models that come with escalate, and the choices of dose."""
        return (
            cls(model="emax"),
            cls(model="weibull", choose="nearest"),
            cls(model="emax", choose="loss", intervals=(0.2, 0.35, 0.6)),
        )


class _Facts:
    """What decisions rest on, for S states: interval probabilities (S, J, I), means and variances (S, J), and their quality."""

    def __init__(
        self, cells: FloatArray, mean: FloatArray, variance: FloatArray, effective: FloatArray, refined: Mask
    ) -> None:
        self.cells, self.mean, self.variance = cells, mean, variance
        self.effective, self.refined = effective, refined

    @classmethod
    def of(cls, packed: FloatArray, n_cells: int) -> _Facts:
        """Return what `functionals` gave, with the means of these in the first columns, shape (S, J, I + 2) flat."""
        s = len(packed)
        each = packed[:, :-2].reshape(s, -1, n_cells + 2)
        mean = each[:, :, n_cells]
        return cls(
            np.clip(each[:, :, :n_cells], 0.0, 1.0),
            mean,
            np.maximum(each[:, :, n_cells + 1] - mean**2, 0.0),
            packed[:, -2],
            packed[:, -1] > 0,
        )

    def error(self) -> float:
        """Return the largest Monte-Carlo error of Pr(overdosing) of the first state."""
        over = self.cells[0, :, 2:].sum(axis=1)
        return float(np.sqrt((over * (1 - over)).max() / self.effective[0]))


def functionals(method: Pymc, p: FloatArray) -> FloatArray:
    """Return, at each draw and dose, in which interval p lies, p and its square; shape (N, J) to (N, J (I + 2))."""
    edges = (-np.inf, *method.intervals, np.inf)
    inside = [(p > low) & (p <= high) for low, high in pairwise(edges)]
    return np.stack([*(each.astype(np.float64) for each in inside), p, p * p], axis=-1).reshape(len(p), -1)


@lru_cache(maxsize=16)
def _remembered(method: Pymc, amounts: tuple[float, ...], target: float | None, keep: bool) -> Remembered:
    """Return the facts of many tallies: from draws of the prior, and from draws around the posterior where those do not do."""
    nodes = nodes_of(method.code or method.model, amounts, method.draws, method.seed)
    at_nodes = functionals(method, nodes.prior.p)

    def compute(counts: IntArray) -> FloatArray:
        weighed = nodes.weigh(counts, at_nodes)
        packed = np.column_stack([weighed.means, weighed.effective, np.zeros(len(counts))])
        near = method.close(target, _Facts.of(packed, len(method.intervals) + 1))
        for row in np.flatnonzero(weighed.thin | near).tolist():
            draws = nodes.refined(counts[row], keep=keep)
            packed[row] = np.concatenate([draws.weight @ functionals(method, draws.p), [draws.effective, 1.0]])
        return packed

    return Remembered(compute)
