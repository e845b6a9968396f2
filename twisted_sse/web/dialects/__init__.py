"""
Dialects: what browsers and the clients of models expect of a stream, beyond its format.

A dialect owns how an item is framed, where a reader continues, how an error is told, and
how a stream ends.  It writes nothing itself and keeps no time; whether a generator or a
run fills the stream is nothing to it.  No stream in a dialect has ``stream-open``.
"""

from twisted_sse.web.dialects.aisdk import AISDK
from twisted_sse.web.dialects.anthropic import AnthropicMessages
from twisted_sse.web.dialects.browser import BrowserEvents
from twisted_sse.web.dialects.dialect import Dialect, Reading
from twisted_sse.web.dialects.openai import OpenAIResponses
from twisted_sse.web.dialects.tanstack import TanStackAI

__all__ = [
    "AISDK",
    "AnthropicMessages",
    "BrowserEvents",
    "Dialect",
    "OpenAIResponses",
    "Reading",
    "TanStackAI",
]
