"""Bad scenario files and bad trial data."""

from __future__ import annotations

from typing import Any

from tests.cli.bad import RECOMMEND, SIMULATE, bad
from tests.cli.run import DESIGN, HEADER, SCENARIO

CASES: list[Any] = []


# --- scenarios -------------------------------------------------------------------------------------------------------
def scenario(name: str, *words: str, content: str, **more: Any) -> None:
    """Add a bad scenario file, beside a good design."""
    CASES.append(bad(name, *words, arguments=SIMULATE, files={"d.yaml": DESIGN, "s.yaml": content}, **more))


TRUTH = "[0.1, 0.3, 0.5]"
FALLS = SCENARIO.replace(TRUTH, "[0.1, 0.3, 0.2]")
scenario(
    "scenario falls",
    "s.yaml:3 scenarios[1].dlt: the DLT probability falls from 0.3 at level 2 to 0.2 at level 3",
    content=FALLS,
)
scenario("scenario falls, and no more", "s.yaml:3", content=FALLS, never=("too short",))
scenario(
    "scenario with 1.2", "s.yaml:3 scenarios[1].dlt[3]: 1.2 is not below 1", content=SCENARIO.replace("0.5", "1.2")
)
scenario("scenario with 0", "s.yaml:3 scenarios[1].dlt[1]: 0 is not above 0", content=SCENARIO.replace("0.1", "0"))
scenario(
    "scenario too short",
    "s.yaml:3 scenarios[1].dlt: has 2 DLT probabilities",
    "3 dose levels",
    content=SCENARIO.replace(TRUTH, "[0.1, 0.3]"),
)
scenario(
    "two scenarios of one name",
    "s.yaml",
    "two scenarios are named 'a'",
    content=SCENARIO + f"  - {{name: a, dlt: {TRUTH}}}\n",
)
scenario(
    "scenario without name", "s.yaml:4 scenarios[2].name: is missing", content=SCENARIO + f"  - {{dlt: {TRUTH}}}\n"
)
scenario(
    "misspelt key of a scenario",
    "s.yaml:3 scenarios[1].dtl",
    "did you mean 'dlt'?",
    content=SCENARIO.replace("dlt", "dtl"),
)
scenario("no scenario", "s.yaml:2 scenarios", content="schema: escalate/scenarios/1\nscenarios: []\n")
scenario("a design as scenarios", "s.yaml:1 schema: 'escalate/design/1' is not 'escalate/scenarios/1'", content=DESIGN)


# --- trial data ------------------------------------------------------------------------------------------------------
def data(name: str, *words: str, content: str | bytes, arguments: tuple[str, ...] = RECOMMEND, **more: Any) -> None:
    """Add bad trial data, beside a good design."""
    CASES.append(bad(name, *words, arguments=arguments, files={"d.yaml": DESIGN, "p.csv": content}, **more))


DOSE = "patient,cohort,dose,dlt\n"
data(
    "no such level", "p.csv:2 level: level 9 does not exist; the design has levels 1 to 3", content=HEADER + "a,1,9,0\n"
)
data("level zero", "p.csv:2 level: level 0 does not exist", content=HEADER + "a,1,0,0\n")
data("patient twice", "p.csv:3 patient: 'a' was already on line 2", content=HEADER + "a,1,1,0\na,1,1,0\n")
data("patient blank", "p.csv:2 patient", content=HEADER + ",1,1,0\n")
data(
    "cohort at two levels",
    "p.csv:3 level: cohort 1 is at level 1",
    "at level 2 here",
    content=HEADER + "a,1,1,0\nb,1,2,0\n",
)
data("cohort blank", "p.csv:2 cohort: is empty", content=HEADER + "a,,1,0\n")
data("cohort number with 7 digits", "p.csv:2 cohort: '9999999'", content=HEADER + "a,9999999,1,0\n",
     never=("not a whole number",))  # fmt: skip
data(
    "level blank",
    "p.csv:2 level",
    content=HEADER + "a,1,,0\n",
)
data("empty data", "p.csv: is empty", content="")
data("binary data", "p.csv: is a binary file", content=bytes(range(256)))
for blank in (b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b",,,\n", b'""\n'):
    data(f"nothing in {blank!r}", "p.csv: has no header", content=blank)
data(
    "nothing but a no-break space",
    "p.csv: has no header",
    content="\u00a0\n",
)
data("outcome maybe", "p.csv:2 dlt: 'maybe' is neither 1 (yes) nor 0 (no)", content=HEADER + "a,1,1,maybe\n")
for pending in ("", "pending", "NA", "?"):
    data(f"outcome {pending!r}", "p.csv:2 dlt: patient 'a' has no outcome yet", content=HEADER + f"a,1,1,{pending}\n")
data(
    "no dlt column",
    "p.csv:1: column 'dlt' is missing",
    "patient, cohort, level",
    content="patient,cohort,level\na,1,1\n",
)
data("misspelt column", "p.csv:1: column 'dlt' is missing", "dtl", content=HEADER.replace("dlt", "dtl") + "a,1,1,0\n")
data("misspelt optional column", "p.csv:1: column 'evaluabel'", "did you mean 'evaluable'?",
     content=HEADER.replace("dlt", "dlt,evaluabel") + "a,1,1,0,1\n")  # fmt: skip
data("column twice", "p.csv:1: column 'dlt' is there twice", content=HEADER.replace("dlt", "dlt,dlt") + "a,1,1,0,0\n")
data(
    "tabs between columns",
    "p.csv:1",
    "tab",
    content=HEADER.replace(",", "\t") + "a\t1\t1\t0\n",
)
data("too few fields", "p.csv:2: has 3 fields, but the header has 4", content=HEADER + "a,1,1\n")
data("too many fields", "p.csv:2: has 5 fields, but the header has 4", content=HEADER + "a,1,1,0,0\n")
data(
    "unknown dose amount",
    "p.csv:2 dose: 15 mg is not a dose of the design; the doses are 10, 20, 40",
    content=DOSE + "a,1,15,0\n",
)
data("dose in words", "p.csv:2 dose: 'ten' is not an amount in mg", content=DOSE + "a,1,ten,0\n")
data("dose NaN", "p.csv:2 dose: 'nan' is not an amount", content=DOSE + "a,1,nan,0\n")
data("level and dose disagree", "p.csv:2 dose: 20 is not the amount of level 1, 10 mg",
     content="patient,cohort,level,dose,dlt\na,1,1,20,0\n")  # fmt: skip
for column, row in (
    ("cohort", "a,²,1,0"),
    ("level", "a,1,²,0"),
    ("level", "a,1,٣,0"),
    ("dlt", "a,1,1,¹"),
    ("level", "a,1,-1,0"),
):
    data(f"{column} in {row}", f"p.csv:2 {column}: '", content=f"{HEADER}{row}\n")
data("unterminated quote", "p.csv:3: is not CSV", content=HEADER + 'a,1,1,"0\nb,1,1,0\n')
data("field too long", "p.csv:2: is not CSV", content=HEADER + "a" * 200_000 + ",1,1,0\n")
data("data in Latin-1", "p.csv:2: is not UTF-8", content=(HEADER + "\xe9,1,1,0\n").encode("latin-1"))
data("line ends of old Macs", "p.csv:1", content=(HEADER + "a,1,1,0\n").replace("\n", "\r"),
     never=("universal-newline",))  # fmt: skip
data("no patient to select from", "no patients", content=HEADER, arguments=("select", "d.yaml", "p.csv"))
data("no evaluable patient", "no patients", arguments=("select", "d.yaml", "p.csv"),
     content=HEADER.replace("dlt", "dlt,evaluable") + "a,1,1,0,0\n")  # fmt: skip
data("data twice", "not both", content=HEADER, arguments=(*RECOMMEND, "--outcomes", "1NNN"))
