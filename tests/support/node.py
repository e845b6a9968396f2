"""
Clients for Node.js, as npm has them.
"""

import json
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.processes import Background, find_program
from tests.support.waiting import eventually

__all__ = ["Lines", "NodeClients"]

# npm has to fetch the packages: 50 MB with its Node.js.
_NPM_PATIENCE = 240.0

# The major version of Node.js that the clients need.
_NODE = 22


class NodeClients:
    """
    Scripts, and the packages that their ``package.json`` names.

    If the Node.js of the machine is too old for them, npm fetches one: the package names it
    as an optional dependency.

    Args:
        folder: Where the scripts are.
    """

    def __init__(self, folder: Path) -> None:
        self._directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._home = Path(self._directory.name)
        node, npm = find_program("node", "nodejs"), find_program("npm", "npm")
        for path in folder.iterdir():
            (self._home / path.name).write_bytes(path.read_bytes())
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        if _major(node) >= _NODE:
            command.append("--omit=optional")
        subprocess.run(command, cwd=self._home, check=True, timeout=_NPM_PATIENCE)
        machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "")
        fetched = self._home / "node_modules" / f"node-linux-{machine}" / "bin" / "node"
        self._node = str(fetched) if fetched.exists() else node

    def run(self, script: str, *arguments: str) -> "Lines":
        """
        Start *script*.
        """
        return Lines([self._node, str(self._home / script), *arguments])

    def close(self) -> None:
        """
        Remove the packages.
        """
        self._directory.cleanup()


class Lines(Background):
    """
    A program that prints lines of JSON.
    """

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__(command)

    def line(self, number: int) -> Any:
        """
        Wait until it has printed line *number*, counted from 1, and return its value.
        """

        def find() -> str | None:
            lines = self.output().splitlines(keepends=True)
            whole = [one for one in lines if one.endswith("\n")]
            if len(whole) < number and not self.running():
                raise AssertionError(f"It has exited: {self.output()}")
            return whole[number - 1] if len(whole) >= number else None

        return json.loads(eventually(find, f"line {number} is not printed"))


def _major(node: str) -> int:
    printed = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return int(printed.stdout.strip().removeprefix("v").partition(".")[0])
