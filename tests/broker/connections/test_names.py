"""
Names of connections.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.connections.names import ConnectionNames
from twisted_sse.web.topics import is_connection_name

__all__ = ["NameTests"]

NUMBERS = st.integers(0, 2**40 - 1)


class NameTests(SynchronousTestCase):
    """
    `ConnectionNames`.
    """

    names = ConnectionNames()

    @given(NUMBERS)
    def test_both_ways(self, number: int) -> None:
        """
        A name tells the number, and a URL may have it.
        """
        name = self.names.of(number)

        self.assertTrue(is_connection_name(name))
        self.assertEqual(self.names.number_of(name), number)

    @given(NUMBERS)
    def test_of_another_hub(self, number: int) -> None:
        """
        Another hub gives the number another name, and does not know this one.
        """
        other = ConnectionNames()
        name = other.of(number)

        self.assertNotEqual(self.names.of(number), name)
        self.assertIsNone(self.names.number_of(name))

    @given(NUMBERS, st.integers(0, 21), st.characters())
    def test_changed(self, number: int, index: int, instead: str) -> None:
        """
        A name with another character is none, although Base64 may read it alike.
        """
        name = self.names.of(number)
        changed = name[:index] + instead + name[index + 1 :]

        self.assertEqual(self.names.number_of(changed), number if changed == name else None)

    @given(st.text(max_size=40))
    def test_anything(self, text: str) -> None:
        """
        Whatever a stranger sends is no name.
        """
        self.assertIsNone(self.names.number_of(text))

    def test_hidden(self) -> None:
        """
        The names of two connections have nothing in common that tells their numbers.
        """
        names = {self.names.of(number)[-6:] for number in range(1000)}

        self.assertEqual(len(names), 1000)
