"""
Encoding and decoding events without a server, a network, or Twisted.
"""

import json
import subprocess
import sys

from benchmarks import build
from benchmarks.measures.case import Case, only_hub
from benchmarks.process import SERVER_CORE
from benchmarks.results import Sample
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases"]


def cases(sizes: Sizes) -> list[Case]:
    """
    In a process of its own on the server's core.
    """

    def take(server: Server) -> Sample:
        command = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "benchmarks.codec"]
        done = subprocess.run(
            [*command, str(sizes.codec_seconds)],
            cwd=build.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return Sample(server.name, "wire", problem=done.stderr.strip()[-300:])
        return Sample(server.name, "wire", json.loads(done.stdout))

    return [Case("wire", take, only_hub)]
