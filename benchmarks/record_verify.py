"""How long `verify` takes for a record of 100,000 entries: many trials of usual length, and one that is far too long.

python benchmarks/record_verify.py [--database postgresql://...]
"""

# ruff: noqa: PLC0415 - the models of the record are imported when Django knows its database

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from escalate.conduct import database

HERE = Path(__file__).parents[1]
TRIALS, EACH = 100, 1000


def fill(trial: str, n: int) -> None:
    """Write a trial of 60 patients and n entries: patients, corrections, and a signed decision at every twentieth entry."""
    from escalate.conduct import opening, store
    from escalate.conduct.actor import Actor
    from escalate.conduct.analysis import analysed
    from escalate.conduct.bodies import Amended, Decided, Entered, PatientRow
    from escalate.conduct.design_lock import lock
    from escalate.conduct.signatures import Signing, sign_with

    ana = Actor("ana", "benchmark", everywhere=True)
    opening.open_trial(trial, lock(str(HERE / "designs" / "boin.yaml")), ana, synthetic=True)
    with store.appending(trial, ana) as pen:
        for k in range(20):
            rows = (PatientRow(patient=f"{3 * k + i:03}", cohort=k + 1, level=1, dlt=False) for i in range(3))
            pen.write(Entered(patients=tuple(rows), deviation="for the benchmark"))
        analysis = pen.write(analysed(pen.trial))
        while (number := pen.trial.last.number) < n:
            if number % 20 == 0:
                body = Decided(
                    analysis=analysis.hash,
                    choice="hold",
                    level=None,
                    patients=None,
                    departs=True,
                    upward=False,
                    reason="x",
                )
                sign_with(pen, pen.write(body).hash, Signing("Ana", "authorship"))
                continue
            name = f"{number % 60:03}"
            old = pen.trial.patients[name].row.dlt
            pen.write(Amended(patient=name, changes={"dlt": (old, not old)}, first_report=False, reason="to and fro"))


def main() -> None:
    """Fill a record and verify it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database.connect(given.database or str(Path(folder) / "record.db"), create=True)
        from escalate.conduct.verify import verify_database

        start = time.perf_counter()
        for k in range(TRIALS):
            fill(f"trial-{k}", EACH)
        print(f"written in {time.perf_counter() - start:.1f} s")
        start, busy = time.perf_counter(), time.process_time()
        reports = verify_database()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        n = sum(report.entries for report in reports)
        found = [fault.text for report in reports for fault in report.faults] or ["none"]
        taken = f"{seconds:.2f} s ({busy:.2f} s of the processor)"
        print(f"{n} entries in {len(reports)} chains verified in {taken}, faults: {', '.join(found[:3])}")


if __name__ == "__main__":
    main()
