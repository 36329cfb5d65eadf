"""Bad command lines."""

from __future__ import annotations

from typing import Any

from tests.cli.bad import SIMULATE, bad, edited
from tests.cli.run import DESIGN, HEADER, SCENARIO

CASES: list[Any] = []


# --- the command line ------------------------------------------------------------------------------------------------
def line(name: str, *words: str, arguments: tuple[str, ...], **more: Any) -> None:
    """Add a bad command line, beside good files."""
    CASES.append(
        bad(name, *words, arguments=arguments, files={"d.yaml": DESIGN, "s.yaml": SCENARIO, "p.csv": HEADER}, **more)
    )


for text, words in (
    ("1NNX", ("cohort 1 ('1NNX')", "'X' is not an outcome")),
    ("1NNN 9NNN", ("cohort 2 ('9NNN')", "level 9 does not exist")),
    ("0NNN", ("level 0 does not exist",)),
    ("1", ("has no patients",)),
    ("²NN", ("write the dose level",)),
    ("1NNN,2NNT", ("write the dose level",)),
    ("hello", ("write the dose level",)),
):
    line(f"outcomes {text}", "outcomes, ", *words, arguments=("recommend", "d.yaml", "--outcomes", text))
line("select without data", "no data", "--outcomes", arguments=("select", "d.yaml"))
line("select without patients", "no patients", arguments=("select", "d.yaml", "--outcomes", " "))
for command in ("check", "table", "recommend", "select"):
    line(
        f"{command} a file that is not there",
        "no.yaml: there is no such file",
        arguments=(command, "no.yaml", *["p.csv"][: command == "select"]),
    )
line("data that are not there", "no.csv: there is no such file", arguments=("recommend", "d.yaml", "no.csv"))
line("scenarios that are not there", "no.yaml: there is no such file", arguments=(*SIMULATE[:3], "no.yaml"))
line("a directory as a design", ".: is a directory, not a design file", arguments=("check", "."))
line("a directory as data", ".: is a directory, not a CSV file", arguments=("recommend", "d.yaml", "."))
line("a file as a directory", "d.yaml/x: cannot be read", arguments=("check", "d.yaml/x"))
line("a name too long", "cannot be read", arguments=("check", "x" * 300))
line(
    "design and data from standard input",
    "design and data cannot both",
    arguments=("recommend", "-", "-"),
    stdin=DESIGN,
)
line("both from an empty standard input", "design and data cannot both", arguments=("recommend", "-", "-"))  # fmt: skip
line(
    "design and scenarios from standard input",
    "only one file",
    arguments=("simulate", "-", "--scenarios", "-"),
    stdin=DESIGN,
)
line("empty standard input", "standard input: is empty", arguments=("check", "-"))
line(
    "a fault in standard input",
    "standard input:4 target: 3 is not below 1",
    arguments=("check", "-"),
    stdin=edited("0.30", "3"),
)
line("binary standard input", "standard input: is a binary file", arguments=("check", "-"), stdin=bytes(99))
for trials in ("0", "-5", "99999999999"):
    line(f"--trials {trials}", f"trials: {trials} is not between 1 and", arguments=(*SIMULATE, "--trials", trials))
for seed in ("-1", str(2**63)):
    line(f"--seed {seed}", f"seed: {seed} is not between 0 and", arguments=(*SIMULATE, "--trials", "9", "--seed", seed))
line("exact and trials", "exact or trials, not both", arguments=(*SIMULATE, "--exact", "--trials", "9"))
line("trials in words", "--trials", arguments=(*SIMULATE, "--trials", "many"))
line(
    "trials in words, plainly",
    "--trials",
    arguments=(*SIMULATE, "--trials", "many"),
    never=("unable to parse", "Input should be"),
)
line("seed as a fraction", "--seed", arguments=(*SIMULATE, "--seed", "1.5"))
line("no workers", "--workers", arguments=(*SIMULATE, "--workers", "0"))
line("simulate without scenarios", "Missing option '--scenarios'", arguments=("simulate", "d.yaml"))
line(
    "simulate without designs",
    "Missing argument 'DESIGN...'",
    arguments=("simulate", "--scenarios", "s.yaml"),
)
line("misspelt option", "--trails", "--trials", arguments=(*SIMULATE, "--trails", "9"))
line("misspelt command", "simulat", "'simulate'", arguments=("simulat", "d.yaml"))
line("check without a design", "Missing argument 'DESIGN'", arguments=("check",))
line("new over a file", "d.yaml: exists already; use --force", arguments=("new", "boin", "-o", "d.yaml"))
line("schema over a file", "s.yaml: exists already; use --force", arguments=("schema", "-o", "s.yaml"))
line("new into no directory", "no/d.yaml: cannot be written", arguments=("new", "boin", "-o", "no/d.yaml"))
line("new over a directory", ".: is a directory", arguments=("new", "boin", "-o", "."))
line("new of no method", "'bion' is not a method; did you mean 'boin'?", arguments=("new", "bion"))
line(
    "explain no method",
    "'xyz' is not a method; known: accelerated_titration, bf_boin, blrm, boin,",
    arguments=("explain", "xyz"),
)
line("explain in capitals", "'mTPI' is not a method; did you mean 'mtpi'?", arguments=("explain", "mTPI"))
line("explain a rule", "'eliminate' is a rule, not a method; ", "design-file.md", arguments=("explain", "eliminate"))
line("new of a generator", "'paoletti' is a generator, not a method; ", "scenarios.md", arguments=("new", "paoletti"))
for first in (("recommend", "d.yaml"), SIMULATE):
    line(f"{first[0]} plots a text file", "x.txt", ".png, .svg, .pdf", arguments=(*first, "--plot", "x.txt"))
    line(
        f"{first[0]} plots into no directory",
        "no/x.png: there is no directory",
        arguments=(*first, "--plot", "no/x.png"),
    )
    line(f"{first[0]} plots into a file", "d.yaml/x.png", "no directory", arguments=(*first, "--plot", "d.yaml/x.png"))
