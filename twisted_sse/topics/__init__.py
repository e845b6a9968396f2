"""
Topics, and the selectors that select them.

A topic is what an event is published to; a selector says which topics a
subscriber wants, or may read.  Matching takes time linear in the topic,
whatever the selector.
"""

from twisted_sse.topics.cache import BoundedCache
from twisted_sse.topics.matchers import Matcher, MatchType
from twisted_sse.topics.names import MAX_TOPIC_SIZE, MAX_TOPICS, check_topics
from twisted_sse.topics.plan import MAX_SELECTOR_STATES, MAX_SELECTOR_VARIABLES
from twisted_sse.topics.selection import MAX_REQUEST_COST, MAX_REQUEST_SIZE, Interest, Selection
from twisted_sse.topics.selectionindex import SelectionIndex
from twisted_sse.topics.selectors import Everything, Exact, Pattern, Selector, parse_selector
from twisted_sse.topics.templates import URITemplate
from twisted_sse.topics.urlpattern import URLPattern

__all__ = [
    "MAX_REQUEST_COST",
    "MAX_REQUEST_SIZE",
    "MAX_SELECTOR_STATES",
    "MAX_SELECTOR_VARIABLES",
    "MAX_TOPICS",
    "MAX_TOPIC_SIZE",
    "BoundedCache",
    "Everything",
    "Exact",
    "Interest",
    "MatchType",
    "Matcher",
    "Pattern",
    "Selection",
    "SelectionIndex",
    "Selector",
    "URITemplate",
    "URLPattern",
    "check_topics",
    "parse_selector",
]
