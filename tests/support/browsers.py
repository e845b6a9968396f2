"""
The interface of both browsers that the tests use.
"""

from typing import Any, Protocol

from tests.support.waiting import PATIENCE, eventually

__all__ = ["Browser", "TabbedBrowser", "eventually_in"]


class Browser(Protocol):
    """
    A headless browser that shows one page.
    """

    def open(self, url: str) -> None:
        """
        Load *url*, and wait until the page is loaded.
        """

    def run(self, script: str, *arguments: object) -> Any:
        """
        Run *script* in the page, as the body of a JavaScript function.

        Attributes of ``window`` that it sets are kept for later scripts.

        Args:
            arguments: JSON values, which the script reads from ``arguments``.

        Returns:
            The script's result, converted through JSON.
        """

    def close(self) -> None:
        """
        Close the browser, and remove its profile.
        """


class TabbedBrowser(Browser, Protocol):
    """
    A browser with several tabs, one of which is the current one.
    """

    def new_tab(self) -> str:
        """
        Open a tab, and return its handle; the current tab stays the same.
        """

    def switch_to(self, tab: str) -> None:
        """
        Make *tab* the current one.
        """

    def close_tab(self) -> None:
        """
        Close the current tab.
        """


def eventually_in(browser: Browser, expression: str, what: str, patience: float = PATIENCE) -> Any:
    """
    Wait until *expression* is true in the page.

    Args:
        what: What has not happened, for the message of the failure.

        patience: The longest wait, in seconds.

    Returns:
        The value of *expression*.

    Raises:
        AssertionError: It did not become true within *patience*.
    """
    return eventually(lambda: browser.run(f"return {expression}"), what, patience)
