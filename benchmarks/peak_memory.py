"""Print the peak memory, in megabytes, of compiling the CRM in cohorts of one and of 1,000 scenarios of it."""

from __future__ import annotations

import json
import re
import resource
from pathlib import Path

import designs
from escalate import simulate
from escalate.engine import kernels  # noqa: F401 - so that Numba counts among the imports
from escalate.engine.automaton import compile_design


def peak_megabytes() -> float:
    # getrusage counts the parent's memory at the time of the fork too, so the kernel's own figure comes first.
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    kilobytes = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / 1e6


def main() -> None:
    design = designs.crm(1)
    peaks = {"imports": peak_megabytes()}
    compile_design(design)
    peaks["compile"] = peak_megabytes()
    simulate([design], designs.scenarios(designs.random_truths(1000)), workers=1)
    peaks["simulate 1,000 scenarios"] = peak_megabytes()
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
