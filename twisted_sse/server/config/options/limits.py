"""
The options that limit what clients may use.
"""

from twisted_sse.server.config.kinds import COUNT, INTERVAL, SIZE
from twisted_sse.server.config.option import Option

__all__ = ["LIMITS"]

LIMITS = (
    Option(
        name="max-connections",
        help="The most subscribers; one more is answered with 503",
        kind=COUNT,
        silent="no limit",
    ),
    Option(
        name="max-connections-per-address",
        help="The most subscribers of one address; one more is answered with 429",
        kind=COUNT,
        silent="no limit",
        more=(
            "All addresses of an IPv6 /64 network count as one. Behind a proxy, all have the "
            "proxy's address."
        ),
    ),
    Option(
        name="max-streams",
        help="The most streams on one HTTP/2 connection",
        kind=COUNT,
        default="256",
        more="One more is refused with `REFUSED_STREAM`.",
    ),
    Option(
        name="max-topics",
        help="The most topics in one subscription",
        kind=COUNT,
        default="100",
    ),
    Option(
        name="max-body",
        help="The largest body of a publishing request, in bytes",
        kind=SIZE,
        default="1MiB",
        more="A larger one is answered, usually with 413, and not read.",
    ),
    Option(
        name="head-timeout",
        help="Seconds for the request line and the headers of a request, or off",
        kind=INTERVAL,
        default="10",
        more="A slower one is answered with 408.",
    ),
    Option(
        name="body-timeout",
        help="Seconds for a request's body, plus one for each KiB of it, or off",
        kind=INTERVAL,
        default="30",
        more="A slower one is answered with 408.",
    ),
)
