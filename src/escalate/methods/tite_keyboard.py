"""TITE-Keyboard: the keyboard design for late toxicity."""

from __future__ import annotations

from typing import Literal

from escalate.methods.families.late_onset import LateOnsetKeys
from escalate.methods.keyboard import Keyboard


class TiteKeyboard(LateOnsetKeys, Keyboard):
    """Keyboard that goes on while outcomes are pending: a patient counts as far as followed.

    Notes
    -----
    The strongest key is found under Beta(a + s, b + ESS - s), with s DLTs and ESS the known outcomes and the follow-up, in
    windows, of the pending patients. With every outcome known it is the keyboard design.

    References
    ----------
    Lin R, Yuan Y (2020). Time-to-event model-assisted designs for dose-finding trials with delayed toxicity. Biostatistics
    21:807-824.
    Yan F, Mandrekar SJ, Yuan Y (2017). Keyboard: a novel Bayesian toxicity probability interval design for phase I clinical
    trials. Clin Cancer Res 23:3994-4003.
    """

    kind: Literal["tite_keyboard"] = "tite_keyboard"  # type: ignore[assignment]

    @classmethod
    def examples(cls) -> tuple[TiteKeyboard, ...]:
        """Return the published design, whole keys only, and DLTs that come late in the window."""
        return (cls(), cls(end_keys="discard"), cls(thirds=(0.1, 0.2, 0.7)))
