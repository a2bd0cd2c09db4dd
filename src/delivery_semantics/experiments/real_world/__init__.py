"""The experiments of the chapter that opens the part on real systems.

Book: 10-real-world-systems
"""
