"""
Tests of twistd sse.
"""
