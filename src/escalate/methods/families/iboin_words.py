"""What a protocol says of BOIN with informative priors."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from escalate.core.wording import by_level, listed, number
from escalate.methods.families.interval_words import edges, isotonic_selection
from escalate.methods.families.optimal_cuts import optimal_cuts

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.methods.iboin import Iboin


def choice(method: Iboin, design: Design) -> tuple[str, ...]:
    """Return what is thought of each level, and how it shifts BOIN's cuts."""
    target, low, high = method.hypotheses(design)
    # With a shift beside them no rounding to fewer decimals is safe.
    lambda_e, lambda_d = (f"{value:.6f}" for value in optimal_cuts(target, low, high))
    weights = [method.weights(design, dose) for dose in range(design.n_doses)]
    up = [log(one / zero) / log(target * (1 - low) / (low * (1 - target))) for zero, one, _ in weights]
    down = [log(zero / two) / log(high * (1 - target) / (target * (1 - high))) for zero, _, two in weights]
    return (
        *_guesses(method, design),
        f"After each cohort, the observed DLT rate at the current level, where n patients were treated, is compared with "
        f"lambda_e + a / n and lambda_d + b / n, where lambda_e = {lambda_e} and lambda_d = {lambda_d} are BOIN's cut-offs for the "
        f"target DLT rate of {number(target)}, a DLT rate of {number(low)} that is held to be too low (p_saf) and one of "
        f"{number(high)} that is held to be too high (p_tox). The shifts come from the prior guess: a is {by_level(up, 6)}; b is "
        f"{by_level(down, 6)}.",
        "With pi_0, pi_1 and pi_2 the prior weights of the target, p_saf and p_tox at a level, a is log(pi_1 / pi_0) divided "
        "by the log odds ratio of the target against p_saf, and b is log(pi_0 / pi_2) divided by that of p_tox against the "
        "target. The weights are the mean, over the outcomes that as many patients as the guess is worth would show if it were "
        "true, of the posterior probabilities of the three rates, which are equally likely before.",
        "The dose is de-escalated by one level where the observed rate is at least lambda_d + b / n; otherwise it is escalated by "
        "one level where the rate is at most lambda_e + a / n, and stays the same where neither holds.",
        *edges(design),
    )


def _guesses(method: Iboin, design: Design) -> tuple[str, ...]:
    """Return the prior guesses, what they are worth, and where they come from."""
    skeleton, said = method.skeleton, []
    worth = method.prior_patients(design)
    if not isinstance(skeleton, tuple):
        said.append(
            f"The prior guesses are those for which the indifference interval is {number(design.target_rate)} plus or minus "
            f"{number(skeleton.half_width)} and level {skeleton.prior_mtd} is thought to be the MTD (Lee and Cheung 2009)."
        )
    each = listed([f"{number(m)} at level {level}" for level, m in enumerate(worth, start=1)])
    told = f"{worth[0]} patients each" if len(set(worth)) == 1 else f"as many patients as follows: {each}"
    guesses = by_level(method.guesses(design))
    said.append(f"Before the trial the DLT rate is guessed as {guesses}; the guesses are worth {told}.")
    if method.robust:
        ess = method.ess if isinstance(method.ess, tuple) else (method.ess,)
        given = f"the worth of {number(ess[0])} patients" if len(ess) == 1 else "their worth"
        said.append(
            f"Guesses above the level whose guess is nearest to the target lose {given} where that level lies in the upper half of "
            "the levels."
        )
    return tuple(said)


def selection(method: Iboin, design: Design) -> tuple[str, ...]:
    """Return how the MTD is selected where prior patients count."""
    worth = method.prior_patients(design)
    each = listed([f"{m}" for m in worth]) if len(set(worth)) > 1 else f"{worth[0]}"
    by = f"level by level {each}" if len(set(worth)) > 1 else f"{each} at every level"
    return isotonic_selection(
        design,
        prior=(0.0, 0.0),
        weights="patients",
        counted=f"DLTs + m x prior guess, with m, what the guess is worth, {by}",
        patients="patients + m",
    )
