"""With which software, from which files, and by which commands: and the references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from escalate import __version__
from escalate.report.documents.blocks import Block, Heading, Items, Paragraph, Preformatted, Run
from escalate.report.protocol.part import Part
from escalate.report.references import SOFTWARE, references

FILE = "DESIGN.yaml"


def software(parts: Sequence[Part], commands: Sequence[str]) -> Iterator[Block]:
    """Yield software, hashes and commands.

    Parameters
    ----------
    commands
        Those that the results came from.
    """
    studied = any(part.result is not None for part in parts)
    computed = "the tables above and the operating characteristics were" if studied else "the tables above were"
    yield Heading("Statistical software and reproducibility")
    yield Paragraph(
        f"This section was made by escalate {__version__} from the design file{'s' * (len(parts) > 1)}. The same software "
        "recommends the dose of each cohort from the data of the trial and selects the MTD, by the same decision function that "
        f"{computed} computed with."
    )
    yield Items(
        tuple(
            (f"{part.design.title}: ", Run(part.file or FILE, "code"), ", sha256 ", Run(part.sha256, "code"))
            for part in parts
        )
    )
    yield Paragraph(
        "The cut-offs of the decision table, the recommendation for data, and the selection of the MTD are given by:"
    )
    lines = []
    for part in parts:
        file = part.file or FILE
        lines += [f"escalate table {file}", f"escalate recommend {file} DATA.csv", f"escalate select {file} DATA.csv"]
    yield Preformatted("\n".join(lines))
    if commands:
        what = "The operating characteristics are computed, and this section is written, by:"
        yield Paragraph(what if studied else "This section is written by:")
        yield Preformatted("\n".join(commands))


def literature(parts: Sequence[Part]) -> Iterator[Block]:
    """Yield the references of all designs, in one list."""
    found = sorted(
        {str(each): each for part in parts for each in references(part.design)}.values(),
        key=lambda each: (each.authors, each.year, each.title),
    )
    yield Heading("References")
    yield Items((*(str(each) for each in found), SOFTWARE), ordered=True)
