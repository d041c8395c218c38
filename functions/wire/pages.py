"""Write pages that need nothing else: one file of HTML, its style inside, charts as SVG, no script, light and dark."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from functions.wire.charts import Chart, legend, svg

STYLE: Final = """
:root { color-scheme: light dark; --page: #fcfcfb; --card: #ffffff; --ink: #1b1b1a; --soft: #5d5c58; --rule: #e2e1dc;
  --blue: #2563b0; --amber: #a85d00; --grey: #77766f; --green: #1a7f4b; --red: #c02f38; }
@media (prefers-color-scheme: dark) { :root { --page: #161615; --card: #1f1f1d; --ink: #f1f0ec; --soft: #b1b0a9;
  --rule: #393834; --blue: #6ea8ec; --amber: #e5a046; --grey: #92918a; --green: #52c48a; --red: #f0787c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 32px 20px 64px; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 36px 0 8px; }
p { margin: 6px 0; } .soft, caption { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.tile, figure, .wide { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tile { padding: 12px 14px; } .tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
figure { margin: 10px 0; padding: 14px 14px 8px; } figure svg { display: block; width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; padding: 10px 12px 0; font-size: 13px; }
th, td { padding: 6px 12px; text-align: right; border-top: 1px solid var(--rule); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; } th:first-child, td.word { text-align: left; }
tbody th { font-weight: 400; } .gain { color: var(--green); } .loss { color: var(--red); }
.legend { font-size: 13px; margin: 0 0 4px; } .key { margin-right: 18px; }
.key::before { content: ""; display: inline-block; width: 16px; height: 3px; margin-right: 6px; vertical-align: middle;
  background: currentcolor; }
.key.blue { color: var(--blue); } .key.amber { color: var(--amber); } .key.grey { color: var(--grey); }
.key.red { color: var(--red); }
.grid { stroke: var(--rule); } .axis { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.blue { stroke: var(--blue); } .line.amber { stroke: var(--amber); stroke-dasharray: 6 3; }
.line.grey { stroke: var(--grey); stroke-dasharray: 2 3; } .line.red { stroke: var(--red); }
.area { stroke: none; opacity: 0.16; } .area.red { fill: var(--red); } .area.blue { fill: var(--blue); }
.mark.green { fill: var(--green); } .mark.red { fill: var(--red); } .mark.blue { fill: var(--blue); }
code { font: 13px ui-monospace, "SF Mono", Menlo, monospace; overflow-wrap: anywhere; }
@media print { body { max-width: none; } figure, .wide { break-inside: avoid; } }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """Write a page; what stands in its parts is HTML already, the title is text."""
    head = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{escape(title)}</h1>",
    ]
    return "\n".join((*head, *parts, "</main>\n</body>\n</html>\n"))


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """Write figures large, each (value, name) with its name below."""
    each = (f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in figures)
    return f'<div class="tiles">{"".join(each)}</div>'


def table(head: Sequence[str], rows: Sequence[tuple[str, ...]], *, caption: str = "") -> str:
    """Write a table: the first cell of a row is its head, and a signed number is a gain or a loss."""
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)
    body = "\n".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{said}<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def _cells(row: tuple[str, ...]) -> str:
    first, *others = row
    return f'<th scope="row">{escape(first)}</th>' + "".join(f"<td{_class(one)}>{escape(one)}</td>" for one in others)


def _class(text: str) -> str:
    if text.startswith("+"):
        return ' class="gain"'
    return ' class="loss"' if text[:1] == "-" and text[1:2].isdigit() else ""


def shown(chart: Chart) -> str:
    """Write a chart under its title, with its words below."""
    keys = legend(chart) if len(chart.lines) > 1 else ""
    figure = f"<figure>{keys}{svg(chart)}<figcaption>{escape(chart.words)}</figcaption></figure>"
    return f"<h2>{escape(chart.title)}</h2>\n{figure}"
