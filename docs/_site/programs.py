"""
The programs among the examples are pages: their docstring, and their code in colors.
"""

import ast
import re
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.parsers import Parser

__all__ = ["ProgramParser", "setup"]

# How to run the program, a line for each step.
_COMMANDS = re.compile(r"(?:Needs|Run|Then|And).*: ")


class ProgramParser(Parser):
    """
    Makes a page of a file in Python.
    """

    supported: ClassVar[tuple[str, ...]] = ("program",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """
        Called by docutils.
        """
        name = document["source"].rpartition("/")[2]
        page = nodes.section(ids=[nodes.make_id(name)], names=[name])
        page += nodes.title(name, name)
        said = ast.get_docstring(ast.parse(inputstring)) or ""
        for text in filter(None, said.split("\n\n")):
            if _COMMANDS.match(text):
                page += nodes.literal_block(text, text, language="text")
            else:
                page += nodes.paragraph(text, text)
        code = inputstring.partition('"""\n\n')[2] or inputstring
        page += nodes.literal_block(code, code, language="python")
        document += page


def setup(app: Sphinx) -> dict[str, Any]:
    """
    Called by Sphinx.
    """
    app.add_source_suffix(".md", "markdown", override=True)
    app.add_source_suffix(".py", "program")
    app.add_source_parser(ProgramParser)
    return {"parallel_read_safe": True}
