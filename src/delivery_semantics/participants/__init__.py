"""The two ends of the network, and what stands between them, as generators.

Book: 02-delivery-semantics
"""
