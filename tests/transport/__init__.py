"""
Tests of the transport.
"""
