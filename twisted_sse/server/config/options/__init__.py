"""
The table of all options: each is described here, and nowhere else.

One file for each subject.  The order is that of ``--help`` and of the reference.
"""

from twisted_sse.server.config.option import Option
from twisted_sse.server.config.options.access import ACCESS
from twisted_sse.server.config.options.limits import LIMITS
from twisted_sse.server.config.options.listening import LISTENING
from twisted_sse.server.config.options.logging import LOGGING
from twisted_sse.server.config.options.mercure import MERCURE
from twisted_sse.server.config.options.streams import STREAMS
from twisted_sse.server.config.options.tokens import TOKENS

__all__ = ["OPTIONS", "option_named"]

#: Every option.
OPTIONS: tuple[Option, ...] = (
    *(*LISTENING, *STREAMS, *ACCESS, *TOKENS, *MERCURE),
    *(*LIMITS, *LOGGING),
)

_BY_NAME = {option.name: option for option in OPTIONS}


def option_named(name: str) -> Option:
    """
    Return the option with that name.

    Raises:
        KeyError: There is none.
    """
    return _BY_NAME[name]
