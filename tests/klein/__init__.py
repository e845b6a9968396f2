"""
Klein apps.  Not called "klein", so that nothing takes it for Klein itself.
"""
