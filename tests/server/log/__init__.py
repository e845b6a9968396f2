"""
Tests of twisted_sse.server.log.
"""
