"""
``twisted-sse token``: makes a JSON Web Token, or explains one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import time
from typing import Any

from twisted_sse.cli.console import Console, Line, Span
from twisted_sse.cli.dates import describe_date
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.stdin import InputReader
from twisted_sse.cli.token_options import TokenOptions
from twisted_sse.web.tokens.compact import MAX_TOKEN_SIZE
from twisted_sse.web.tokens.explanation import Explanation, explain_token
from twisted_sse.web.tokens.minting import mercure_0_claims, mercure_1_claims, sign
from twisted_sse.web.tokens.verification import MERCURE_1

__all__ = ["token"]

_STDIN = 0

# The width of the first column.
_COLUMN = 12


async def token(options: TokenOptions, out: Console, err: Console) -> int:
    """
    Make or explain a token.

    Returns:
        The exit status: 2 if the token would be refused.

    Raises:
        CommandFailed: PyJWT is not installed, or there is no token.
    """
    try:
        if options["explain"] is None:
            _mint(options, out)
            return Status.DONE
        return _explain(options, await _given(options["explain"]), out)
    except ModuleNotFoundError as error:
        raise CommandFailed(Status.USAGE, f"twisted-sse token: {error}.") from None


def _mint(options: TokenOptions, out: Console) -> None:
    now = int(time())
    claims: dict[str, Any] = {}
    for name, value in (
        ("iss", options["issuer"]),
        ("aud", options["audience"]),
        ("sub", options["user"]),
    ):
        if value is not None:
            claims[name] = value
    claims["iat"] = now
    if options["expires"] is not None:
        claims["exp"] = now + int(options["expires"])
    header = {} if options["kid"] is None else {"kid": options["kid"]}
    if options["protocol"] == MERCURE_1:
        header["typ"] = "at+jwt"
        claims |= mercure_1_claims(options.publish, options.subscribe, options["payload"])
    else:
        publish, subscribe = (
            [text for _, text in one] for one in (options.publish, options.subscribe)
        )
        claims |= mercure_0_claims(publish, subscribe, options["payload"])
    made = sign(options.signing_key, claims, header)
    if options["json"]:
        out.write_json(json.dumps({"token": made, "claims": claims}))
    else:
        out.write(Line((Span(made),)))


def _explain(options: TokenOptions, given: bytes, out: Console) -> int:
    found = explain_token(given, options.rules, time(), options.verifying)
    if options["json"]:
        out.write_json(json.dumps(_as_json(found)))
    else:
        for name, text, style in _lines(found):
            out.write(Line((Span(name.ljust(_COLUMN), "dim"), Span(text, style))))
    return Status.REFUSED if found.refusals else Status.DONE


async def _given(text: str) -> bytes:
    """
    Return the token to explain.

    What people have at hand is often the whole header.
    """
    data = await _read_input() if text == "-" else text.encode("utf-8", "surrogateescape")
    words = data.split()
    if words and words[0].lower().rstrip(b":") == b"authorization":
        words = words[1:]
    if words and words[0].lower() == b"bearer":
        words = words[1:]
    if len(words) != 1:
        raise CommandFailed(Status.USAGE, "twisted-sse token: --explain: pass one token, or -.")
    return words[0]


async def _read_input() -> bytes:
    from twisted.internet import reactor

    reader = InputReader(_STDIN, reactor)
    data = b""
    # More than a token and its header may have, so that a large file is refused as one.
    while len(data) < 2 * MAX_TOKEN_SIZE and (piece := await reader.read()):
        data += piece
    return data


def _as_json(found: Explanation) -> dict[str, Any]:
    return {
        "protocol": found.protocol or None,
        "algorithm": found.algorithm or None,
        "key_id": found.key_id,
        "user": found.user,
        "publish": found.publish,
        "subscribe": found.subscribe,
        "payloads": [{"topics": topics, "payload": value} for topics, value in found.payloads],
        "expires": found.expires,
        "verified": found.verified,
        "refused": found.refusals,
        "claims": found.claims,
    }


def _lines(found: Explanation) -> Iterator[tuple[str, str, str]]:
    """
    Return name, text and style of each line.
    """
    if found.protocol:
        name = "" if found.key_id is None else f", key {found.key_id!r}"
        yield "token", f"{found.protocol}, signed with {found.algorithm}{name}", ""
    if found.claims:
        yield "user", "none" if found.user is None else found.user, ""
        yield "publish", ", ".join(found.publish) or "nothing", ""
        yield "subscribe", ", ".join([*found.subscribe, "everything that is not private"]), ""
        for topics, value in found.payloads:
            if value is not None:
                yield "payload", f"{json.dumps(value)} for {', '.join(topics)}", "json"
        for claim in ("iss", "aud"):
            if found.claims.get(claim) is not None:
                yield claim, json.dumps(found.claims[claim]), ""
        yield "expires", _date(found.expires), ""
    yield _signature(found)
    for reason in found.refusals:
        yield "refused", reason, "problem"


def _signature(found: Explanation) -> tuple[str, str, str]:
    if found.verified is None:
        return "signature", "not verified: pass --key-file, --key or --jwks-file", "warning"
    return ("signature", "right", "ok") if found.verified else ("signature", "wrong", "problem")


def _date(seconds: float | None) -> str:
    return "never" if seconds is None else describe_date(seconds, time())
