"""
Proof that nothing acknowledged is lost: hubs and Redis are killed while events flow.
"""
