"""
The history of JSON lines and its factory fulfill their contracts.
"""

from pathlib import Path

from sse_history_lines import LinesFactory, LinesHistory
from twisted.plugin import getPlugins
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from twisted_sse.history import Publication
from twisted_sse.interfaces import IHistoryFactory
from twisted_sse.testing import HistoryProviderContract
from twisted_sse.topics import Selection

EVERYTHING = Selection.of("*")


class ContractTests(HistoryProviderContract, TestCase):
    """
    The contract of every provider.
    """

    bounds = ("events",)
    durable = True

    def make_history(self, events=1000):
        self.path = Path(self.mktemp())
        return LinesHistory(self.path, events)

    def reopen(self, history):
        return LinesHistory(self.path)


class FileTests(TestCase):
    """
    The content of the file.
    """

    def setUp(self):
        self.path = Path(self.mktemp())

    def publish(self, history, *data):
        return history.append([Publication.of("a", one) for one in data])

    def data(self, history):
        return [one.publication.event.data for one in history.since(None, EVERYTHING, 100)]

    def test_bounded(self):
        """
        The size of the file is bounded.
        """
        history = LinesHistory(self.path, 10)
        for number in range(100):
            self.publish(history, str(number))

        self.assertLess(self.path.read_text().count('"data"'), 30)
        self.assertEqual(self.data(LinesHistory(self.path, 10)), [str(n) for n in range(90, 100)])

    def test_half_a_line(self):
        """
        A line that was cut by a crash is ignored.
        """
        records = self.publish(LinesHistory(self.path), "a", "b")
        with self.path.open("a") as file:
            file.write('[[3, "x", {"topics": ["a"')

        again = LinesHistory(self.path)
        self.publish(again, "c")

        self.assertEqual(self.data(again), ["a", "b", "c"])
        self.assertEqual(self.data(LinesHistory(self.path)), ["a", "b", "c"])
        self.assertEqual(len(again.since(records[0].id, EVERYTHING, 100)), 2)


class FactoryTests(TestCase):
    """
    The option on the command line.
    """

    def test_plugin(self):
        """
        Twisted finds it.
        """
        (factory,) = (one for one in getPlugins(IHistoryFactory) if one.scheme == "lines")

        self.assertTrue(verifyObject(IHistoryFactory, factory))

    def test_refused(self):
        """
        Invalid arguments raise ValueError.
        """
        for arguments in ("", ".", "/nowhere/at/all", "events.json,events=0", __file__):
            with self.subTest(arguments=arguments), self.assertRaises(ValueError):
                LinesFactory().build(arguments)
