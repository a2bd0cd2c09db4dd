"""What a reader sees: pictures, panels and tables, all made from runs.

Book: index
"""
