"""
Encoding and decoding events without a server, a network, or Twisted.
"""

from benchmarks.measures.case import Case, only_hub
from benchmarks.program import run_program
from benchmarks.results import Sample
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases"]


def cases(sizes: Sizes) -> list[Case]:
    """
    Each in its own process on the server's core.
    """

    def take(server: Server) -> Sample:
        return run_program(server.name, "wire", "benchmarks.codec", sizes.codec_seconds)

    def take_small(server: Server) -> Sample:
        return run_program(server.name, "decoding", "benchmarks.decoding", sizes.codec_seconds)

    return [Case("wire", take, only_hub), Case("decoding", take_small, only_hub)]
