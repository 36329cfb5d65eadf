"""The event loop of trials on a clock: arrivals, outcomes, waits and decisions, one trial after another. It does not raise.

Beside it stands the NumPy version for any design (`clock.py`), and a test that both give the same trials. `Any` are the tuples
of `clock_tables.py`, and `room` is what is kept of one trial. All of it is one function to the compiler: passing that many
arrays and numbers between functions took twice the time of the trials.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from escalate.core.arrays import AnyArray
from escalate.core.jit import kernel

LANES = 16
"""Blocks of four patients whose random words are drawn together."""
TOLERANCE, DLT_TIME, DROP_OUT, ARRIVAL = 0, 1, 2, 3
FIXED, POISSON, EVEN, LISTED = 0, 1, 2, 3
FLAT, WEIBULL, PIECEWISE = 0, 1, 2
COMPLETE, TOXIC, GONE = 0, 1, 2
TREATED, DLTS, PENDING, COHORT = 0, 1, 2, 3
"""Rows of what has been seen: by dose, and in the last row of the cohort and of the trial."""
MEMBERS, TOXICITIES, TOTAL, LEAVING = 0, 1, 2, 3
LAST, HIGHEST = 1, 2
GOES_ON, FOR_NOW, UNTIL_AN_OUTCOME = 0, 1, 2
"""Whether accrual waits; the last where follow-up alone cannot end it."""
NEVER = np.inf
TWO_32 = 2.0**32
NOTHING = 1e-150
"""Weight below which a node does not count beside those of the largest weight: up to 150 patients leave these 1e-80 or more."""
JUST_AFTER = 1e-6
"""Days after which a mark of follow-up is surely passed, whatever the rounding."""
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)

main = partial(kernel, allocates=False)
part = partial(kernel, allocates=False, inline=True)


@main
def _draw(
    words: AnyArray, counter: AnyArray, key: AnyArray, scenario: int, purpose: int, patient: int, trial: int
) -> None:
    """Put the words of 64 arrivals, the patient among them, in their place for one purpose (Philox4x32-10)."""
    first = patient // (4 * LANES) * LANES
    t = np.uint64(trial)
    for lane in range(LANES):
        counter[0, lane] = np.uint32(first + lane + (purpose << 24))
        counter[1, lane] = np.uint32(t & _LOW)
        counter[2, lane] = np.uint32(t >> _SHIFT)
        counter[3, lane] = np.uint32(scenario)
    k0, k1 = key[0], key[1]
    for _ in range(10):
        for lane in range(LANES):
            p0 = np.uint64(counter[0, lane]) * _M0
            p1 = np.uint64(counter[2, lane]) * _M1
            c1, c3 = counter[1, lane], counter[3, lane]
            counter[0, lane] = np.uint32(p1 >> _SHIFT) ^ c1 ^ k0
            counter[1, lane] = np.uint32(p1 & _LOW)
            counter[2, lane] = np.uint32(p0 >> _SHIFT) ^ c3 ^ k1
            counter[3, lane] = np.uint32(p0 & _LOW)
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    for lane in range(LANES):
        for i in range(4):
            words[purpose, 4 * lane + i] = counter[i, lane]


@part
def _word(room: Any, stream: Any, purpose: int, patient: int, trial: int) -> np.uint32:
    """Return the word of an arrival, drawing those of its neighbours with it where they are not there yet."""
    group = patient // (4 * LANES)
    if room.drawn[purpose] != group:
        _draw(room.words, room.counter, stream.key, stream.scenario, purpose, patient, trial)
        room.drawn[purpose] = group
    return room.words[purpose, patient % (4 * LANES)]


@part
def _gap(clock: Any, tables: Any, room: Any, stream: Any, patient: int, trial: int) -> float:
    """Return the days from an arrival to the next."""
    if clock.accrual == LISTED:
        return tables.listed[min(patient, len(tables.listed) - 1)]
    if clock.accrual == FIXED:
        return clock.gap
    u = (_word(room, stream, ARRIVAL, patient, trial) + 0.5) / TWO_32
    return 2 * clock.gap * u if clock.accrual == EVEN else -clock.gap * np.log(u)


@part
def _day_of_dlt(clock: Any, times: Any, u: float, dose: int) -> float:
    """Return the day of a DLT after treatment, given a uniform number, for a patient who has one within the window."""
    if clock.timing == FLAT:
        return u * clock.window
    if clock.timing == WEIBULL:
        share = (np.log1p(-u * times[0, dose]) / times[1, dose]) ** times[2, dose]
    else:
        last = times.shape[1] - 1
        while last > 0 and times[1, last] == 0:
            last -= 1
        piece = 0
        while piece < last and u >= times[0, piece]:
            piece += 1
        within = (u - (times[0, piece] - times[1, piece])) / times[1, piece]
        share = (piece + min(max(within, 0.0), 1.0)) / times.shape[1]
    return min(max(share, 0.0), 1.0) * clock.window


@part
def _fate(clock: Any, tables: Any, room: Any, stream: Any, dose: int, patient: int, trial: int) -> Any:
    """Return what becomes of a patient treated at a dose, and how many days after treatment that is known."""
    if np.uint64(_word(room, stream, TOLERANCE, patient, trial)) < tables.threshold[dose]:
        u = (_word(room, stream, DLT_TIME, patient, trial) + 0.5) / TWO_32
        return TOXIC, _day_of_dlt(clock, tables.dlt_times, u, dose)
    if clock.drop_out > 0:
        word = _word(room, stream, DROP_OUT, patient, trial)
        if word < clock.drop_out:
            return GONE, word / clock.leaves_by * clock.window
    return COMPLETE, clock.window


@part
def _enter(tables: Any, room: Any, day: float, stay: float, kind: int, dose: int, cohort: int, m: int) -> None:
    """Note a patient treated, the m-th of those pending."""
    room.entry[m], room.out[m] = day, day + stay
    room.where[0, m], room.where[1, m], room.where[2, m] = dose, cohort, kind
    seen = room.seen
    seen[TREATED, dose] += 1
    seen[PENDING, dose] += 1
    seen[COHORT, MEMBERS] += 1
    seen[COHORT, TOTAL] += 1
    seen[COHORT, LEAVING] += kind == GONE


@main
def _update(weight: AnyArray, factor: AnyArray, kind: int, dose: int) -> None:
    """Multiply the weights of the nodes by the probability of an outcome."""
    for k in range(len(weight)):
        # Below NOTHING a node no longer counts, and numbers below 1e-308 would take many times as long.
        product = weight[k] * factor[kind, dose, k]
        weight[k] = product if product > NOTHING else 0.0


@part
def _learn(tables: Any, room: Any, day: float, m: int, cohort: int) -> Any:
    """Take in the outcomes up to a day; return how many patients are pending then, and the day of the next outcome."""
    entry, out, where, seen = room.entry, room.out, room.where, room.seen
    kept, upcoming = 0, NEVER
    for i in range(m):
        if out[i] > day:
            upcoming = min(upcoming, out[i])
            entry[kept], out[kept] = entry[i], out[i]
            where[0, kept], where[1, kept], where[2, kept] = where[0, i], where[1, i], where[2, i]
            kept += 1
            continue
        dose, ours, kind = where[0, i], where[1, i] == cohort, where[2, i]
        seen[PENDING, dose] -= 1
        if kind == GONE:
            seen[TREATED, dose] -= 1
            seen[COHORT, MEMBERS] -= ours
            seen[COHORT, TOTAL] -= 1
            seen[COHORT, LEAVING] -= 1
            continue
        if kind == TOXIC:
            seen[DLTS, dose] += 1
            seen[COHORT, TOXICITIES] += ours
        if len(room.weight) > 0:
            _update(room.weight, tables.factor, kind, dose)
    return kept, upcoming


@part
def _weighed(share: float, thirds: Any) -> float:
    """Return what a share of the window counts as, given the masses of its thirds, if any."""
    if len(thirds) == 0:
        return share
    total = 0.0
    for k in range(3):
        total += thirds[k] * min(max(3 * share - k, 0.0), 1.0)
    return total


@part
def _by_table(design: Any, clock: Any, tables: Any, room: Any, day: float, dose: int, m: int, complete: bool) -> int:
    """Return the dose that the table wants, by the follow-up so far, or as if nobody pending had a DLT (`complete`)."""
    n, dlt, pending, followed = room.seen[TREATED, dose], room.seen[DLTS, dose], 0, 0.0
    if not complete:
        pending = room.seen[PENDING, dose]
        for i in range(m):
            # Added as 0 where it is at another dose: cheaper than a branch that nobody can foresee.
            followed += (room.where[0, i] == dose) * _weighed((day - room.entry[i]) / clock.window, tables.thirds)
    if followed >= tables.escalate_from[n, dlt, pending]:
        return min(dose + 1, design.n_doses - 1)
    if followed <= tables.deescalate_to[n, dlt, pending]:
        return max(dose - 1, 0)
    return dose


@main
def _mean(
    weight: AnyArray, mass: AnyArray, factor: AnyArray, node: AnyArray, entry: AnyArray, where: AnyArray, m: int, day: float,
    window: float, complete: bool,
) -> float:  # fmt: skip
    """Return the posterior mean of a model's parameter, by the follow-up so far, or as if nobody pending had a DLT."""
    size = len(mass)
    for k in range(size):
        mass[k] = weight[k]
    for i in range(m):
        share, dose = 1.0 if complete else (day - entry[i]) / window, where[0, i]
        for k in range(size):
            mass[k] *= 1.0 - share * factor[TOXIC, dose, k]
    # Four sums side by side: one alone waits for each addition.
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = 0.0
    for k in range(0, size, 4):
        a0 += mass[k]
        a1 += mass[k + 1]
        a2 += mass[k + 2]
        a3 += mass[k + 3]
        b0 += mass[k] * node[k]
        b1 += mass[k + 1] * node[k + 1]
        b2 += mass[k + 2] * node[k + 2]
        b3 += mass[k + 3] * node[k + 3]
    return ((b0 + b1) + (b2 + b3)) / ((a0 + a1) + (a2 + a3))


@part
def _by_model(design: Any, clock: Any, tables: Any, room: Any, day: float, m: int, complete: bool) -> int:
    """Return the dose that the model wants."""
    mean = _mean(
        room.weight, room.mass, tables.factor, tables.node, room.entry, room.where, m, day, clock.window, complete
    )
    wanted = 0
    while wanted + 1 < design.n_doses and mean >= tables.breaks[wanted]:
        wanted += 1
    return wanted


@part
def _wanted(design: Any, clock: Any, tables: Any, room: Any, day: float, dose: int, m: int, complete: bool) -> int:
    """Return the dose that the method wants."""
    if design.by_model:
        return _by_model(design, clock, tables, room, day, m, complete)
    return _by_table(design, clock, tables, room, day, dose, m, complete)


@part
def _highest_allowed(design: Any, room: Any, dose: int) -> int:
    """Return the highest dose that no skipping and coherence allow."""
    top, seen = design.n_doses - 1, room.seen
    if design.no_skipping == LAST:
        top = min(top, dose + 1)
    elif design.no_skipping == HIGHEST:
        tried = top
        while tried > 0 and seen[TREATED, tried] == 0:
            tried -= 1
        top = min(top, tried + 1)
    toxic = seen[COHORT, TOXICITIES] * design.target_parts[1] >= seen[COHORT, MEMBERS] * design.target_parts[0]
    return min(top, dose) if design.coherent and toxic else top


@part
def _too_early(design: Any, clock: Any, room: Any, day: float, dose: int, m: int) -> bool:
    """Return whether too little is known of the current dose to escalate from it."""
    pending = room.seen[PENDING, dose]
    early = pending > 0 and room.seen[TREATED, dose] - pending < design.least_complete
    for i in range(m):
        early = early or (room.where[0, i] == dose and (day - room.entry[i]) / clock.window < design.least_share)
    return early


@part
def _decide(design: Any, clock: Any, tables: Any, room: Any, day: float, dose: int, barred: int, m: int) -> Any:
    """Return the dose that follows, the lowest dose barred for good, what ends the trial (bits), and whether accrual waits."""
    seen, lowest_out = room.seen, design.n_doses
    for j in range(design.n_doses - 1, -1, -1):
        if seen[DLTS, j] >= tables.eliminated[seen[TREATED, j]]:
            lowest_out = j
    barred = min(barred, lowest_out)
    stop = (1 if seen[COHORT, TOTAL] >= design.max_patients else 0) | (design.bit_eliminate if barred == 0 else 0)
    if seen[DLTS, 0] >= tables.too_toxic[seen[TREATED, 0]]:
        stop, barred = stop | design.bit_lowest, 0
    if stop != 0 and design.enough == 0:
        return dose, barred, stop, GOES_ON
    if stop == 0 and m > 0 and design.waits_for_all:
        return dose, barred, stop, UNTIL_AN_OUTCOME
    top, following, waits = _highest_allowed(design, room, dose), dose, False
    many = seen[PENDING, dose] * design.pending_parts[1] > seen[TREATED, dose] * design.pending_parts[0]
    for asked in range(0 if many and stop == 0 else 1, 2):
        wanted = _wanted(design, clock, tables, room, day, dose, m, asked == 0)
        # What was barred by earlier data does not count where too many are pending: the rule looks at what is known now.
        if asked == 0 and min(wanted, top, lowest_out - 1) >= dose:
            return dose, barred, stop, UNTIL_AN_OUTCOME
        following = min(wanted, top, barred - 1)
    if design.enough > 0:
        counted = dose if design.enough_at == LAST or following < 0 else following
        if seen[TREATED, counted] >= design.enough and not (design.only_if_staying and following != dose):
            # The end waits for what is pending.
            stop |= design.bit_enough if m == 0 else 0
            waits = waits or m > 0
    waits = waits or (following > dose and _too_early(design, clock, room, day, dose, m))
    return dose if waits else following, barred, stop, FOR_NOW if waits and stop == 0 else GOES_ON


@part
def _change(clock: Any, marks: Any, entry: Any, day: float, upcoming: float, m: int) -> float:
    """Return the next day on which a decision can change without a patient: of an outcome, or of a mark of follow-up."""
    for k in range(len(marks)):
        for i in range(m):
            reached = entry[i] + marks[k] * clock.window + JUST_AFTER
            if reached > day:
                upcoming = min(upcoming, reached)
    return upcoming


@main
def run(design: Any, clock: Any, tables: Any, room: Any, stream: Any, first_trial: int, ends: Any) -> None:  # noqa: PLR0912, PLR0915 - see above
    """Run successive trials, and write how each ends."""
    size, seen = design.max_patients, room.seen
    for t in range(len(ends.stops)):
        trial = first_trial + t
        room.drawn.fill(-1)
        seen.fill(0)
        for k in range(len(room.weight)):
            room.weight[k] = tables.prior[k]
        m, upcoming, dose, cohort, barred, stop = 0, NEVER, design.start, 0, design.n_doses, 0
        held = GOES_ON
        wanted, entered, patient, last_patient, lost, gone = min(design.cohort_size, size), 0, 0, 0, 0, 0
        arrival, ready, since, started, day, last, waited, queued = 0.0, 0.0, NEVER, 0.0, 0.0, 0.0, 0.0, 0.0
        while True:
            day = max(arrival, ready)
            if seen[COHORT, TOTAL] >= size and seen[COHORT, LEAVING] == 0:
                # Only when every outcome is known it is known what else would have ended accrual.
                day = NEVER
            if day >= upcoming:
                m, upcoming = _learn(tables, room, day, m, cohort)
                held = GOES_ON
            # Nobody comes to a trial that is full and waits for a drop-out, so that nobody is turned away.
            full = seen[COHORT, TOTAL] >= size and day < NEVER
            lacks = full or seen[COHORT, MEMBERS] < wanted
            if lacks:
                early = not full and entered == 1 and day < started + clock.stagger
                held = FOR_NOW if early else GOES_ON
            elif held != UNTIL_AN_OUTCOME:
                dose, barred, stop, held = _decide(design, clock, tables, room, day, dose, barred, m)
                if stop != 0:
                    break
            if held != GOES_ON:
                since = min(since, day)
                if clock.queue:
                    again = _change(clock, tables.marks, room.entry, day, upcoming, m)
                    ready = started + clock.stagger if lacks else again
                    continue
                lost += 1
            elif not full:
                if not lacks:
                    cohort, entered, started = cohort + 1, 0, day
                    wanted = min(design.cohort_size, size - seen[COHORT, TOTAL])
                    seen[COHORT, MEMBERS] = seen[COHORT, TOXICITIES] = 0
                kind, stay = _fate(clock, tables, room, stream, dose, patient, trial)
                _enter(tables, room, day, stay, kind, dose, cohort, m)
                upcoming, last = min(upcoming, day + stay), max(last, day + stay)
                ends.first_days[t, dose] = min(ends.first_days[t, dose], day)
                m, entered, gone, last_patient = m + 1, entered + 1, gone + (kind == GONE), patient
                queued += day - arrival
                waited, since = waited + max(day - since, 0.0), NEVER
                if clock.queue:
                    ready = day
            arrival += _gap(clock, tables, room, stream, patient, trial)
            patient += 1
        if since < NEVER:
            waited += day - since
        m, upcoming = _learn(tables, room, NEVER, m, cohort)
        for j in range(design.n_doses):
            ends.counts[t, j, 0] = seen[TREATED, j] - seen[DLTS, j]
            ends.counts[t, j, 1] = seen[DLTS, j]
        ends.stops[t], ends.barred[t], ends.turned_away[t], ends.gone[t] = stop, barred, lost, gone
        ends.last_patient[t], ends.duration[t], ends.waited[t], ends.queued[t] = last_patient, last, waited, queued
