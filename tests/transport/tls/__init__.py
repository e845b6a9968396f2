"""
Tests of TLS.
"""
