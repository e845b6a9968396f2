"""
``/topics``: what is subscribed to.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.web.admin.served import ServedAdmin

__all__ = ["TopicsTests"]


class TopicsTests(SynchronousTestCase):
    """
    Topics, and how many connections subscribe to them.
    """

    def setUp(self) -> None:
        """
        Some subscribers.
        """
        self.admin = ServedAdmin()
        for topics in (["news"], ["news", "sport"], ["rooms/{room}"], ["news"]):
            self.admin.subscribe(*topics)

    def topics(self, query: str = "") -> list[tuple[str, int]]:
        """
        Return the topics and their numbers.
        """
        answer = self.admin.look(f"/topics{query}").json
        return [(one["topic"], one["connections"]) for one in answer["topics"]]

    def test_counted(self) -> None:
        """
        The most wanted topic is first; equals are in alphabetical order.
        """
        self.assertEqual(self.topics(), [("news", 3), ("rooms/{room}", 1), ("sport", 1)])
        self.assertEqual(self.admin.look("/topics").json["total"], 3)
        self.assertTrue(self.admin.look("/topics").json["complete"])

    def test_searched(self) -> None:
        """
        A search leaves the topics that contain it, and pages cut the list.
        """
        self.assertEqual(self.topics("?q=ROOM"), [("rooms/{room}", 1)])
        self.assertEqual(self.topics("?limit=1"), [("news", 3)])
        self.assertEqual(self.topics("?limit=1&offset=2"), [("sport", 1)])

    def test_refused(self) -> None:
        """
        What is not understood is refused.
        """
        for query in ("limit=many", "limit=1001", "sort=topic"):
            self.assertEqual(self.admin.look(f"/topics?{query}").status, 400, query)

    def test_nobody(self) -> None:
        """
        Without subscribers, there are no topics.
        """
        self.admin = ServedAdmin()

        self.assertEqual(self.topics(), [])
