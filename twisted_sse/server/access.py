"""
Builds what decides who may read and publish.

Three things may show who a client is: one of the tokens in a file, a JSON Web Token, and a
client certificate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence, Set
from dataclasses import fields
from functools import partial
from typing import Any, Literal

from twisted.application.service import Service
from twisted.logger import Logger
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.server.config.access import AccessConfig, KeyConfig
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.mercure import hub_url
from twisted_sse.server.reconfiguration import Use
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


# The attributes of `Config` that say who may do what.
_FIELDS = {one.name for one in fields(AccessConfig)} | {"anonymous", "publish_tokens"}


class _Rules:
    """
    Who may read and publish by one configuration.

    Args:
        token: May publish if nothing else would let anybody.

    Attributes:
        token: As given, if it may publish; or ``None``.

        tokens: Those of a file, if there is one.

        keys: What is given about keys.

        jwts: What verifies JSON Web Tokens, by the role that it is for.

        subscriber: That for subscribers.
    """

    def __init__(self, config: Config, reactor: Any, token: str) -> None:
        self.keys = _checked_keys(config)
        self.jwts = {one.role: _jwt(one, config, reactor) for one in self.keys}
        publisher = self.jwts.get("publisher", self.jwts.get(""))
        self.subscriber = self.jwts.get("subscriber", self.jwts.get(""))
        by_certificate = _grants(config, "publish")
        self.listed = config.publish_tokens is not None
        unlocked = self.listed or publisher is not None or by_certificate
        if unlocked and not _can_subscribe(config, self.subscriber):
            raise InvalidOption(
                "anonymous",
                "with no, nothing lets anybody subscribe: add --jwt-subscriber-key-file, or"
                " --publish-token-file",
            )
        self.token = None if unlocked else token
        self.tokens = _tokens(config, self.token, reactor)
        self.publishing = _with_certificates(config, _either(self.tokens, publisher))
        self.subscribing = _with_certificates(config, _either(self.tokens, self.subscriber))

    def take_over(self, previous: _Rules) -> None:
        """
        Let the streams of *previous* last as long as what they were opened with counts.
        """
        self.tokens.take_over(previous.tokens)
        if previous.subscriber is None:
            return
        if self.subscriber is None:
            previous.subscriber.retire()
        else:
            self.subscriber.take_over(previous.subscriber)


class Access:
    """
    Who may read and publish; a `Part` that the configuration can change.

    Args:
        token: May publish if nothing else would let anybody.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """

    _log = Logger()

    def __init__(self, config: Config, reactor: Any, token: str) -> None:
        self._reactor = reactor
        self._token = token
        self._rules = _Rules(config, reactor, token)

    @property
    def token(self) -> str | None:
        """
        The token as given, if it may publish; or ``None``.
        """
        return self._rules.token

    @property
    def reloads(self) -> dict[str, Reloadable]:
        """
        What can be read again, by what the log calls it.
        """
        found: dict[str, Reloadable] = {}
        if self._rules.listed:
            found["the tokens"] = self._rules.tokens
        if any("key" not in one.sources for one in self._rules.keys):
            found["the keys of tokens"] = self
        return found

    def subscribing(self, request: Request) -> Grant | Awaitable[Grant]:
        """
        Authorize a subscriber; see `twisted_sse.web.resource.Authorize`.
        """
        return self._rules.subscribing(request)

    def publishing(self, request: Request) -> Grant | Awaitable[Grant]:
        """
        Authorize a publisher; see `twisted_sse.web.resource.Authorize`.
        """
        return self._rules.publishing(request)

    def reload(self) -> None:
        """
        See `Reloadable`.
        """
        for one in self._rules.jwts.values():
            one.reload()

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        See `Part.prepare`.
        """
        if changed.isdisjoint(_FIELDS):
            return lambda: None
        return partial(self._use, _Rules(config, self._reactor, self._token))

    def _use(self, rules: _Rules) -> None:
        rules.take_over(self._rules)
        if rules.token is not None and self.token is None:
            # Only a token that is valid for one run is logged.
            self._log.info(
                "No option lets anybody publish any more, so this token does: {token}",
                token=rules.token,
            )
        self._rules = rules

    def service(self, reactor: Any) -> Service:
        """
        Make what fetches the keys at URLs when the hub starts, so that the first
        subscriber need not wait.
        """
        rules = self._rules
        fetched = [rules.jwts[key.role] for key in rules.keys if "jwks_url" in key.sources]
        return _FirstFetch(fetched, reactor)


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
