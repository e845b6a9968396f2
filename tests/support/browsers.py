"""
What tests ask of a browser, and what both of ours can do alike.
"""

from typing import Any, Protocol

from tests.support.waiting import PATIENCE, eventually

__all__ = ["Browser", "eventually_in"]


class Browser(Protocol):
    """
    A browser without a window that shows one page.
    """

    def open(self, url: str) -> None:
        """
        Load *url*, and wait until it is loaded.
        """

    def run(self, script: str, *arguments: object) -> Any:
        """
        Call the body of a JavaScript function in the page.

        What it puts into ``window`` stays there.

        Args:
            arguments: What can be JSON; the script has them as ``arguments``.

        Returns:
            What the script returns, by way of JSON.
        """

    def close(self) -> None:
        """
        End the browser, and forget all it has stored.
        """


def eventually_in(browser: Browser, expression: str, what: str, patience: float = PATIENCE) -> Any:
    """
    Wait until *expression* is true in the page.

    Args:
        what: Half a sentence for the failure: what has not happened.

        patience: In seconds.

    Returns:
        Its value.

    Raises:
        AssertionError: It does not become true.
    """
    return eventually(lambda: browser.run(f"return {expression}"), what, patience)
