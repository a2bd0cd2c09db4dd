"""The incidents, as reported and mended, side by side.

Book: incidents
"""
