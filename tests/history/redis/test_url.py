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
        (
            "redis+sentinel://u:p@h/m/1?sentinel_user=s%26&sentinel_password=q%3F+",
            RedisURL(
                "",
                db=1,
                user="u",
                password="p",
                sentinels=(("h", 26379),),
                master="m",
                sentinel_user="s&",
                sentinel_password="q?+",
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
        ("redis+sentinel://h/m?db=1", "?sentinel_user=USER&"),
        ("redis+sentinel://h/m?sentinel_password=secret&sec", "?sentinel_user=USER&"),
        ("redis+sentinel://h/m?sentinel_password=", "is empty"),
        ("redis+sentinel://h/m?sentinel_user=u", "without a sentinel_password"),
        ("redis+sentinel://h/m#sec", "a '?' or '#'"),
        ("redis://h?sentinel_password=secret", "a '?'"),
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
        for text, shown in (
            ("rediss://u:secret@h:7/1", "rediss://h:7/1"),
            ("redis+sentinel://h/m?sentinel_password=secret", "redis+sentinel://h:26379/m/0"),
        ):
            url = RedisURL.parse(text)

            self.assertEqual(str(url), shown)
            self.assertNotIn("secret", repr(url))

    def test_beside(self) -> None:
        """
        Passwords may be given beside the URL, but not in both places, and not empty.
        """
        url = RedisURL.parse("redis+sentinel://u@h/m?sentinel_user=s", "p", "q")

        self.assertEqual((url.user, url.password), ("u", "p"))
        self.assertEqual((url.sentinel_user, url.sentinel_password), ("s", "q"))
        for text, passwords, words in (
            ("redis://:secret@h", ("p", None), "password is given twice"),
            ("redis://h", ("", None), "password is empty"),
            ("redis://h", (None, "q"), "the URL names none"),
            (
                "redis+sentinel://h/m?sentinel_password=secret",
                (None, "q"),
                "sentinel_password is given twice",
            ),
        ):
            with self.subTest(url=text), self.assertRaisesRegex(ValueError, words) as caught:
                RedisURL.parse(text, *passwords)
            self.assertNotIn("secret", str(caught.exception))

    def test_address(self) -> None:
        """
        An IPv6 address is in brackets.
        """
        self.assertEqual(RedisURL("::1", 7).address, "[::1]:7")
