"""
What is wrong with Redis, in words that say what to do.
"""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError

__all__ = ["is_passing", "reason_of", "sentence_of"]

_RIGHTS = (
    "this user may not do what is needed: give it all keys of the prefix, and"
    " +@stream +@hash +@string +@scripting +@keyspace +@connection +time"
)

# What Redis' answer has in it, and what that means for us.  The first that is
# found counts.
_MEANINGS = {
    "WRONGPASS": "it refuses the user or the password: check them in the URL",
    "NOAUTH": "it wants a password: write one into the URL",
    "AUTH": "it refuses the user or the password: check them in the URL",
    "NOPERM": _RIGHTS,
    "user executing the script": _RIGHTS,
    "WRONGTYPE": "a key of the prefix holds something else: use another prefix",
    "NOTOURS": "a key of the prefix holds something else: use another prefix",
    "OOM": "its memory is full: raise its maxmemory, or lower the history's bounds",
    "READONLY": "it is a replica and keeps nothing: connect to its primary",
    "LOADING": "it is still loading what it has on its disk",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "max number of clients": "it takes no more clients: raise its maxclients",
    "nknown command": "it is too old: at least Redis 5 is needed",
    "nknown Redis command": "it is too old: at least Redis 5 is needed",
    "DB index": "it has no database of this number: check the URL",
}

# Another server may answer at the same address in a moment, or the same one may
# have changed its mind: connecting anew finds out.
_PASSING = ("READONLY", "LOADING", "MASTERDOWN", "NOAUTH")


def sentence_of(message: str) -> str:
    """
    Say what an error that Redis has answered means, in half a sentence.
    """
    for mark, meaning in _MEANINGS.items():
        if mark in message:
            return meaning
    # Redis 7 adds where in the script it was.
    return f"it answers: {message.partition(' script: ')[0]}"


def is_passing(message: str) -> bool:
    """
    Whether an error that Redis has answered may be over on a new connection.
    """
    return message.startswith(_PASSING)


def reason_of(error: Exception) -> str:
    """
    Say why there is no connection, in half a sentence.
    """
    if isinstance(error, VerificationError):
        return "its certificate is another host's"
    if isinstance(error, SSL.Error):
        said = error.args[0] if error.args else None
        detail = said[-1][-1] if isinstance(said, list) and said else "the connection ended"
        return f"TLS fails: {detail}"
    return str(error).rstrip(".") or type(error).__name__
