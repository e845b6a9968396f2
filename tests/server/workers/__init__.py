"""
``--workers``: the parts of parent and worker, without processes.
"""
