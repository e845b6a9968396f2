"""
Blocks of Mermaid become pictures, which need no script and no network.

GitHub draws the same blocks itself.  The colors are those of the theme, in the light and in the
dark.  A diagram that flowcharts.py cannot read is a warning, which fails the build.
"""

from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

from docutils import nodes
from flowcharts import Arrow, Chart, Node, read
from sphinx.application import Sphinx
from sphinx.util import logging

__all__ = ["draw", "setup"]

_LOG = logging.getLogger(__name__)

# In pixels: a box, a character of the text in a box, and the distances between boxes.
_HEIGHT = 30
_CHARACTER = 7.3
_PADDING = 12
_ROW = 56
_GAP = 230
_MARGIN = 8

_HEAD = (
    '<marker id="diagram-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker>'
)


class _Place(NamedTuple):
    """
    Where a box is: its row and column, and the middle of its top, in pixels.
    """

    row: int
    column: int
    x: float
    y: float
    width: float


def draw(chart: Chart) -> str:
    """
    Return *chart* as an element ``svg``.

    A node is in a row below all nodes with arrows to it, and in the column of the first of them;
    a node without such an arrow begins a column.
    """
    places = _places(chart)
    width = max(one.x + one.width / 2 for one in places.values()) + _MARGIN
    height = max(one.y for one in places.values()) + _HEIGHT + _MARGIN
    return "\n".join(
        [
            f'<svg class="diagram" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'role="img" aria-label="{escape(_told(chart))}">',
            f"<defs>{_HEAD}</defs>",
            *(_arrow(one, places) for one in chart.arrows),
            *(_label(one, places) for one in chart.arrows if one.text),
            *(_box(node, places[name]) for name, node in chart.nodes.items()),
            "</svg>",
        ]
    )


def _told(chart: Chart) -> str:
    """
    The diagram in words, for those who do not see it.
    """
    names = {name: node.text for name, node in chart.nodes.items()}
    arrows = (
        f"{names[one.start]} to {names[one.end]}{f' ({one.text})' if one.text else ''}"
        for one in chart.arrows
    )
    return f"Diagram with these arrows: {', '.join(arrows)}."


def _places(chart: Chart) -> dict[str, _Place]:
    rows = _rows(chart)
    columns = _columns(chart)
    widths = {name: _width(node) for name, node in chart.nodes.items()}
    found: dict[str, _Place] = {}
    left = float(_MARGIN)
    for column in range(max(columns.values()) + 1):
        members = [name for name in chart.nodes if columns[name] == column]
        widest = max(widths[name] for name in members)
        for name in members:
            y = _MARGIN + rows[name] * _ROW
            found[name] = _Place(rows[name], column, left + widest / 2, y, widths[name])
        left += widest + _GAP
    return found


def _width(node: Node) -> float:
    return len(node.text) * _CHARACTER + 2 * _PADDING


def _rows(chart: Chart) -> dict[str, int]:
    """
    The longest way to each node.

    Raises:
        ValueError: The arrows go in a circle.
    """
    rows = dict.fromkeys(chart.nodes, 0)
    for _ in chart.nodes:
        before = dict(rows)
        for one in chart.arrows:
            rows[one.end] = max(rows[one.end], rows[one.start] + 1)
        if rows == before:
            return rows
    raise ValueError("the arrows of a diagram go in a circle")


def _columns(chart: Chart) -> dict[str, int]:
    columns: dict[str, int] = {}
    starts = [name for name in chart.nodes if all(one.end != name for one in chart.arrows)]
    for number, name in enumerate(starts):
        columns[name] = number
    for one in chart.arrows:
        columns.setdefault(one.end, columns[one.start])
    return columns


def _box(node: Node, place: _Place) -> str:
    left, bottom = place.x - place.width / 2, place.y + _HEIGHT
    middle = place.y + _HEIGHT / 2 + 4
    if node.shape == "store":
        curve = f"a{place.width / 2:g} 5 0 0"
        middle += 3
        outline = (
            f'<path d="M{left:g} {place.y + 4:g}V{bottom - 4:g}{curve} 0 {place.width:g} 0'
            f'V{place.y + 4:g}{curve} 0 {-place.width:g} 0{curve} 0 {place.width:g} 0"/>'
        )
    else:
        corner = _HEIGHT / 2 if node.shape == "round" else 3
        outline = (
            f'<rect x="{left:g}" y="{place.y:g}" width="{place.width:g}" height="{_HEIGHT}" '
            f'rx="{corner:g}"/>'
        )
    text = f'<text x="{place.x:g}" y="{middle:g}">{escape(node.text)}</text>'
    return f'<g class="node">{outline}{text}</g>'


def _arrow(arrow: Arrow, places: dict[str, _Place]) -> str:
    line = "".join(_line(places[arrow.start], places[arrow.end]))
    dots = ' stroke-dasharray="2 4"' if arrow.dotted else ""
    return f'<path class="arrow" d="{line}" marker-end="url(#diagram-head)"{dots}/>'


def _line(start: _Place, end: _Place) -> Iterator[str]:
    """
    Down within a column, from side to side between columns.
    """
    if start.column == end.column:
        yield f"M{start.x:g} {start.y + _HEIGHT:g}V{end.y:g}"
        return
    way = 1 if start.column < end.column else -1
    x, y = start.x + way * start.width / 2, start.y + _HEIGHT / 2
    to_x, to_y = end.x - way * end.width / 2, end.y + _HEIGHT / 2
    bend = way * _GAP * 0.6
    yield f"M{x:g} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x:g} {to_y:g}"


def _label(arrow: Arrow, places: dict[str, _Place]) -> str:
    """
    The text of an arrow, beside the box in the left of its two columns, off its line.
    """
    near, far = sorted((places[arrow.start], places[arrow.end]), key=lambda one: one.column)
    x, y = near.x + near.width / 2 + _PADDING, near.y + _HEIGHT / 2
    y += -6 if far.row > near.row else 16
    return f'<text class="label" x="{x:g}" y="{y:g}">{escape(arrow.text)}</text>'


def _replace(app: Sphinx, page: nodes.document) -> None:
    for block in list(page.findall(nodes.literal_block)):
        if block.get("language") == "mermaid":
            try:
                picture = draw(read(block.astext()))
            except ValueError as error:
                _LOG.warning("A diagram cannot be drawn: %s.", error, location=block)
            else:
                block.replace_self(nodes.raw("", picture, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """
    Called by Sphinx.
    """
    app.connect("doctree-read", _replace)
    return {"parallel_read_safe": True}
