"""Reality chooses: real sockets, and processes that are killed where they stand.

Book: 02-delivery-semantics
"""
