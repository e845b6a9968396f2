"""
Our own measuring programs, each run in its own process on the server's core.

Each prints one JSON object whose names carry their units.
"""

import json
import os
import subprocess
import sys

from benchmarks import build
from benchmarks.others import Others
from benchmarks.process import SERVER_CORE
from benchmarks.results import Sample

__all__ = ["run_program"]


def run_program(server: str, kind: str, module: str, *arguments: object) -> Sample:
    """
    Run *module*, and make a sample of its output.

    Args:
        server: The server that the sample belongs to.

        arguments: The command line's arguments, turned into strings.

    Returns:
        The sample.  If the program failed, its problem is the end of its output.
    """
    others = Others()
    done = subprocess.run(
        ["taskset", "-c", SERVER_CORE, sys.executable, "-m", module, *map(str, arguments)],
        cwd=build.ROOT,
        env={**os.environ, "PYTHONPATH": str(build.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return Sample(server, kind, problem=done.stderr.strip()[-300:] or "it did not say why")
    return Sample(server, kind, json.loads(done.stdout), others.cores())
