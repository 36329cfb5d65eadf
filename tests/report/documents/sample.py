"""Documents that hold every kind of block, one fit to be read and one with nasty texts everywhere."""

from __future__ import annotations

from typing import get_args

from escalate.report.documents.blocks import (
    Cell,
    Document,
    Figure,
    Heading,
    Items,
    PageBreak,
    Paragraph,
    Preformatted,
    Reference,
    Run,
    Table,
    Tone,
)
from escalate.report.picture import Picture

NASTY = (
    "<script>alert(1)</script> & | ` * _x_ [a](b) \x00\x08\x1b\ufffe\ud800 \"q\" 'a' # $x$ ]]> \\ %s {0} "
    "\N{GREEK SMALL LETTER ALPHA} \u202e\n- next"
)
"""What a title of a design might hold."""
TONES: tuple[Tone, ...] = get_args(Tone)


def bars(
    name: str = "selection", description: str = "Bars of the share of trials that select each dose level."
) -> Picture:
    """Return a small drawing with a clip path, a style and ids, as other tools make them."""
    shares = (0.04, 0.21, 0.52, 0.19, 0.03)
    drawn = "".join(
        f'<rect x="{70 + 62 * level}" y="{220 - 320 * share:g}" width="40" height="{320 * share:g}" fill="#0072B2"'
        ' clip-path="url(#a)"/>'
        f'<text x="{90 + 62 * level}" y="240" text-anchor="middle">{level + 1}</text>'
        f'<text x="{90 + 62 * level}" y="{214 - 320 * share:g}" text-anchor="middle">{share:.0%}</text>'
        for level, share in enumerate(shares)
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 400 260" '
        'width="400pt" height="260pt" role="img" aria-labelledby="t" font-family="Helvetica, sans-serif" font-size="13">'
        '<title id="t">Selection</title><style>rect { stroke-width: 1 } text { fill: #222222 }</style>'
        '<defs><clipPath id="a"><rect width="400" height="260"/></clipPath><path id="m" d="M0 0h6"/></defs>'
        f'<path d="M60 20V220H380" fill="none" stroke="#222222"/>{drawn}<use xlink:href="#m" x="54" y="60" stroke="#222222"/>'
        '<text x="220" y="258" text-anchor="middle">Dose level selected as MTD</text></svg>'
    )
    return Picture(name, svg, description, 400.0, 260.0)


def sample() -> Document:
    """Return a document of the kind that a trial's protocol has."""
    blocks = (
        Heading("Design"),
        Paragraph(
            (
                "The trial escalates by the ",
                Run("Bayesian optimal interval design", "emphasis"),
                " (BOIN). The dose levels are in ",
                Reference("doses"),
                ", the decisions in ",
                Reference("decisions"),
                ". The target DLT rate is ",
                Run("30%", "strong"),
                "; the setting ",
                Run("p_saf", "code"),
                " keeps its published value, 0.18. After each cohort the number of patients with a DLT at the current dose "
                "is compared with the boundaries, which were fixed before the trial.",
            )
        ),
        Table(
            "doses",
            "Dose levels",
            ("Level", "Dose", "Volume", "Prior guess"),
            tuple((str(k), f"10^{k + 5} PFU/mL", f"{k} mL", f"{0.05 * k:.2f}") for k in range(1, 5)),
            notes=("Level 1 is the starting dose.", "PFU: plaque-forming units."),
        ),
        Heading("Rules", 2),
        Paragraph("The following rules hold, whatever the order in which they are written:"),
        Items(
            (
                ("No untried level is skipped; see ", Reference("decisions"), "."),
                "A level with Pr(DLT rate > 0.30 | data) > 0.95 after at least 3 patients is eliminated, with all above it.",
            )
        ),
        Heading("Steps after a cohort", 3),
        Items(("Count the patients with a DLT.", "Read the decision.", "Enter it in the record."), ordered=True),
        Heading("Stopping", 2),
        Items(("At 30 patients.", "When level 1 is eliminated."), ordered=True),
        Paragraph("The outcomes in this document are synthetic. They are no data of any trial.", "warning"),
        Paragraph("Numbers are rounded half up to the decimals shown.", "note"),
        Heading("Decisions"),
        Table(
            "decisions",
            "Decision by the number of evaluable patients and of patients with a DLT at the current dose, "
            "with boundaries 0.236 and 0.359",
            ("DLTs", *(f"n = {n}" for n in range(1, 13))),
            tuple(
                (
                    str(dlts),
                    *(Cell(*decision(n, dlts)) for n in range(1, 13)),
                )
                for dlts in range(8)
            ),
            align="r" + "c" * 12,
            notes=("E: escalate. S: stay. D: de-escalate. DU: de-escalate and eliminate the dose.",),
        ),
        Heading("Operating characteristics"),
        Paragraph(
            (
                Reference("selection"),
                " shows how often each level is selected; ",
                Reference("tones"),
                " what tints mean.",
            )
        ),
        Figure(
            "selection",
            "Share of simulated trials that select each level as the MTD, scenario 3",
            bars(),
            ("1,000 trials. The true MTD is level 3.",),
        ),
        Table(
            "tones",
            "What the tint of a cell means",
            ("Tone", "Where it is used", "Cell"),
            tuple(
                (
                    tone,
                    f"Cells that say: {tone}, in words that take more than one line on a narrow page",
                    Cell(tone, tone),
                )
                for tone in TONES
            ),
            align="llc",
        ),
        Figure("again", "The same drawing again", bars("selection", "The same bars again.")),
        PageBreak(),
        Heading("How to repeat this"),
        Preformatted(
            "escalate report protocol designs/boin.yaml -o protocol.docx\n  # sha256 " + "0123456789abcdef" * 4
        ),
        Table(
            "long",
            "Every trial path of a first cohort, to show how a table goes over the page",
            ("Path", "Outcome", "Decision", "Probability"),
            tuple(
                (str(k), f"1{'N' * (k % 4)}{'T' * (3 - k % 4)}", "escalate to level 2", f"{k / 61:.4f}")
                for k in range(1, 61)
            ),
            align="rllr",
        ),
        Paragraph(("The last line of the document refers to ", Reference("long"), ".")),
    )
    return Document(
        "protocol",
        "Dose escalation",
        "Intralesional T-VEC in liver tumours: local BOIN, four dose levels",
        blocks,
        (
            ("Design file", "designs/tvec-liver.yaml"),
            ("SHA-256", "3f1a" * 16),
            ("escalate", "0.7.0"),
            ("Date", "2026-03-31"),
        ),
        "Dose escalation, version 0.7.0, design 3f1a3f1a",
    )


def decision(n: int, dlts: int) -> tuple[str, Tone]:
    """Return a decision and its tone."""
    if dlts > n:
        return "", "muted"
    if n >= 3 and dlts > 0.62 * n + 0.5:
        return "DU", "eliminate"
    rate = dlts / n
    return ("E", "escalate") if rate <= 0.236 else ("D", "deescalate") if rate >= 0.359 else ("S", "stay")


def nasty() -> Document:
    """Return a document with a nasty text wherever a text may stand."""
    blocks = (
        Heading(NASTY),
        Paragraph((NASTY, Run(NASTY, "strong"), Run(NASTY, "emphasis"), Run(NASTY, "code"), Reference(NASTY))),
        Paragraph(NASTY, "note"),
        Paragraph(NASTY, "warning"),
        Items((NASTY, (Run(NASTY, "code"),))),
        Items((NASTY,), ordered=True),
        Table(NASTY, NASTY, (NASTY, NASTY), ((NASTY, Cell((Run(NASTY, "code"),), "bad")),), notes=(NASTY,)),
        Figure("figure", NASTY, bars(NASTY, NASTY), (NASTY,)),
        Preformatted(NASTY),
    )
    return Document("protocol", NASTY, NASTY, blocks, ((NASTY, NASTY),), NASTY)
