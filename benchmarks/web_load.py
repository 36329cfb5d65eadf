"""Load a real server as a busy trial office does, and say how it answers: python benchmarks/web_load.py [--database URL].

100 trials of 60 patients are written and 50 people sign in. First they browse, each looking at a page for 2 seconds on average;
then they go on while 20 people write to trials of their own and 5 to one trial. Afterwards every acknowledged entry must be
there once, and every chain whole. Times are those that the people see; server and clients share the cores of one machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parents[1]
PASSWORD = "load-test-of-this-machine"
TRIALS, COHORTS, BROWSERS, WRITERS, CROWD = 100, 20, 50, 20, 5
PAGES = ("", "history", "enter", "decide", "what-if", "pack")


def main() -> None:
    parser = argparse.ArgumentParser(description="Load a real server and print how it answers.")
    parser.add_argument("--database", help="PostgreSQL by its address; a new SQLite file if not given")
    parser.add_argument("--seconds", type=float, default=60, help="how long people browse (60)")
    parser.add_argument("--think", type=float, default=2.0, help="seconds on average on a page (2)")
    parser.add_argument("--trials", type=int, default=TRIALS, help="trials (100)")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = chosen.database or str(Path(folder) / "load.db")
        began = time.perf_counter()
        command = _prepare_command(database, chosen.trials)
        prepared = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{chosen.trials} trials of {COHORTS * 3} patients written in {time.perf_counter() - began:.0f} s")
        with _server(database) as port:
            found = _load(port, prepared, chosen.seconds, chosen.think)
        found["lost"], found["doubled"], found["faults"] = _checked(database, found.pop("acknowledged"))
    print(_table(found))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


def _prepare_command(database: str, trials: int) -> list[str]:
    return [sys.executable, str(ROOT / "benchmarks" / "web_prepare.py"), database, str(trials), PASSWORD]


@contextmanager
def _server(database: str) -> Iterator[int]:
    command = [str(Path(sys.executable).with_name("escalate")), "serve", "--database", database, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                threading.Thread(target=lambda: [None for _ in process.stdout or ()], daemon=True).start()
                yield int(found[1])
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class Seen:
    """What one person saw: seconds by kind of page, and answers that were not as they should be."""

    seconds: list[tuple[str, float]] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)


class Browser:
    """A person with cookies."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """Return status and text of an answer, and keep its cookies."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, text

    def sign_in(self, name: str) -> None:
        """Sign in through the form."""
        _, page = self.ask("GET", "/sign-in")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "no form to sign in with"
        form = {"name": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        status, _ = self.ask("POST", "/sign-in", urlencode(form))
        assert status == 303, f"signing in gave {status}"


def _browse(person: Browser, trials: list[str], until: float, think: float, seen: Seen, seed: int) -> None:
    chance = random.Random(seed)
    time.sleep(chance.uniform(0, think))
    while time.perf_counter() < until:
        kind = chance.choice(("trials", "trial", *PAGES[1:]))
        path = "/trials/" if kind == "trials" else f"/trials/{chance.choice(trials)}/{'' if kind == 'trial' else kind}"
        began = time.perf_counter()
        try:
            status, _ = person.ask("GET", path)
        except OSError as fault:
            seen.wrong[f"{kind}: {type(fault).__name__}"] += 1
            person.connection.close()
            continue
        seen.seconds.append((kind, time.perf_counter() - began))
        if status != 200:
            seen.wrong[f"{kind}: {status}"] += 1
        time.sleep(chance.expovariate(1 / think) if think else 0)


def _write(
    port: int, token: str, trial: str, until: float, pause: float, seen: Seen, kept: list[tuple[str, str]], seed: int
) -> None:
    """Correct one patient again and again."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    patient = 1 + seed % 60
    had_dlt = (int(trial[-3:]) + patient - 1 - 2 * ((patient - 1) // 3)) % 7 == 0
    number = 0
    while time.perf_counter() < until:
        number += 1
        body = {"changes": {"dlt": had_dlt == (number % 2 == 0)}, "reason": f"writer {seed}, change {number}"}
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{seed}-{number}",
        }
        began = time.perf_counter()
        connection.request("PATCH", f"/api/v1/trials/{trial}/patients/{patient:03d}", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        seen.seconds.append(("write", time.perf_counter() - began))
        if answer.status in (200, 201):
            kept.append((trial, json.loads(text)["entry"]["hash"]))
        elif answer.status != 409:
            seen.wrong[f"write: {answer.status} {text[:100]!r}"] += 1
        time.sleep(pause)


def _load(port: int, prepared: dict[str, list[str]], seconds: float, think: float) -> dict[str, object]:
    people = []
    for k in range(BROWSERS):
        person = Browser(port)
        person.sign_in(prepared["people"][k % len(prepared["people"])])
        people.append(person)
    alone, _, _ = _phase(port, people, prepared, seconds, think, writers=0)
    both, writes, acknowledged = _phase(port, people, prepared, seconds, think, writers=WRITERS + CROWD)
    return {
        "browsing": _of(alone, seconds),
        "browsing_while_others_write": _of(both, seconds),
        "writing": _of(writes, seconds),
        "acknowledged": acknowledged,
    }


def _phase(
    port: int, people: list[Browser], prepared: dict[str, list[str]], seconds: float, think: float, writers: int
) -> tuple[list[Seen], list[Seen], list[tuple[str, str]]]:
    trials, tokens = prepared["trials"], prepared["tokens"]
    until = time.perf_counter() + seconds
    seen, wrote = [Seen() for _ in people], [Seen() for _ in range(writers)]
    kept: list[list[tuple[str, str]]] = [[] for _ in range(writers)]
    threads = [
        threading.Thread(target=_browse, args=(person, trials, until, think, seen[k], k))
        for k, person in enumerate(people)
    ]
    for w in range(writers):
        trial = trials[w] if w < WRITERS else trials[WRITERS]
        arguments = (port, tokens[w % len(tokens)], trial, until, 1.0, wrote[w], kept[w], w)
        threads.append(threading.Thread(target=_write, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen, wrote, [entry for each in kept for entry in each]


def _of(seen: list[Seen], seconds: float) -> dict[str, object]:
    kinds: dict[str, list[float]] = {}
    for each in seen:
        for kind, s in each.seconds:
            kinds.setdefault(kind, []).append(s)
    times = sorted(s for each in kinds.values() for s in each)
    wrong: Counter[str] = sum((each.wrong for each in seen), Counter())
    return {
        "answers": len(times),
        "a_second": round(len(times) / seconds, 1),
        "median_ms": round(1000 * statistics.median(times), 1),
        "p95_ms": round(1000 * times[int(0.95 * len(times))], 1),
        "slowest_ms": round(1000 * times[-1], 1),
        "median_ms_by_kind": {kind: round(1000 * statistics.median(s), 1) for kind, s in sorted(kinds.items())},
        "wrong": dict(wrong),
    }


def _checked(database: str, acknowledged: object) -> tuple[int, int, int]:
    from escalate.conduct.database import connect  # noqa: PLC0415 - here alone

    connect(database)
    from escalate.conduct.store import entries_of, trials  # noqa: PLC0415 - once connected
    from escalate.conduct.verify import verify_database  # noqa: PLC0415

    assert isinstance(acknowledged, list)
    there = Counter((trial, entry.hash) for trial in trials() for entry in entries_of(trial))
    reasons = Counter(
        (trial, entry.content.get("reason")) for trial in trials() for entry in entries_of(trial, kind="amended")
    )
    lost = sum(there[(trial, digest)] == 0 for trial, digest in acknowledged)
    doubled = sum(n > 1 for (_, reason), n in reasons.items() if reason)
    return lost, doubled, sum(len(report.faults) for report in verify_database())


def _table(found: dict[str, object]) -> str:
    lines = []
    for key, value in found.items():
        lines.append(key if isinstance(value, dict) else f"{key:20} {value}")
        lines += [f"  {name:18} {inner}" for name, inner in value.items()] if isinstance(value, dict) else []
    return "\n".join(lines)


if __name__ == "__main__":
    main()
