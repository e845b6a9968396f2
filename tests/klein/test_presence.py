"""
Presence in a Klein app.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from twisted.web.server import Request

from tests.klein.served import Served
from twisted_sse import Grant, Hub
from twisted_sse.klein import hub_routes

__all__ = ["RouteTests"]


def authorize(request: Request) -> Grant:
    """
    Name the user by a header.
    """
    return Grant(request.getHeader("X-User"), subscribe=["*"])


class RouteTests(SynchronousTestCase):
    """
    A route that returns the resource.
    """

    def test_route(self) -> None:
        """
        It answers who is on the topic that a stream of the app has.
        """
        served = Served()
        hub = Hub(keepalive=None, presence=True, reactor=served.clock)
        hub_routes(served.app, hub, authorize=authorize)
        resource = hub.presence_resource(authorize)

        @served.app.route("/presence")
        def presence(request: Request) -> IResource:
            return resource

        served.call("GET", "/events?topic=rooms/1", {"X-User": "ada"})
        answer = served.call("GET", "/presence?topic=rooms/1", {"X-User": "eve"}).answer

        self.assertEqual(answer.json["members"], [{"user": "ada", "info": None}])
