"""Every possibility is chosen: all runs within stated bounds, and the shortest that breaks.

Standard library only; no clock, no chance, no I/O.

Book: 05-exactly-once-a-myth
"""
