"""TITE-mTPI-2: the mTPI-2 design for late toxicity."""

from __future__ import annotations

from typing import Literal

from escalate.methods.families.late_onset import LateOnsetKeys
from escalate.methods.mtpi2 import Mtpi2


class TiteMtpi2(LateOnsetKeys, Mtpi2):
    """mTPI-2 that goes on while outcomes are pending: a patient counts as far as followed.

    Notes
    -----
    The interval of the largest unit probability mass is found under Beta(a + s, b + ESS - s), with s DLTs and ESS the known
    outcomes and the follow-up, in windows, of the pending patients. With every outcome known it is mTPI-2.

    References
    ----------
    Lin R, Yuan Y (2020). Time-to-event model-assisted designs for dose-finding trials with delayed toxicity. Biostatistics
    21:807-824.
    Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017). A Bayesian interval dose-finding design addressing Ockham's razor: mTPI-2.
    Contemp Clin Trials 58:23-33.
    """

    kind: Literal["tite_mtpi2"] = "tite_mtpi2"  # type: ignore[assignment]

    @classmethod
    def examples(cls) -> tuple[TiteMtpi2, ...]:
        """Return the published design, a narrower interval, and DLTs that come late in the window."""
        return (cls(), cls(epsilon_low=0.03, epsilon_high=0.03), cls(thirds=(0.1, 0.2, 0.7)))
