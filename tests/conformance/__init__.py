"""
What Chromium makes of event streams, and that we make the same of them.  See README.md.
"""
