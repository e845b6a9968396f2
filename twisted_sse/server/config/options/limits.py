"""
The options that limit what clients may use: all are on by default, and ``none`` turns
one off.
"""

from twisted_sse.server.config.kinds import (
    AUTO,
    CONNECTION_LIMIT,
    INTERVAL,
    LIMIT,
    PROXY_HEADER,
    SIZE_LIMIT,
    TOPIC_LIMIT,
)
from twisted_sse.server.config.option import Option

__all__ = ["LIMIT_OPTIONS"]

LIMIT_OPTIONS = (
    Option(
        name="max-connections",
        help=(
            "The most subscribers, or none for no limit, as for all limits; one more is answered "
            "with 503"
        ),
        kind=CONNECTION_LIMIT,
        default=AUTO,
        more="`auto` is as many as the open files allow.",
    ),
    Option(
        name="max-connections-per-address",
        help="The most subscribers of one address; one more is answered with 429",
        kind=CONNECTION_LIMIT,
        default=AUTO,
        more=(
            "`auto` is a quarter of `--max-connections`, at least 100. All addresses of an IPv6 "
            "/64 network count as one. Behind a proxy without `--trusted-proxy`, all have the "
            "proxy's address."
        ),
    ),
    Option(
        name="max-connections-per-user",
        help="The most subscribers of one user; one more is answered with 429",
        kind=CONNECTION_LIMIT,
        default=AUTO,
        more="`auto` is a quarter of `--max-connections`, at least 100.",
    ),
    Option(
        name="max-accepts",
        help="The most new connections per second, of all ports together; others wait",
        kind=LIMIT,
        default="1000",
        more="They wait in the kernel's queue.",
    ),
    Option(
        name="max-accepts-per-address",
        help="The most new connections per second of one address; others are closed",
        kind=CONNECTION_LIMIT,
        default=AUTO,
        more=(
            "`auto` is a quarter of `--max-accepts`. Four times as many may come at once. Trusted "
            "proxies, 127.0.0.1, ::1 and UNIX sockets have no such limit."
        ),
    ),
    Option(
        name="max-streams",
        help="The most streams on one HTTP/2 connection",
        kind=LIMIT,
        default="256",
        more="One more is refused with `REFUSED_STREAM`.",
    ),
    Option(
        name="max-topics",
        help="The most topics in one subscription",
        kind=LIMIT,
        default="100",
    ),
    Option(
        name="max-publication-topics",
        help="The most topics of one event, at most 100",
        kind=TOPIC_LIMIT,
        default="100",
    ),
    Option(
        name="max-publish-rate",
        help="The most publications per second of one user or token; more are answered with 429",
        kind=LIMIT,
        default="10000",
        more=(
            "Publications over HTTP count, of one user, or of one token without a user; ten times "
            "as many may come at once."
        ),
    ),
    Option(
        name="max-body",
        help="The largest body of a publishing request, in bytes",
        kind=SIZE_LIMIT,
        default="1MiB",
        more="A larger one is answered, usually with 413, and not read.",
    ),
    Option(
        name="handshake-timeout",
        help="Seconds for a TLS handshake or a PROXY header",
        kind=INTERVAL,
        default="10",
        more="A slower connection is closed.",
    ),
    Option(
        name="head-timeout",
        help="Seconds for the request line and the headers of a request",
        kind=INTERVAL,
        default="10",
        more="They count from the first byte; a slower request is answered with 408.",
    ),
    Option(
        name="body-timeout",
        help="Seconds for a request's body, plus one for each KiB of it",
        kind=INTERVAL,
        default="30",
        more="A slower one is answered with 408.",
    ),
    Option(
        name="send-timeout",
        help=(
            "Disconnect a subscriber that takes nothing for this many seconds although there is "
            "something to send"
        ),
        kind=INTERVAL,
        default="60",
    ),
    Option(
        name="trusted-proxy",
        help="The network of proxies whose word about a client's address counts, or unix",
        attribute="trusted_proxies",
        several=True,
        more=(
            "Such as `10.0.0.0/8` or `192.0.2.1`; `unix` stands for all that connect to a UNIX "
            "socket. See [proxies](how-to/limits.md#proxies)."
        ),
    ),
    Option(
        name="proxy-header",
        help="The header in which trusted proxies report clients, X-Forwarded-For or Forwarded",
        kind=PROXY_HEADER,
        silent="X-Forwarded-For",
        more="Needs `--trusted-proxy`.",
    ),
)
