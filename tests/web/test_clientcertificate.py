"""
Grants of clients with a certificate.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import (
    Certificate,
    DNSName,
    RFC822Name,
    UniformResourceIdentifier,
    load_pem_x509_certificate,
)
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from tests.support.clientcertificates import ClientCA, ClientFiles
from tests.support.http import Served, parse_answers
from tests.support.tls import Link
from tests.web.tokens.jwts import FORM, bearer
from twisted_sse import ClientCertificate, Forbidden, Grant
from twisted_sse.transport.tls.clients import ClientAuthentication
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateFiles
from twisted_sse.transport.tls.peer import peer_certificate
from twisted_sse.web.clientcertificate import user_of

__all__ = ["ArgumentTests", "GrantTests", "UserTests"]


def token_grant(request: Request) -> Grant:
    """
    Grant by a token.
    """
    if request.getHeader(b"Authorization") == b"Bearer good":
        return Grant("token", publish=["*"])
    raise Forbidden("This token is not known.")


class CATestCase(SynchronousTestCase):
    """
    Makes a CA.
    """

    def setUp(self) -> None:
        """
        Make a CA.
        """
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.ca = ClientCA(self.home)


class UserTests(CATestCase):
    """
    `user_of`.
    """

    def certificate(self, *arguments: Any, **options: Any) -> Certificate:
        """
        Make a certificate.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        return self.ca.sign(key.public_key(), *arguments, **options)

    def test_names(self) -> None:
        """
        The common name comes first, then an email address, a URI, and a DNS name.
        """
        mail, uri = RFC822Name("ada@example.com"), UniformResourceIdentifier("spiffe://x/ada")
        dns = DNSName("ada.example")
        for name, others, expected in (
            ("Ada", [mail], "Ada"),
            (None, [dns, uri, mail], "ada@example.com"),
            (None, [dns, uri], "spiffe://x/ada"),
            (None, [dns], "ada.example"),
            (None, [], None),
        ):
            with self.subTest(expected=expected):
                self.assertEqual(user_of(self.certificate(name, others=others)), expected)


class GrantTests(CATestCase):
    """
    A hub with TLS, whose clients show certificates.
    """

    def link(self, files: ClientFiles | None, **options: Any) -> Link:
        """
        Connect to a hub.

        Args:
            options: Those of `ClientCertificate`.
        """
        authorize: Any = ClientCertificate(**options)
        self.grants: list[Grant] = []

        def record(request: Request) -> Grant:
            self.grants.append(authorize(request))
            return self.grants[-1]

        self.served = Served(authorize=record)
        server = self.ca.issue("localhost", for_clients=False)
        clients = ClientAuthentication(str(self.ca.path), required=False)
        tls = TLSServer([CertificateFiles(server.certificate, server.key)], None, clients)
        factory = TLSFactory(tls, self.served.site)
        context = None if files is None else files.context("http/1.1")
        return Link(factory, context)

    def ask(self, link: Link, method: str, headers: dict[str, str], body: str = "") -> Any:
        """
        Send a request, and return the answer.
        """
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = [f"{method} /events?topic=a HTTP/1.1", "Host: hub.example", *lines]
        if body:
            head.append(f"Content-Length: {len(body)}")
        link.client.tls.write("\r\n".join([*head, "", body]).encode())
        link.exchange()
        self.served.clock.advance(0)
        link.exchange()
        return parse_answers(link.client.read())[-1]

    def publish(self, link: Link, **headers: str) -> int:
        """
        Publish an event, and return the status.
        """
        answer = self.ask(link, "POST", {**FORM, **headers}, "topic=a&data=x")
        return int(answer.status)

    def test_stream(self) -> None:
        """
        The subject is the user, who may read everything.
        """
        link = self.link(self.ca.issue("Ada"))

        self.assertEqual(self.ask(link, "GET", {}).status, 200)
        (connection,) = self.served.hub.connections
        self.assertEqual(connection.user, "Ada")
        self.assertTrue(connection.audience.interest.may_read(["x"], True))

    def test_expiry(self) -> None:
        """
        The grant ends with the certificate.
        """
        files = self.ca.issue(until=timedelta(minutes=5))
        self.ask(self.link(files), "GET", {})

        (grant,) = self.grants
        certificate = load_pem_x509_certificate(Path(files.certificate).read_bytes())
        self.assertEqual(grant.expires, certificate.not_valid_after_utc.timestamp())

    def test_publish(self) -> None:
        """
        A client may publish what its kind may, without the header Origin.
        """
        self.assertEqual(self.publish(self.link(self.ca.issue())), 200)
        self.assertEqual(self.publish(self.link(self.ca.issue(), publish=["a"])), 200)
        self.assertEqual(self.publish(self.link(self.ca.issue(), publish=["b"])), 403)
        self.assertEqual(self.publish(self.link(self.ca.issue(), publish=[])), 403)

    def test_no_certificate(self) -> None:
        """
        Without a certificate the answer is 401, or what another function says.
        """
        self.assertEqual(self.ask(self.link(None), "GET", {}).status, 401)
        link = self.link(None, otherwise=token_grant)
        self.assertEqual(self.publish(link, **bearer("good")), 200)
        self.assertEqual(self.publish(link, **bearer("bad")), 403)

    def test_token(self) -> None:
        """
        A token counts instead of the certificate.
        """
        link = self.link(self.ca.issue(), publish=[], otherwise=token_grant)

        self.assertEqual(self.publish(link), 403)
        self.assertEqual(self.publish(link, **bearer("good")), 200)
        self.assertEqual(self.publish(link, **bearer("bad")), 403)

    def test_other_page(self) -> None:
        """
        A page of another site may not publish with the certificate of its visitor.
        """
        link = self.link(self.ca.issue())

        self.assertEqual(self.publish(link, Origin="https://evil.example"), 403)
        self.assertEqual(self.publish(link, Origin="null"), 403)
        self.assertEqual(self.publish(link, Origin="https://hub.example"), 200)

    def test_no_tls(self) -> None:
        """
        A request without TLS, or whose client has left, shows no certificate.
        """
        self.assertIsNone(peer_certificate(Request(DummyChannel(), False)))
        gone = Request(DummyChannel(), False)
        gone.channel = None

        self.assertIsNone(peer_certificate(gone))
        self.assertFalse(hasattr(StringTransport(), "getPeerCertificate"))


class ArgumentTests(SynchronousTestCase):
    """
    Arguments that are wrong.
    """

    def test_arguments(self) -> None:
        """
        A wrong argument is refused in a sentence that names it.
        """
        for options, kind, sentence in (
            ({"otherwise": 7}, TypeError, "otherwise is 7: give a function"),
            ({"publish": ["{"]}, ValueError, "The URI Template"),
            ({"topics": ["a"]}, TypeError, "no argument topics"),
        ):
            make: Any = ClientCertificate
            with self.subTest(options=options):
                with self.assertRaises(kind) as caught:
                    make(**options)
                self.assertIn(sentence, str(caught.exception))
