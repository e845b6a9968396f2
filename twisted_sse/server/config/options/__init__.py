"""
The table of all options: each is described here, and nowhere else.

One file for each subject.  The order is that of ``--help`` and of the reference.
"""

from twisted_sse.server.config.option import Option
from twisted_sse.server.config.options.access import ACCESS_OPTIONS
from twisted_sse.server.config.options.admin import ADMIN_OPTIONS
from twisted_sse.server.config.options.limits import LIMIT_OPTIONS
from twisted_sse.server.config.options.listening import LISTENING_OPTIONS
from twisted_sse.server.config.options.logging import LOGGING_OPTIONS
from twisted_sse.server.config.options.mercure import MERCURE_OPTIONS
from twisted_sse.server.config.options.streams import STREAM_OPTIONS
from twisted_sse.server.config.options.tokens import TOKEN_OPTIONS

__all__ = ["OPTIONS", "option_named"]

#: Every option.
OPTIONS: tuple[Option, ...] = (
    *LISTENING_OPTIONS,
    *STREAM_OPTIONS,
    *ACCESS_OPTIONS,
    *TOKEN_OPTIONS,
    *MERCURE_OPTIONS,
    *LIMIT_OPTIONS,
    *LOGGING_OPTIONS,
    *ADMIN_OPTIONS,
)

_BY_NAME = {option.name: option for option in OPTIONS}


def option_named(name: str) -> Option:
    """
    Return the option with that name.

    Raises:
        KeyError: There is none.
    """
    return _BY_NAME[name]
