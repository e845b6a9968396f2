"""
The history of JSON lines keeps the contract, and so does its factory.
"""

from pathlib import Path

from sse_history_lines import LinesFactory, LinesHistory
from twisted.plugin import getPlugins
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from twisted_sse.events.publication import Publication
from twisted_sse.interfaces import IHistoryFactory
from twisted_sse.testing import HistoryProviderContract
from twisted_sse.topics import Selection

EVERYTHING = Selection.of("*")


class ContractTests(HistoryProviderContract, TestCase):
    """
    All that every provider has to do.
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
    What is in the file.
    """

    def setUp(self):
        self.path = Path(self.mktemp())

    def publish(self, history, *data):
        return history.append([Publication.of("a", one) for one in data])

    def data(self, history):
        return [one.publication.event.data for one in history.since(None, EVERYTHING, 100)]

    def test_bounded(self):
        """
        The file does not grow for ever.
        """
        history = LinesHistory(self.path, 10)
        for number in range(100):
            self.publish(history, str(number))

        self.assertLess(self.path.read_text().count('"data"'), 30)
        self.assertEqual(self.data(LinesHistory(self.path, 10)), [str(n) for n in range(90, 100)])

    def test_half_a_line(self):
        """
        A line that was cut by a crash is as if it had never been begun.
        """
        kept = self.publish(LinesHistory(self.path), "a", "b")
        with self.path.open("a") as file:
            file.write('[[3, "x", {"topics": ["a"')

        again = LinesHistory(self.path)
        self.publish(again, "c")

        self.assertEqual(self.data(again), ["a", "b", "c"])
        self.assertEqual(self.data(LinesHistory(self.path)), ["a", "b", "c"])
        self.assertEqual(len(again.since(kept[0].id, EVERYTHING, 100)), 2)


class FactoryTests(TestCase):
    """
    What stands on the command line.
    """

    def test_plugin(self):
        """
        Twisted finds it.
        """
        (factory,) = (one for one in getPlugins(IHistoryFactory) if one.scheme == "lines")

        self.assertTrue(verifyObject(IHistoryFactory, factory))

    def test_refused(self):
        """
        What cannot be obeyed is told in half a sentence.
        """
        for arguments in ("", ".", "/nowhere/at/all", "events.json,events=0", __file__):
            with self.subTest(arguments=arguments), self.assertRaises(ValueError):
                LinesFactory().build(arguments)
