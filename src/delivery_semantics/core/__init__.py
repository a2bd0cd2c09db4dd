"""What a run is: effects, steps, a world, and four ways of choosing what happens next.

Standard library only; no clock, no chance, no I/O.

Book: index
"""
