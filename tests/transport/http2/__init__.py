"""
HTTP/2 by the letter of RFC 9113, over TLS, against a hub that runs as a process.
"""
