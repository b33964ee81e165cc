"""A report as one HTML file: its styles and figures within it, no script, nothing fetched, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from html import escape

from studio.reports.differences import are_akin, differences
from studio.reports.document.blocks import Answered, Block, Commands, Document, Example, Facts, Figure, Grid, Words
from studio.reports.document.form import Format
from studio.reports.table import Cell, Table
from studio.reports.visible import visible

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # nothing is run, nothing is fetched
STYLES = """
:root { color-scheme: light dark; --ink: #1c2127; --dim: #5b6570; --line: #d8dde3; --paper: #ffffff; --panel: #f4f6f8;
  --good: #11703a; --bad: #b3261e; --warn: #8a5a00; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --dim: #9aa5b1; --line: #333c46; --paper: #12161b;
  --panel: #1b2128; --good: #6fd08c; --bad: #ff8a80; --warn: #f0c060; --accent: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0; overflow-wrap: anywhere; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem;
  border-top: 1px solid var(--line); padding-top: 1rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
.lead { font-size: 1.15rem; margin: .4rem 0 .8rem; } .dim, figcaption, .notes { color: var(--dim); }
.notes { margin: .3rem 0; font-size: .9rem; }
.scroll { overflow-x: auto; margin: .4rem 0; } table { border-collapse: collapse; font-size: .9rem;
  font-variant-numeric: tabular-nums; } th, td { padding: .25rem .7rem .25rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); } th { color: var(--dim); font-weight: 500; } .l { text-align: left; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .title { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem 1rem; margin: .4rem 0;
  font-size: .9rem; } dt { color: var(--dim); } dd { margin: 0; }
pre { background: var(--panel); padding: .6rem .8rem; margin: .3rem 0; border-radius: 6px; white-space: pre-wrap;
  font: .85rem/1.45 ui-monospace, monospace; }
.row { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: 0 .8rem; } .row > b { font-weight: 500;
  padding-top: .8rem; } @media (max-width: 600px) { .row { grid-template-columns:
  minmax(0, 1fr); } .row > b { padding-top: .3rem; } }
ins { color: var(--warn); text-decoration: underline; } del { color: var(--bad); }
figure { margin: .8rem 0; } svg { width: 100%; max-width: 44rem; height: auto; display: block; font-size: 13px; }
svg text, svg tspan, svg circle { fill: var(--ink); } svg .dim { fill: var(--dim); } svg .good { fill: var(--good); }
svg .bad { fill: var(--bad); } svg .accent, svg .eval { fill: var(--accent); }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--dim); }
svg .stroke { stroke: var(--ink); stroke-width: 1.6; } svg .stroke.good { stroke: var(--good); }
svg .stroke.dim { stroke: var(--dim); } svg .knob { fill: var(--paper); stroke: var(--good); stroke-width: 1.6; }
svg .knob.dim { stroke: var(--dim); } svg .frontier { fill: none; stroke: var(--good); stroke-dasharray: 3 4; }
svg .curve { fill: none; stroke: var(--ink); stroke-width: 1.6; } svg .curve.loss-raw { stroke: var(--line); }
svg tspan.loss-raw { fill: var(--dim); } svg .curve.eval { stroke: var(--accent); }
"""


def as_html(document: Document) -> str:
    """The whole file."""
    body = [
        f"<h1>{_safe(document.title)}</h1>",
        f'<p class="lead">{_safe(document.lead)}</p>',
        _written(Facts(document.facts)),
    ]
    for section in document.sections:
        body += [f"<h2>{_safe(section.title)}</h2>", *map(_written, section.blocks)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<link rel="icon" href="data:,">'
        f"<title>{_safe(document.title)}</title><style>{STYLES}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


@singledispatch
def _written(block: Block) -> str:
    raise TypeError(f"no HTML for {type(block).__name__}")


@_written.register
def _(block: Words) -> str:
    return f"<p>{_safe(block.text)}</p>"


@_written.register
def _(block: Facts) -> str:
    pairs = "".join(f"<dt>{_safe(name)}</dt><dd>{_safe(value)}</dd>" for name, value in block.pairs)
    return f"<dl>{pairs}</dl>"


@_written.register
def _(block: Grid) -> str:
    title = f"<h3>{_safe(block.title)}</h3>" if block.title else ""
    notes = "".join(f'<p class="notes">{_safe(note)}</p>' for note in block.table.notes)
    return f'{title}<div class="scroll">{_table(block.table)}</div>{notes}'


@_written.register
def _(block: Figure) -> str:
    return f"<figure>{block.svg}<figcaption>{_safe(block.caption)}</figcaption></figure>"


@_written.register
def _(block: Commands) -> str:
    return "".join(f"<pre>{_safe(line)}</pre>" for line in block.lines)


@_written.register
def _(block: Example) -> str:
    rows = [_labelled("prompt", "", _safe(block.prompt)), _labelled("reference", "", _safe(block.reference))]
    rows += [_answer(answer, block.reference) for answer in block.answers]
    return f"<h3>{_safe(block.title)}</h3>" + "".join(rows)


def _answer(answer: Answered, reference: str) -> str:
    glyph, style = ("✓", "good") if answer.is_right else ("✗", "bad")
    fault = f' <span class="warn">{_safe(answer.fault)}</span>' if answer.fault else ""
    return _labelled(f"{glyph} {answer.arm}", style, _marked(answer.text, reference) + fault)


def _marked(text: str, reference: str) -> str:
    """The answer with the words that differ marked by an element each, so that colour is not needed to see them."""
    pieces = differences(reference, text)
    if not text or not are_akin(pieces):
        return _safe(text) or '<span class="dim">nothing</span>'
    around: dict[str, Callable[[str], str]] = {
        "same": str,
        "added": lambda words: f"<ins>{words}</ins>",
        "removed": lambda words: f"<del>{words}</del>",
    }
    return "".join(around[kind](_safe(words)) for words, kind in pieces)


def _labelled(label: str, style: str, inner: str) -> str:
    return f'<div class="row"><b class="{style}">{_safe(label)}</b><pre>{inner}</pre></div>'


def _table(table: Table) -> str:
    shown = [at for at, column in enumerate(table.columns) if not column.most]  # drawings are figures here
    head = "".join(f"<th{_side(table, at)}>{_safe(table.columns[at].title)}</th>" for at in shown)
    rows = "".join(f"<tr>{_cells(table, row, shown)}</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(table: Table, row: Sequence[Cell], shown: Sequence[int]) -> str:
    return "".join(f"<td{_side(table, at, row[at].style)}>{_safe(row[at].text)}</td>" for at in shown)


def _side(table: Table, at: int, style: str = "") -> str:
    classes = " ".join(filter(None, ["l" if table.columns[at].is_left else "", style]))
    return f' class="{classes}"' if classes else ""


def _safe(text: str) -> str:
    """Foreign text as text: nothing in it is markup, and nothing in it hides."""
    return escape(visible(text), quote=True)


HTML = Format("html", "a page for a browser", (".html", ".htm"), as_html)
