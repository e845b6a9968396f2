"""
The JSON text of values: what is known, what an encoder adds, and what is refused.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import check_encoder, json_writer

__all__ = ["CheckTests", "EncoderTests", "KnownTests", "RefusedTests"]


class Color(Enum):
    """
    An enumeration whose members are no JSON.
    """

    RED = "red"
    POINT = (1, 2)


class Level(IntEnum):
    """
    An enumeration of numbers.
    """

    HIGH = 3


@dataclass
class Point:
    """
    A dataclass with a field that is no JSON.
    """

    x: int
    at: date


class Order(BaseModel):
    """
    A model of pydantic with fields that are no JSON.
    """

    id: UUID
    at: datetime
    price: Decimal = Decimal("1.10")


class Empty:
    """
    A class that nobody knows.
    """


def written(value: object, encoder: Any = None) -> str:
    """
    The JSON text of a value.
    """
    return json_writer(encoder, "publish() got")(value)


class KnownTests(SynchronousTestCase):
    """
    Types that need no encoder.
    """

    CASES: list[tuple[object, str]] = [
        (Point(1, date(2026, 11, 30)), '{"x":1,"at":"2026-11-30"}'),
        ([UUID(int=7)], '["00000000-0000-0000-0000-000000000007"]'),
        ({"a": Decimal("1.10")}, '{"a":"1.10"}'),
        (Color.RED, '"red"'),
        (Color.POINT, "[1,2]"),
        (Level.HIGH, "3"),
        (
            Order(id=UUID(int=7), at=datetime(2026, 11, 30, 12, tzinfo=UTC)),
            '{"id":"00000000-0000-0000-0000-000000000007","at":"2026-11-30T12:00:00Z",'
            '"price":"1.10"}',
        ),
    ]

    def test_written(self) -> None:
        """
        They are written as their fields, their text or their value.
        """
        for value, text in self.CASES:
            self.assertEqual(written(value), text)
            self.assertEqual(written([value]), f"[{text}]")


class EncoderTests(SynchronousTestCase):
    """
    An encoder of the program.
    """

    def encode(self, value: Any) -> Any:
        """
        Know fractions, and write decimals as numbers.
        """
        if isinstance(value, Fraction):
            return [value.numerator, value.denominator]
        if isinstance(value, Decimal):
            return float(value)
        raise TypeError(f"Nobody knows {type(value).__name__}")

    def test_first(self) -> None:
        """
        It is asked first, and the built-in one knows what it does not know.
        """
        value = [Fraction(1, 2), Decimal("1.5"), UUID(int=1)]

        self.assertEqual(
            written(value, self.encode), '[[1,2],1.5,"00000000-0000-0000-0000-000000000001"]'
        )

    def test_str(self) -> None:
        """
        `str` is an encoder for everything.
        """
        self.assertEqual(written(Fraction(1, 2), str), '"1/2"')

    def test_unknown(self) -> None:
        """
        What neither of the two knows is refused in the words of the program.
        """
        error = self.assertRaises(InvalidEvent, written, [Empty()], self.encode)

        self.assertEqual(
            str(error), "publish() got a list, which cannot be written as JSON: Nobody knows Empty."
        )

    def test_same(self) -> None:
        """
        An encoder that returns what it was given is refused.
        """
        error = self.assertRaises(InvalidEvent, written, Empty(), lambda value: value)

        self.assertIn("got a Empty, which cannot be written as JSON: Circular", str(error))

    def test_broken(self) -> None:
        """
        Another error of an encoder is not hidden.
        """
        with self.assertRaises(ZeroDivisionError):
            written(Empty(), lambda value: 1 / 0)

    def test_event(self) -> None:
        """
        `ServerSentEvent.json` takes an encoder too.
        """
        event = ServerSentEvent.json(Fraction(1, 2), event="half", encoder=self.encode)

        self.assertEqual(event, ServerSentEvent("[1,2]", event="half"))


class RefusedTests(SynchronousTestCase):
    """
    What JSON has no form for.
    """

    CASES: list[tuple[object, str]] = [
        (Empty(), "JSON has no form for a Empty, so make it a dict, a list or text, or give an"),
        ({"a": {1}}, "JSON has no form for a set, so make it a list, as in sorted(value)"),
        (b"x", "JSON has no form for a bytes, so make it text, as in value.decode()"),
        (Empty, "JSON has no form for a type, so give an instance"),
        (Order, "so give an instance"),
        ({(1, 2): 3}, "keys must be"),
        (float("nan"), "not JSON compliant"),
    ]

    def test_sentence(self) -> None:
        """
        One sentence names the function, the type, and what to do.
        """
        for value, reason in self.CASES:
            error = self.assertRaises(InvalidEvent, written, value)

            self.assertIn(f"publish() got a {type(value).__name__}, which", str(error))
            self.assertIn(reason, str(error))
            self.assertNotIn("\n", str(error))


class CheckTests(SynchronousTestCase):
    """
    Arguments that are no encoders.
    """

    def test_refused(self) -> None:
        """
        One sentence says what to give instead.
        """

        async def late(value: object) -> object:
            return value

        cases = [
            ("x", "encoder is 'x': give a function"),
            (json.JSONEncoder, "give its method, JSONEncoder().default"),
            (json.JSONEncoder(), "give its method, JSONEncoder().default"),
            (late, "encoder is an async function: give a plain one"),
        ]
        for wrong, sentence in cases:
            error = self.assertRaises(TypeError, check_encoder, wrong)

            self.assertIn(sentence, str(error))

    def test_accepted(self) -> None:
        """
        Functions and classes that make JSON values are encoders, and None is none.
        """
        for fine in (None, str, json.JSONEncoder().default, lambda value: 1):
            self.assertIsNone(check_encoder(fine))  # type: ignore[func-returns-value]
