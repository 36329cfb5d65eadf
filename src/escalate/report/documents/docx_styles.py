"""The Word styles of a document: its own where Word has none, Word's own names where it has one."""

from __future__ import annotations

from typing import Any, Final

from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from escalate.report.documents.docx_xml import add_numberings, node
from escalate.report.documents.tints import CARE, CARE_EDGE, HAIRLINE, INK, MUTED, QUIET, RULE

SERIF, SANS, MONO = "Cambria", "Calibri", "Consolas"
TEXT_WIDTH: Final = Cm(16)
MARGIN: Final = Cm(2.5)
TABLE_STYLE: Final = "Escalate Table"

# Name, base, font, size, space before, after, colour, bold, italic.
_PARAGRAPHS: Final = (
    ("Normal", None, SERIF, 10.5, 0, 7, INK, False, False),
    ("Title", None, SANS, 22, 0, 4, INK, True, False),
    ("Subtitle", None, SANS, 12, 0, 14, MUTED, False, False),
    ("Heading 1", None, SANS, 15, 22, 6, INK, True, False),
    ("Heading 2", None, SANS, 12, 15, 4, INK, True, False),
    ("Heading 3", None, SANS, 10.5, 11, 3, INK, False, True),
    ("Caption", None, SANS, 9.5, 0, 5, INK, False, False),
    ("List Bullet", None, SERIF, 10.5, 0, 4, INK, False, False),
    ("List Number", None, SERIF, 10.5, 0, 4, INK, False, False),
    ("Footer", None, SANS, 8, 0, 0, MUTED, False, False),
    ("Note", "Normal", SANS, 8.5, 3, 3, MUTED, False, False),
    ("Warning", "Normal", SERIF, 10.5, 8, 12, INK, False, False),
    ("Table Text", "Normal", SANS, 9, 1.5, 1.5, INK, False, False),
    ("Table Text Small", "Table Text", SANS, 7.5, 1, 1, INK, False, False),
    ("Table Text Smallest", "Table Text", SANS, 6.5, 1, 1, INK, False, False),
    ("Figure", "Normal", SANS, 9, 12, 4, INK, False, False),
    ("Preformatted Text", "Normal", MONO, 8.5, 6, 10, INK, False, False),
    ("TOC Heading", "Normal", SANS, 9.5, 14, 4, MUTED, True, False),
    ("toc 1", "Normal", SANS, 10, 0, 2, INK, False, False),
    ("toc 2", "Normal", SANS, 9.5, 0, 1, INK, False, False),
)


def set_up(document: Any, language: str) -> None:
    """Give a new document its page, language, styles and numberings."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = MARGIN
    for each in _PARAGRAPHS:
        _paragraph_style(document.styles, *each)
    add_numberings(document)
    styles = document.styles
    code = styles.add_style("Code", WD_STYLE_TYPE.CHARACTER)
    _font(code, MONO, 9, INK)
    styles["Caption"].paragraph_format.keep_with_next = False
    styles["Figure"].paragraph_format.keep_with_next = True
    styles["Title"].paragraph_format.keep_with_next = True
    styles["toc 2"].paragraph_format.left_indent = Cm(0.8)
    for name, place in (("toc 1", 0.8), ("toc 2", 1.8)):
        styles[name].paragraph_format.tab_stops.add_tab_stop(Cm(place))
    styles["Footer"].paragraph_format.tab_stops.add_tab_stop(TEXT_WIDTH, WD_TAB_ALIGNMENT.RIGHT)
    for name in ("Table Text", "Table Text Small", "Table Text Smallest"):
        styles[name].paragraph_format.line_spacing = 1.0
    _ground(styles["Warning"], CARE, CARE_EDGE)
    _ground(styles["Preformatted Text"], QUIET, QUIET)
    styles.element.append(_table_style())
    _language(styles.element, language)
    _as_of_today(document.settings.element)


def _paragraph_style(
    styles: Any, name: str, base: str | None, font: str, size: float, before: float, after: float, colour: str, bold: bool,
    italic: bool,
) -> None:  # fmt: skip
    if base is not None:
        style = _style(styles, name)
        style.base_style = styles[base]
        style.quick_style = True
    else:
        style = styles[name]
    properties = style.element.get_or_add_pPr()
    for tag in ("pBdr", "contextualSpacing", "tabs"):
        for old in properties.findall(qn(f"w:{tag}")):
            properties.remove(old)
    _font(style, font, size, colour)
    # Said outright only where the template says otherwise: a table's style makes its head bold.
    style.font.bold, style.font.italic = (bold or None, italic or None) if base else (bold, italic)
    space = style.paragraph_format
    space.space_before, space.space_after = Pt(before), Pt(after)
    space.line_spacing = 1.0 if name.startswith(("Title", "Heading", "Preformatted")) else 1.15
    space.widow_control = True


def _style(styles: Any, name: str) -> Any:
    if name in styles:
        return styles[name]
    # By the name that Word has for it, its own list of contents keeps the style.
    return styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH, builtin=name.startswith("toc"))


def _font(style: Any, font: str, size: float, colour: str) -> None:
    properties = style.element.get_or_add_rPr()
    # The template's fonts and colours of a theme would win over those named here.
    for tag in ("rFonts", "color", "spacing", "kern"):
        for old in properties.findall(qn(f"w:{tag}")):
            properties.remove(old)
    style.font.name = font
    fonts = properties.find(qn("w:rFonts"))
    for kind in ("cs", "eastAsia"):
        fonts.set(qn(f"w:{kind}"), font)
    style.font.size = Pt(size)
    style.font.color.rgb = RGBColor.from_string(colour.lstrip("#"))


def _ground(style: Any, fill: str, edge: str) -> None:
    """Give paragraphs of a style a ground, with some of it around them, and an edge at the left."""
    style.paragraph_format.left_indent = style.paragraph_format.right_indent = Cm(0.3)
    spacing = style.element.get_or_add_pPr().find(qn("w:spacing"))
    border = node("pBdr")
    for side in ("top", "left", "bottom", "right"):
        colour = edge if side == "left" else fill
        border.append(node(side, val="single", sz=24 if side == "left" else 8, space=6, color=colour.lstrip("#")))
    spacing.addprevious(border)
    spacing.addprevious(node("shd", val="clear", color="auto", fill=fill.lstrip("#")))


def _table_style() -> Any:
    rule, thin = RULE.lstrip("#"), HAIRLINE.lstrip("#")
    return parse_xml(
        f'<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="EscalateTable"><w:name w:val="{TABLE_STYLE}"/>'
        '<w:basedOn w:val="TableNormal"/><w:uiPriority w:val="99"/><w:qFormat/><w:tblPr><w:tblBorders>'
        f'<w:top w:val="single" w:sz="10" w:space="0" w:color="{rule}"/>'
        f'<w:bottom w:val="single" w:sz="10" w:space="0" w:color="{rule}"/>'
        f'<w:insideH w:val="single" w:sz="4" w:space="0" w:color="{thin}"/></w:tblBorders>'
        '<w:tblCellMar><w:left w:w="70" w:type="dxa"/><w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr><w:tcPr><w:tcBorders>'
        f'<w:bottom w:val="single" w:sz="6" w:space="0" w:color="{rule}"/></w:tcBorders></w:tcPr></w:tblStylePr></w:style>'
    )


def _language(styles: Any, language: str) -> None:
    tag = {"en": "en-GB"}.get(language, language)
    properties = styles.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    for old in properties.findall(qn("w:lang")):
        properties.remove(old)
    properties.append(node("lang", val=tag, eastAsia=tag, bidi=tag))


def _as_of_today(settings: Any) -> None:
    """Tell Word that the file is none of an older Word, to be shown as that did."""
    settings.find(qn("w:zoom")).set(qn("w:percent"), "100")
    for each in settings.find(qn("w:compat")).findall(qn("w:compatSetting")):
        if each.get(qn("w:name")) == "compatibilityMode":
            each.set(qn("w:val"), "15")
