"""
Builds what decides who may read and publish.

Three things may show who a client is: one of the tokens in a file, a JSON Web Token, and a
client certificate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Literal

from twisted.application.service import Service
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.server.config.access import AccessConfig, KeyConfig
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.mercure import hub_url
from twisted_sse.server.reload import Reloadable
from twisted_sse.transport.tls.clients import ClientAuthentication
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.clientcertificate import ClientCertificate
from twisted_sse.web.mercure.versions import VERSIONS
from twisted_sse.web.resource import Authorize
from twisted_sse.web.tokenfile import TokenFile
from twisted_sse.web.tokens.authorize import JWT, InvalidArgument
from twisted_sse.web.tokens.credentials import DEFAULT_COOKIES

__all__ = ["Access", "client_authentication"]

# The options that arguments of `JWT` come from, if they are for keys of every role.
_OPTIONS = {"audience": "jwt-audience", "issuer": "jwt-issuer", "cookie": "cookie"}


class Access:
    """
    Who may read and publish.

    Args:
        token: May publish if nothing else would let anybody.

    Attributes:
        subscribing: Authorizes subscribers.

        publishing: Authorizes publishers.

        token: As given, if it may publish; or ``None``.

        reloads: What can be read again, by what the log calls it.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """

    def __init__(self, config: Config, reactor: Any, token: str) -> None:
        self._keys = _checked_keys(config)
        jwts = {one.role: _jwt(one, config, reactor) for one in self._keys}
        publisher = jwts.get("publisher", jwts.get(""))
        subscriber = jwts.get("subscriber", jwts.get(""))
        by_certificate = _grants(config, "publish")
        listed = config.publish_tokens
        unlocked = listed is not None or publisher is not None or by_certificate
        if unlocked and not _can_subscribe(config, subscriber):
            raise InvalidOption(
                "anonymous",
                "with no, nothing lets anybody subscribe: add --jwt-subscriber-key-file, or"
                " --publish-token-file",
            )
        self.token = None if unlocked else token
        tokens = _tokens(config, self.token, reactor)
        self.publishing = _with_certificates(config, _either(tokens, publisher))
        self.subscribing = _with_certificates(config, _either(tokens, subscriber))
        self._jwts = list(jwts.values())
        self.reloads: dict[str, Reloadable] = {}
        if listed is not None:
            self.reloads["the tokens"] = tokens
        if any("key" not in one.sources for one in self._keys):
            self.reloads["the keys of tokens"] = self

    def reload(self) -> None:
        """
        See `Reloadable`.
        """
        for one in self._jwts:
            one.reload()

    def service(self, reactor: Any) -> Service:
        """
        Make what fetches the keys at URLs when the hub starts, so that the first
        subscriber need not wait.
        """
        pairs = zip(self._keys, self._jwts, strict=True)
        return _FirstFetch([jwt for key, jwt in pairs if "jwks_url" in key.sources], reactor)


def _tokens(config: Config, generated: str | None, reactor: Any) -> BearerTokens:
    listed = config.publish_tokens
    if listed is not None:
        file = TokenFile(listed.path, reactor, listed.tokens)
        return BearerTokens.of_file(file, anonymous=config.anonymous)
    if generated is not None:
        return BearerTokens(generated, anonymous=config.anonymous)
    return BearerTokens.none(anonymous=config.anonymous)


class _FirstFetch(Service):
    """
    Fetches keys when the reactor runs.
    """

    def __init__(self, jwts: list[JWT], reactor: Any) -> None:
        self._jwts = jwts
        self._reactor = reactor

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        for one in self._jwts:
            self._reactor.callWhenRunning(one.reload)


class _Either:
    """
    Asks the tokens of a file first, and then a `JWT`.
    """

    def __init__(self, tokens: BearerTokens, jwt: JWT) -> None:
        self._tokens = tokens
        self._jwt = jwt

    def __call__(self, request: Request) -> Grant | Awaitable[Grant]:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        known = self._tokens.find(request)
        return self._jwt(request) if known is None else known


def client_authentication(config: AccessConfig) -> ClientAuthentication | None:
    """
    Which certificates clients may show; ``None`` if they are not asked for any.

    Raises:
        InvalidOption: An option needs another one.
    """
    if config.tls_client_ca is not None:
        return ClientAuthentication(config.tls_client_ca, config.tls_client_auth == "required")
    for option, differs in (
        ("tls-client-auth", config.tls_client_auth != "required"),
        ("tls-client-grant", config.tls_client_grant != "both"),
    ):
        if differs:
            raise InvalidOption(
                option, "it needs --tls-client-ca, the CA certificates of the clients"
            )
    return None


def _either(tokens: BearerTokens, jwt: JWT | None) -> Authorize:
    return tokens if jwt is None else _Either(tokens, jwt)


def _with_certificates(config: AccessConfig, otherwise: Authorize) -> Authorize:
    if config.tls_client_ca is None:
        return otherwise
    return ClientCertificate(
        subscribe=["*"] if _grants(config, "subscribe") else [],
        publish=["*"] if _grants(config, "publish") else [],
        otherwise=otherwise,
    )


def _can_subscribe(config: Config, jwt: JWT | None) -> bool:
    by_certificate = _grants(config, "subscribe")
    return (
        config.anonymous or config.publish_tokens is not None or jwt is not None or by_certificate
    )


def _grants(config: AccessConfig, action: Literal["publish", "subscribe"]) -> bool:
    return config.tls_client_ca is not None and config.tls_client_grant in (action, "both")


def _checked_keys(config: AccessConfig) -> Sequence[KeyConfig]:
    """
    Return what is given about keys, if it makes sense together.
    """
    for one in config.keys:
        sources = [one.option(name) for name in one.sources]
        if len(sources) > 1:
            raise InvalidOption(sources[1], f"there is --{sources[0]} already; give one of the two")
        if not sources:
            raise InvalidOption(
                one.option("algorithms"), f"it needs a key, such as --{one.option('key_file')}"
            )
    for option, given in (
        ("jwt-audience", config.jwt_audience),
        ("jwt-issuer", config.jwt_issuer is not None),
        ("cookie", config.cookies),
        ("token-in-query", config.token_in_query),
    ):
        if given and not config.keys:
            raise InvalidOption(
                option, "it is for tokens with a key: add --jwt-key-file, or leave it out"
            )
    return config.keys


def _jwt(keys: KeyConfig, config: Config, reactor: Any) -> JWT:
    (source,) = keys.sources
    where: dict[str, Any] = keys.sources
    try:
        return JWT(
            **where,
            algorithms=keys.algorithms,
            audience=config.jwt_audience,
            issuer=config.jwt_issuer,
            cookie=config.cookies or DEFAULT_COOKIES,
            query=config.token_in_query,
            anonymous=config.anonymous,
            protocols=config.protocols or VERSIONS,
            hub_url=hub_url(config),
            reactor=reactor,
        )
    except InvalidArgument as error:
        name = error.argument
        raise InvalidOption(_OPTIONS.get(name) or keys.option(name), error.reason) from None
    except ModuleNotFoundError as error:
        raise InvalidOption(keys.option(source), error) from None
