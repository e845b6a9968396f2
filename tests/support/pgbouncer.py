"""
A pgbouncer of a test's own, which shares few connections among many clients.
"""

import psycopg

from tests.support.ports import free_port
from tests.support.postgres_server import PostgresServer, as_user, scratch
from tests.support.processes import Background, find_program
from tests.support.waiting import eventually

__all__ = ["PgBouncer"]


class PgBouncer:
    """
    A real ``pgbouncer`` in front of *server*, which is ready when the constructor returns.

    Attributes:
        port: The port on 127.0.0.1.
    """

    def __init__(self, server: PostgresServer, mode: str = "transaction") -> None:
        self.port = free_port()
        self._home = scratch()
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "auth_type": "any",
            "pool_mode": mode,
            "default_pool_size": 4,
            "unix_socket_dir": "",
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        database = f"postgres = host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
        file = self._home / "pgbouncer.ini"
        file.write_text(f"[databases]\n{database}\n[pgbouncer]\n{lines}", "utf-8")
        program = find_program("pgbouncer", "pgbouncer")
        self._process = Background(as_user(program, str(file)))
        eventually(self._answers, "pgbouncer does not answer")

    @property
    def url(self) -> str:
        """
        The URL for `twisted_sse.history.postgres.PostgresHistory`.
        """
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def end(self) -> None:
        """
        Kill it.
        """
        self._process.end()

    def _answers(self) -> bool:
        assert self._process.running(), self._process.output()
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True
