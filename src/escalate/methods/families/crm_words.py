"""What a protocol says of the continual reassessment method."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from escalate.core.wording import by_level, listed, number
from escalate.methods.families.interval_words import NONE_LEFT, eligible
from escalate.methods.families.two_parameter_words import normal

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.methods.crm import Crm
    from escalate.methods.families.curve_settings import CurveSettings


def model(design: Design, method: Crm) -> tuple[str, ...]:
    """Return the curve, its skeleton and its prior."""
    if method.model == "logistic2":
        return _two_parameters(design, method)
    return (*_skeletons(design, method), _curve(design, method), *_prior(design, method))


def _skeletons(design: Design, method: CurveSettings) -> tuple[str, ...]:
    found = method.every_skeleton(design)
    skeleton = method.skeleton
    if method.skeletons is not None:
        given = method.averaged(design).weights
        equal = len(set(given)) == 1
        weights = (
            f"equal prior probabilities of 1/{len(given)}"
            if equal
            else f"prior probabilities {listed([number(w) for w in given])}"
        )
        each = "; ".join(f"skeleton {k} is {by_level(s)}" for k, s in enumerate(found, start=1))
        return (
            f"{len(found)} skeletons, sets of prior guesses s_j of the DLT probability of each level j, are averaged over "
            f"(Bayesian model averaging), with {weights}: {each}.",
        )
    if skeleton is not None and not isinstance(skeleton, tuple):
        return (
            "The skeleton, the prior guesses s_j of the DLT probability of each level j, is the one for which the indifference "
            f"interval is {number(design.target_rate)} plus or minus {number(skeleton.half_width)} and level "
            f"{skeleton.prior_mtd} is thought to be the MTD (Lee and Cheung 2009): {by_level(found[0])}.",
        )
    return (f"The skeleton, the prior guesses s_j of the DLT probability of each level j, is {by_level(found[0], 7)}.",)


def _curve(design: Design, method: Crm) -> str:
    theta_0 = 1.0 if method.inference == "mle" else method.curves(design)[0].theta_0
    at = "" if theta_0 == 1 else f" / {number(theta_0)}"
    if method.form == "logistic":
        a = number(method.intercept)
        return (
            f"The DLT probability p_j of level j is modelled by logit p_j = {a} + theta x_j, with theta > 0 and "
            f"x_j = (logit s_j - {a}){at}, so that p_j is s_j at theta = {number(theta_0)} (one-parameter logistic model)."
        )
    power = "theta" if theta_0 == 1 else f"(theta / {number(theta_0)})"
    tanh = "hyperbolic tangent model, which with labels from the skeleton is the power model"
    name = "power model" if method.model == "power" else tanh
    return (
        f"The DLT probability p_j of level j is modelled as s_j to the power {power}, with theta > 0, so that p_j is s_j at "
        f"theta = {number(theta_0)} ({name})."
    )


def _prior(design: Design, method: Crm) -> tuple[str, ...]:
    if method.inference == "mle":
        return ("There is no prior: theta is estimated by maximum likelihood.",)
    prior, choice = method.distribution, method.prior
    if choice is None or choice.normal is not None:
        sd = method.prior_sd if choice is None or choice.normal is None else choice.normal.sd
        said = (
            f"log theta is normal with mean 0 and standard deviation {number(sd)} (variance {number(round(sd**2, 6))})"
        )
    elif choice.lognormal is not None:
        m, s = number(choice.lognormal.meanlog), number(choice.lognormal.sdlog)
        said = f"theta is lognormal: log theta has mean {m} and standard deviation {s}"
    elif choice.gamma is not None:
        k, s = number(choice.gamma.shape), number(choice.gamma.scale)
        said = f"theta has a gamma distribution with shape {k} and scale {s}"
    else:
        assert choice.uniform is not None
        said = f"theta is uniform between {number(choice.uniform.low)} and {number(choice.uniform.high)}"
    centre = method.labels_at or prior.usual_centre
    same = "" if method.skeletons is None else " The prior of theta is the same for each skeleton."
    return (f"Under the prior, {said}; the model gives the skeleton at the prior {centre} of theta.{same}",)


def _two_parameters(design: Design, method: Crm) -> tuple[str, ...]:
    prior = method.two_parameter_prior
    assert prior is not None
    a, b = prior.mean
    return (
        *_skeletons(design, method),
        "The DLT probability p_j of level j is modelled by logit p_j = a + exp(b) x_j, with x_j such that p_j is s_j at the "
        f"prior means of a and b: x_j = (logit s_j - ({number(a)})) / exp({number(b)}) (two-parameter logistic model).",
        f"Under the prior, (a, b) is {normal(prior)}.",
    )


def _estimate(method: Crm) -> str:
    if method.inference == "mle":
        return (
            "its value at the maximum likelihood estimate of theta; as long as no DLT, or nothing but DLTs, has been seen "
            "there is no such estimate, and its limit is used"
        )
    if method.estimate == "mean":
        averaged = ", averaged over the skeletons by their posterior probabilities" if method.skeletons else ""
        return f"its posterior mean{averaged}"
    if method.model == "logistic2":
        return "its value at the posterior means of a and b (plug-in estimate)"
    at = "theta" if method.distribution.on_theta else "log theta"
    return f"its value at the posterior mean of {at} (plug-in estimate)"


def _criterion(design: Design, method: Crm) -> str:
    target = number(design.target_rate)
    if method.choose == "nearest":
        return f"the level whose estimate is nearest to the target of {target}; of two equally near, the lower"
    if method.choose == "cibp":
        a = method.asymmetry or 1.0
        return (
            f"the level with the smallest (p - {target})^2 / (p^{number(a)} (1 - p)^{number(2 - a)}), p being its estimate (convex "
            f"infinite bounds penalisation with asymmetry {number(a)}); of two with the same value, the lower"
        )
    return f"the highest level whose estimate is at most the target of {target}, or level 1 where there is none"


def choice(design: Design, method: Crm) -> tuple[str, ...]:
    """Return the estimate of each level, and which level follows from them."""
    said = [
        f"After each cohort the DLT probability p_j of every level is estimated from all data of the trial by {_estimate(method)}."
    ]
    said.append(f"The level of the next cohort is {_criterion(design, method)}.")
    if method.initial_levels is not None:
        levels, runs, k = method.initial_levels, [], 1
        for level, group in groupby(levels):
            n = len(list(group))
            runs.append(f"patient{'s' * (n > 1)} {k}{f' to {k + n - 1}' if n > 1 else ''} at level {level}")
            k += n
        said.insert(
            0,
            "The trial has two stages. In the first, before any DLT has been seen, levels follow an initial sequence: "
            f"{listed(runs)}; a cohort is treated at the level of its first patient. The model takes over with the first DLT, or "
            f"after patient {len(levels)}.",
        )
    return tuple(said)


def selection(design: Design, method: Crm) -> tuple[str, ...]:
    """Return how the MTD is selected: as the next level is, among fewer levels, whatever the initial sequence says."""
    among = eligible(design, method.mtd_among)
    chosen = _criterion(design, method)
    if method.choose == "highest_below":
        chosen = chosen.replace("level 1 where", "the lowest of these levels where")
    return (
        "The MTD is selected from the final data, by the estimates of the model, among "
        f"{among}. Of these it is {chosen}. {NONE_LEFT}",
    )
