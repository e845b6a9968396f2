"""
Proof that streams of generators leave nothing behind: they are opened and aborted by chance.
"""
