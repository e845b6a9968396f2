"""
``--takeover``: the parts, without processes; `tests.e2e.test_takeover` has those.
"""
