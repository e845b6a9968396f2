"""
Logs why tokens are refused, a few lines per second at most.

Anybody can send tokens, so anybody could fill the log.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

__all__ = ["RefusalLog"]

# Lines at once, and then lines per second.
_BURST = 10
_RATE = 2.0


class RefusalLog:
    """
    Logs refusals.

    Args:
        seconds: Keeps the time.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._left = float(_BURST)
        self._since = seconds()
        self._omitted = 0

    def refused(self, reason: str, where: str, address: str) -> None:
        """
        Log a refusal, or count it if there were too many.

        Args:
            reason: Half a sentence.

            where: Where the token was.

            address: Who has sent it.
        """
        now = self._seconds()
        self._left = min(_BURST, self._left + max(0.0, now - self._since) * _RATE)
        self._since = now
        if self._left < 1:
            self._omitted += 1
            return
        self._left -= 1
        omitted, self._omitted = self._omitted, 0
        self._log.info(
            "A token in {where} from {address} is refused: {reason}{more}",
            where=where,
            address=address,
            reason=reason,
            more=f" ({omitted} others since the last line)" if omitted else "",
        )
