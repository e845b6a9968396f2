"""
Tests that event streams are decoded as by Chromium.  See README.md.
"""
