"""What a study costs: in all, over the bare kernels, over Dask, with one worker and two, in memory, with and without the cache."""

from __future__ import annotations

import os
import pickle
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from distributed import Client, LocalCluster, as_completed

import designs as benchmark_designs
import study_files
from escalate.core.decision import stop_codes
from escalate.core.outcome import category_rates_of_all, mean_burden
from escalate.engine.automaton import compile_design
from escalate.engine.automaton_cache import AutomatonCache
from escalate.engine.exact import Propagator
from escalate.study.characteristics import characterise
from escalate.study.counting import truths_of
from escalate.study.grid.job import Done
from escalate.study.grid.run import TASK_SECONDS, run
from escalate.study.grid.study import Study
from escalate.study.grid.study_file import load_study
from escalate.study.grid.workers import Serial, do
from escalate.study.metrics import Groups, Sums, allocation_values

COMMAND = str(Path(sys.executable).with_name("escalate"))


@dataclass(frozen=True)
class Row:
    """One line of the table; `goal` is shown as it is said."""

    group: str
    what: str
    value: float
    unit: str = ""
    goal: str = ""


@dataclass(frozen=True)
class Ran:
    """What a command took: on the clock, of all processors, and the peak of memory of its own process in megabytes."""

    seconds: float
    cpu: float
    megabytes: float


def command(*arguments: str, cache: Path) -> Ran:
    """Run `escalate study run` in a process of its own."""
    wrapper = (
        "import re, subprocess, sys\nfrom escalate.cli.app import main\n"
        "try:\n    main()\nfinally:\n"
        "    print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
    )
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", wrapper, "study", "run", *arguments],
        env={**os.environ, "ESCALATE_CACHE": str(cache)}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(perf_counter() - start, cpu, int(re.findall(r"\d+", done.stderr)[-1]) * 1024 / 1e6)


def cold(repeat: int) -> Iterator[Row]:
    """Yield the study of the goal with two processes: nothing computed, no automaton on disk."""
    ran = [_cold(study_files.grids) for _ in range(min(repeat, 2))]
    yield Row("cold", "500 designs x 1,000 scenarios, two processes", min(each.seconds for each in ran), "s", "60")
    yield Row("cold", "the same, time of all processors", min(each.cpu for each in ran), "s of CPU")


def _cold(make: Callable[[Path], Path], *options: str) -> Ran:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return command(str(make(folder)), *(options or ("--processes", "2")), cache=folder / "cache")


def harness(repeat: int) -> Iterator[Row]:
    """Yield what a study takes in one process over compiling, following and characterising the same designs alone."""

    def bare(study: Study) -> None:
        for member in study.designs:
            design, scenarios = member.design, study.scenarios
            terminals = compile_design(design).terminals
            groups = Groups.of(terminals)
            by_outcome = category_rates_of_all(scenarios, design.outcomes)
            rates = mean_burden(by_outcome, design.outcomes)
            truths = truths_of(design, rates)
            values, columns = allocation_values(terminals, design, truths)
            found = Propagator.of(terminals, groups.of_terminal).expect(by_outcome, values, 1)
            shares = np.take_along_axis(found.moments, columns, axis=1) if truths else found.moments
            sums = Sums(found.patients, found.dlts, shares, found.mass)
            characterise(sums, groups, stop_codes(design), design, rates, truths)

    with tempfile.TemporaryDirectory() as name:
        path = study_files.few(Path(name))
        whole, kernels = [], []
        for k in range(repeat + 1):
            study = load_study(path)
            shutil.rmtree(study.folder, ignore_errors=True)
            start = process_time()
            run(study, partial(Serial, study))
            middle = process_time()
            bare(study)
            if k:
                # The first compiles kernels and imports.
                whole.append(middle - start)
                kernels.append(process_time() - middle)
    ratio = median(a / b for a, b in zip(whole, kernels, strict=True))
    yield Row("harness", "80 designs x 1,000 scenarios, one process", min(whole), "s of CPU")
    yield Row("harness", "the kernels alone", min(kernels), "s of CPU")
    yield Row("harness", "study over kernels, median of the runs by turns", ratio, "", "1.10")


def dask(repeat: int) -> Iterator[Row]:
    """Yield what handing a task out by Dask costs, empty and with the results of half a second of work."""

    def nothing(_: str, size: int) -> bytes:
        return bytes(size)

    def worked() -> float:
        return process_time()

    # Seven jobs of the study of the goal take half a second and leave 2.2 MB.
    sizes = {"an empty task": 0, "a task with 2.2 MB of results": 2_200_000}
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        for what, size in sizes.items():
            walls, cpus = [], []
            for k in range(repeat + 1):
                n, todo = (500 if not size else 100), 0
                before = process_time() + sum(client.run(worked).values())
                start, finished = perf_counter(), as_completed()
                for _ in range(4):
                    finished.add(client.submit(nothing, "study", size, pure=False))
                    todo += 1
                for future in finished:
                    future.result()
                    if todo < n:
                        finished.add(client.submit(nothing, "study", size, pure=False))
                        todo += 1
                if k:
                    walls.append((perf_counter() - start) / n)
                    cpus.append((process_time() + sum(client.run(worked).values()) - before) / n)
            yield Row("dask", f"{what}, on the clock", min(walls) * 1e3, "ms")
            yield Row("dask", f"{what}, CPU of client, scheduler and worker", min(cpus) * 1e3, "ms")
            yield Row(
                "dask", f"{what}, share of {TASK_SECONDS} s", 100 * min(cpus) / (TASK_SECONDS + min(cpus)), "%", "5"
            )


def workers(repeat: int) -> Iterator[Row]:
    """Yield one worker against two, by turns: on the clock, and in CPU time."""
    one, two, dask_one, dask_two = [], [], [], []
    for _ in range(min(repeat, 2)):
        one.append(_cold(study_files.grids, "--processes", "1"))
        two.append(_cold(study_files.grids, "--processes", "2"))
        dask_one.append(_cold(study_files.grids, "--workers", "1"))
        dask_two.append(_cold(study_files.grids, "--workers", "2"))
    for what, a, b in (("processes", one, two), ("Dask workers", dask_one, dask_two)):
        start = min(each.seconds for each in a)
        yield Row("workers", f"500 designs x 1,000 scenarios, 1 of the {what}", start, "s")
        yield Row("workers", f"2 of the {what}", min(each.seconds for each in b), "s")
        yield Row(
            "workers", f"ratio on the clock, {what}, start included", start / min(each.seconds for each in b), "", "1.8"
        )
        inflation = min(each.cpu for each in b) / min(each.cpu for each in a)
        yield Row("workers", f"CPU with 2 over CPU with 1, {what}", inflation)


def memory(_: int) -> Iterator[Row]:
    """Yield the peak of memory of the process that hands out jobs and writes results, against their number."""
    for jobs in (100, 1_000, 10_000):
        ran = _cold(partial(study_files.tiny, jobs=jobs), "--processes", "2", "--no-cache", "--yes")
        yield Row("memory", f"{jobs:,} jobs", ran.megabytes, "MB")
        yield Row("memory", f"{jobs:,} jobs: CPU a job", ran.cpu / jobs * 1e3, "ms")


def cache(repeat: int) -> Iterator[Row]:
    """Yield what it takes to compile a large design, and to read it instead."""
    design = benchmark_designs.crm_prototype(1)
    with tempfile.TemporaryDirectory() as name:
        made, read = list[float](), list[float]()
        for k in range(repeat):
            folder = Path(name) / str(k)
            start = process_time()
            automaton = AutomatonCache(folder).compiled(design, 6_000_000)
            made.append(process_time() - start)
            start = process_time()
            AutomatonCache(folder).compiled(design, 6_000_000)
            read.append(process_time() - start)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    yield Row(
        "cache",
        f"compile {automaton.n_states + len(automaton.terminals):,} states and keep them",
        min(made),
        "s of CPU",
    )
    yield Row("cache", "read them", min(read), "s of CPU")
    yield Row("cache", "compile over read", min(made) / min(read))
    yield Row("cache", "on disk", size, "MB")


def task(_: int) -> Iterator[Row]:
    """Yield what a job sends back, and what the process that collects it spends on each; all metrics and two."""
    with tempfile.TemporaryDirectory() as name:
        whole = load_study(study_files.few(Path(name)))
        for what, metrics in (("all metrics", None), ("two metrics", ("pcs", "overdose_allocated"))):
            study = replace(whole, metrics=metrics)
            done = do(study, range(study.n_jobs), None)

            @dataclass(frozen=True)
            class Ready:
                done: list[Done]

                def run(self, tasks: Iterator[tuple[int, ...]]) -> Iterator[list[Done]]:
                    for each in tasks:
                        yield pickle.loads(pickle.dumps([self.done[index] for index in each], protocol=5))

            start = process_time()
            run(study, partial(Ready, done))
            spent = process_time() - start
            size = sum(len(each.content or b"") for each in done) / len(done)
            yield Row("task", f"a job's results, {what}", size / 1e3, "kB")
            yield Row("task", f"to collect and write them, CPU a job, {what}", spent / len(done) * 1e3, "ms")


GROUPS: dict[str, Callable[[int], Iterator[Row]]] = {
    "cold": cold,
    "harness": harness,
    "task": task,
    "dask": dask,
    "workers": workers,
    "memory": memory,
    "cache": cache,
}
