"""
The options of streams: what they can resume from, and how they begin, idle and end.
"""

import re

from twisted_sse.server.config.kinds import (
    EVENT,
    HISTORY,
    INTERVAL,
    MILLISECONDS,
    PRESENCE,
    SECONDS,
)
from twisted_sse.server.config.option import Option

__all__ = ["STREAM_OPTIONS"]


def _hide_password(history: str) -> str:
    hidden = re.sub(r"(://[^:@/]*):[^@/]*@", r"\1:***@", history)
    return re.sub(r"([?&](?:ssl|sentinel_)?password=)[^&,]*", r"\1***", hidden)


STREAM_OPTIONS = (
    Option(
        name="history",
        help=(
            "Where to keep events for replay: memory, sqlite, redis, postgresql, upstream; help"
            " lists all"
        ),
        kind=HISTORY,
        silent="memory:events=10000,bytes=64MiB,age=3600",
        hide=_hide_password,
        more=(
            "A [scheme](#histories), a colon, and its arguments. `help` lists the installed "
            "schemes and exits with status 0."
        ),
    ),
    Option(
        name="keepalive",
        help="Send a comment after this many seconds of silence, or off",
        kind=INTERVAL,
        default="15",
    ),
    Option(
        name="retry",
        help="The shortest reconnection time that browsers are told, in milliseconds",
        kind=MILLISECONDS,
        default="3000",
        reloadable=True,
    ),
    Option(
        name="retry-spread",
        help="The most by which it is longer for some of them, in milliseconds",
        kind=MILLISECONDS,
        silent="as --retry",
        more=(
            "Each stream begins with a different reconnection time, so that browsers do not all "
            "reconnect at the same moment after a crash."
        ),
        reloadable=True,
    ),
    Option(
        name="presence",
        help="Tell who is on a topic: yes, no, or the grace of a reconnect in seconds",
        kind=PRESENCE,
        default="no",
        more=(
            "It is told at `/presence`, and [by events](how-to/presence.md) in streams that ask "
            "for them. A user has left a topic after the grace without a connection; with `yes` "
            "it is 10 seconds."
        ),
    ),
    Option(
        name="max-lifetime",
        help="Seconds after which a stream ends at the latest, or off",
        kind=INTERVAL,
        silent="off",
        more=(
            "Each stream ends after three quarters of this time or later, and its subscriber "
            "comes back without missing anything: so subscribers spread over all hubs behind a "
            "load balancer again."
        ),
    ),
    Option(
        name="drain-delay",
        help="Seconds between the signal to stop and the stop",
        kind=SECONDS,
        default="0",
        more=(
            "Meanwhile the hub serves as before, but `/readyz` answers 503, so that a load "
            "balancer sends it no newcomers."
        ),
        reloadable=True,
    ),
    Option(
        name="grace",
        help="Seconds that slow subscribers may take to finish when the hub stops",
        kind=SECONDS,
        default="8",
        more=(
            "With the default, the whole stop takes less than the ten seconds after which "
            "containers are usually killed."
        ),
        reloadable=True,
    ),
    Option(
        name="spread",
        help="Seconds over which browsers reconnect after the hub has stopped",
        kind=SECONDS,
        default="10",
        reloadable=True,
    ),
    Option(
        name="farewell",
        help="The last event of every stream when the hub stops: its type, = and its data",
        kind=EVENT,
        more=(
            "As in `--farewell pause=soon`, or `--farewell 'pause={\"seconds\": 10}'`. It is not "
            "kept, so who comes back is not sent it again."
        ),
        reloadable=True,
    ),
)
