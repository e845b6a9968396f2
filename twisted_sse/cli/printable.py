"""
Escapes what a terminal would obey, or not show.
"""

import struct

__all__ = ["printable", "printable_json"]

# Control characters that a terminal obeys: C0, DEL and C1.  With them a server could
# move the cursor, or write to the clipboard.
_CONTROLS = (*range(32), *range(127, 160))

# Characters that change the order or the lines of a text, or hide in it: bidirectional
# controls and marks, separators, and tags.
_INVISIBLE = (
    *(0x61C, 0x180E, 0xFEFF, *range(0x200E, 0x2010), *range(0x2028, 0x202F)),
    *(*range(0x2060, 0x2070), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)),
)

_ESCAPES = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    for code in (*_CONTROLS, *_INVISIBLE)
    if code not in (9, 10)
}

# The same as JSON writes them, in UTF-16.
_JSON_ESCAPES = {
    code: "".join(
        f"\\u{unit[0]:04x}" for unit in struct.iter_unpack(">H", chr(code).encode("utf-16-be"))
    )
    for code in (*_CONTROLS, *_INVISIBLE)
}


def printable(text: str) -> str:
    """
    Escape the control characters in *text*, except for tabs and line ends.
    """
    return text.translate(_ESCAPES)


def printable_json(text: str) -> str:
    """
    Escape the control characters in *text*, which is JSON without line ends.
    """
    return text.translate(_JSON_ESCAPES)
