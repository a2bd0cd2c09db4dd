"""An engineer puts the idempotency layer into a service, and it is killed under load.

Book: idempotency-layer
"""
