"""What a protocol says of decisions while outcomes are pending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from escalate.core.wording import listed, number

if TYPE_CHECKING:
    from escalate.core.design import Design


def pending(thirds: tuple[float, float, float] | None) -> tuple[str, ...]:
    """Return what is counted while outcomes at the current level are pending."""
    if thirds is None:
        weighed = "each counted as the share of the DLT window for which the patient has been followed"
    else:
        parts = listed([number(v) for v in thirds])
        weighed = (
            f"each weighed by thirds of the DLT window: a DLT comes in the first, second and last third with the prior "
            f"probabilities {parts}, and a follow-up weighs the part of this that has passed, evenly within a third"
        )
    return (
        "The above is for a level at which every outcome is known. A decision may also be taken while outcomes at the current "
        "level are pending: of n patients there, s have had a DLT, c are pending and r = n - c have known outcomes. STFT is "
        f"the follow-up of the pending patients, {weighed}, summed.",
    )


def tite_boin(design: Design, weights: Literal["imputation", "ess"]) -> str:
    """Return what takes the place of the observed rate in TITE-BOIN."""
    target = number(design.target_rate)
    if weights == "ess":
        return (
            "While outcomes are pending the rate s / (r + STFT) is compared with lambda_e and lambda_d in the same way, equality "
            "included; where r + STFT is 0 the dose stays the same."
        )
    return (
        f"While outcomes are pending, the imputed rate [s + p / (1 - p) (c - STFT)] / n, with p = (s + {target} / 2) / (r + "
        "1), takes the place of the observed rate: the dose is escalated where it is at most lambda_e and s / n is below the "
        f"target of {target}, de-escalated where it is at least lambda_d and s / n is above the target, and stays the same "
        "otherwise."
    )


def keys(prior: tuple[float, float]) -> str:
    """Return what takes the place of the posterior in TITE-keyboard and TITE-mTPI-2."""
    a, b = (number(x) for x in prior)
    return (
        f"While outcomes are pending the posterior is Beta({a} + s, {b} + ESS - s), with ESS = r + STFT the effective number of "
        "patients; where ESS is 0 the dose stays the same."
    )


def weighted(weights: Literal["linear", "adaptive"]) -> tuple[str, ...]:
    """Return the likelihood with pending patients."""
    how = {
        "linear": "for a pending patient w is the share of the DLT window for which the patient has been followed",
        "adaptive": (
            "for a pending patient followed for a share t of the DLT window w is (m + (t - u_m) / (u_(m+1) - u_m)) / (z + 1), "
            "where u_1 to u_z are the times, as shares of the window, of the z DLTs of the trial, m of them not later than t, "
            "u_0 = 0 and u_(z+1) = 1"
        ),
    }[weights]
    return (
        "Pending patients count by their follow-up: the likelihood of a patient at a level with DLT probability p is w p for a DLT "
        f"and 1 - w p for none so far, where w is 1 for a known outcome, and {how}.",
    )


FRACTIONS = (
    "A patient whose outcome is pending, followed for a share t of the DLT window, counts as the fraction y = 1 - S(1) / S(t) "
    "of a DLT and as 1 - y of a patient without, where S is the Kaplan-Meier estimate of the time to DLT from all patients, "
    "whatever their level. Before the first DLT of the trial y is 0.",
)
WAITS_FOR_ADMISSIBLE = (
    "Where no level is admissible while outcomes are pending, but one would be if no pending patient had a DLT, accrual waits "
    "and the trial does not stop."
)
