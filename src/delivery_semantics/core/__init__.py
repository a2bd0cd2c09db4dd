"""What a run is: effects, steps, a world, and a script or a seed that chooses what happens.

Standard library only; no clock, no chance, no I/O.

Book: index
"""
