"""Real systems: what each is, how it is started on this machine, and how it is stopped.

Book: 06-idempotent-operations
"""
