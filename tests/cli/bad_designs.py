"""Bad design files."""

from __future__ import annotations

from typing import Any

from tests.cli.bad import bad, edited
from tests.cli.run import DESIGN, SCENARIO

CASES: list[Any] = []


def design(
    name: str, *words: str, content: str | bytes, arguments: tuple[str, ...] = ("check", "d.yaml"), **more: Any
) -> None:
    """Add a bad design file."""
    CASES.append(bad(name, *words, arguments=arguments, files={"d.yaml": content}, **more))


# --- YAML ------------------------------------------------------------------------------------------------------------
design("malformed YAML", "d.yaml:9: is not valid YAML", content=edited("{kind: boin}", "{kind: boin"))
design("tab", "d.yaml:9: is not valid YAML", content=DESIGN + "\trules: []\n")
design("two documents", "d.yaml:9: is not valid YAML", content=DESIGN + "---\n" + DESIGN)
design("duplicate key", "d.yaml:9 target: is given twice", content=DESIGN + "target: 0.2\n")
design("anchor", "d.yaml:3 doses.levels: anchors", content=edited("[10, 20, 40]", "&a [10, 20, 40]"))
design("alias", "d.yaml:6 max_patients: anchors", content=edited("12", "&m 12") + "notes: *m\n")
design(
    "alias bomb", "d.yaml:9 a: anchors", content=DESIGN + "a: &a [x]\n" + "".join(f"b{k}: [*a, *a]\n" for k in range(9))
)
design("anchor given twice", "d.yaml:9 a: anchors", content=DESIGN + "a: &a 1\nb: &a 2\n", never=("Warning",))
design("merge key", "d.yaml:9 x: anchors", content=DESIGN + "x: &a {b: 1}\ny: {<<: *a}\n")
design("deep nesting", "d.yaml:9 notes", "nested more than 12 deep", content=DESIGN + "notes: " + "[" * 20 + "]" * 20)
design("very deep nesting", "d.yaml", content=DESIGN + "notes: " + "[" * 20000 + "]" * 20000)
design("very deep nesting, said so", "d.yaml:9", "nested", content=DESIGN + "notes: " + "[" * 20000 + "]" * 20000)
design("tag of a Python object", "d.yaml:2: is not valid YAML", content=edited("small", "!!python/object:os.system x"))
design("tag !!int of text", "d.yaml:2", content=edited("small", "!!int x"))
for tag in ("!!int ''", "!!float ''", "!!bool maybe"):
    design(f"tag {tag}", "d.yaml:2", content=edited("small", tag))
design("date", "d.yaml:2 title: '2020-01-01'", "quote it", content=edited("small", "2020-01-01"))
design("date that is none", "d.yaml:2", content=edited("small", "2020-13-01"))
design("control character", "d.yaml:2", content=edited("small", "a\x07b"))
design("key that is a list", "d.yaml:9", "a key must be a word", content=DESIGN + "? [a, b]\n: 1\n", never=(":9 :",))
design("enormous number", "d.yaml:6 max_patients", content=edited("12", "9" * 5000), never=("sys.set_int",))
design("empty file", "d.yaml: is empty", content="")
design("blank file", "d.yaml: is empty", content="\n  \n")
design("comments alone", "d.yaml:1: is not a design file", content="# a design\n")
design("list", "d.yaml:1: is not a design file", content="- a\n- b\n")
design("binary file", "d.yaml: is a binary file", content=bytes(range(256)))
design("Latin-1", "d.yaml:2: is not UTF-8", content=edited("small", "caf\xe9").encode("latin-1"))
design("large file", "d.yaml: is larger than 1 MB", content=DESIGN + "#" * 1_100_000)

# --- designs ---------------------------------------------------------------------------------------------------------
design("unknown key", "d.yaml:9 colour: unknown setting", content=DESIGN + "colour: red\n")
design(
    "misspelt key", "d.yaml:5 cohort_sise", "did you mean 'cohort_size'?", content=edited("cohort_size", "cohort_sise")
)
design(
    "misspelt key of a method",
    "d.yaml:8 method.p_saff",
    "did you mean 'p_saf'?",
    content=edited("boin}", "boin, p_saff: 0.1}"),
)
design("misspelt key of a rule", "d.yaml:10 rules[1].cutof", "did you mean 'cutoff'?",
       content=DESIGN + "rules:\n  - {kind: eliminate, cutof: 0.9}\n")  # fmt: skip
design("internal key", "published_rules: unknown setting", content=DESIGN + "published_rules: true\n")  # fmt: skip
design("equal doses", "d.yaml:3 doses.levels: level 3 (20) is not above level 2 (20)", content=edited("40", "20"))
design("falling doses", "d.yaml:3 doses.levels: level 3 (5) is not above level 2 (20)", content=edited("40", "5"))
design("no doses", "d.yaml:3 doses.levels", content=edited("[10, 20, 40]", "[]"))
design("no doses, said so", "d.yaml:3 doses.levels", content=edited("[10, 20, 40]", "[]"),
       never=("is too short; the limit is 1",))  # fmt: skip
design("a dose of zero", "d.yaml:3 doses.levels[1]: 0 is not above 0", content=edited("[10,", "[0,"))
design("a dose that is text", "d.yaml:3 doses.levels[2]: 'b' is not a number", content=edited("20", "b"))
design(
    "doses as text",
    "d.yaml:3 doses: '10 20' is not a group",
    content=edited("{unit: mg, levels: [10, 20, 40]}", "10 20"),
)
design("labels for some levels", "d.yaml:3 doses", "for 3 levels", content=edited("40]", "40], labels: [a]"))
design("target 0", "d.yaml:4 target: 0 is not above 0", content=edited("0.30", "0"))
design("target 1", "d.yaml:4 target: 1 is not below 1", content=edited("0.30", "1"))
design("target in per cent", "d.yaml:4 target: 30 is not below 1", content=edited("0.30", "30"))
design(
    "target outside the method's range", "d.yaml:8 method", "target 0.7", "0.05 to 0.6", content=edited("0.30", "0.70")
)
design("no target", "target: is missing", "boin", content=edited("target: 0.30\n", ""))
design(
    "probability of a method", "d.yaml:8 method.p_saf: 1.2 is not below 1", content=edited("boin}", "boin, p_saf: 1.2}")
)
design("skeleton of wrong length", "d.yaml:8 method.skeleton: has 2 entries for 3 dose levels",
       content=edited("boin", "crm, estimate: mean, skeleton: [0.1, 0.2]"))  # fmt: skip
design(
    "skeleton outside (0, 1)",
    "d.yaml:8 method.skeleton[2]: 1.2",
    content=edited("boin", "crm, skeleton: [0.1, 1.2, 0.3]"),
)
design("skeleton that is text", "d.yaml:8 method.skeleton", content=edited("boin", "crm, skeleton: abc"))  # fmt: skip
design(
    "skeleton that does not increase",
    "d.yaml:8 method.skeleton",
    "level 2 (0.2) is not above level 1 (0.3)",
    content=edited("boin", "crm, estimate: mean, skeleton: [0.3, 0.2, 0.4]"),
    arguments=("recommend", "d.yaml"),
)
design(
    "choice that is none", "d.yaml:8 method.model: 'probit' is not known", content=edited("boin", "crm, model: probit")
)
design(
    "level that does not exist", "d.yaml:7 start_level: level 9 does not exist", content=edited("level: 1", "level: 9")
)
design("level 0", "d.yaml:7 start_level: 0 is not at least 1", content=edited("level: 1", "level: 0"))
design("cohort_size 0", "d.yaml:5 cohort_size: 0 is not at least 1", content=edited("size: 3", "size: 0"))
design(
    "cohorts of 2 in a 3+3",
    "d.yaml:8 method",
    "cohort_size is 2",
    content=edited("size: 3", "size: 2").replace("boin", "three_plus_three"),
)
design("max_patients as text", "d.yaml:6 max_patients: '12' is not a whole number", content=edited("12", "'12'"))
design("max_patients as a fraction", "d.yaml:6 max_patients: 12.5 is not a whole number", content=edited("12", "12.5"))
design("max_patients missing", "max_patients: is missing", content=edited("max_patients: 12\n", ""))
for key, old, what in (
    ("max_patients", "12", "a whole number"),
    ("cohort_size", "3\n", "a whole number"),
    ("target", "0.30", "a number"),
):
    design(f"{key} true", f"{key}: true is not {what}", content=DESIGN.replace(f"{key}: {old.strip()}", f"{key}: true"))
design("NaN", "d.yaml:4 target: nan is not a finite number", content=edited("0.30", ".nan"))
design("infinity", "d.yaml:3 doses.levels[3]: inf is not a finite number", content=edited("40", ".inf"))
design("number too large", "d.yaml:3 doses.levels[3]: inf is not a finite number", content=edited("40", "1.0e999"))
design("method missing", "method: is missing", "{kind: ...}", content=edited("method: {kind: boin}\n", ""))
design("method as text", "d.yaml:8 method: is not a group of settings", content=edited("{kind: boin}", "boin"))
design(
    "unknown method",
    "d.yaml:8 method.kind: 'bion' is not a method; did you mean 'boin'?",
    content=edited("boin", "bion"),
)
design(
    "method like no other",
    "d.yaml:8 method.kind: 'xyz' is not a method; known: accelerated_titration, bf_boin, blrm, boin,",
    content=edited("boin", "xyz"),
)
for inner in ("families", "__init__", "boin.Boin", "../boin"):
    design(f"method {inner}", f"d.yaml:8 method.kind: '{inner}' is not a method", content=edited("boin", f"'{inner}'"))
design(
    "method without kind",
    "d.yaml:8 method.kind: is missing; one of: accelerated_titration, bf_boin, blrm, boin,",
    content=edited("{kind: boin}", "{p_saf: 0.1}"),
)
design("kind that is a number", "d.yaml:8 method.kind: 3", content=edited("boin", "3"))
design("rules left blank", "d.yaml:9 rules: is empty; write []", content=DESIGN + "rules:\n")
design("rules as text", "d.yaml:9 rules: is not a list", content=DESIGN + "rules: eliminate\n")
design("one rule, no list", "d.yaml:9 rules: is not a list", content=DESIGN + "rules: {kind: eliminate}\n")
design("rule as text", "d.yaml:9 rules[1]: is not a group of settings", content=DESIGN + "rules: [eliminate]\n")
design("rule without kind", "d.yaml:9 rules[1].kind: is missing", content=DESIGN + "rules: [{cutoff: 0.9}]\n")
design("unknown rule", "d.yaml:10 rules[1].kind: 'eliminat' is not a rule; did you mean 'eliminate'?",
       content=DESIGN + "rules:\n  - {kind: eliminat}\n")  # fmt: skip
design("second of two rules", "d.yaml:11 rules[2].cutoff: 1.9 is not below 1",
       content=DESIGN + "rules:\n  - {kind: eliminate}\n  - {kind: eliminate, cutoff: 1.9}\n")  # fmt: skip
design(
    "schema missing",
    "d.yaml:1 schema: is missing",
    "'schema: escalate/design/1'",
    content=edited("schema: escalate/design/1\n", ""),
)
design("schema wrong", "d.yaml:1 schema: 'escalate/design/2' is not", content=edited("design/1", "design/2"))
design("scenarios as a design", "d.yaml:1 schema: 'escalate/scenarios/1' is not 'escalate/design/1'", content=SCENARIO)
design("three faults at once", "d.yaml:4 target", "d.yaml:5 cohort_sise", "d.yaml:6 max_patients",
       content=edited("0.30", "3").replace(": 12", ": 0").replace("size", "sise"))  # fmt: skip
