"""HTTP on the loopback: an application served, called, and cut off.

Book: 08-stripe-idempotency
"""
