"""The page of the public names of the Python package, for autodoc."""

from __future__ import annotations

import inspect

HEAD = """# Every public name

`escalate.__all__`, from the docstrings; [Python](../reference/python.md) tells how they go together.
"""


def page() -> str:
    """Return the page: one directive of autodoc a name."""
    import escalate

    names = [name for name in escalate.__all__ if not name.startswith("__")]
    functions = [name for name in names if inspect.isfunction(getattr(escalate, name))]
    classes = [name for name in names if name not in functions]
    parts = [HEAD, "## Functions\n", *map(_function, functions), "## Classes and errors\n", *map(_class, classes)]
    return "\n".join(parts)


def _function(name: str) -> str:
    return f"### {name}\n\n```{{eval-rst}}\n.. autofunction:: escalate.{name}\n```\n"


def _class(name: str) -> str:
    import escalate

    if name in {"Design", "Scenario"}:
        kept = "from_dict, to_dict, sha256" if name == "Design" else ""
        members = f"   :members: {kept}\n" if kept else ""
    else:
        members = "   :show-inheritance:\n" if issubclass(getattr(escalate, name), Exception) else "   :members:\n"
    return f"### {name}\n\n```{{eval-rst}}\n.. autoclass:: escalate.{name}\n{members}```\n"
