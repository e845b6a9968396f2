"""
The chart of the docs: CPU per delivered event, as horizontal bars in an SVG file.

Colors follow the reader's light or dark scheme; in viewers that ignore it, the light colors still
have contrast on white.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal
from xml.sax.saxutils import escape

from benchmarks.report import FLOOR, OURS, TIMES, number
from benchmarks.results import Results

__all__ = ["Bar", "bars", "draw"]

WIDTH = 760
LABELS = 230  # where the bars begin
VALUES = 70  # room for the number after the longest bar
BAR, GAP = 20, 10
TOP, BOTTOM = 62, 46
NOTE_LETTERS = 120  # for a line of small text

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 16px; font-weight: 600; }
  .small { font-size: 11px; fill: #57606a; }
  .floor { fill: #8c959f; }
  .ours { fill: #1a7f37; }
  .peer { fill: #bf8700; }
  .line { stroke: #8c959f; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9da7b1; }
    .floor { fill: #6e7681; }
    .line { stroke: #6e7681; }
    .ours { fill: #3fb950; }
    .peer { fill: #d29922; }
  }
"""

# Our figures in the chart; peers have only the first.
_OURS = (
    ("few-1", "twisted_sse, one at a time"),
    ("few-b10", "twisted_sse, bursts of 10"),
    ("few-b100", "twisted_sse, bursts of 100"),
)


@dataclass(frozen=True)
class Bar:
    """
    One bar: its label, its length in multiples of the floor, and whether it is ours.
    """

    label: str
    ratio: float
    owner: Literal["floor", "ours", "peer"]


def bars(results: Results, titles: Mapping[str, str]) -> list[Bar]:
    """
    Choose the bars: the floor, ours, then peers from the cheapest to the most expensive.
    """

    def ratio(server: str, kind: str) -> float | None:
        return results.ratio((server, kind), (FLOOR, kind), "cpu_us_per_delivery")

    ours = [(label, ratio(OURS, kind)) for kind, label in _OURS]
    others = [s for s in results.servers() if s not in (OURS, FLOOR)]
    peers = [(titles.get(server, server), ratio(server, "few-1")) for server in others]
    measured = [Bar(label, r, "ours") for label, r in ours if r is not None]
    compared = [Bar(label, r, "peer") for label, r in peers if r is not None]
    floor = [Bar(titles.get(FLOOR, FLOOR), 1.0, "floor")] if measured or compared else []
    return [*floor, *measured, *sorted(compared, key=lambda bar: bar.ratio)]


def draw(all_bars: Sequence[Bar], title: str, notes: Iterable[str]) -> str:
    """
    Draw bars from top to bottom.

    Args:
        notes: Small lines below, such as date and machine.
    """
    lines = [part for note in notes for part in wrap(note, NOTE_LETTERS)]
    height = TOP + len(all_bars) * (BAR + GAP) + BOTTOM + 15 * len(lines)
    longest = max((bar.ratio for bar in all_bars), default=1.0)
    scale = (WIDTH - LABELS - VALUES) / longest
    foot = TOP + len(all_bars) * (BAR + GAP)
    body = [_floor_line(LABELS + scale, foot)]
    body += [_bar(bar, TOP + i * (BAR + GAP), scale) for i, bar in enumerate(all_bars)]
    body += [_text(20, foot + 42 + 15 * i, line, "small") for i, line in enumerate(lines)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            _text(20, 30, title, "title"),
            _text(20, 49, "Shorter is better. 1.0 is a C server that only calls send().", "small"),
            *body,
            "</svg>\n",
        ]
    )


def _bar(bar: Bar, top: float, scale: float) -> str:
    # A bar of less than a pixel would be invisible.
    width = max(bar.ratio * scale, 2.0)
    middle = top + BAR - 5
    # Beside a bar shorter than the floor, the number would cover the floor's line.
    end = LABELS + max(width, scale)
    return "\n".join(
        [
            _text(LABELS - 10, middle, bar.label, "label", ' text-anchor="end"'),
            f'<rect class="{bar.owner}" x="{LABELS}" y="{top}"'
            f' width="{width:.1f}" height="{BAR}"/>',
            _text(end + 8, middle, f"{number(bar.ratio)} {TIMES}", "value"),
        ]
    )


def _floor_line(x: float, bottom: float) -> str:
    return f'<line class="line" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}"/>' + _text(
        x, bottom + 14, "the floor", "small", ' text-anchor="middle"'
    )


def _text(x: float, y: float, text: str, kind: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'
