"""
A fuzzer over everything that anybody can send to the port of a hub.

``python -m tests.fuzz --cases 200000 --seed 1`` runs many cases, in memory, and
``--case N`` runs one of them again.
"""
