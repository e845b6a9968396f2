"""
Idle streams: the resident memory of each in the server, and the CPU time to accept it.

Kernel buffers are not counted.  Accepting is everything from the TCP connection to the response's
headers, and the server's work until it is idle again.
"""

import socket
import ssl
import time

from benchmarks.generator import load, sample, warm_up
from benchmarks.measures.case import Case, only_hub
from benchmarks.process import Running, cpu_seconds, memory
from benchmarks.results import Sample
from benchmarks.servers import Server, hub_tls
from benchmarks.sizes import Sizes
from benchmarks.trust import trusting_context

__all__ = ["cases"]

# After the last accept: deferred calls, logging, the allocator.
QUIET_AFTER = 1.0  # seconds

ANSWER_LIMIT = 10.0  # seconds for a handshake and the response's first bytes


def cases(sizes: Sizes) -> list[Case]:
    """
    Plain HTTP/1.1 for all, TLS 1.3 for the hub.
    """

    def plain(server: Server) -> Sample:
        with Running(server) as running:
            warm_up(running)
            time.sleep(QUIET_AFTER)
            output = load(running, "-n", sizes.many, "-e", 0, "--prime", 0, "--hold", 1)
            return sample(running, "idle", output)

    def encrypted(server: Server) -> Sample:
        with Running(hub_tls) as running:
            return _encrypted(running, server.name, sizes.encrypted)

    return [Case("idle", plain), Case("idle-tls", encrypted, only_hub)]


def _encrypted(running: Running, name: str, count: int) -> Sample:
    context = trusting_context()
    # What the server imports and allocates for its first handshakes does not count.
    for stream in [_open_stream(running.server, context) for _ in range(5)]:
        stream.close()
    time.sleep(QUIET_AFTER)
    before, cpu = memory(running.pids), cpu_seconds(running.pids)
    streams = [_open_stream(running.server, context) for _ in range(count)]
    time.sleep(QUIET_AFTER)
    after, used = memory(running.pids), cpu_seconds(running.pids) - cpu
    for stream in streams:
        stream.close()
    values = {
        "n": float(count),
        "rss_per_stream_b": (after.resident - before.resident) * 1024 / count,
        "connect_cpu_us": used * 1e6 / count,
    }
    return Sample(name, "idle-tls", values)


def _open_stream(server: Server, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), ANSWER_LIMIT)
    stream = context.wrap_socket(plain)
    stream.sendall(f"GET {server.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = stream.recv(4096)
        if not part:
            raise ConnectionError("the stream was closed before its headers were complete")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(answer.partition(b"\r\n")[0].decode(errors="replace"))
    return stream
