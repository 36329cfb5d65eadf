"""Write the trials, people and tokens that `web_load.py` works with: DATABASE TRIALS PASSWORD; prints them as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from escalate.conduct.database import connect

ROOT = Path(__file__).parents[1]
DESIGN = """schema: escalate/design/1
title: Load
doses: {unit: mg, levels: [10, 20, 40, 80, 160]}
target: 0.30
cohort_size: 3
max_patients: 90
start_level: 1
method: {kind: boin}
"""


def main() -> None:
    database, n_trials, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    connect(database, create=True)
    from escalate.conduct import accounts, deciding, entering, opening  # noqa: PLC0415 - once connected
    from escalate.conduct.actor import Actor  # noqa: PLC0415
    from escalate.conduct.bodies import PatientRow  # noqa: PLC0415
    from escalate.conduct.design_lock import lock_text  # noqa: PLC0415
    from escalate.conduct.store import load  # noqa: PLC0415

    me = Actor("load", "command line", everywhere=True)
    people = [f"person{k}" for k in range(10)]
    for name in people:
        accounts.add_account(name, f"Person {name[6:]}", password, me)
    tokens = [accounts.issue_token(name, "load", 7, me) for name in people]
    design = lock_text(DESIGN, "load.yaml")
    trials = [f"trial-{k:03d}" for k in range(n_trials)]
    for t, trial in enumerate(trials):
        opening.open_trial(trial, design, me, title=f"Trial {t}", synthetic=True)
        for name in people:
            opening.give_roles(trial, name, ("site", "statistician", "chair"), me)
        for c in range(20):
            decision = load(trial).decision
            level = decision.body.level if decision else 1
            if level is None:
                break
            rows = [
                PatientRow(patient=f"{3 * c + i + 1:03d}", cohort=c + 1, level=level, dlt=(t + c + i) % 7 == 0)
                for i in range(3)
            ]
            entering.enter(trial, rows, me)
            deciding.decide(trial, "accept", me)
    print(json.dumps({"trials": trials, "people": people, "tokens": tokens}))


if __name__ == "__main__":
    main()
