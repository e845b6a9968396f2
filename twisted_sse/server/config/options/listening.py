"""
The options that say where a hub listens, and with which certificate.
"""

from twisted_sse.server.config.kinds import (
    PASSPHRASE_FILE,
    PATH,
    PORT,
    SOCKET_PATH,
    WORKERS,
    YES_OR_NO,
)
from twisted_sse.server.config.option import Option

__all__ = ["LISTENING_OPTIONS"]

LISTENING_OPTIONS = (
    Option(
        name="port",
        short="p",
        help="A port number, or an endpoint description such as unix:/run/sse.sock",
        kind=PORT,
        default="8080",
        attribute="ports",
        several=True,
        more=(
            "A number means all IPv6 and IPv4 addresses of the machine; descriptions are "
            "[Twisted's](https://docs.twisted.org/en/stable/core/howto/endpoints.html#servers), "
            "such as `tcp:8080:interface=127.0.0.1`. The backlog is 4096 unless the description "
            "has one; Linux limits it to `net.core.somaxconn`. `haproxy:` before either expects "
            "the [PROXY protocol](how-to/limits.md#proxies); `tls:` before a description serves "
            "TLS there with `--tls-cert`."
        ),
    ),
    Option(
        name="tls-cert",
        help="A PEM certificate (chain), for TLS and HTTP/2, chosen by server name",
        kind=PATH,
        several=True,
        more=(
            "The file may also have the key. Every `--port` that is a number or begins with "
            "`tls:` then serves TLS, with HTTP/2 by ALPN, and there must be at least one such "
            "port; others are used as they are. A client gets the first certificate that is "
            "valid for the name it asks for, or else the first one."
        ),
        reloadable=True,
    ),
    Option(
        name="tls-key",
        help="The PEM private key, if it is not in the certificate file",
        kind=PATH,
        several=True,
        more="Several keys are in the order of the certificates.",
        reloadable=True,
    ),
    Option(
        name="tls-passphrase-file",
        help="A file with the passphrase of the private keys",
        kind=PASSPHRASE_FILE,
        attribute="tls_passphrase",
        more="The passphrase is one line.",
        reloadable=True,
    ),
    Option(
        name="workers",
        help="How many processes serve the ports, or auto for one per processor",
        kind=WORKERS,
        default="1",
        more="See [Use all processors](how-to/workers.md).",
    ),
    Option(
        name="takeover",
        help="Take the ports over from the hub at this socket, and hand them on there",
        kind=SOCKET_PATH,
        silent="not possible",
        more="See [Restart without a refused connection](how-to/restart.md).",
    ),
    Option(
        name="demo",
        help="Publish demo topics, and show them at /",
        kind=YES_OR_NO,
        default="no",
        flag=True,
    ),
)
