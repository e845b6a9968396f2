"""
Explains the errors of Redis, and says what to do about them.
"""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError

__all__ = ["is_passing", "reason_of", "sentence_of"]

_RIGHTS = (
    "this user lacks permissions: grant it all keys of the prefix, and"
    " +@stream +@hash +@string +@scripting +@keyspace +@connection +time,"
    " for presence and runs also +@sortedset"
)

# Parts of Redis' answers, and what they mean.  The first match counts.
_MEANINGS = {
    "WRONGPASS": "it refuses the user or the password: check them in the URL",
    "NOAUTH": "it requires a password: write one into the URL",
    "AUTH": "it refuses the user or the password: check them in the URL",
    "NOPERM": _RIGHTS,
    "user executing the script": _RIGHTS,
    "WRONGTYPE": "a key of the prefix holds something else: use another prefix",
    "NOTOURS": "a key of the prefix holds something else: use another prefix",
    "OOM": "its memory is full: raise its maxmemory, or lower the history's bounds",
    "READONLY": "it is a read-only replica: connect to its primary",
    "LOADING": "it is still loading its data from disk",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "max number of clients": "it accepts no more clients: raise its maxclients",
    "nknown command": "it is too old: use Redis 5 or newer",
    "nknown Redis command": "it is too old: use Redis 5 or newer",
    "MOVED": "another node of its cluster has the keys",
    "ASK": "its cluster moves the keys to another node",
    "TRYAGAIN": "its cluster moves the keys to another node",
    "CLUSTERDOWN": "its cluster is down",
    "DB index": "it has no database of this number: check the URL",
}

# Connect again after these: another server may answer at the same address, or the
# state of this one may have changed.
_PASSING = (
    *("READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "UNBLOCKED"),
    *("MOVED", "ASK", "CLUSTERDOWN"),
)


def sentence_of(message: str) -> str:
    """
    Explain an error that Redis has answered, in half a sentence.
    """
    for mark, meaning in _MEANINGS.items():
        if mark in message:
            return meaning
    # Redis 7 appends the position in the script.
    return f"it answers: {message.partition(' script: ')[0]}"


def is_passing(message: str) -> bool:
    """
    Whether an error that Redis has answered may not recur on a new connection.
    """
    return message.startswith(_PASSING)


def reason_of(error: Exception) -> str:
    """
    Explain why there is no connection, in half a sentence.
    """
    if isinstance(error, VerificationError):
        return "its certificate is for another host"
    if isinstance(error, SSL.Error):
        said = error.args[0] if error.args else None
        detail = said[-1][-1] if isinstance(said, list) and said else "the connection ended"
        return f"TLS fails: {detail}"
    return str(error).rstrip(".") or type(error).__name__
