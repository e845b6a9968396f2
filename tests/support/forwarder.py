"""
A TCP forwarder between clients and a server, which can cut all connections.
"""

import socket
import struct
import threading
from contextlib import suppress

__all__ = ["Forwarder", "reset"]

_SIZE = 65536

# socket(7): with l_onoff 1 and l_linger 0, close() sends RST and discards unsent data.
_LINGER_ZERO = struct.pack("ii", 1, 0)


def reset(connection: socket.socket) -> None:
    """
    Close *connection* with RST.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    connection.close()


class Forwarder:
    """
    Forwards bytes in both directions between clients and a server on this machine.

    Between `cut` and `mend` it resets every new connection.

    Args:
        target_port: The server's port.

    Attributes:
        port: The port that clients connect to.

        refused: How many connections were reset since `cut`.
    """

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._lost: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._cut = False
        self.refused = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._run(self._accept)

    def cut(self) -> None:
        """
        Close all connections, and reset every new one until `mend`.
        """
        with self._lock:
            self._cut = True
            self.refused = 0
            for connection in self._open:
                # This wakes the thread that reads from it, and that thread closes it.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """
        Forward connections again.
        """
        with self._lock:
            self._cut = False

    def lose(self) -> None:
        """
        Discard what open connections send from now on, and do not close them.

        This is what a phone leaves behind when it changes networks.  New connections
        are forwarded.
        """
        with self._lock:
            self._lost |= self._open

    def close(self) -> None:
        """
        Close all connections, and stop listening.
        """
        self.cut()
        # close() does not wake accept().
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._join(client)

    def _join(self, client: socket.socket) -> None:
        with self._lock:
            if self._cut:
                self.refused += 1
                reset(client)
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                reset(client)
                return
            self._open |= {client, server}
        self._run(self._carry, client, server)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        answers = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        answers.start()
        self._pump(client, server)
        answers.join()
        with self._lock:
            self._open -= {client, server}
            self._lost -= {client, server}
            client.close()
            server.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_SIZE):
                if source not in self._lost:
                    sink.sendall(data)
        # When one side ends, end both, which wakes the other thread.
        for connection in (source, sink):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
