"""A warm interpreter that the tests of the command line fork from: the command's own `main`, without the wait for imports.

Every request runs `escalate.cli.app.main` in a fresh process with its own arguments, folder, environment and files, as the
installed command does; `tests/cli/test_terminal.py` runs the installed command itself. Run as `python -m tests.cli.warm`: one
JSON request a line on standard input, one exit code a line on standard output.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

PRELOADED = (
    "numpy",
    "scipy.special",
    "django.db.models",
    "django.db.migrations.loader",
    "django.core.management",
    "rich.console",
    "rich.table",
    "matplotlib.backends.backend_agg",
    "pyarrow.parquet",
    "escalate.cli.app",
    "escalate.conduct.bodies",
    "escalate.core.files",
    "escalate.core.registry",
    "escalate.engine.kernels",
    "escalate.report.figures",
    "escalate.report.json_forms",
    "escalate.report.tables",
    "escalate.study.check",
    "escalate.study.grid.results",
    "escalate.study.grid.run",
    "escalate.study.grid.study_file",
    "escalate.study.pathways",
    "escalate.study.recommend",
    "escalate.study.select",
    "escalate.study.simulate",
    "escalate.study.table",
)


def serve() -> None:
    """Answer requests until standard input ends."""
    for name in PRELOADED:
        import_module(name)
    from escalate.core import registry

    registry.methods().all()
    registry.rules().all()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request)
        signal.signal(signal.SIGALRM, lambda *_, child=child: os.kill(child, signal.SIGKILL))
        signal.alarm(int(request["timeout"]))
        _, status = os.waitpid(child, 0)
        signal.alarm(0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(request: dict[str, Any]) -> NoReturn:
    code = 70
    try:
        for number, (path, flags) in enumerate(
            ((request["stdin"], os.O_RDONLY), (request["stdout"], os.O_WRONLY), (request["stderr"], os.O_WRONLY))
        ):
            os.dup2(os.open(path, flags), number)
        sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115
        sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding="utf-8")  # noqa: SIM115
        sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), encoding="utf-8", line_buffering=True)  # noqa: SIM115
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = ["escalate", *request["arguments"]]
        from escalate.cli.app import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
