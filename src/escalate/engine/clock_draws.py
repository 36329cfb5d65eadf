"""What chance gives each arrival of a trial on a clock: tolerance, time of a DLT, drop-out, response, and the gap to the next.

The stream is that of `random_numbers`: Philox4x32-10 with the seed as key and (block of four patients + purpose * 2^24, trial,
scenario) as counter. The words of purpose 0 are those of trials without a clock. Patient k is the k-th arrival, whether treated
or turned away, so that designs share patients and their days of arrival. A uniform is (word + 1/2) / 2^32.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from escalate.core.arrays import AnyArray, FloatArray, IntArray, Mask
from escalate.core.clock import Clock
from escalate.core.design import Design
from escalate.core.outcome import category_rates
from escalate.core.scenario import Scenario
from escalate.engine.random_numbers import key_of, philox, scenario_word, thresholds

TOLERANCE, DLT_TIME, DROP_OUT, GAP, RESPONSE = 0, 1, 2, 3, 4
"""Purposes of random words."""
AT_A_TIME = 16
"""Arrivals whose words are drawn together."""
LEFT = -1
"""The fate of a patient who leaves before the outcome is known; any other fate is an outcome category."""
TWO_32 = 2.0**32


def words(seed: int, scenario: int, trials: IntArray, purpose: int, first_block: int, n_blocks: int) -> AnyArray:
    """Return the words of blocks of four patients, for one purpose, of trials by number; shape (4 * n_blocks, T)."""
    n = len(trials)
    block = np.repeat(np.arange(first_block, first_block + n_blocks) + (purpose << 24), n)
    trial = np.tile(trials, n_blocks)
    counter = np.stack([block, trial & 0xFFFFFFFF, trial >> 32, np.full(n * n_blocks, scenario)]).astype(np.uint64)
    return philox(counter, key_of(seed)).reshape(4, n_blocks, n).transpose(1, 0, 2).reshape(4 * n_blocks, n)


class Draws:
    """The arrivals of successive trials, drawn as far as they are asked for.

    Parameters
    ----------
    design, scenario, clock
        What the trials are of; outcomes are drawn for the design's outcome categories.
    seed
        Of the random trials.
    first_trial, n_trials
        Which trials.
    """

    def __init__(
        self, design: Design, scenario: Scenario, clock: Clock, seed: int, first_trial: int, n_trials: int
    ) -> None:
        self._clock, self._seed, self._scenario = clock, seed, scenario_word(scenario.dlt)
        self._trials = first_trial + np.arange(n_trials, dtype=np.int64)
        self._dlt = np.array(scenario.dlt)
        # From the worst outcome down: a patient has the first whose cumulative threshold exceeds the word.
        worse = np.cumsum(category_rates(scenario, design.outcomes)[:, :0:-1], axis=1)
        self._threshold = np.stack([thresholds(rates) for rates in worse.T])
        assert design.dlt_window is not None
        self._window = float(design.dlt_window)
        asked = design.backfill is not None and design.backfill.activity == "response"
        self._responds_below = None if not asked or scenario.response is None else thresholds(scenario.response)
        purposes = [
            TOLERANCE,
            DLT_TIME,
            *([DROP_OUT] if clock.drop_out else []),
            *([] if self._responds_below is None else [RESPONSE]),
        ]
        self._words = {purpose: np.zeros((0, n_trials), dtype=np.uint32) for purpose in purposes}
        self._arrival = np.zeros((1, n_trials))

    @cached_property
    def _leaves_below(self) -> int:
        return int(thresholds([self._clock.drop_out])[0])

    def arrival(self, patient: IntArray, trial: IntArray) -> FloatArray:
        """Return the day on which patients (k-th arrivals) of trials (rows) arrive; each of shape (L,)."""
        while int(patient.max(initial=0)) >= len(self._arrival):
            self._more_arrivals()
        return self._arrival[patient, trial]

    def outcome(self, patient: IntArray, trial: IntArray, dose: IntArray) -> tuple[IntArray, FloatArray]:
        """Return what becomes of patients treated at doses, and how many days after treatment that is known; each (L,)."""
        fate = (self._word(TOLERANCE, patient, trial).astype(np.uint64) < self._threshold[:, dose]).sum(axis=0)
        delay = np.full(len(patient), self._window)
        dlt = np.flatnonzero(fate == len(self._threshold))
        if len(dlt):
            u = (self._word(DLT_TIME, patient[dlt], trial[dlt]) + 0.5) / TWO_32
            shares = self._clock.dlt_times.shares(u, self._dlt[dose[dlt]])
            delay[dlt] = np.clip(shares, 0.0, 1.0) * self._window
        if self._clock.drop_out:
            word = self._word(DROP_OUT, patient, trial)
            leaves = np.flatnonzero((word < self._leaves_below) & (fate < len(self._threshold)))
            fate[leaves] = LEFT
            delay[leaves] = word[leaves] / (self._clock.drop_out * TWO_32) * self._window
        return fate, delay

    def responds(self, patient: IntArray, trial: IntArray, dose: IntArray) -> Mask:
        """Return whether patients treated at doses respond, False where nothing depends on it; each of shape (L,)."""
        if self._responds_below is None:
            return np.zeros(len(patient), dtype=bool)
        return self._word(RESPONSE, patient, trial).astype(np.uint64) < self._responds_below[dose]

    def _word(self, purpose: int, patient: IntArray, trial: IntArray) -> AnyArray:
        have = self._words[purpose]
        while int(patient.max(initial=0)) >= len(have):
            have = self._words[purpose] = np.concatenate([have, self._draw(purpose, len(have))])
        return have[patient, trial]

    def _draw(self, purpose: int, first_patient: int) -> AnyArray:
        return words(self._seed, self._scenario, self._trials, purpose, first_patient // 4, AT_A_TIME // 4)

    def _more_arrivals(self) -> None:
        first = len(self._arrival) - 1
        patient = np.broadcast_to(np.arange(first, first + AT_A_TIME)[:, None], (AT_A_TIME, len(self._trials)))
        u = (self._draw(GAP, first) + 0.5) / TWO_32 if self._clock.accrual.drawn else np.zeros(patient.shape)
        gaps = self._clock.accrual.gaps(u, patient)
        # One after the other, from the last arrival: a sum that does not depend on how many are drawn together.
        days = np.cumsum(np.concatenate([self._arrival[-1:], gaps]), axis=0)
        self._arrival = np.concatenate([self._arrival, days[1:]])
