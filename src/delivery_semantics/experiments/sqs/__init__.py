"""Payments through Amazon's Simple Queue Service, and what becomes of them.

Book: 13-aws-sqs
"""
