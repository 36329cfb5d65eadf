"""Import only downward, and nothing heavy before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import escalate
from tests.cli.run import environment
from tests.helpers import ROOT

SOURCE = ROOT / "src" / "escalate"
# From the bottom up; faces share the top.
ORDER = (
    "core",
    "generators",
    "models",
    "rules",
    "methods",
    "engine",
    "study",
    "qualification",
    "conduct",
    "report",
    "cli",
)
RANK = {**{layer: rank for rank, layer in enumerate(ORDER)}, "web": len(ORDER) - 1}
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)
HEAVY = ("pymc", "pytensor", "arviz", "numba", "matplotlib", "scipy", "pandas")


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield every name of ours that a module imports, at its top or inside a function, as `escalate.layer...`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "escalate")
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base == "escalate":
                homes = escalate._HOMES
                yield from (f"escalate.{homes.get(alias.name, alias.name)}" for alias in node.names)
            elif base.startswith("escalate."):
                yield base


def layer_of(name: str) -> str | None:
    """Return the layer of a module, or None for the package itself, which holds the version alone."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__version__" else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    """A module imports from its own layer or from those below it, whatever the place of the import."""
    layer = path.relative_to(SOURCE).parts[0]
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for name in imported(ast.parse(path.read_text(encoding="utf-8")), package):
        below = layer_of(name)
        assert below is None or RANK[below] <= RANK[layer], f"{name_of(path)} imports {name}"


def test_layers_are_known() -> None:
    """Every folder of the package is one of the layers."""
    assert {path.relative_to(SOURCE).parts[0] for path in MODULES} <= set(RANK)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import escalate.study.table", ["escalate.study.table"]),
        ("from escalate.report import tables", ["escalate.report"]),
        ("from escalate import simulate", ["escalate.study.simulate"]),
        ("from escalate import __version__", ["escalate.__version__"]),
        ("def f():\n    from escalate.cli import app", ["escalate.cli"]),
        ("if True:\n    import escalate", ["escalate"]),
        ("from . import design", ["escalate.core"]),
        ("from ..report import tables", ["escalate.report"]),
        ("import numpy, escalate_more\nfrom pathlib import Path", []),
    ],
)
def test_imports_are_seen(text: str, found: list[str]) -> None:
    """The test above can fail: every way to import is seen."""
    assert list(imported(ast.parse(text), "escalate.core")) == found


def loaded_by(code: str) -> set[str]:
    """Return the packages that some code loads in a new process."""
    script = f"{code}\nimport sys\nprint(' '.join(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True, cwd=ROOT
    )
    return {name.split(".")[0] for name in done.stderr.split()}


def command(*arguments: str) -> str:
    """Return code that runs the command in its own process."""
    return (
        f"import sys\nsys.argv = {['escalate', *arguments]!r}\nfrom escalate.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import escalate",
        command("--help"),
        command("--version"),
        command("simulate", "--help"),
        command("paths", "--help"),
    ],
    ids=["import", "help", "version", "simulate-help", "paths-help"],
)
def test_nothing_heavy_is_loaded_at_the_start(code: str) -> None:
    """`import escalate` and `escalate --help` load neither PyMC nor Numba, nor anything else that takes its time."""
    found = loaded_by(code)
    assert "escalate" in found
    assert found.isdisjoint({*HEAVY, "numpy", "ruamel"})


@pytest.mark.parametrize(
    "arguments", [("recommend", "designs/boin.yaml"), ("table", "designs/boin.yaml"), ("methods",), ("new", "boin")]
)
def test_what_is_not_needed_is_not_loaded(arguments: tuple[str, ...]) -> None:
    """Commands that sample nothing and draw nothing load neither PyMC nor Numba nor Matplotlib."""
    assert loaded_by(command(*arguments)).isdisjoint({"pymc", "pytensor", "arviz", "numba", "matplotlib", "pandas"})


def test_public_names_are_there() -> None:
    """Every public name can be imported, and is listed; another is an AttributeError."""
    for name in escalate.__all__:
        assert getattr(escalate, name) is not None
    assert set(dir(escalate)) == set(escalate.__all__)
    assert set(escalate.__all__) == {*escalate._HOMES, "__version__"}
    with pytest.raises(AttributeError, match="module 'escalate' has no attribute 'boin'"):
        _ = escalate.boin
