"""
The options of ``twisted-sse connections``, ``runs`` and ``top``.
"""

from __future__ import annotations

from twisted.python import usage

from twisted_sse import units
from twisted_sse.cli.options import RequestOptions

__all__ = ["AdminOptions", "ConnectionsOptions", "RunsOptions", "TopOptions"]


class AdminOptions(RequestOptions):
    """
    Options of a command that asks an admin endpoint.
    """

    def parseArgs(self, url: str | None = None, *more: str) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        if url is None:
            raise usage.UsageError("Pass the URL of --admin, such as http://localhost:9090.")
        if more:
            raise usage.UsageError(f"Pass one URL only: {more[0]!r} is too much.")
        super().parseArgs(url)

    def endpoint(self, path: str) -> str:
        """
        Return the URL of *path* at the admin endpoint.
        """
        base = self.address.without_topics().partition("?")[0]
        # `address_of` completes URLs with the path of a hub.
        base = base.removesuffix("/events") if self.address.completed else base
        return f"{base.rstrip('/')}/{path}"


class ConnectionsOptions(AdminOptions):
    """
    The options of ``twisted-sse connections``.
    """

    name = "connections"
    longdesc = "Lists the connections of a hub, by its admin endpoint."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["search", "q", None, "Only those whose user, address, ID or topics contain this."],
        ["user", None, None, "Only those of this user."],
        ["address", None, None, "Only those from this address."],
        ["topic", "t", None, "Only those that get events on this topic."],
        ["state", None, None, "Only those in this state: opening, live, behind or blocked."],
        ["protocol", None, None, "Only those that speak this protocol, such as HTTP/2."],
        ["lag", None, None, "Only those that are at least so many events behind."],
        ["sort", None, "id", "The column to sort by, such as since, lag or -bytes."],
        ["count", "n", None, "Show so many at most."],
    ]

    optFlags = [  # noqa: RUF012
        ["json", "j", "Print one JSON object per line."],
    ]

    readers = {"lag": units.count, "count": units.count}  # noqa: RUF012

    @property
    def query(self) -> dict[str, str]:
        """
        The parameters of the request, without the page.
        """
        names = ("user", "address", "topic", "state", "protocol", "lag", "sort")
        given = {name: self[name] for name in names} | {"q": self["search"]}
        return {name: str(value) for name, value in given.items() if value is not None}


class RunsOptions(AdminOptions):
    """
    The options of ``twisted-sse runs``.
    """

    name = "runs"
    longdesc = "Lists the runs of a hub, follows one, or cancels one, by its admin endpoint."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["follow", None, None, "Show the events of this run until it has ended."],
        ["cancel", None, None, "Cancel this run, on whichever node it is."],
        ["search", "q", None, "Only those whose topic or user contains this."],
        ["user", None, None, "Only those that this user has begun in this hub."],
        ["state", None, None, "Only running, done, failed, cancelled or interrupted ones."],
        ["count", "n", None, "Show so many at most."],
    ]

    optFlags = [  # noqa: RUF012
        ["json", "j", "Print one JSON object per line."],
    ]

    readers = {"count": units.count}  # noqa: RUF012

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        super().postOptions()
        if self["follow"] is not None and self["cancel"] is not None:
            raise usage.UsageError("Pass either --follow or --cancel, not both.")
        chosen = next((one for one in ("follow", "cancel") if self[one] is not None), None)
        listing = ("search", "user", "state", "count")
        given = next((one for one in listing if self[one] is not None), None)
        if chosen is not None and given is not None:
            raise usage.UsageError(f"--{given} is for the list: leave it out with --{chosen}.")

    @property
    def query(self) -> dict[str, str]:
        """
        The parameters of the request, without the page.
        """
        given = {"q": self["search"], "user": self["user"], "state": self["state"]}
        return {name: str(value) for name, value in given.items() if value is not None}


class TopOptions(AdminOptions):
    """
    The options of ``twisted-sse top``.
    """

    name = "top"
    longdesc = "Shows what goes on in a hub, each second, by its admin endpoint."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["sort", None, "-lag", "The column to sort connections by, such as -bytes or since."],
        ["count", "n", None, "Stop after so many seconds."],
    ]

    optFlags = [  # noqa: RUF012
        ["json", "j", "Print the numbers of each second as a JSON object."],
    ]

    readers = {"count": units.count}  # noqa: RUF012
