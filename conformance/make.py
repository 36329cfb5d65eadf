"""Make the conformance vectors anew from tests/reference and from exact arithmetic: `python conformance/make.py [--check]`.

With `--check` nothing is written: the exit code is 1 where a file is not what this script makes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from making import boin, crm, exact, graded, interval, late_onset, refusals, rule_based, safety, two_parameters
from making.common import Vector

HERE = Path(__file__).resolve().parent
SCHEMA = "escalate/conformance/1"
TOPICS: dict[str, tuple[str, Iterable[Vector]]] = {
    "boin": ("BOIN: boundaries, decision tables, selection, characteristics", chain(
        boin.tables(), boin.selections(), boin.published(), boin.characteristics())),
    "interval": ("mTPI, mTPI-2 and TPI: decisions, exclusion of the dose above, selection", chain(
        interval.decisions(), interval.exclusions(), interval.selections(), interval.published())),
    "crm": ("CRM: posteriors, next doses, skeletons, characteristics", chain(
        crm.fits(), crm.other_priors(), crm.skeletons(), crm.sequences(), crm.characteristics())),
    "tite-crm": ("TITE-CRM: estimates and doses with pending patients", crm.follow_up()),
    "blrm": ("BLRM: posteriors, next doses under capped increments, EWOC", chain(
        two_parameters.posteriors(), two_parameters.next_doses())),
    "ordinal": ("Ordinal CRM: posteriors and next doses", two_parameters.ordinal()),
    "three-plus-three": ("3+3: exact characteristics and decisions", chain(
        rule_based.characteristics(), rule_based.decisions())),
    "paths": ("Trees of every outcome of the next cohorts", rule_based.paths()),
    "exact": ("Exact results in rational arithmetic: trials, tables, elimination, isotonic fits", chain(
        exact.whole_trials(), exact.three_plus_threes(), exact.tables(), exact.elimination(), exact.isotonic_fits())),
    "late-onset": ("Designs with pending patients, and rules that wait for outcomes", chain(
        late_onset.tite_boin(), late_onset.keyboards(), late_onset.rolling_six(),
        late_onset.models(), late_onset.waiting())),
    "graded": ("iBOIN, gBOIN, BF-BOIN and accelerated titration", chain(
        graded.iboin(), graded.gboin(), graded.bf_boin(), graded.accelerated_titration())),
    "safety": ("Elimination for good, no skipping, all that counts as overdosing", chain(
        safety.eliminated_for_good(), safety.no_skipping(), safety.overdosing())),
    "refusals": ("Design files and data that must be refused", chain(refusals.refusals(), refusals.data())),
}  # fmt: skip


def written(topic: str, title: str, vectors: Iterable[Vector]) -> str:
    """Return a file of vectors, one a line."""
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, allow_nan=False) for each in vectors)
    head = f'"schema": {json.dumps(SCHEMA)},\n"topic": {json.dumps(topic)},\n"title": {json.dumps(title)}'
    return f'{{\n{head},\n"vectors": [\n{lines}\n]\n}}\n'


def files() -> dict[str, str]:
    """Return every file that this script makes."""
    found = {f"vectors/{topic}.json": written(topic, title, vectors) for topic, (title, vectors) in TOPICS.items()}
    sums = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(found.items()))
    return {**found, "SHA256SUMS": sums}


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    made = files()
    if arguments == ["--check"]:
        wrong = [name for name, text in made.items() if not _is(HERE / name, text)]
        extra = {f"vectors/{path.name}" for path in (HERE / "vectors").iterdir()} - set(made)
        for name in [*wrong, *sorted(extra)]:
            print(f"conformance/{name} is not what conformance/make.py makes; run it", file=sys.stderr)
        return int(bool(wrong or extra))
    if arguments:
        print("usage: python conformance/make.py [--check]", file=sys.stderr)
        return 2
    for name, text in made.items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
