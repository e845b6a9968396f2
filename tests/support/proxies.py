"""
Proxies in front of a hub, with the configurations of the documentation.
"""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.certificates import write_certificate
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.waiting import eventually

__all__ = ["PROXIES", "ProxyProcess"]

_MODULES = "/usr/lib/apache2/modules"


class ProxyProcess:
    """
    A proxy that listens when the constructor returns.

    Args:
        name: One of `PROXIES`.

        configuration: Of the documentation; its ports, certificates and time limits are
            replaced.

        upstream: The port of the hub.

        idle: The proxy's time limit for silence, in whole seconds.

        http2: Whether it speaks HTTP/2 with the hub.

    Attributes:
        url: Its URL.
    """

    def __init__(
        self, name: str, configuration: str, upstream: int, idle: int = 60, http2: bool = False
    ) -> None:
        self._directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        home, port = Path(self._directory.name), free_port()
        text = configuration.replace(":8080", f":{upstream}").replace("60s", f"{idle}s")
        command = PROXIES[name](home, port, upstream, text, idle, http2)
        self.url = f"{'https' if name == 'nginx' else 'http'}://localhost:{port}"
        # Caddy keeps its state in these directories.
        places = [f"{variable}={home}" for variable in ("HOME", "XDG_DATA_HOME")]
        self._program = Background(["env", *places, *command])
        try:
            eventually(lambda: self._listens(port), f"{name} does not listen")
        except AssertionError:
            self.end()
            raise

    def end(self) -> None:
        """
        Kill it.
        """
        self._program.end()
        self._directory.cleanup()

    def _listens(self, port: int) -> bool:
        assert self._program.running(), self._program.output()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


def _find(name: str, package: str) -> str:
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    return shutil.which(name, path=path) or find_program(name, package)


def _nginx(home: Path, port: int, upstream: int, text: str, idle: int, http2: bool) -> list[str]:
    certificate, key = write_certificate(home)
    text = text.replace("443 ssl", f"{port} ssl")
    text = re.sub(r"(ssl_certificate) .*;", rf"\1 {certificate};", text)
    text = re.sub(r"(ssl_certificate_key) .*;", rf"\1 {key};", text)
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    paths = "\n".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
    around = f"daemon off; pid {home}/pid; worker_processes 1; events {{}}\n"
    home.joinpath("nginx.conf").write_text(
        f"{around}http {{ access_log off; {paths}\n{text} }}\n", "utf-8"
    )
    return [_find("nginx", "nginx"), "-p", f"{home}/", "-c", "nginx.conf", "-e", "stderr"]


def _haproxy(home: Path, port: int, upstream: int, text: str, idle: int, http2: bool) -> list[str]:
    text = text.replace(":8081", f":{port}")
    if http2:
        text = text.replace(f"127.0.0.1:{upstream}", f"127.0.0.1:{upstream} proto h2")
    home.joinpath("haproxy.cfg").write_text(text, "utf-8")
    return [_find("haproxy", "haproxy"), "-db", "-f", f"{home}/haproxy.cfg"]


def _caddy(home: Path, port: int, upstream: int, text: str, idle: int, http2: bool) -> list[str]:
    text = text.replace("events.example", f"http://localhost:{port}")
    if http2:
        text = text.replace(f"127.0.0.1:{upstream}", f"h2c://127.0.0.1:{upstream}")
    home.joinpath("Caddyfile").write_text(f"{{\n    admin off\n}}\n{text}", "utf-8")
    return [
        *(_find("caddy", "caddy"), "run"),
        *("--config", f"{home}/Caddyfile", "--adapter", "caddyfile"),
    ]


def _varnish(home: Path, port: int, upstream: int, text: str, idle: int, http2: bool) -> list[str]:
    text = text.replace('"8080"', f'"{upstream}"')
    home.joinpath("hub.vcl").write_text(text, "utf-8")
    return [
        *(_find("varnishd", "varnish"), "-F", "-j", "none", "-n", f"{home}/work"),
        *("-a", f"127.0.0.1:{port}", "-f", f"{home}/hub.vcl", "-s", "malloc,16M"),
        *("-p", f"pipe_timeout={idle}"),
    ]


def _apache(home: Path, port: int, upstream: int, text: str, idle: int, http2: bool) -> list[str]:
    modules = ["mpm_event", "authz_core", "proxy", "proxy_http"]
    lines = [
        *(f"LoadModule {one}_module {_MODULES}/mod_{one}.so" for one in modules),
        f"Listen 127.0.0.1:{port}",
        f"ServerRoot {home}\nServerName localhost\nPidFile {home}/pid\nErrorLog /dev/stderr",
        f"DefaultRuntimeDir {home}",
        text.replace("ProxyTimeout 60", f"ProxyTimeout {idle}"),
    ]
    home.joinpath("apache.conf").write_text("\n".join(lines), "utf-8")
    return [_find("apache2", "apache2-bin"), "-D", "FOREGROUND", "-f", f"{home}/apache.conf"]


#: How each is started: from its directory, its port, the hub's, its configuration, its time
#: limit, and whether it speaks HTTP/2 with the hub.
PROXIES: dict[str, Callable[[Path, int, int, str, int, bool], list[str]]] = {
    "nginx": _nginx,
    "haproxy": _haproxy,
    "caddy": _caddy,
    "varnish": _varnish,
    "apache": _apache,
}
