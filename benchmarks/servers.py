"""
The servers that are compared: how each is started, used, and found missing.

An application answers `GET /events` with a stream and sends the body of `POST /publish` to all.
The hub has topics, tokens and formats, so its entry says how to publish to it.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import build
from benchmarks.stores import fresh_store

__all__ = ["SERVERS", "Server", "hub", "hub_keeping", "hub_probed", "hub_tls", "report_file"]

APPS = build.HERE / "apps"
NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
VENV = build.PEERS / "venv" / "bin"
PACKAGES = VENV.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
NODE_MODULES = build.PEERS / "node_modules"

# The twistd script may not be on the path, and its module has no "main".
TWISTD = ("-c", "from twisted.scripts.twistd import run; run()")


@dataclass(frozen=True)
class Server:
    """
    One server under test.

    Args:
        name: Its name on the command line and in the raw results.

        title: Its name in the table.

        port: Its port on 127.0.0.1.

        command: Returns its command line; called just before the start.

        needs: Files that must exist; the first missing one is reported.

        path: The path of its streams.

        publishing: The generator's options for publishing one event at a time.

        batches: Whether several events can be published in one request.

        replays: Whether it replays events after a `Last-Event-ID`.

        slow: Whether it gets fewer events, since it needs at least ten times the floor's CPU.

        apart: Whether it takes part only in measures that name it.  The generator speaks no TLS and
            no HTTP/2.
    """

    name: str
    title: str
    port: int
    command: Callable[[], list[str]]
    needs: tuple[Path, ...] = ()
    path: str = "/events"
    publishing: tuple[str, ...] = ()
    batches: bool = False
    replays: bool = False
    slow: bool = False
    apart: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """
        Return what is not installed, or None if the server can run.
        """
        return next((f"{need.name} is not there" for need in self.needs if not need.exists()), None)


def report_file() -> Path:
    """
    The file to which a probed hub writes how long its reactor was held.
    """
    return build.BUILD / "probe.json"


def _port(port: int, tls: bool) -> list[str]:
    # With a smaller backlog, a connection storm would wait for the kernel's SYN timers.
    if not tls:
        return ["--port", f"tcp:{port}:backlog=4096:interface=127.0.0.1"]
    # The hub's own certificate options apply only to a plain port number.
    cert, key = build.certificate()
    return ["--port", str(port), "--tls-cert", str(cert), "--tls-key", str(key)]


def _hub(
    name: str,
    port: int,
    title: str = "twisted_sse",
    tls: bool = False,
    probed: bool = False,
    sqlite: bool = False,
    history: str = "",
) -> Server:
    def command() -> list[str]:
        given = f"sqlite:{fresh_store(name)}" if sqlite else history
        kept = ("--history", given) if given else ()
        start = ("-m", "benchmarks.probe", str(report_file())) if probed else TWISTD
        return [
            sys.executable,
            *start,
            *("-n", "--pidfile=", "sse"),
            *_port(port, tls),
            *("--publish-token-file", str(build.token_file())),
            # The generator uses eight addresses, one token, and more streams than any default
            # limit allows.
            *("--max-connections", "20000", "--max-connections-per-address", "20000"),
            *("--max-accepts", "none", "--max-accepts-per-address", "none"),
            *("--max-publish-rate", "none"),
            *kept,
        ]

    return Server(
        name=name,
        title=title,
        port=port,
        command=command,
        needs=(build.ROOT / "twisted_sse" / "server" / "tap.py",),
        path="/events?topic=bench",
        publishing=_hub_publishing("json"),
        batches=True,
        replays=True,
        apart=name != "hub",
        environment={"PYTHONPATH": str(build.ROOT)},
    )


def hub_keeping(history: str, probed: bool = False) -> Server:
    """
    A hub with *history*, as for ``--history``; in memory if that is empty.
    """
    return _hub("hub-keeping", 27117, probed=probed, history=history)


def _hub_publishing(content: str) -> tuple[str, ...]:
    return (
        *("--pub-path", "/events", "--topic", "bench", "--format", content),
        *("--pub-header", f"Authorization: Bearer {build.TOKEN}"),
    )


def _python(*arguments: str) -> Callable[[], list[str]]:
    return lambda: [str(VENV / "python"), *arguments]


def _node(app: str, port: int) -> Callable[[], list[str]]:
    # Node looks for modules beside the file, so copy the file to them.
    def command() -> list[str]:
        copy = shutil.copy(APPS / app, build.PEERS / app)
        return ["node", str(copy), str(port)]

    return command


def _naive(port: int, tls: bool = False) -> Callable[[], list[str]]:
    def command() -> list[str]:
        pem = map(str, build.certificate()) if tls else ()
        return [sys.executable, str(APPS / "naive_app.py"), str(port), *pem]

    return command


def _hypercorn() -> list[str]:
    pem = map(str, build.certificate())
    return [str(VENV / "python"), str(APPS / "hypercorn_app.py"), "27115", *pem]


def _nchan() -> list[str]:
    state = build.BUILD / "nchan"
    state.mkdir(parents=True, exist_ok=True)
    return ["nginx", "-p", f"{state}/", "-c", str(APPS / "nchan.conf")]


def _starlette() -> list[str]:
    listen = ["--host", "127.0.0.1", "--port", "27104", "--backlog", "4096"]
    quiet = ["--no-access-log", "--log-level", "warning"]
    fast = ["--loop", "uvloop", "--http", "httptools"]
    app = ["--app-dir", str(APPS), "starlette_app:app"]
    return [str(VENV / "uvicorn"), *listen, *quiet, *fast, *app]


hub = _hub("hub", 27101)
hub_tls = _hub("hub-tls", 27111, "twisted_sse over TLS", tls=True)
hub_sqlite = _hub("hub-sqlite", 27113, "twisted_sse with SQLite", sqlite=True)
hub_probed = _hub("hub-probed", 27112, probed=True)
hub_generator = Server(
    "hub-generator",
    "twisted_sse's generators",
    27116,
    lambda: [sys.executable, str(APPS / "hub_app.py"), "27116"],
    apart=True,
    environment={"PYTHONPATH": str(build.ROOT)},
)

# The floor first, then ours: compared runs are next to each other in time.
SERVERS = (
    Server("floor", "floor (C)", 27100, lambda: [str(build.floor()), "27100"]),
    hub,
    hub_sqlite,
    hub_tls,
    hub_generator,
    Server("nchan", "Nchan", 27102, _nchan, (NCHAN_MODULE,), replays=True),
    Server(
        "express", "Express", 27103, _node("express_app.mjs", 27103), (NODE_MODULES / "express",)
    ),
    Server(
        "better-sse",
        "better-sse",
        27105,
        _node("bettersse_app.mjs", 27105),
        (NODE_MODULES / "better-sse",),
    ),
    Server(
        "twisted-naive",
        "naive Twisted",
        27106,
        _naive(27106),
    ),
    Server(
        "twisted-naive-tls",
        "naive Twisted over TLS",
        27114,
        _naive(27114, tls=True),
        apart=True,
    ),
    Server(
        "aiohttp-sse",
        "aiohttp-sse",
        27107,
        _python(str(APPS / "aiohttp_app.py"), "27107"),
        (PACKAGES / "aiohttp_sse",),
        slow=True,
    ),
    Server("sse-starlette", "sse-starlette", 27104, _starlette, (VENV / "uvicorn",), slow=True),
    Server(
        "hypercorn",
        "Hypercorn",
        27115,
        _hypercorn,
        (VENV / "hypercorn",),
        apart=True,
    ),
)
