"""
The options of the admin endpoint.
"""

from twisted_sse.server.config.kinds import INTERVAL, PORT, TOKEN_FILE
from twisted_sse.server.config.option import Option

__all__ = ["ADMIN_OPTIONS"]

ADMIN_OPTIONS = (
    Option(
        name="admin",
        help="Where to show what goes on, such as 9090 or unix:/run/sse-admin.sock",
        kind=PORT,
        silent="nowhere",
        more=(
            "A number is a port of 127.0.0.1. See [Look at a running hub](how-to/admin.md). "
            "Every program that can connect may read everything, publish, and close connections; "
            "any endpoint but a loopback address and a UNIX socket needs `--admin-token-file`."
        ),
    ),
    Option(
        name="admin-token-file",
        help="A file with the tokens for --admin, one per line",
        kind=TOKEN_FILE,
        attribute="admin_tokens",
        silent="no token is needed",
        more="They are for nothing else. Read again when it has changed.",
    ),
    Option(
        name="self-test",
        help="Publish a test event every so many seconds, and measure until it arrives, or off",
        kind=INTERVAL,
        silent="off",
        more=(
            "A private event on the topic `twisted-sse/self-test`. If it does not arrive within "
            "five seconds, the hub is not ready. See [Health](how-to/admin.md#health)."
        ),
    ),
)
