"""
JSON Web Tokens: who a request comes from, and what it may read and publish.

The algorithms of a token are those that its key is for, and never what the token says;
keys come from the configuration, and never from a token.  Everything is bounded before it
is parsed, and nothing of a token's content is looked at before its signature is verified.
What is wrong with a token is said in the log, and never in the answer.
"""

__all__: list[str] = []
