"""Which guarantee do I need? Questions that end at a recommendation, and what each costs.

Book: 16-which-guarantee
"""
