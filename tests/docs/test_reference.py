"""The reference is complete: every command, option, method, rule, generator, metric, setting, key and decision is in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from _ext import commands, http_api, json_examples, methods, python_api, requirements, settings
from escalate.core import registry
from escalate.study import clock_metrics, compare, losses
from escalate.study.metrics import PER_TRIAL
from tests.helpers import ROOT

DOCS = ROOT / "docs"
SECTIONS = ("What it does", "When to use it, and when not", "Settings", "Worked example", "References")


def read(*parts: str) -> str:
    return DOCS.joinpath(*parts).read_text(encoding="utf-8")


@cache
def command_page() -> str:
    return commands.page()


@cache
def settings_page() -> str:
    return settings.page(ROOT)


def section(page: str, title: str) -> str:
    """Return the section of a page under a heading of any level."""
    found = re.search(rf"(?ms)^(#+) {re.escape(title)}$(.*?)(?=^#{{1,}} |\Z)", page)
    assert found, f"there is no section {title}"
    return found[2]


def test_every_command_and_option() -> None:
    """The generated page has a section for each command, with every option, argument and sub-command, each explained."""
    seen = 0
    for words, command in commands.tree():
        text = section(command_page(), " ".join(words))
        for option in commands.options(command):
            for name in option.opts:
                assert re.search(rf"(?m)^\|[^|]*`{name}`.*\| \S.* \|$", text), (words, name)
                seen += 1
        for name in getattr(command, "commands", {}):
            assert f"[`{name}`](#{'-'.join((*words, name))})" in text
    assert seen > 150


def test_every_command_is_explained() -> None:
    """The page that people wrote has a section for each command, those of `trial`, `account` and `report` included."""
    page = read("reference", "cli.md")
    for words, command in commands.tree():
        if len(words) == 2:
            assert f"\n## {words[1]}\n" in page, words
            assert f"[`{words[1]}`](#{words[1]})" in page, words
        elif len(words) == 3 and words[1] != "account":
            assert f"\n### {words[1]} {words[2]}\n" in page, words
        elif len(words) == 3:
            assert f"`escalate account {words[2]}" in page.split(f"\n## {words[1]}\n")[1].split("\n## ")[0], words
        assert command.help, words


@pytest.mark.parametrize(
    ("words", "command"), [(w, c) for w, c in commands.tree() if len(w) > 1], ids=lambda v: str(v)[:40]
)
def test_every_option_is_explained(words: tuple[str, ...], command: object) -> None:
    """Each option stands in the section of its command on the page that people wrote, or among what is common to all."""
    page = read("reference", "cli.md")
    top = page.split(f"\n## {words[1]}\n")[1].split("\n## ")[0]
    if len(words) == 3 and f"\n### {words[1]} {words[2]}\n" in top:
        own = top.split(f"\n### {words[1]} {words[2]}\n")[1].split("\n### ")[0]
        top = top.split("\n### ")[0] + own
    common = page.split("\n## Common to all\n")[1].split("\n## ")[0]
    for option in commands.options(command):
        assert any(re.search(rf"{name}\b", top + common) for name in option.opts), (words, option.opts)


def test_every_kind_and_setting() -> None:
    """Each method, rule and generator has a section, and each of its settings says what it means."""
    seen = 0
    for each in (registry.methods(), registry.rules(), registry.generators()):
        for cls in each.all():
            kind = cls.model_fields["kind"].default
            text = section(settings_page(), kind)
            for name, field in cls.model_fields.items():
                # Code that a file names is read, and no setting.
                if name != "kind" and not field.exclude:
                    shown = field.alias or name
                    assert re.search(rf"(?m)^\| `{shown}` \|.*\| \S[^|]* \|$", text), (kind, name)
                    seen += 1
    assert seen > 150


def test_every_setting_means_something() -> None:
    """No row of the page of settings is without a meaning, those of the design file and of the clock included."""
    assert not re.findall(r"(?m)^\| `.*\|\s*\|$", settings_page())


def test_overview_of_methods() -> None:
    """The overview has a row for each method, with a link to its page and a design file that is there."""
    table = methods.overview(ROOT)
    for cls in registry.methods().all():
        kind = cls.model_fields["kind"].default
        row = re.search(rf"(?m)^\| \[`{kind}`\]\(methods/{kind}\.md\) \| .*$", table)
        assert row, kind
        for link in re.findall(r"\]\((\.\./[^)]*)\)", row[0]):
            assert (DOCS / link).is_file(), link


@pytest.mark.parametrize("kind", registry.methods().kinds())
def test_sections_of_a_method(kind: str) -> None:
    """The page of a method says what it does, when to use it and when not, its settings, an example that runs, its sources."""
    page = read("methods", f"{kind}.md")
    for title in SECTIONS:
        assert section(page, title).strip(), title
    assert re.search(r"(?m)^    \$ escalate ", section(page, "Worked example"))
    assert page.startswith(f"# {kind}")


@pytest.mark.parametrize("name", sorted({*PER_TRIAL, *compare.METRICS, *losses.METRICS, *clock_metrics.METRICS}))
def test_every_metric(name: str) -> None:
    """Each metric is defined in a row of the page of metrics."""
    assert re.search(rf"(?m)^\| [^|]*`{name}`[^|]*\| \S", read("reference", "metrics.md"))


def test_every_decision() -> None:
    """No two decisions have one number, each page is in the listing, and what is cited exists."""
    numbers = sorted(path.name[:4] for path in (DOCS / "decisions").glob("*.md"))
    assert len(set(numbers)) == len(numbers) > 30
    assert "decisions/*" in read("decisions.md")
    for path in (*ROOT.glob("src/**/*.py"), *DOCS.glob("**/*.md")):
        if "_generated" not in path.parts:
            for number in re.findall(r"decisions? (\d{4})\b", path.read_text(encoding="utf-8")):
                assert number in numbers, (path, number)


def test_every_public_name() -> None:
    """The Python reference has a directive for each public name, and the page that people wrote names each."""
    import escalate

    page, written = python_api.page(), read("reference", "python.md")
    for name in escalate.__all__:
        if not name.startswith("__"):
            assert re.search(rf"auto(function|class):: escalate\.{name}\n", page), name
        assert f"`{name}" in written, name


def test_every_operation() -> None:
    """The HTTP reference has each operation of the OpenAPI document, with its parameters and the fields of its forms."""
    found, page = http_api.document(), http_api.page()
    for method, path, operation in http_api.operations(found):
        text = page.split(f"`{method} {path}` (")[1].split("\n### ")[0]
        for parameter in operation.get("parameters", ()):
            assert f"`{parameter['name']}`" in text
    for name, schema in found["components"]["schemas"].items():
        text = section(page, f"`{name}`")
        for field in schema.get("properties", {}):
            assert f"`{field}`" in text, (name, field)


@pytest.mark.parametrize("command", json_examples.COMMANDS)
def test_every_key(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key that a command prints with `--json` is named on the page of the JSON; names that are data are not keys."""
    monkeypatch.setenv("COLUMNS", "120")
    found = json_examples.answer(ROOT, command)
    page = read("reference", "json.md")
    assert f"`{found['schema']}`" in page
    named = set(
        re.findall(r"`([\w.:-]+)`", page + read("reference", "metrics.md") + read("reference", "design-file.md"))
    )
    named |= {part for name in named for part in name.split(".")}
    named |= set(re.findall(r"(\w+):", read("methods", "crm.md")))
    named |= {name for cls in registry.methods().all() for name in cls.model_fields}
    data = re.compile(r"[\w. ]*(<|>|=|, | of | at )|\d+$|escalate/|method\.|rules\[")
    unknown = {key for key in json_examples.keys(found) if key not in named and not data.search(key)}
    assert not unknown


def test_every_requirement() -> None:
    """The page of the requirements has a row for each, with its tests, and these exist."""
    page = requirements.page(ROOT)
    for one in json_examples.answer(ROOT, "verify --list")["requirements"]:
        row = re.search(rf"(?m)^\| `{one['id']}` \|.*$", page)
        assert row, one["id"]
        for test in one["tests"]:
            assert f"`{test}`" in row[0]
            # What stands for every method is there for each.
            for kind in registry.methods().kinds() if "{method}" in test else ("",):
                assert (ROOT / test.split("::")[0].replace("{method}", kind)).exists(), (test, kind)


def test_the_tests_can_fail(tmp_path: Path) -> None:
    """A page without a section, and a row without a meaning, are noticed."""
    with pytest.raises(AssertionError):
        section("# One\n", "Two")
    assert re.findall(r"(?m)^\| `.*\|\s*\|$", "| `a` | number | none |  |")
