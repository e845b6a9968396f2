"""
Reads a Dockerfile.

Law: an instruction or a flag that is unknown here is an error, so that nothing in a
Dockerfile is ignored by the tests.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["Instruction", "read_dockerfile"]

_KNOWN = {
    *("FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE"),
    *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
}


class Instruction(NamedTuple):
    """
    Attributes:
        name: In capitals.

        flags: Such as ``{"from": "build"}`` of ``--from=build``.

        text: What follows the flags.
    """

    name: str
    flags: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """
        The text as a list: JSON, or words between spaces.
        """
        # The command of HEALTHCHECK follows the word CMD.
        text = self.text.removeprefix("CMD ")
        if text.startswith("["):
            parsed: list[str] = json.loads(text)
            return parsed
        return text.split()


def read_dockerfile(path: Path) -> list[Instruction]:
    """
    Return the instructions of the file at *path*, in order.

    Raises:
        AssertionError: One of them is unknown.
    """
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [_instruction(line) for line in joined.splitlines() if line.strip()]


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    assert name in _KNOWN, f"unknown instruction: {line}"
    flags: dict[str, str] = {}
    while found := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Instruction(name, flags, rest.strip())
