"""
The metadata of the hub as a protected resource.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.web.mercure.served import HUB, ServedMercure, authorize

__all__ = ["MetadataTests"]

METADATA = f"/.well-known/oauth-protected-resource{HUB}"


class MetadataTests(SynchronousTestCase):
    """
    ``/.well-known/oauth-protected-resource`` and the path of the hub.
    """

    def test_document(self) -> None:
        """
        It names the hub, and how tokens are sent to it.
        """
        answer = ServedMercure().get(METADATA)

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(
            answer.json,
            {
                "resource": f"http://hub.example{HUB}",
                "bearer_methods_supported": ["header"],
                "authorization_details_types_supported": [
                    "https://mercure.rocks/authorization-detail"
                ],
                "mercure_matcher_types_supported": ["exact", "urlpattern"],
            },
        )

    def test_public_url(self) -> None:
        """
        The hub has its public URL.
        """
        served = ServedMercure(public_urls=["https://a.example", "http://hub.example"])

        self.assertEqual(served.get(METADATA).json["resource"], f"https://a.example{HUB}")

    def test_subscriptions(self) -> None:
        """
        It says whether the active subscriptions are told.
        """
        document = ServedMercure(subscriptions=True).get(METADATA).json

        self.assertIs(document["mercure_subscriptions"], True)

    def test_servers_and_cookie(self) -> None:
        """
        It names those that give out tokens, and the cookie.
        """
        served = ServedMercure()
        resource = served.hub.mercure(
            authorize, authorization_servers=["https://login.example"], cookie="t"
        ).metadata
        assert resource is not None
        served.serve(resource)
        document = served.get("/").json

        self.assertEqual(document["authorization_servers"], ["https://login.example"])
        self.assertEqual(document["mercure_cookie"], "t")

    def test_absent(self) -> None:
        """
        There is none in version 0.x, and none for a hub that takes no tokens.
        """
        served = ServedMercure(protocols=["mercure-0.x"])

        self.assertEqual(served.get(METADATA).status, 404)
        self.assertIsNone(served.hub.mercure().metadata)

    def test_methods(self) -> None:
        """
        It can only be read.
        """
        self.assertEqual(ServedMercure().call("POST", METADATA).answer.status, 405)
        self.assertEqual(ServedMercure().call("HEAD", METADATA).answer.status, 200)
