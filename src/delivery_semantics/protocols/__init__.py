"""Well-known protocols, each in its few lines, with the fault that its textbook warns of.

Book: protocols
"""
