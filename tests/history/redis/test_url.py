"""
Redis URLs, valid and invalid.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.history.redis.url import RedisURL

__all__ = ["RedisURLTests"]


class RedisURLTests(SynchronousTestCase):
    """
    Parsing.
    """

    GOOD = [
        ("redis://h", RedisURL("h")),
        ("redis://h/", RedisURL("h")),
        ("redis://h:7/3", RedisURL("h", 7, 3)),
        ("rediss://h", RedisURL("h", secure=True)),
        ("redis://[::1]:7", RedisURL("::1", 7)),
        ("redis://:p@h", RedisURL("h", password="p")),
        ("redis://u:p@h", RedisURL("h", user="u", password="p")),
        ("redis+unix:///r/s", RedisURL("", socket="/r/s")),
        ("redis+unix://u:p@/r/s?db=3", RedisURL("", 6379, 3, "u", "p", socket="/r/s")),
        ("redis+sentinel://h/m", RedisURL("", sentinels=(("h", 26379),), master="m")),
        (
            "rediss+sentinel://:p@h:1,[::1]:2/m/3",
            RedisURL(
                "",
                db=3,
                password="p",
                secure=True,
                sentinels=(("h", 1), ("::1", 2)),
                master="m",
            ),
        ),
        ("redis://u%40:%2F%3a%C3%A9@h", RedisURL("h", user="u@", password="/:é")),
    ]

    BAD = [
        ("", "does not look like"),
        ("h:6379", "does not look like"),
        ("http://h", "does not look like"),
        ("redis:h", "does not look like"),
        ("redis://[h", "does not look like"),
        ("redis://", "no host"),
        ("redis:///1", "no host"),
        ("redis://:secret@:6379", "no host"),
        ("redis://h:x", "port"),
        ("redis://h:0", "port"),
        ("redis://h:65536", "port"),
        ("redis://u:sec/ret@h", "port"),
        ("redis://h/x", "database"),
        ("redis://h/-1", "database"),
        ("redis://h/\u0661", "database"),
        ("redis://h/1/2", "database"),
        ("redis://h/123456", "database"),
        ("redis://h?db=1", "a '?'"),
        ("redis://u:sec#ret@h", "a '?'"),
        ("redis://u@h", "without a password"),
        ("redis+unix://h/x", "no path of a socket"),
        ("redis+unix:///", "no path of a socket"),
        ("redis+unix:///x?base=1", "something else than db"),
        ("redis+unix:///x?db=y", "database"),
        ("redis+sentinel://h", "no name of a master"),
        ("redis+sentinel:///m", "no name of a master"),
        ("redis+sentinel://h:x/m", "no address of a Sentinel"),
        ("redis+sentinel://h,,i/m", "no address of a Sentinel"),
        ("redis+sentinel://u:secret@h:0/m", "no address of a Sentinel"),
        ("redis+sentinel://h/m/x", "database"),
    ]

    def test_good(self) -> None:
        """
        A URL has a host, port, database, user and password, percent-decoded.
        """
        for url, expected in self.GOOD:
            with self.subTest(url=url):
                self.assertEqual(RedisURL.parse(url), expected)

    def test_bad(self) -> None:
        """
        The error says what is wrong, without any part of a password.
        """
        for url, words in self.BAD:
            with self.subTest(url=url), self.assertRaises(ValueError) as caught:
                RedisURL.parse(url)
            self.assertIn(words, str(caught.exception))
            self.assertNotIn("sec", str(caught.exception))
            self.assertIsNone(caught.exception.__cause__)

    def test_secret(self) -> None:
        """
        Neither str() nor repr() contains the password.
        """
        url = RedisURL.parse("rediss://u:secret@h:7/1")

        self.assertEqual(str(url), "rediss://h:7/1")
        self.assertNotIn("secret", repr(url))

    def test_address(self) -> None:
        """
        An IPv6 address is in brackets.
        """
        self.assertEqual(RedisURL("::1", 7).address, "[::1]:7")
