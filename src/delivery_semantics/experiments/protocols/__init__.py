"""Well-known protocols, as a textbook warns of them and mended, side by side.

Book: protocols
"""
