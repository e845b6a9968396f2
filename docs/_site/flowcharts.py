"""
Flowcharts in Mermaid, the part of it that the documentation uses.

A chart is ``flowchart TB`` and lines of nodes with arrows between them.  A node is a name, with
its shape and text where it comes first: ``name["text"]``, ``name[text]``, ``name([text])`` or
``name[("text")]``.  An arrow is ``-->``, ``-- text -->``, ``-.->`` or ``-. text .->``.
"""

import re
from typing import NamedTuple

__all__ = ["Arrow", "Chart", "Node", "read"]

_NODE = re.compile(
    r"(?P<name>\w+)(?:\(\[(?P<round>[^\])]+)\]\)|\[\(\"(?P<store>[^\"]+)\"\)\]"
    r"|\[\"(?P<quoted>[^\"]+)\"\]|\[(?P<plain>[^\]\"(]+)\])?"
)
_ARROW = re.compile(r" (?:-->|-- (?P<solid>.+?) -->|(?P<dots>-\.->)|-\. (?P<dotted>.+?) \.->) ")


class Node(NamedTuple):
    """
    A box.

    Attributes:
        text: What is in it.

        shape: ``box``, ``round`` or ``store``.
    """

    text: str
    shape: str


class Arrow(NamedTuple):
    """
    An arrow between two nodes.

    Attributes:
        start: The name of a node.

        end: The name of a node.

        text: What is beside it; may be empty.

        dotted: Whether its line is dotted.
    """

    start: str
    end: str
    text: str
    dotted: bool


class Chart(NamedTuple):
    """
    A flowchart.

    Attributes:
        nodes: By name, in the order of the source.

        arrows: In the order of the source.
    """

    nodes: dict[str, Node]
    arrows: list[Arrow]


def read(source: str) -> Chart:
    """
    Read a chart.

    Raises:
        ValueError: A line is not in the part of Mermaid that this module knows.
    """
    head, *lines = (line.strip() for line in source.splitlines() if line.strip())
    if head != "flowchart TB":
        raise ValueError(f"a diagram begins with 'flowchart TB', not with {head!r}")
    chart = Chart({}, [])
    for line in lines:
        _read_line(line, chart)
    return chart


def _read_line(line: str, chart: Chart) -> None:
    name, place = _read_node(line, 0, chart)
    while place < len(line):
        arrow = _ARROW.match(line, place)
        if not arrow:
            raise ValueError(f"there is no arrow at {line[place:]!r}")
        end, place = _read_node(line, arrow.end(), chart)
        is_dotted = bool(arrow["dots"] or arrow["dotted"])
        chart.arrows.append(Arrow(name, end, arrow["solid"] or arrow["dotted"] or "", is_dotted))
        name = end


def _read_node(line: str, place: int, chart: Chart) -> tuple[str, int]:
    """
    Read the node at *place*, and return its name and where it ends.
    """
    found = _NODE.match(line, place)
    if not found:
        raise ValueError(f"there is no node at {line[place:]!r}")
    name = found["name"]
    shape = "round" if found["round"] else "store" if found["store"] else "box"
    text = found["round"] or found["store"] or found["quoted"] or found["plain"]
    if text or name not in chart.nodes:
        chart.nodes[name] = Node(text or name, shape)
    return name, found.end()
