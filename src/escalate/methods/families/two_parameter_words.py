"""What a protocol says of the two-parameter logistic model and its priors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.wording import listed, number
from escalate.models.bivariate_normal import BivariateNormal, NormalMixture
from escalate.models.minimally_informative import MinimallyInformative

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.methods.blrm import Blrm, Historical


def normal(prior: BivariateNormal) -> str:
    """Return a bivariate normal distribution in words."""
    (m1, m2), (s1, s2) = prior.mean, prior.sd
    return (
        f"bivariate normal with means {number(m1)} and {number(m2)}, standard deviations {number(s1)} and {number(s2)}, and "
        f"correlation {number(prior.correlation)}"
    )


def model(design: Design, method: Blrm) -> tuple[str, ...]:
    """Return the curve, the prior, its robust part, and data from outside the trial."""
    unit = design.doses.unit
    said = [
        "The DLT probability p at the dose d is modelled by logit p = log alpha + beta log(d / d*), with beta > 0 and the "
        f"reference dose d* = {number(method.reference_amount)} {unit} (two-parameter Bayesian logistic regression).",
        *_prior(design, method),
    ]
    if method.robust is not None:
        vague = BivariateNormal(mean=method.robust.mean, sd=method.robust.sd)
        known = " That component knows nothing of the data from outside the trial." if method.historical else ""
        said.append(
            f"This prior has the weight {number(round(1 - method.robust.weight, 10))}; a weakly informative component, "
            f"{normal(vague)}, has the weight {number(method.robust.weight)} (robust mixture).{known}"
        )
    said += [_historical(data, unit) for data in method.historical or ()]
    return tuple(said)


def _prior(design: Design, method: Blrm) -> tuple[str, ...]:
    prior, pair = method.prior, "(log alpha, log beta)"
    if isinstance(prior, MinimallyInformative):
        asked = prior.minimally_informative
        low, high = asked.lowest, asked.highest
        fitted = prior.fit(design.doses.levels, method.reference_amount).prior
        return (
            "The prior is minimally informative (Neuenschwander, Branson and Gsponer 2008): it is made from the statements "
            f"that the DLT probability at level 1 exceeds {number(low.rate)} with probability {number(low.probability)}, and "
            f"that at level {design.n_doses} it is below {number(high.rate)} with probability {number(high.probability)}; the "
            f"standard deviation of log beta is at least {number(asked.slope_sd_at_least)}.",
            f"This gives, under the prior, {pair} as {normal(fitted)}.",
        )
    if isinstance(prior, NormalMixture):
        parts = [f"with weight {number(part.weight)}, {normal(part)}" for part in prior.mixture]
        return (f"Under the prior, {pair} is a mixture: {'; '.join(parts)}.",)
    return (f"Under the prior, {pair} is {normal(prior)}.",)


def _historical(data: Historical, unit: str) -> str:
    rows = listed(
        [
            f"{number(dlts)} DLTs in {number(n)} patients at {number(amount)} {unit}"
            for amount, n, dlts in zip(data.amounts, data.patients, data.dlts, strict=True)
        ]
    )
    how = (
        "counted in full"
        if data.discount == 1
        else f"their likelihood raised to the power {number(data.discount)} (power prior)"
    )
    return f"Data from outside the trial, {data.name}: {rows}; {how}."
